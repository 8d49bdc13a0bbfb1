"""Nothing of an answer is shown before the hint that is meant to: over the whole corpus.

What counts as a leak is defined in `tutor.interview.leaks`.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from random import Random

import pytest

from evals.learners import MemoryLog, corpus
from tutor.corpus import Item
from tutor.grading import Grade, PointVerdict
from tutor.interview import Interview, Known, Plan, blank, follow_up, hint, leaks
from tutor.interview.hints import half_lead
from tutor.interview.leaks import BLANK, whole
from tutor.lexicon import normalise
from tutor.progress import Learner

ITEMS = {item.id: item for item in corpus()}
NOW = datetime(2026, 3, 1, tzinfo=UTC)

both = pytest.mark.parametrize("lang", ["zh", "en"])


def secrets(item: Item, lang: str) -> list[str]:
    return [*(point.text[lang] for point in item.points), item.answer[lang]]


def grade(item: Item, lang: str, verdict: str, reply: str) -> Grade:
    quote = "" if verdict == "missed" else reply
    points = tuple(PointVerdict(p.text[lang], verdict, quote, "", p.weight) for p in item.points)
    return Grade(0.0, points, False, "", item.question[lang], reply, lang, item_id=item.id)


def shown(item: Item, lang: str):
    """The question of that item as the learner gets it."""
    plan = Plan("exam", {item.topic: 1}, lang=lang, n=1, user="li")
    interview = Interview(plan, {item.id: item}, None, MemoryLog(), lambda: Learner("li", NOW), clock=lambda: NOW)
    return interview.next()


@both
def test_questions_leak_nothing(lang: str) -> None:
    found = {}
    for item in ITEMS.values():
        question = shown(item, lang)
        assert question.item_id == item.id and "item_id" not in repr(question)
        known = Known(item.question[lang])
        fields = {name: str(value) for name, value in asdict(question).items()}
        for text in (*fields.values(), repr(question), str(question)):
            if leak := leaks(text, secrets(item, lang), known, by_term=False):
                found[item.id, text] = leak
        if leak := leaks(fields["why"], [p.text[lang] for p in item.points], known):
            found[item.id, "why"] = leak
    assert found == {}


@both
def test_nudges_hold_no_term_of_a_key_point(lang: str) -> None:
    found = {}
    for item in ITEMS.values():
        known, text = Known(item.question[lang]), hint(item, lang, 1)
        points = [point.text[lang] for point in item.points]
        leak = leaks(text, points, known) + leaks(text, [item.answer[lang]], known, by_term=False)
        if leak:
            found[item.id] = (text, leak)
    assert found == {}


@both
def test_blanked_hints_hold_none_of_the_blanked_terms(lang: str) -> None:
    for item in ITEMS.values():
        known = Known(item.question[lang])
        for point in item.points:
            text, hidden = blank(point.text[lang], known)
            assert hidden and BLANK in text, item.id
            assert [term for term in hidden if whole(term).search(text)] == [], text
        heaviest = max(item.points, key=lambda p: p.weight)
        assert blank(heaviest.text[lang], known)[0] in hint(item, lang, 2)


@both
def test_the_last_hint_is_the_first_part_of_the_answer_and_not_all_of_it(lang: str) -> None:
    for item in ITEMS.values():
        text = hint(item, lang, 3).removesuffix("……").strip()
        plain = item.answer[lang].replace("**", "")
        assert text and plain.startswith(text), item.id
        assert len(text) < 0.9 * len(plain), item.id
        assert text.count("`") % 2 == 0, item.id


@both
@pytest.mark.parametrize(
    ("verdict", "reply"),
    [("contradicted", "xyz"), ("missed", "xyz"), ("missed", ""), ("partial", "xyz")],
)
def test_probes_leak_nothing(lang: str, verdict: str, reply: str) -> None:
    found = {}
    for number, item in enumerate(ITEMS.values()):
        draft = follow_up(item, grade(item, lang, verdict, reply), lang, Random(number))
        assert draft.kind == "probe"
        known = Known(item.question[lang], reply)
        leak = leaks(draft.text, [draft.point], known)
        leak += leaks(draft.text, secrets(item, lang), known, by_term=False)
        if leak:
            found[item.id] = (draft.text, leak)
    assert found == {}


@both
def test_probes_name_an_area_for_most_items(lang: str) -> None:
    generic = {"zh": "这个问题", "en": "this question"}[lang]
    texts = [follow_up(i, grade(i, lang, "missed", ""), lang, Random(0)).text for i in ITEMS.values()]
    assert sum(generic not in text for text in texts) > len(texts) / 2


# The definition itself: it finds what it must, or the tests above prove nothing.

ZH = "就绪探针失败时 Pod 会从 Service 的端点里移除"
EN = "When a readiness probe fails, the Pod is removed from the endpoints"


@pytest.mark.parametrize(
    ("text", "secret", "known", "leaking"),
    [
        (f"提示：{ZH}", ZH, "探针有什么区别", True),
        ("失败时Pod会从Service的", ZH, "探针", True),
        ("想一想端点", ZH, "探针有什么区别", True),
        ("Think of Endpoints", ZH, "探针有什么区别", True),
        ("想一想端点", ZH, "Service 的 endpoints 会怎样", False),
        ("再想想这一块", ZH, "探针", False),
        ("the pod is removed from it", EN, "probes", True),
        ("What of the endpoints?", EN, "probes", True),
        ("What is removed?", EN, "probes", False),
        ("When a readiness probe fails, what happens?", EN, "When a readiness probe fails, what then?", False),
        ("the default is 30", "It waits 30 seconds", "how long", True),
    ],
)
def test_the_definition_of_a_leak(text: str, secret: str, known: str, leaking: bool) -> None:
    assert bool(leaks(text, [secret], Known(known))) == leaking


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("kubelet 会重启容器", "探针失败会怎样", f"{BLANK} 会{BLANK}"),
        ("The kubelet restarts it", "What does the kubelet do?", f"The kubelet {BLANK} it"),
        ("set `spec.replicas` to 3", "how", f"set {BLANK} to {BLANK}"),
        ("`Failed` means that it failed", "what", f"{BLANK} means that it {BLANK}"),
        ("it grows gradually", "how", f"it {BLANK}"),
    ],
)
def test_terms_are_blanked_unless_the_question_has_them(text: str, known: str, expected: str) -> None:
    assert blank(text, Known(known))[0] == expected


def test_half_a_lead_ends_at_a_sentence_or_clause() -> None:
    assert half_lead("One. Two.\n\nThree.") == "One. ……"
    assert half_lead("它先过滤节点，再打分选出最好的节点") == "它先过滤节点 ……"
    assert half_lead("**A** `b c d e f g` word word").count("`") % 2 == 0


def test_normalised_forms_are_compared() -> None:
    assert normalise("ＰＶＣ：") == "PVC:"
    assert leaks("ＰＶＣ", ["绑定 PVC"], Known("存储"))


def test_a_probe_may_repeat_the_learners_own_words() -> None:
    item = next(iter(ITEMS.values()))
    pasted = f"不对：{item.points[0].text['zh']}"
    verdicts = grade(item, "zh", "missed", pasted)
    first = replace(verdicts.points[0], verdict="contradicted", quote=pasted)
    draft = follow_up(item, replace(verdicts, points=(first, *verdicts.points[1:])), "zh", Random(0))
    assert draft.point == item.points[0].text["zh"]
    assert leaks(draft.text, [draft.point], Known(item.question["zh"], pasted)) == []
