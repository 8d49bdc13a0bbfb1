"""`python -m evals COMMAND`: see evals/README.md."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tutor.errors import TutorError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals")
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser("ask", help="score retrieval, refusal and, with --answers, answers")
    ask.add_argument("--answers", action="store_true", help="also the final answers")
    ask.add_argument("--no-model", action="store_true", help="answers without the chat model")
    ask.add_argument("--limit", type=int, help="only the first cases")
    ask.add_argument("-v", "--verbose", action="store_true", help="print every miss")
    commands.add_parser("calibrate", help="fit the confidence on the development questions")
    claims = commands.add_parser("claims", help="plant the seed ledger's errors as learners' claims")
    claims.add_argument("--ledger", type=Path, help="default ../shared/seeds/ledger.jsonl")
    claims.add_argument("-v", "--verbose", action="store_true", help="print what isn't corrected")
    chain = commands.add_parser("chain", help="the usual tutorial chain on the same questions")
    chain.add_argument("--limit", type=int, default=14, help="how many questions (default 14)")
    bench = commands.add_parser("bench", help="latency of search at 100,000 chunks, cold start, memory")
    bench.add_argument("--chunks", type=int, default=100_000)
    options = parser.parse_args()
    try:
        report = _run(options)
    except TutorError as error:
        print(f"evals: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, ensure_ascii=False, indent=1))
    return 0


def _run(options: argparse.Namespace) -> dict:
    from tutor.app import Tutor

    if options.command == "chain":
        from evals.chain import compare

        return compare(options.limit)
    if options.command == "bench":
        from evals.bench import bench

        return bench(options.chunks)
    needs_model = options.command == "ask" and options.answers and not options.no_model
    with Tutor.open() if needs_model else Tutor.open(chat_model=None) as tutor:
        if options.command == "calibrate":
            from evals.calibrate import calibrate

            return calibrate(tutor)
        if options.command == "claims":
            from evals import claims

            return claims.score(tutor, options.ledger or claims.LEDGER, verbose=options.verbose)
        from evals.ask import score

        tutor.warm()
        return score(tutor, answers=options.answers, limit=options.limit, verbose=options.verbose)


if __name__ == "__main__":
    raise SystemExit(main())
