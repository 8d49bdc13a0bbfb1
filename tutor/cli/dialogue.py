"""An interview over lines of text: typed in a terminal, or piped in by a script."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import Literal

from tutor.cli import study_render as show
from tutor.cli.render import OUT
from tutor.errors import InputError
from tutor.interview import HINTS, Interview, Question

_COMMAND = re.compile(
    r"[/／](?:(hint|skip|pause|finish|help)|(predict|appeal)(?:\s+(.*))?)\s*", re.IGNORECASE
)
_ESCAPED = re.compile(r"[/／]{2,}[A-Za-z]")
_MISTYPED = re.compile(r"[/／](?:[a-z]+|(?:hint|skip|pause|finish|help)\s.*)\s*", re.IGNORECASE)
"""A whole reply that was rather meant as a command: it would cost the learner the question."""
_APPEAL = re.compile(r"(?:(\d{1,3})\.)?(\d{1,3})\s+(\S.*)")
_SCORE = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*(?:分|/\s*10)?")

Move = Literal["stay", "on", "leave"]
"""What follows a command: the question stays open, the interview goes on, or it is left."""


class Lines:
    """The lines of standard input; in a terminal with a prompt and line editing."""

    def __init__(self) -> None:
        self.terminal = sys.stdin.isatty()
        if self.terminal:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401, input() edits with it and takes a paste as one line
        elif hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")

    def read(self, prompt: str = "") -> str | None:
        """The next line without its end, None at the end of the input (Ctrl-D).

        What was pasted in a terminal may come as one line with line ends in it.
        """
        if not self.terminal:
            line = sys.stdin.readline()
            return line.rstrip("\r\n") if line else None
        try:
            return input(prompt if OUT.is_terminal else "")
        except EOFError:
            print(file=sys.stderr)
            return None

    def until_dot(self) -> str:
        """The lines up to one that is only a dot, or to the end of the input."""
        found: list[str] = []
        while (line := self.read()) is not None and line.strip() != ".":
            found.append(line)
        return "\n".join(found)


class Dialogue:
    """Leads an interview from line to line. Everything that happens is in its log at once.

    A line is part of a reply, whatever it says, unless it is one of the slash
    commands. With `predict` it asks for the expected score first.
    """

    def __init__(self, interview: Interview, lines: Lines, *, predict: bool = False) -> None:
        self._interview = interview
        self._lines = lines
        self._predict = predict
        self._lang = interview.state.plan.lang
        self._words = show.WORDS[self._lang]

    def run(self) -> bool:
        """Asks until the end; False when the learner left before it. Raises `TutorError`s."""
        while (question := self._next()) is not None:
            show.question(question, self._lang)
            if not self._listen(question):
                return False
        return True

    def disputes(self) -> bool:
        """Takes appeals after the end, up to an empty line; True if there were any."""
        if not any(turn.grade for turn in self._interview.state.turns):
            return False
        if self._lines.terminal:
            show.notice(self._words["appeals"])
        before = self._interview.state.seq
        while line := self._lines.read("> "):
            command = _COMMAND.fullmatch(line)
            if command and command[2] and command[2].lower() == "appeal":
                self._obey("appeal", command[3])
            else:
                show.notice(self._words["appeal_usage"])
        return self._interview.state.seq > before

    def _next(self) -> Question | None:
        """The next question, after the grade of a reply that was logged and not graded."""
        state = self._interview.state
        waiting = state.turn.ungraded if state.turn else None
        with show.waiting(self._lang) if waiting else contextlib.nullcontext():
            question = self._interview.next()
        if waiting and state.plan.mode != "exam":
            turn = self._interview.state.turns[len(state.turns) - 1]
            asked = waiting == "question"
            grade = turn.judged if asked else turn.follow_up and turn.follow_up.judged
            if grade:
                show.grade(grade, self._lang, numbered=asked)
        return question

    def _listen(self, question: Question) -> bool:
        """Obeys commands until a reply, up to an empty line, is sent; False to leave."""
        draft: list[str] = []
        expecting = self._predict and question.kind == "question" and not self._predicted()
        if expecting:
            show.notice(self._words["expect"], "none")
        while True:
            line = self._lines.read("> ")
            if line is None and not draft:
                return False
            said = (line or "").strip()
            if line and (command := _COMMAND.fullmatch(line)):
                move = self._obey((command[1] or command[2]).lower(), command[3])
                if move != "stay":
                    return move == "on"
                expecting = expecting and not self._predicted()
            elif expecting:
                if said:
                    self._obey("predict", said)
                expecting = bool(said) and not self._predicted()
            elif line is not None and (said or _fenced(draft)):
                draft.append(line)
            elif len(draft) == 1 and _MISTYPED.fullmatch(draft[0]):
                show.notice(self._words["unknown"].format(line=draft.pop()), "yellow")
            elif draft:
                plain = [line[1:] if _ESCAPED.match(line) else line for line in draft]
                self._reply("\n".join(plain), question)
                return True

    def _reply(self, text: str, question: Question) -> None:
        try:
            with show.waiting(self._lang):
                grade = self._interview.reply(text)
        except InputError as error:  # nothing is logged: the question is asked again
            _complain(error)
            return
        if grade:
            show.grade(grade, self._lang, numbered=question.kind == "question")
        elif question.kind == "deeper":
            show.notice(self._words["noted"])

    def _obey(self, name: str, rest: str | None) -> Move:
        """Does what the command says; what can't be done is said in a line."""
        place = self._place()
        try:
            match name:
                case "pause":
                    return "leave"
                case "finish":
                    self._interview.finish()
                    return "on"
                case "skip":
                    self._interview.skip()
                    return "on"
                case "hint":
                    text = self._interview.hint()
                    turn = self._interview.state.turn
                    show.hint(text, HINTS - len(turn.hints) if turn else 0, self._lang)
                case "predict":
                    self._expect(rest or "")
                case "appeal":
                    self._appeal(rest or "")
                case _:
                    show.notice(self._words["help"], "none")
        except InputError as error:
            _complain(error)
        # Another window may have gone on with this interview.
        return "stay" if self._place() == place else "on"

    def _expect(self, text: str) -> None:
        score = _SCORE.fullmatch(text.strip())
        if not score:
            show.notice(self._words["predict_usage"], "yellow")
            return
        self._interview.predict(float(score[1]))
        show.notice(self._words["predicted"].format(score=float(score[1])))

    def _appeal(self, text: str) -> None:
        said = _APPEAL.fullmatch(text.strip())
        if not said:
            show.notice(self._words["appeal_usage"], "yellow")
            return
        turns = self._interview.state.turns
        if said[1] and not 1 <= int(said[1]) <= len(turns):
            raise InputError(f"there are questions 1 to {len(turns)}, not {said[1]}")
        item_id = turns[int(said[1]) - 1].item_id if said[1] else None
        number = int(said[2])
        self._interview.appeal(number, said[3], item_id=item_id)
        graded = [t for t in self._interview.state.turns if t.grade and item_id in (None, t.item_id)]
        point = graded[-1].grade.points[number - 1].text
        show.notice(self._words["appealed"].format(number=number, point=point))

    def _predicted(self) -> bool:
        turn = self._interview.state.turn
        return turn is not None and turn.predicted is not None

    def _place(self) -> tuple[int, str | None]:
        return len(self._interview.state.turns), self._interview.state.open


def _fenced(draft: list[str]) -> bool:
    """Inside a block of code, where an empty line ends nothing."""
    lines = "\n".join(draft).split("\n")
    return sum(line.lstrip().startswith("```") for line in lines) % 2 == 1


def _complain(error: InputError) -> None:
    show.notice(f"tutor: {error}", "yellow")
