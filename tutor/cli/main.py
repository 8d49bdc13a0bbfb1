"""Parsing of the command line. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tutor import __version__
from tutor.errors import TutorError

_EXAMPLES = """\
examples:
  tutor ask "Pod 一直 Pending 怎么办？"
  tutor ask --json "How do I drain a node?" | jq .citations
  tutor ingest ~/notes/k8s
  tutor models fetch
  tutor web

settings are environment variables named KUBE_TUTOR_...; `tutor doctor` lists them.
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="tutor",
        description="A Kubernetes tutor in Chinese and English: grounded, cited answers, offline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"tutor {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    ask = commands.add_parser("ask", help="answer a question from the corpus, with citations")
    ask.add_argument("question", nargs="+", help="the question; '-' reads it from standard input")
    ask.add_argument("--json", action="store_true", help="print the answer as JSON")
    ask.add_argument("--no-model", action="store_true", help="cited extracts only, no chat model")

    search = commands.add_parser("search", help="list the passages that match a question")
    search.add_argument("question", nargs="+", help="the question; '-' reads it from standard input")
    search.add_argument("-k", type=int, default=5, help="how many passages, 1 to 50 (default 5)")
    search.add_argument("--json", action="store_true", help="print the passages as JSON")

    ingest = commands.add_parser("ingest", help="add notes or documents to the index, or update it")
    ingest.add_argument("path", nargs="*", help="files or folders; none: bring the corpus up to date")
    ingest.add_argument("--remove", action="store_true", help="take these paths out of the index")
    ingest.add_argument("--list", action="store_true", help="list what is in the index")
    ingest.add_argument("--rebuild", action="store_true", help="build the index again from its items")
    ingest.add_argument("--json", action="store_true", help="print the report as JSON")

    models = commands.add_parser("models", help="list, fetch or verify the embedded chat models")
    models.add_argument("action", nargs="?", default="list", choices=("list", "fetch", "verify"))
    models.add_argument("name", nargs="?", help="a model's name; the default model if none is given")

    corpus = commands.add_parser("corpus", help="check the curated corpus, count it, or compute its vectors")
    corpus.add_argument("action", choices=("check", "stats", "embed"))
    corpus.add_argument("path", nargs="*", help="only these files or folders of the corpus")
    corpus.add_argument("--ledger", help="ledger of source questions that must be covered")
    corpus.add_argument("--docs", help="folder of the official documentation in one language")

    doctor = commands.add_parser("doctor", help="look over the installation and say what to mend")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")

    web = commands.add_parser("web", help="open the web UI")
    web.add_argument("--port", type=int, help="port, 0 for any free one")
    web.add_argument("--no-browser", action="store_true", help="don't open a browser")

    completion = commands.add_parser("completion", help="print a shell's completion script")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0 done, 1 a problem, 2 wrong usage."""
    options = parser().parse_args(argv)
    try:
        from tutor.cli import commands

        return getattr(commands, options.command)(options)
    except TutorError as error:
        print(f"tutor: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tutor: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is left to say to it.
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
