"""The written replies that train the grader: consistent, and checked for what breaks them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from evals.grader import statements
from evals.grader.data import Reply, load, problems
from evals.grader.mirror import from_corpus, from_replies, loss_of
from evals.grader.pairs import held_out
from tests.test_grading_exchange import PROBES
from tutor.corpus import read

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture(scope="module")
def items() -> dict:
    return {item.id: item for item in read(CORPUS).items}


def test_the_written_replies_are_consistent(items: dict) -> None:
    assert problems(load(), items) == []


def reply(items: dict, **changes: object) -> Reply:
    item = items["pod-probes-liveness-readiness"]
    verdicts = ("hit", *["missed"] * (len(item.points) - 1))
    good = Reply("r1", item.id, "zh", "half", "存活探针失败会重启", verdicts, {0: "失败会重启"}, score=3)
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"item": "nowhere"}, "no item"),
        ({"verdicts": ("hit",)}, "1 verdicts"),
        ({"quotes": {0: "not its words"}}, "not in the reply"),
        ({"quotes": {}}, "quotes for"),
        ({"style": "odd"}, "style"),
        ({"score": 11}, "score"),
        ({"style": "twin"}, "names its twin"),
        ({"style": "twin", "twin": "r9"}, "no such reply"),
    ],
)
def test_each_rule_finds_what_breaks_it(items: dict, changes: dict, said: str | None) -> None:
    found = problems([reply(items, **changes)], items)
    assert (found == []) if said is None else said in "\n".join(found)


def test_a_twin_differs_in_a_verdict(items: dict) -> None:
    first = reply(items)
    twin = replace(first, id="r2", style="twin", twin="r1")
    assert "same verdicts as its twin" in "\n".join(problems([first, twin], items))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl:1"):
        load(tmp_path)


def test_triples_are_a_text_its_mirror_image_and_the_point_that_it_tells(items: dict) -> None:
    item = replace(items["pod-probes-liveness-readiness"], contrasts=(PROBES,))
    told = reply(items, text="存活探针失败会重启，别的不知道", quotes={0: "存活探针失败会重启"})
    first, second = from_replies([told], {item.id: item})
    assert (first.said, first.other) == ("存活探针失败会重启", "就绪探针失败会重启")
    assert second.said == told.text  # the sentence around the quote
    assert first.point == item.points[0].text["zh"].replace("`", "")
    assert list(from_replies([told], {item.id: item}, "contradicted")) == []
    made = list(from_corpus(item, Random(1)))
    assert made and all(t.said != t.other and t.point for t in made)
    assert {t.said for t in made} >= {p.text["en"].replace("`", "") for p in item.points if "liveness" in p.text["en"]}


def test_a_text_that_is_told_from_its_mirror_image_costs_less() -> None:
    right = torch.tensor([[4.0, 0, 0, -4], [-4, 0, 0, 4]])
    assert loss_of(right, 1)[0] < loss_of(right.flip(0), 1)[0]
    assert [loss_of(logits, 1)[1] for logits in (right, right.flip(0))] == [1.0, 0.0]


@pytest.fixture(scope="module")
def banks() -> list[statements.Statements]:
    return statements.load()


@pytest.fixture(scope="module")
def exchanged() -> list[statements.Statements]:
    return statements.load_exchanged()


@pytest.mark.parametrize("collection", ["banks", "exchanged"])
def test_the_statements_are_consistent_and_none_is_of_an_item_kept_aside(
    items: dict, collection: str, request: pytest.FixtureRequest
) -> None:
    banks = request.getfixturevalue(collection)
    assert statements.problems(banks, items) == []
    assert len({(bank.item, bank.lang) for bank in banks}) == len(banks)
    assert not [bank.item for bank in banks if held_out(bank.item)]


def test_a_statement_bank_that_misses_a_point_is_named(items: dict, banks: list) -> None:
    short = replace(banks[0], points=banks[0].points[1:])
    assert [problem for problem in statements.problems([short], items) if banks[0].item in problem]
    assert statements.problems([replace(banks[0], item="no-such-item")], items)


def test_statements_that_are_the_same_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"item": "x", "lang": "en", "points": [["a", "a", "b", "c", "d"]]}\n', "utf-8")
    with pytest.raises(ValueError, match=r"a.jsonl:1.*different"):
        statements.load(tmp_path)


def test_a_statement_alone_has_the_verdict_it_was_written_for_and_the_right_twin(items: dict, banks: list) -> None:
    pairs = statements.alone(banks[:1], items, Random(1))
    assert [pair.verdict for pair in pairs[:5]] == list(statements.TOLD.verdicts)
    assert [pair.twin for pair in pairs[:5]] == [None, None, None, pairs[0].key, pairs[1].key]


def test_a_reply_of_statements_has_their_verdicts_and_marks_their_places(items: dict, banks: list) -> None:
    bank = banks[0]
    pairs = statements.replies([bank], items, 20, Random(1))
    told = {text.rstrip("。.；;，,"): (number, statements.TOLD.verdicts[kind])
            for number, texts in enumerate(bank.points) for kind, text in enumerate(texts)}
    twins = 0
    for pair in pairs:
        for start, end in pair.evidence:
            number, verdict = told[pair.reply[start:end]]
            assert (number, verdict) == (pair.key[1], pair.verdict)
        assert pair.evidence or pair.verdict == "missed"
        if pair.twin:
            other = next(one for one in pairs if one.key == pair.twin)
            assert (other.verdict, other.point) == ("hit", pair.point)
            assert other.reply != pair.reply
            twins += 1
    assert twins > 3


def test_only_the_sentence_with_exchanged_terms_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"item": "x", "lang": "en", "points": [["a", "", "b", "c"]]}\n', "utf-8")
    assert statements.load_exchanged(tmp_path)[0].points == (("a", "", "b", "c"),)
    (tmp_path / "b.jsonl").write_text('{"item": "x", "lang": "en", "points": [["a", "b", "", "c"]]}\n', "utf-8")
    with pytest.raises(ValueError, match=r"b.jsonl:1.*empty"):
        statements.load_exchanged(tmp_path)


def test_a_reply_whose_terms_are_exchanged_throughout_has_its_right_self_for_a_twin(items: dict, exchanged: list) -> None:
    bank = next(bank for bank in exchanged if sum(bool(texts[statements.SWAPPED]) for texts in bank.points) > 2)
    pairs = statements.replies([bank], items, 40, Random(1))
    plain = [[text.rstrip("。.；;，,") for text in texts] for texts in bank.points]
    wrong = {texts[statements.SWAPPED] for texts in plain} - {""}
    right = {texts[statements.SAID] for texts in plain}
    twins = 0
    for pair in pairs:
        for start, end in pair.evidence:
            kind = plain[pair.key[1]].index(pair.reply[start:end])
            assert pair.verdict == bank.kinds.verdicts[kind]
        if pair.twin and any(text in pair.reply for text in wrong):
            other = next(one for one in pairs if one.key == pair.twin)
            assert other.verdict == "hit"
            assert not any(text in other.reply for text in wrong)
            assert any(text in other.reply for text in right)
            twins += 1
    assert twins > 3
