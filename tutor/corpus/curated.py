"""The curated corpus: one Markdown file with front matter is one `Item`.

The format is described in `corpus/README.md`. Parsing is pure: text in, an
`Item` or a list of `Problem`s out, each with the line it stands on.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from tutor.corpus.items import LANGS, TOPICS, Contrast, Item, Misconception, Point, Problem, Source

_FRONT = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_BODY_HEADING = re.compile(r"^## (zh|en)[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
_Version = Annotated[str, StringConstraints(pattern=r"^1\.\d{1,2}$")]


class _Strict(BaseModel):
    # A misspelt key must be an error: silently dropped content is worse than a failed check.
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Bilingual(_Strict):
    zh: _Line
    en: _Line

    def text(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


class _Aliases(_Strict):
    zh: Annotated[tuple[_Line, ...], Field(min_length=3)]
    en: Annotated[tuple[_Line, ...], Field(min_length=3)]


class _Point(_Bilingual):
    weight: Annotated[int, Field(ge=1, le=5)] = 1


class _Misconception(_Strict):
    claim: _Bilingual
    correction: _Bilingual


def _sides(pair: Any) -> Any:
    """"a|b" -> ("a", "b"), for both sides of a pair."""
    if not isinstance(pair, list) or not all(isinstance(side, str) for side in pair):
        return pair
    return [[form.strip() for form in side.split("|")] for side in pair]


_Side = Annotated[tuple[_Line, ...], Field(min_length=1)]
_Pair = Annotated[tuple[_Side, _Side], BeforeValidator(_sides)]


class _Contrast(_Strict):
    zh: _Pair
    en: _Pair

    def side(self, number: int) -> dict[str, tuple[str, ...]]:
        return {"zh": self.zh[number], "en": self.en[number]}


class _FrontMatter(_Strict):
    id: _Id
    topic: Literal[TOPICS]  # type: ignore[valid-type]
    level: Literal["junior", "mid", "senior"]
    question: _Bilingual
    aliases: _Aliases
    points: Annotated[tuple[_Point, ...], Field(min_length=2, max_length=8)]
    misconceptions: Annotated[tuple[_Misconception, ...], Field(min_length=1)]
    contrasts: tuple[_Contrast, ...] = ()
    follow_ups: Annotated[tuple[_Bilingual, ...], Field(min_length=2)]
    prerequisites: tuple[_Id, ...] = ()
    seeds: tuple[str, ...] = ()
    since: _Version
    until: _Version | None = None
    reference: str | None = None


def parse_item(text: str, path: str) -> Item | list[Problem]:
    """One curated file -> its `Item`, or everything that is wrong with it.

    `path` is only used to say where. Never raises on bad text.
    """
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    match = _FRONT.match(text)
    if match is None:
        return [Problem(path, 1, "no front matter: the file must begin with a '---' block")]
    try:
        node = yaml.compose(match[1], Loader=yaml.SafeLoader)
        data = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        return [Problem(path, (mark.line if mark else 0) + 2, f"front matter is not YAML: {what}")]
    if not isinstance(data, dict):
        return [Problem(path, 2, "front matter must be a mapping of keys to values")]
    problems: list[Problem] = []
    front = None
    try:
        front = _FrontMatter.model_validate(data)
    except ValidationError as error:
        problems += [
            Problem(path, _line_of(node, e["loc"]) + 2, _explain(e)) for e in error.errors()
        ]
    answer, body_problems = _body(text, match.end(), path)
    problems += body_problems
    if problems or front is None:
        return problems
    return Item(
        id=front.id,
        question=front.question.text(),
        answer=answer,
        source=Source(path),
        topic=front.topic,
        level=front.level,
        aliases={"zh": front.aliases.zh, "en": front.aliases.en},
        points=tuple(Point(p.text(), p.weight) for p in front.points),
        misconceptions=tuple(
            Misconception(m.claim.text(), m.correction.text()) for m in front.misconceptions
        ),
        contrasts=tuple(Contrast(c.side(0), c.side(1)) for c in front.contrasts),
        follow_ups=tuple(f.text() for f in front.follow_ups),
        prerequisites=front.prerequisites,
        seeds=front.seeds,
        since=front.since,
        until=front.until,
        reference=front.reference,
    )


def _body(text: str, start: int, path: str) -> tuple[dict[str, str], list[Problem]]:
    sections: dict[str, list[str]] = {}
    problems: list[Problem] = []
    first = text.count("\n", 0, start) + 1
    lang, fence = None, None
    for number, line in enumerate(text[start:].split("\n"), first):
        marker = _FENCE.match(line)
        if marker and (fence is None or line.strip().startswith(fence)):
            fence = marker[1] if fence is None else None
        heading = _BODY_HEADING.match(line) if fence is None else None
        if heading:
            lang = heading[1]
            if lang in sections:
                problems.append(Problem(path, number, f"'## {lang}' stands twice"))
            sections[lang] = []
        elif lang is not None:
            if fence is None and re.match(r"^#{1,6} ", line):
                problems.append(Problem(path, number, "an answer has no headings of its own"))
            sections[lang].append(line)
        elif line.strip():
            problems.append(Problem(path, number, "text before '## zh' or '## en'"))
    if fence is not None:
        problems.append(Problem(path, number, "a code fence is never closed"))
    answer = {k: "\n".join(v).strip() for k, v in sections.items()}
    problems += [
        Problem(path, first, f"no answer under '## {lang}'") for lang in LANGS if not answer.get(lang)
    ]
    return answer, problems


def _line_of(node: yaml.Node | None, loc: tuple[Any, ...]) -> int:
    """The 0-based line of the deepest node on `loc` that exists."""
    line = 0
    for step in loc:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if getattr(key, "value", None) == step:
                    line, found = key.start_mark.line, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step < len(node.value):
                found = node.value[step]
                line = found.start_mark.line
        if found is None:
            break
        node = found
    return line


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    if error["type"] == "missing":
        return f"key {where!r} is missing"
    return f"{where}: {error['msg'].lower()}"
