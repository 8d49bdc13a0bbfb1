"""The evaluation cases: well-formed, of both languages, and answerable from the corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evals.cases import Ask, facts_in, load
from tutor.corpus import read
from tutor.lexicon import language

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture(scope="module")
def items() -> dict:
    return {item.id: item for item in read(CORPUS).items}


@pytest.mark.parametrize("name", ["ask.dev", "refuse.dev"])
def test_cases_are_unique_and_say_their_language(name: str) -> None:
    cases = load(name)
    assert len({case.id for case in cases}) == len({case.question for case in cases}) == len(cases)
    assert {case.lang for case in cases} == {"zh", "en"}
    wrong = [c.id for c in cases if c.lang != language(c.question)]
    assert wrong == []


def test_what_must_be_refused_names_no_item() -> None:
    assert not any(case.answerable for case in load("refuse.dev"))


def test_every_fact_stands_in_a_named_item(items: dict) -> None:
    lost = []
    for case in load("ask.dev"):
        assert set(case.items) <= set(items), case.id
        texts = "\n".join(items[i].answer[case.lang] for i in case.items)
        if case.facts and facts_in(case, texts) < 1:
            lost.append(case.id)
    assert lost == []


def test_facts_are_regular_expressions() -> None:
    case = Ask("x", "en", "exam", "q", facts=((r"drain\w*",), ("never", r"v1\.35")))
    assert facts_in(case, "Draining, since v1.35") == 1.0
    assert facts_in(case, "DRAIN") == 0.5
    for case in load("ask.dev"):
        for fact in case.facts:
            for pattern in fact:
                re.compile(pattern)


def test_no_question_is_copied_from_the_corpus(items: dict) -> None:
    asked = {
        text.strip().lower()
        for item in items.values()
        for texts in [item.question.values(), *item.aliases.values()]
        for text in texts
    }
    cases = [case.question for name in ("ask.dev", "refuse.dev") for case in load(name)]
    assert [q for q in cases if q.strip().lower() in asked] == []
