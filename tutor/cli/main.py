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
  tutor interview --topic storage --level mid -n 5
  tutor interview --resume
  tutor grade "What is a Pod?" --reply "The smallest unit that is scheduled."
  tutor ingest ~/notes/k8s
  tutor models fetch
  tutor web

settings are environment variables named KUBE_TUTOR_...; `tutor doctor` lists them.
"""
_ME = "me"


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

    _learning(commands)

    completion = commands.add_parser("completion", help="print a shell's completion script")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def _learning(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    interview = commands.add_parser("interview", help="be interviewed, or go on with an interview")
    interview.add_argument("--topic", action="append", help="a topic; may be given several times")
    interview.add_argument("--level", choices=("junior", "mid", "senior"))
    interview.add_argument(
        "--mode", choices=("mock", "drill", "exam", "review", "jd"),
        help="mock (default), drill: weak points, exam: verdicts at the end, review: what is due, "
        "jd: from a job description",
    )
    interview.add_argument(
        "--job", metavar="FILE",
        help="job description that chooses the topics; '-' reads standard input up to a line with '.'",
    )
    interview.add_argument("--seed", type=int, help="the same seed and log give the same questions")
    interview.add_argument(
        "--resume", nargs="?", const="", metavar="ID",
        help="go on with that interview; without ID the latest unfinished one",
    )
    review = commands.add_parser("review", help="be asked what is due today")
    for command in (interview, review):
        command.add_argument("-n", type=int, help="how many questions, 1 to 50")
        command.add_argument(
            "--predict", action="store_true", help="say which score you expect before each reply"
        )
        command.add_argument("--out", metavar="FILE", help="write the report there, as Markdown")

    grade = commands.add_parser("grade", help="grade a reply point by point")
    grade.add_argument("question", nargs="+", help="the id of an item, or a question")
    grade.add_argument(
        "--reply", metavar="TEXT",
        help="the reply; '-' reads standard input, '@FILE' a file; without it, type it",
    )
    grade.add_argument(
        "--reference", metavar="FILE", help="a file with a right answer, or its text, to grade by"
    )
    grade.add_argument("--json", action="store_true", help="print the grade as JSON")

    progress = commands.add_parser("progress", help="what you know, what is due, where you are weak")
    progress.add_argument(
        "--export-cards", metavar="FILE", help="write your cards for Anki (.apkg) or as .csv"
    )
    replay = commands.add_parser("replay", help="grade logged replies anew: what comes out differently")
    appeals = commands.add_parser("appeals", help="list disputed verdicts")
    for command in (progress, replay, appeals):
        command.add_argument("--json", action="store_true", help="print it as JSON")
    appeals.add_argument(
        "--cases", action="store_true", help="print candidate cases for the evals, as JSON lines"
    )
    for command in (interview, review, progress):
        command.add_argument("--user", default=_ME, help=f"whose log (default {_ME})")
    for command in (replay, appeals):
        command.add_argument("--user", help="only this user's")
    user = commands.add_parser("user", help="accounts of the web UI; export or delete what is kept of a user")
    user.add_argument("action", choices=("list", "add", "password", "remove", "export", "delete"))
    user.add_argument("name", nargs="?", help="the user")
    user.add_argument("--out", metavar="FILE", help="export into this file")
    user.add_argument("--yes", action="store_true", help="delete without asking")
    user.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    for command in (interview, review, progress, replay, appeals, user):
        command.add_argument("--lang", choices=("zh", "en"), help="language (default zh)")
    grade.add_argument("--lang", choices=("zh", "en"), help="of the feedback (default: the reply's)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0 done, 1 a problem, 2 wrong usage."""
    options = parser().parse_args(argv)
    try:
        from tutor.cli import commands, learning

        home = learning if options.command in learning.__all__ else commands
        return getattr(home, options.command)(options)
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
