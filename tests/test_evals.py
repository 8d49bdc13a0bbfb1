"""The evaluation cases: well-formed, of both languages, and answerable from the corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evals.cases import Ask, facts_in, load
from evals.grader.cases import graded
from tutor.corpus import read
from tutor.lexicon import language

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture(scope="module")
def items() -> dict:
    return {item.id: item for item in read(CORPUS).items}


NAMES = ["ask.dev", "ask.test", "refuse.dev", "refuse.test"]


@pytest.mark.parametrize("name", NAMES)
def test_cases_are_unique_and_say_their_language(name: str) -> None:
    cases = load(name)
    assert len({case.id for case in cases}) == len({case.question for case in cases}) == len(cases)
    assert {case.lang for case in cases} - {"mixed"} == {"zh", "en"}
    # English with Chinese terms counts as Chinese, because whoever writes it reads both.
    wrong = [c.id for c in cases if c.lang != language(c.question) and (c.lang, language(c.question)) != ("mixed", "zh")]
    assert wrong == []


@pytest.mark.parametrize("name", ["refuse.dev", "refuse.test"])
def test_what_must_be_refused_names_no_item(name: str) -> None:
    assert not any(case.answerable for case in load(name))


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_reply_in_the_other_language_says_the_same_of_the_same_item(split: str, items: dict) -> None:
    cases = {case.id: case for case in graded(split)}
    pairs = [(case, cases[case.pair]) for case in cases.values() if case.pair]
    assert len(pairs) >= 12 and len({case.item for case, _ in pairs}) >= 12
    for case, other in pairs:
        assert {case.lang, other.lang} == {"zh", "en"} == {language(case.text), language(other.text)}
        assert (case.item, case.band, case.verdicts, case.score) == (other.item, other.band, other.verdicts, other.score)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_graded_replies_have_a_verdict_a_point_and_quote_themselves(split: str, items: dict) -> None:
    for case in graded(split):
        assert len(case.verdicts) == len(items[case.item].points), case.id
        assert {int(n) for n in case.quotes} == {n for n, v in enumerate(case.verdicts) if v != "missed"}, case.id
        assert all(quote in case.text for quote in case.quotes.values()), case.id
        assert 0 <= case.score <= 10


@pytest.mark.parametrize("name", ["ask.dev", "ask.test"])
def test_every_fact_stands_in_a_named_item(name: str, items: dict) -> None:
    lost = []
    for case in load(name):
        assert set(case.items) <= set(items), case.id
        langs = ("zh", "en") if case.lang == "mixed" else (case.lang,)
        texts = "\n".join(items[i].answer[lang] for i in case.items for lang in langs)
        if case.facts and facts_in(case, texts) < 1:
            lost.append(case.id)
    assert lost == []


def test_facts_are_regular_expressions() -> None:
    case = Ask("x", "en", "exam", "q", facts=((r"drain\w*",), ("never", r"v1\.35")))
    assert facts_in(case, "Draining, since v1.35") == 1.0
    assert facts_in(case, "DRAIN") == 0.5
    for case in [*load("ask.dev"), *load("ask.test")]:
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
    cases = [case.question for name in NAMES for case in load(name)]
    assert [q for q in cases if q.strip().lower() in asked] == []
