"""The commands for learning: call `Tutor`, render what it returns."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor.cli import commands
from tutor.cli import study_render as show
from tutor.cli.dialogue import Dialogue, Lines
from tutor.errors import InputError, StorageError, TutorError

if TYPE_CHECKING:
    from tutor.app import Tutor
    from tutor.grading import Grade, Verdict
    from tutor.interview import Interview

__all__ = ["appeals", "grade", "interview", "progress", "replay", "review", "user"]

MOST_READ = 200_000
"""Characters that are read of a reply, a reference or a job description."""
_QUESTIONS = 5
_MOST_QUESTIONS = 50
_YES = ("y", "yes", "是", "对")
_NO = ("n", "no", "否", "不是")
_WRONG = ("w", "wrong", "错", "说错了")
_FILE_NAME = re.compile(r"\S+\.(?:md|txt|ya?ml)")


def interview(options: argparse.Namespace) -> int:
    _check_interview(options)
    with commands.open_tutor(chat=False) as tutor:
        if options.resume is not None:
            name = options.resume or _unfinished(tutor, options.user)
            return _hold(tutor.interview(resume=name, user=options.user), options)
        lang = options.lang or "zh"
        job = options.job and (_typed(show.WORDS[lang]["job"]) if options.job == "-" else _file(options.job))
        begun = tutor.interview(
            topics=options.topic, level=options.level, lang=lang,
            n=_QUESTIONS if options.n is None else options.n, user=options.user,
            mode=options.mode or "mock", job=job, seed=options.seed,
        )
        return _hold(begun, options)


def review(options: argparse.Namespace) -> int:
    lang = options.lang or "zh"
    _check_place(options.out)
    with commands.open_tutor(chat=False) as tutor:
        due = tutor.progress(options.user).due
        if not due:
            known = {item.id for item in tutor.items()}
            cards = tutor.study.learner(options.user).cards.values()
            show.nothing_due(min((c.due for c in cards if c.item_id in known), default=None), lang)
            return 0
        n = min(len(due), _MOST_QUESTIONS) if options.n is None else options.n
        return _hold(tutor.interview(lang=lang, n=n, user=options.user, mode="review"), options)


def _check_interview(options: argparse.Namespace) -> None:
    """Refuses options of which one would silently do nothing."""
    given = [
        f"--{name}" if len(name) > 1 else f"-{name}"
        for name in ("topic", "level", "lang", "n", "mode", "job", "seed")
        if getattr(options, name) is not None
    ]
    if options.resume is not None and given:
        raise InputError(
            f"--resume goes on as the interview was planned, without {', '.join(given)}",
            fix="leave out either",
        )
    if options.job and (options.topic or options.mode not in (None, "jd")):
        raise InputError(
            "--job chooses the topics, and the mode is 'jd'", fix="leave out --topic and --mode"
        )
    _check_place(options.out)


def _unfinished(tutor: Tutor, name: str) -> str:
    found = (one.id for one in tutor.progress(name).interviews if not one.finished)
    latest = next(found, None)
    if latest is None:
        raise InputError(f"{name!r} has no unfinished interview", fix="begin one with `tutor interview`")
    return latest


def _hold(begun: Interview, options: argparse.Namespace) -> int:
    """Leads the interview to its end, or says how to go on with it."""
    plan = begun.state.plan
    words = show.WORDS[plan.lang]
    again = f"tutor interview --resume {begun.id}"
    if plan.user != "me":
        again += f" --user {shlex.quote(plan.user)}"
    asked = len(begun.state.turns)
    if begun.state.finished is None:
        head = words["resume" if asked else "begin"]
        show.notice(head.format(id=begun.id, n=plan.n, asked=asked))
    dialogue = Dialogue(begun, Lines(), predict=options.predict)
    try:
        ended = dialogue.run()
    except (KeyboardInterrupt, TutorError) as error:
        show.notice("\n" + words["paused"].format(command=again), "yellow")
        if isinstance(error, TutorError):
            raise
        return 130
    if not ended:
        show.notice(words["paused"].format(command=again), "yellow")
        return 0
    if not begun.state.turns:
        show.say(words["nothing"])
        return 0
    show.report(begun.report())
    _save_report(begun, options.out)
    with contextlib.suppress(KeyboardInterrupt):
        if dialogue.disputes():
            _save_report(begun, options.out)
    return 0


def _save_report(begun: Interview, out: str | None) -> None:
    from tutor.interview import to_markdown

    if out:
        lang = begun.state.plan.lang
        _write(out, to_markdown(begun.report(), lang))
        show.notice(show.WORDS[lang]["saved"].format(path=out))


def grade(options: argparse.Namespace) -> int:
    from tutor import lexicon

    asked = lexicon.printable(" ".join(options.question))
    with commands.open_tutor(chat=False) as tutor:
        reference = options.reference and _reference(options.reference)
        question = asked if reference else tutor.study.find(asked)
        if options.reply is None:
            lang = options.lang or lexicon.language(asked)
            title = asked if isinstance(question, str) else question.title(lang)
            reply = _typed(f"{title}\n{show.WORDS[lang]['type']}")
        elif options.reply == "-":
            reply = sys.stdin.read(MOST_READ)
        else:
            reply = _file(options.reply[1:]) if options.reply.startswith("@") else options.reply
        found = tutor.grade(lexicon.printable(reply), question, reference, lang=options.lang)
        if options.json:
            _print_json(asdict(found))
            return 0
        show.grade(found, found.lang)
        lines = Lines()
        if lines.terminal and (checked := _self_checked(found, lines)) != found:
            show.grade(checked, checked.lang)
    return 0


def _self_checked(found: Grade, lines: Lines) -> Grade:
    """The grade after the learner has judged the unsure points."""
    from tutor.grading import with_self_check

    judged: dict[int, Verdict] = {}
    for number, point in enumerate(found.points):
        if point.unsure and point.nearest:
            asked = f"{number + 1}. {show.WORDS[found.lang]['same_thing']}"
            answer = (lines.read(asked) or "").strip().lower()
            if answer in (*_YES, *_NO, *_WRONG):
                judged[number] = "hit" if answer in _YES else "missed" if answer in _NO else "contradicted"
    return with_self_check(found, judged) if judged else found


def progress(options: argparse.Namespace) -> int:
    lang = options.lang or "zh"
    with commands.open_tutor(chat=False) as tutor:
        if options.export_cards:
            count = tutor.export_cards(options.export_cards, options.user, lang)
            print(show.WORDS[lang]["cards"].format(n=count, path=options.export_cards))
            return 0
        found = tutor.progress(options.user)
    if options.json:
        _print_json(asdict(found))
    else:
        show.progress(found, lang)
    return 0


def replay(options: argparse.Namespace) -> int:
    lang = options.lang or "zh"
    with commands.open_tutor(chat=False) as tutor, show.waiting(lang):
        found = tutor.replay(options.user)
    if options.json:
        _print_json([asdict(change) for change in found])
    else:
        show.changes(found, lang)
    return 0


def appeals(options: argparse.Namespace) -> int:
    with commands.open_tutor(chat=False) as tutor:
        found = tutor.appeals(options.user)
        if options.cases:
            logs = {name: tutor.export_user(name)["events"] for name in {e.user for e in found}}
            for event in found:
                case = _case(event.interview, event.seq, event.data, logs[event.user])
                print(json.dumps(case, ensure_ascii=False))
            return 0
    if options.json:
        _print_json([asdict(event) for event in found])
    else:
        show.appeals(found, options.lang or "zh")
    return 0


def _case(
    interview: str, seq: int, data: Mapping[str, Any], log: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A candidate eval case: the appeal with the reply that it is about, without the user's name."""
    graded = next(
        (
            event["data"] for event in reversed(log)
            if event["interview"] == interview and event["seq"] < seq and event["kind"] == "graded"
            and event["data"].get("item_id") == data.get("item_id") and not event["data"].get("probe")
        ),
        {},
    )
    appealed = {name: data.get(name) for name in ("point", "number", "verdict", "quote", "reason")}
    return {
        "item": data.get("item_id"), "lang": graded.get("lang"), "reply": graded.get("reply"),
        **appealed, "interview": interview,
    }


def user(options: argparse.Namespace) -> int:
    name, words = options.name, show.WORDS[options.lang or "zh"]
    if options.action != "list" and not name:
        raise InputError(f"{options.action} whom?", fix="name a user; see `tutor user list`")
    if options.action in ("add", "password", "remove"):
        return _account(options)
    _check_place(options.out)
    with commands.open_tutor(chat=False) as tutor:
        if options.action == "list":
            from tutor.web.accounts import accounts

            able = accounts(tutor.settings)
            for known in sorted({*tutor.study.store.users(), *able}):
                print(f"{known}  (account)" if known in able else known)
            return 0
        kept = tutor.export_user(name)
        count = len(kept["events"])
        if not count:
            if options.action == "delete":
                tutor.delete_user(name)  # finishes one that another program cut short
            raise InputError(f"nothing is kept of {name!r}", fix="see `tutor user list`")
        if options.action == "export":
            if not options.out:
                _print_json(kept)
                return 0
            _write(options.out, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
            print(words["exported"].format(n=count, user=name, path=options.out))
            return 0
        if not options.yes:
            show.notice(words["delete"].format(n=count, user=name), "yellow")
            if (Lines().read("> ") or "").strip().lower() not in _YES:
                print(words["kept"])
                return 1
        print(words["deleted"].format(n=tutor.delete_user(name), user=name))
    return 0


def _account(options: argparse.Namespace) -> int:
    """Adds an account of the web UI, changes its password, or removes it."""
    from tutor.settings import Settings
    from tutor.web.accounts import add_account, remove_account

    settings = Settings.from_env()
    if options.action == "remove":
        remove_account(settings, options.name)
        print(f"{options.name} can't log in any more; what was learnt is kept")
        return 0
    if options.password_stdin:
        password = sys.stdin.readline(2000).rstrip("\n")
    else:
        password = getpass.getpass("password: ")
        if getpass.getpass("again: ") != password:
            raise InputError("the two passwords differ", fix=f"tutor user {options.action} {options.name}")
    name = add_account(settings, options.name, password, change=options.action == "password")
    print(f"{name} can log in")
    return 0


def _typed(prompt: str) -> str:
    """The lines of standard input up to one that is only a dot; the prompt is for a terminal."""
    lines = Lines()
    if lines.terminal:
        show.notice(prompt, "bold")
    return lines.until_dot()


def _reference(given: str) -> str:
    """The text of the file of that name, or else the text itself."""
    if os.path.isfile(given):
        return _file(given)
    if _FILE_NAME.fullmatch(given):
        raise InputError(f"there is no file {given!r}", fix="name a file, or give the answer's text")
    return given


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig") as handle:
            return handle.read(MOST_READ)
    except UnicodeDecodeError:
        raise InputError(f"{path!r} isn't text in UTF-8", fix="save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"can't read {path!r}: {error.strerror}") from error


def _check_place(out: str | None) -> None:
    """Says before any work that a file can't be written where it is wanted."""
    if out and (Path(out).is_dir() or not Path(out).parent.is_dir()):
        raise InputError(f"can't write a file {out!r}", fix="name a file in a folder that exists")


def _write(out: str, text: str) -> None:
    """Replaces the file in one step: it is whole, or as it was."""
    path = Path(out)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"can't write {out!r}: {error.strerror}",
            fix="name a file in a folder that you can write, with space left",
        ) from error


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=_moment))


def _moment(value: date) -> str:
    return value.isoformat()
