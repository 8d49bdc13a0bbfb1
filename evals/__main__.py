"""`python -m evals COMMAND`: see evals/README.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tutor.errors import TutorError

Options = argparse.Namespace
Result = tuple[Any, int]
"""What is printed, as JSON unless it is text, and the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _WHOLE:
        # They have their own options and print for themselves.
        return _WHOLE[given[0]](given[1:])
    options = _parser().parse_args(given)
    try:
        report, status = options.run(options)
    except TutorError as error:
        print(f"evals: {error}", file=sys.stderr)
        return 2 if options.command in ("compare", "check") else 1
    print(report if isinstance(report, str) else json.dumps(report, ensure_ascii=False, indent=1))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Options], Result], text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    run = command("run", _run, "score every case of a tier; a run that was broken off goes on")
    run.add_argument("--tier", choices=("fast", "live", "full"), default="fast")
    run.add_argument("--model", help="chat model instead of the one that is set; not for the fast tier")
    run.add_argument("--out", type=Path, help="folder of the run (default: a new one in evals/runs)")
    run.add_argument("--limit", type=int, help="only so many cases, of every slice")
    command("check", _check, "the fast tier against the committed baseline; exit status 1 on a regression")
    compare = command("compare", _compare, "is run B worse than run A? exit status 1 if so")
    compare.add_argument("a", help='folder, name in evals/runs, or "baseline"')
    compare.add_argument("b")
    baseline = command("baseline", _baseline, "make a run the committed baseline")
    baseline.add_argument("place", metavar="RUN")
    baseline.add_argument("--reason", required=True, help="why the figures may change")
    plant = command("plant", _plant, "five planted faults that compare must catch, ten comparisons of nothing")
    plant.add_argument("--limit", type=int, help="only so many cases, of every slice")
    report = command("report", _report, "one HTML page and a Markdown summary of a run")
    report.add_argument("place", metavar="RUN")
    report.add_argument("--out", type=Path, help="folder to write into (default: the run's)")
    peers = command("peers", _peers, "other systems on the same cases, as a Markdown table")
    peers.add_argument("--answers", type=int, default=0, help="cases on which the chat model writes (default 0)")
    peers.add_argument("--limit", type=int, help="only so many cases, of every slice")
    judge = command("judge", _judge, "the opinion of the endpoint that is set, against our labels; gates nothing")
    judge.add_argument("--cases", type=int, default=40, help="replies of each split, and answers (default 40)")
    ask = command("ask", _ask, "score retrieval, refusal and, with --answers, answers")
    ask.add_argument("--answers", action="store_true", help="also the final answers")
    ask.add_argument("--no-model", action="store_true", help="answers without the chat model")
    ask.add_argument("--limit", type=int, help="only the first cases")
    ask.add_argument("-v", "--verbose", action="store_true", help="print every miss")
    grade = command("grade", _grade, "the grader on the graded replies")
    grade.add_argument("--split", choices=("dev", "test"), default="test")
    grade.add_argument("--limit", type=int, help="only the first cases")
    grade.add_argument("-v", "--verbose", action="store_true", help="print every verdict that differs")
    command("calibrate", _calibrate, "fit the confidence on the development questions")
    claims = command("claims", _claims, "plant the seed ledger's errors as learners' claims")
    claims.add_argument("--ledger", type=Path, help="default ../shared/seeds/ledger.jsonl")
    claims.add_argument("-v", "--verbose", action="store_true", help="print what isn't corrected")
    chain = command("chain", _chain, "the usual tutorial chain on the same questions")
    chain.add_argument("--limit", type=int, default=14, help="how many questions (default 14)")
    bench = command("bench", _bench, "latency of search at 100,000 chunks, cold start, memory")
    bench.add_argument("--chunks", type=int, default=100_000)
    crowd = command("crowd", _crowd, "people asking the web UI at once: time to evidence, shares of the model")
    crowd.add_argument("--people", type=int, default=20)
    shots = command("shots", _shots, "screenshots of every page for the README")
    shots.add_argument("--out", type=Path, default=Path("docs/shots"))
    for name, text in (
        ("attacks", "injection and gaming against the grader"),
        ("learners", "simulated learners against chooser, ability and schedule"),
        ("grader.human", "the grader against answers that people scored"),
    ):
        commands.add_parser(name, help=text)
    return parser


def _run(options: Options) -> Result:
    from evals.suite.run import run

    if options.tier == "fast" and options.model:
        return "evals: the fast tier has no chat model; use --tier live --model ...", 2
    report = run(
        options.tier, out=options.out, limit=options.limit, model=options.model, now=datetime.now(UTC)
    )
    return report, 0


def _compare(options: Options) -> Result:
    from evals.suite import text
    from evals.suite.compare import compare, read_policy
    from evals.suite.outcomes import open_run

    found = compare(open_run(options.a), open_run(options.b), read_policy())
    return text.comparison(found), int(bool(found.broken))


def _check(_: Options) -> Result:
    from evals.suite import text
    from evals.suite.compare import compare, read_policy
    from evals.suite.outcomes import RUNS, open_run
    from evals.suite.report import report
    from evals.suite.run import run

    baseline, policy = open_run("baseline"), read_policy()
    done = open_run(run("fast", out=None, limit=None, model=None, now=datetime.now(UTC))["run"])
    report(done, RUNS / done.name)
    found = compare(baseline, done, policy)
    return text.comparison(found), int(bool(found.broken))


def _baseline(options: Options) -> Result:
    from evals.suite.baseline import move
    from evals.suite.outcomes import open_run

    return move(open_run(options.place), options.reason, datetime.now(UTC)), 0


def _plant(options: Options) -> Result:
    from evals.suite.plant import plant

    report = plant(options.limit, datetime.now(UTC))
    missed = any(not fault["worse"] for fault in report["faults"].values())
    return report, int(missed or bool(report["loud"]))


def _report(options: Options) -> Result:
    from evals.suite.outcomes import RUNS, open_run
    from evals.suite.report import report

    run = open_run(options.place)
    place = Path(options.place)
    return report(run, options.out or (place if place.is_dir() else RUNS / run.name)), 0


def _peers(options: Options) -> Result:
    from evals.suite.peers import peers

    return peers(options.answers, options.limit), 0


def _judge(options: Options) -> Result:
    from evals.suite.opinion import judge

    return judge(options.cases), 0


def _grade(options: Options) -> Result:
    from evals.grade import score
    from tutor.app import Tutor

    with Tutor.open(chat_model=None) as tutor:
        return score(tutor.grade, options.split, verbose=options.verbose, limit=options.limit), 0


def _ask(options: Options) -> Result:
    from evals.ask import score
    from tutor.app import Tutor

    with Tutor.open() if options.answers and not options.no_model else Tutor.open(chat_model=None) as tutor:
        tutor.warm()
        return score(tutor, answers=options.answers, limit=options.limit, verbose=options.verbose), 0


def _calibrate(_: Options) -> Result:
    from evals.calibrate import calibrate
    from tutor.app import Tutor

    with Tutor.open(chat_model=None) as tutor:
        return calibrate(tutor), 0


def _claims(options: Options) -> Result:
    from evals import claims
    from tutor.app import Tutor

    with Tutor.open(chat_model=None) as tutor:
        return claims.score(tutor, options.ledger or claims.LEDGER, verbose=options.verbose), 0


def _chain(options: Options) -> Result:
    from evals.chain import compare

    return compare(options.limit), 0


def _bench(options: Options) -> Result:
    from evals.bench import bench

    return bench(options.chunks), 0


def _crowd(options: Options) -> Result:
    from evals.crowd import crowd

    return crowd(options.people), 0


def _shots(options: Options) -> Result:
    from evals.shots import shots

    return shots(options.out), 0


def _attacks(arguments: Sequence[str]) -> int:
    from evals.attacks import main as attacks

    return attacks(arguments)


def _as_module(name: str) -> Callable[[Sequence[str]], int]:
    def call(arguments: Sequence[str]) -> int:
        from importlib import import_module

        # These two read their options from the command line.
        sys.argv = [f"python -m evals {name}", *arguments]
        return import_module(f"evals.{name}").main() or 0

    return call


_WHOLE: dict[str, Callable[[Sequence[str]], int]] = {
    "attacks": _attacks, "learners": _as_module("learners"), "grader.human": _as_module("grader.human"),
}


if __name__ == "__main__":
    raise SystemExit(main())
