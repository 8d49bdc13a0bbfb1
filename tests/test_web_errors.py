"""What errors say on the page: in both languages, whatever can go wrong by a learner's hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_web_render import check
from tutor.errors import IndexMismatch, InputError, ModelMissing, StorageError, TutorError
from tutor.web import render
from tutor.web.words import errors

TUTOR = Path(errors.__file__).parents[2]
REACHED = [
    TUTOR / "questions.py", TUTOR / "conversations.py", TUTOR / "notebook.py",
    TUTOR / "interview" / "session.py", TUTOR / "interview" / "jd.py", TUTOR / "corpus" / "notes" / "lines.py",
    *(path for path in (TUTOR / "web").rglob("*.py") if path.name not in ("accounts.py", "__init__.py")),
]  # fmt: skip
CALLERS = (  # only a program that calls the API wrongly meets these
    "a question is text", "a turn of the history", "a turn's role", "whose interview", "name the user", "a rating is",
)  # fmt: skip


def sentences() -> Iterator[tuple[str, str]]:
    """What is raised or reported as a problem in the modules that the page reaches, with fields filled in."""
    for path in REACHED:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("InputError", "StorageError", "Problem"):
                said = [node.args[2 if getattr(node.func, "id", "") == "Problem" else 0]] if node.args else []
                for part in said + [word.value for word in node.keywords if word.arg == "fix"]:
                    yield from ((path.name, text) for text in filled(part))


def filled(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(v.value if isinstance(v, ast.Constant) else "7" for v in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*filled(node.body), *filled(node.orelse))
    elif isinstance(node, ast.BinOp):
        yield from (left + right for left in filled(node.left) for right in filled(node.right))


FOUND = [(name, text) for name, text in sentences() if not text.startswith(CALLERS)]


def test_the_sentences_are_found() -> None:
    assert len(FOUND) > 35
    assert ("questions.py", "the question is empty") in FOUND
    assert ("session.py", "can't 7: the interview is finished") in FOUND


@pytest.mark.parametrize(("name", "text"), FOUND)
def test_what_a_learner_can_cause_is_said_in_chinese(name: str, text: str) -> None:
    said = errors.chinese(text)
    assert said and re.search("[一-鿿]", said)
    assert "{" not in said and not re.search("[A-Za-z]{4,} [A-Za-z]{3,}", said)


def test_fields_of_a_sentence_are_kept() -> None:
    error = InputError("'notes.md' has 3.1 MB; 2 are allowed", fix="split the file")
    assert errors.in_chinese(error) == "'notes.md' 有 3.1 MB，最多 2 MB。请拆成几个文件。"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StorageError("the log of interviews in 'x.db' is damaged", fix="put a backup in its place"), "数据没能读写"),
        (IndexMismatch("the index in 'x' was built with z", fix="run `tutor ingest --rebuild`"), "索引打不开"),
        (ModelMissing("embedder 'x' is not on this machine"), "模型还没有下载"),
        (TutorError("something else"), "没能完成"),
    ],
)
def test_other_errors_are_called_by_their_kind_and_keep_their_words(error: TutorError, kind: str) -> None:
    assert errors.in_chinese(error) == f"{errors.in_chinese(error).split('：')[0]}：{error}"
    assert errors.in_chinese(error).startswith(kind)


def test_both_languages_stand_on_the_page() -> None:
    text = check(render.error(InputError("the question is empty", fix="type a question about Kubernetes"))).text
    assert "问题是空的。请输入一个 Kubernetes 问题。" in text
    assert "the question is empty (type a question about Kubernetes)" in text


def test_a_file_name_in_an_error_stays_text() -> None:
    name = "{0.__class__}<img src=x onerror=1>{n}\u202e"
    html = render.said(InputError(f"{name!r} is empty"))
    assert "<img" not in html and "\u202e" not in html and "{0.__class__}" in html
