"""The pages "Interview" and "Review": what they answer, and a learner's way through them in a browser."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from evals.shots import serving
from tests.conftest import judged
from tests.doubles import Clock, FakeEmbedder, FakeJudge
from tests.test_web import CHROMIUM, until
from tests.test_web_render import HOSTILE
from tutor.app import Tutor
from tutor.errors import ModelError
from tutor.grading import VERDICTS, PointVerdict, Reading
from tutor.settings import Settings
from tutor.web import actions, graded
from tutor.web.words.interview import WORDS
from tutor.web.words.review import WORDS as REVIEW

# Gradio's own bookkeeping of its queue uses what pandas 3 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
GOOD = "存活探针失败时 kubelet 会重启容器。就绪探针失败时 Pod 会从 Service 的端点里移除，容器不会重启。"


class SayJudge:
    """Gives each key point the verdict that its own text is mapped to; the first clause decides."""

    name = "said"

    def __init__(self, verdicts: dict[str, str], sure: float = 0.9) -> None:
        self.verdicts, self.sure = verdicts, sure

    def read(self, clauses: Sequence[str], question: str, points: Sequence[str]) -> Reading:
        found = np.full((len(points), len(VERDICTS)), (1 - self.sure) / (len(VERDICTS) - 1))
        marks = np.zeros((len(points), len(clauses)))
        marks[:, 0] = 1.0
        for n, point in enumerate(points):
            said = next((v for key, v in self.verdicts.items() if key in point), "missed")
            found[n, VERDICTS.index(said)] = self.sure
        return Reading(found, marks)


class Visitor:
    """Sends actions as the page does, and keeps what would stand on it."""

    def __init__(self, tutor: Tutor, clock: Clock, user: str = "me", lang: str = "zh") -> None:
        self.tutor, self.clock, self.user, self.lang = tutor, clock, user, lang
        self.id = ""

    def act(self, page: str, action: str, **data: object) -> dict:
        sent = {"run": 1, "page": page, "action": action, "lang": self.lang, "data": data}
        *_, last = actions.run(self.tutor, sent, user=self.user, now=self.clock())
        self.html = "".join(last["html"].values())
        if "/" in last["route"]:
            self.id = last["route"].split("/")[1]
        return last

    def start(self, **data: object) -> dict:
        return self.act("interview", "start", **{"style": "mock", "n": "3", "lang": "zh", **data})

    def go(self, action: str, page: str = "interview", **data: object) -> dict:
        return self.act(page, action, id=self.id, **data)

    def reply(self, text: str, page: str = "interview", **data: object) -> dict:
        return self.go("reply", page, place=self.place, reply=text, **data)

    @property
    def place(self) -> str:
        return re.findall('data-arg-place="([^"]+)"', self.html)[-1]

    @property
    def words(self) -> str:
        return unescape(re.sub("<[^>]+>", "", self.html))


@pytest.fixture
def clock() -> Clock:
    return Clock(START, 7)


@pytest.fixture
def me(tutor: Tutor, judge: FakeJudge, clock: Clock) -> Visitor:
    return Visitor(judged(tutor, judge, clock=clock), clock)


def taken(me: Visitor, n: int, **data: object) -> None:
    """Takes a whole interview; nothing of what is asked is known."""
    me.start(n=str(n), **data)
    while "interview.reply" in me.html:
        me.reply("这个我不清楚。")
        while 'data-act="interview.next"' in me.html:
            me.go("next")
            if WORDS.say("zh", "probe") in me.html:
                me.go("skip", place=me.place)


# an interview --------------------------------------------------------------------------------


def test_all_that_can_be_chosen_stands_there(me: Visitor) -> None:
    me.act("interview", "open", id="storage")
    for style in ("mock", "drill", "weak", "exam", "jd"):
        assert f'name="style" value="{style}"' in me.html
    assert 'value="storage" checked' in me.html
    assert me.html.count(" checked") == 5
    assert 'data-draft="interview-job"' in me.html


@pytest.mark.parametrize(
    ("chosen", "mode", "topics"),
    [
        ({"style": "mock", "topics": ["storage", "scheduling"]}, "mock", {"storage", "scheduling"}),
        ({"style": "drill", "topics": ["storage"]}, "drill", {"storage"}),
        ({"style": "weak", "topics": ["storage"]}, "drill", set()),
        ({"style": "exam", "level": "junior"}, "exam", set()),
        ({"style": "jd", "job": "熟悉 Kubernetes 的 PV、PVC 和探针", "topics": ["etcd"]}, "jd", {"storage", "pod-lifecycle"}),
        ({"style": "<script>", "n": "9999", "lang": "xx"}, "mock", set()),
    ],
)
def test_the_plan_is_what_was_chosen(me: Visitor, chosen: dict, mode: str, topics: set[str]) -> None:
    me.start(**chosen)
    plan = me.tutor.interview(resume=me.id).state.plan
    assert (plan.mode, set(plan.topics), plan.user, plan.lang) == (mode, topics, "me", "zh")
    assert plan.n == (5 if "n" in chosen else 3)
    assert plan.level == chosen.get("level")


@pytest.mark.parametrize(
    ("job", "said"),
    [("", "职位描述还是空的"), (" \n", "职位描述还是空的"), ("会做红烧肉", "没有认得出的 Kubernetes 内容。请粘贴任职要求")],
)
def test_what_is_wrong_with_a_job_description_is_said_beside_it(me: Visitor, job: str, said: str) -> None:
    answer = me.start(style="jd", job=job)
    assert said in unescape(answer["html"]["interview-jobless"])
    assert (answer["error"], answer["focus"], answer["route"]) == ("", "interview-job", "")


def test_any_other_style_needs_no_job_description(me: Visitor) -> None:
    assert me.start(style="mock", job="会做红烧肉")["route"]


def test_the_way_from_the_question_to_the_report(me: Visitor) -> None:
    begun = me.start(topics=["pod-lifecycle"], n="3")
    assert begun["focus"] == "interview-reply"
    assert begun["route"] == f"interview/{me.id}"
    asked = me.tutor.item(me.tutor.interview(resume=me.id).state.turns[0].item_id)
    assert asked.question["zh"] in me.words
    assert not any(point.text["zh"] in me.words for point in asked.points)
    hinted = me.go("hint", place=me.place)
    assert hinted["focus"] == "interview-hint-1"
    assert WORDS.say("zh", "hint", n=2) in me.words
    me.reply("不清楚。", expected="6")
    assert all(point.text["zh"].replace("`", "") in me.words for point in asked.points)
    assert WORDS.say("zh", "predicted", score=6) in me.words
    assert WORDS.say("zh", "hinted", n=1) in me.words
    assert 'data-key="n"' in me.html
    me.go("next")
    assert WORDS.say("zh", "probe") in me.words
    assert WORDS.say("zh", "the-grade", score="0.0") in me.words
    me.reply("还是不清楚。")
    assert WORDS.say("zh", "missed") in me.words
    me.go("next")
    assert WORDS.say("zh", "place", number=2, of=3) in me.words
    me.go("skip", place=me.place)
    assert WORDS.say("zh", "skipped") in me.words
    me.go("finish")
    assert WORDS.say("zh", "report-title") in me.words
    assert me.html.count("#/library/") >= 3
    assert WORDS.say("zh", "over", n=1, bias="6.0", error="6.0") in me.words
    again = me.act("interview", "open", id=me.id)
    assert WORDS.say("zh", "report-title") in again["html"]["interview"]


def test_own_words_are_marked_and_numbered_by_key_point(me: Visitor) -> None:
    me.tutor.study._judge = SayJudge({"存活": "contradicted", "就绪": "partial"})
    me.start(topics=["pod-lifecycle"], n="5")
    while "探针" not in me.words:
        me.go("skip", place=me.place)
        me.go("next")
    me.reply("存活探针失败会移除端点 <b>吗</b>，也许。")
    assert re.search('<mark class="kt-iv-contradicted" data-n="1 2">存活探针失败会移除端点 &lt;b&gt;吗', me.html)
    for verdict in ("contradicted", "partial"):
        assert f"kt-iv-point kt-iv-{verdict}" in me.html
        assert WORDS.say("zh", verdict) in me.words
    assert "<b>" not in me.html
    assert "https://kubernetes.io/zh-cn/docs/concepts/x/" in me.html


def test_a_misconception_stands_with_its_correction(me: Visitor) -> None:
    me.tutor.study._judge = SayJudge({"反复崩溃": "hit"})
    me.start(topics=["pod-lifecycle"], n="5")
    while "Pending" not in me.words:
        me.go("skip", place=me.place)
        me.go("next")
    me.reply("Pending 就是容器在反复崩溃")
    assert WORDS.say("zh", "misconceptions") in me.words
    assert "反复崩溃的 Pod 已被调度，阶段通常是 Running。" in me.words
    assert '<sup class="kt-iv-n">!</sup>' in me.html


def checkable(me: Visitor) -> float:
    """A reply with two points of which the grader is unsure; returns its score."""
    me.tutor.study._judge = SayJudge({"PVC": "hit", "两者": "hit"}, sure=0.5)
    me.start(topics=["storage"], n="3")
    me.reply("PVC 是申请，PV 是存储，两者绑定")
    return me.tutor.interview(resume=me.id).state.turns[0].grade.score


def test_a_self_check_is_kept_and_shown_wherever_the_grade_is(me: Visitor) -> None:
    before = checkable(me)
    assert me.html.count('data-act="interview.check"') == 6
    for key in ("check-hit", "check-missed", "check-contradicted"):
        assert me.words.count(WORDS.say("zh", key)) == 2
    said = me.go("check", turn="1", point="1", verdict="missed")
    assert said["focus"] == "interview-point-1-1"
    note = WORDS.say("zh", "checked", score=f"{before:.1f}")
    assert note in me.words and WORDS.say("zh", "by-learner") in me.words
    me.go("check", turn="1", point="2", verdict="contradicted")
    turn = me.tutor.interview(resume=me.id).state.turns[0]
    assert (turn.grade.score, turn.judged.score) == (before, 0.0) and before > 0
    me.act("interview", "open", id=me.id)
    assert note in me.words and "0.0/10" in me.words
    me.go("next")
    assert WORDS.say("zh", "the-grade", score="0.0") in me.words
    said = me.go("check", turn="1", point="2", verdict="hit")
    better = me.tutor.interview(resume=me.id).state.turns[0].judged.score
    assert better > 0 and f"{better:.1f}/10" in said["html"]["interview-so-far-1"]
    me.go("finish")
    assert re.search(rf'id="kt-interview-mark-1"[^>]*>{better:.1f}<', me.html)
    assert f"{better:.1f}/10" in base64.b64decode(me.go("export")["download"]["content"]).decode()
    said = me.go("check", turn="1", point="2", verdict="missed")
    assert said["html"]["interview-mark-1"] == "0.0" and ">0.0<" in said["html"]["interview-summary"]
    assert me.tutor.progress("me").reviews[0].score == before


def test_a_follow_up_can_be_checked_too(me: Visitor) -> None:
    checkable(me)
    me.go("check", turn="1", point="1", verdict="missed")
    me.go("next")
    assert WORDS.say("zh", "probe") in me.words
    me.reply("PVC 是申请")
    assert WORDS.say("zh", "probe-free") in me.words
    said = me.go("check", turn="1", point="1", verdict="contradicted", probe="1")
    assert list(said["html"]) == ["interview-probe-1"]
    assert WORDS.say("zh", "contradicted") in me.words
    turn = me.tutor.interview(resume=me.id).state.turns[0]
    assert turn.follow_up.checks == {1: "contradicted"} and turn.checks == {1: "missed"}


@pytest.mark.parametrize(
    "changes", [{"point": "99"}, {"point": "0"}, {"turn": "2"}, {"turn": "-1"}, {"verdict": "great"}, {"probe": "1"}]
)
def test_a_self_check_that_cannot_be_meant_is_one_line(me: Visitor, changes: dict) -> None:
    checkable(me)
    assert me.go("check", **{"turn": "1", "point": "1", "verdict": "hit", **changes})["error"]
    assert not me.go("check", turn="1", point="1", verdict="hit")["error"]


def test_a_sure_verdict_is_not_checked(me: Visitor) -> None:
    me.start(topics=["storage"], n="3")
    me.reply("不清楚。")
    assert "interview.check" not in me.html
    assert me.go("check", turn="1", point="1", verdict="hit")["error"]


def deeper(me: Visitor, asked: str = "PV 和 PVC 是什么关系") -> None:
    """Stands at the deeper question `asked`, which follows one on probes."""
    probes = replace(me.tutor.item("probes"), follow_ups=({"zh": asked, "en": asked},))
    me.tutor.study._items = lambda: {"probes": probes}
    me.tutor.study._judge = SayJudge({"": "hit"})
    me.start(topics=["pod-lifecycle"], n="3")
    me.reply(GOOD)
    me.go("next")
    assert WORDS.say("zh", "deeper") in me.words


@pytest.mark.parametrize(
    ("asked", "key", "shown"),
    [
        ("PV 和 PVC 是什么关系", "deeper-found", "两者按容量和访问模式一对一绑定"),
        ("`红烧肉` 怎么做才好吃", "deeper-none", "就绪探针失败时 Pod 会从"),
    ],
)
def test_a_deeper_reply_stands_beside_what_the_corpus_has_on_it(me: Visitor, asked: str, key: str, shown: str) -> None:
    deeper(me, asked)
    assert asked.replace("`", "") in me.words
    me.reply("我想 <b>应该</b> 如此")
    assert "我想 &lt;b&gt;应该" in me.html
    assert WORDS.say("zh", "deeper-free") in me.words
    assert "#/library/" in me.html and 'data-act="interview.next"' in me.html
    assert WORDS.say("zh", key) in me.words and shown in me.words
    me.act("interview", "open", id=me.id)
    assert WORDS.say("zh", key) in me.words
    me.go("next")
    assert "kt-iv-report" in me.html and WORDS.say("zh", key) in me.words and shown in me.words


def test_a_deeper_question_that_was_skipped_is_left_behind(me: Visitor) -> None:
    deeper(me)
    me.go("skip", place=me.place)
    assert "kt-iv-report" in me.html and WORDS.say("zh", "deeper-free") not in me.words


@pytest.mark.parametrize(("unsure", "named"), [(True, "maybe-contradicted"), (False, "contradicted")])
def test_a_guess_that_something_is_wrong_is_put_as_one(unsure: bool, named: str) -> None:
    point = PointVerdict("点", "contradicted", "话", "s", 1, unsure=unsure, nearest="话")
    assert WORDS.both(named) in graded._point("interview", 1, 1, point, None, "zh", "", "")


def test_only_keys_that_do_something_are_named(me: Visitor) -> None:
    hint = WORDS.say("zh", "keys")
    me.start(topics=["pod-lifecycle"], n="3")
    assert hint in me.words
    for _ in range(2):
        assert hint in unescape(re.sub("<[^>]+>", "", me.go("hint", place=me.place)["html"]["interview-keys"]))
    me.go("hint", place="1-question")
    assert hint not in me.words and WORDS.say("zh", "keys-send") in me.words
    me.act("interview", "open", id=me.id)
    assert hint not in me.words
    me.reply("不清楚。")
    me.go("next")
    assert WORDS.say("zh", "probe") in me.words and hint not in me.words
    me.start(style="exam", n="3")
    assert hint not in me.words


def test_an_appeal_is_recorded_with_its_reason(me: Visitor) -> None:
    me.start(topics=["storage"], n="3")
    me.reply("不清楚。")
    said = me.go("appeal", turn="1", point="2", reason="<i>我说到了</i>")
    assert list(said["html"]) == ["interview-grade-1", "interview-so-far-1"]
    assert said["focus"] == "interview-point-1-2" and "tutor appeals" in said["toast"]
    assert "&lt;i&gt;我说到了" in me.html
    (event,) = me.tutor.appeals("me")
    assert (event.data["number"], event.data["reason"]) == (2, "<i>我说到了</i>")


def test_an_exam_shows_no_hint_and_no_grade_before_its_end(me: Visitor) -> None:
    me.start(style="exam", n="3")
    assert "interview.hint" not in me.html
    for _ in range(3):
        place = me.place
        me.reply("不清楚。")
        assert me.go("check", turn="1", point="1", verdict="missed")["error"] or "kt-iv-report" in me.html
        me.act("interview", "open", id=me.id)
        if "kt-iv-report" not in me.html:
            assert "kt-iv-points" not in me.html
            assert me.place != place
    assert "kt-iv-points" in me.html
    assert me.html.count("kt-iv-one-question") == 3


def test_a_window_that_was_left_behind_answers_nothing(me: Visitor) -> None:
    me.start(topics=["pod-lifecycle"])
    stale = me.place
    me.go("skip", place=stale)
    me.go("next")
    said = me.go("reply", place=stale, reply="迟到的回答")
    assert WORDS.say("zh", "moved") in said["toast"]
    assert me.tutor.interview(resume=me.id).state.turns[1].reply is None
    assert stale not in me.html


def test_paused_it_is_found_again_and_goes_on_after_a_restart(me: Visitor, settings: Settings, clock: Clock) -> None:
    me.start()
    me.reply("不清楚。")
    paused = me.go("pause")
    assert paused["route"] == "interview"
    assert f'href="#/interview/{me.id}"' in me.html
    me.tutor.close()
    clock.now += timedelta(days=3)
    with Tutor.open(settings, chat_model=None, embedder=FakeEmbedder(), judge=FakeJudge()) as later:
        again = Visitor(judged(later, FakeJudge(), clock=clock), clock)
        again.act("interview", "open", id="")
        assert WORDS.say("zh", "ago-day", n=3) in again.words
        again.act("interview", "open", id=me.id)
        assert 'data-act="interview.next"' in again.html


def test_nobody_sees_an_interview_of_somebody_else(me: Visitor) -> None:
    me.start()
    other = Visitor(me.tutor, me.clock, "other")
    said = other.act("interview", "open", id=me.id)
    assert WORDS.say("zh", "unknown") in said["toast"]
    assert me.id not in other.html
    for action in ("reply", "hint", "finish", "export", "next"):
        assert other.act("interview", action, id=me.id, place="1-question", reply="x")["error"]
    assert me.tutor.interview(resume=me.id).state.turns[0].reply is None
    assert other.act("review", "anki")["download"] is None


def test_a_reply_that_could_not_be_graded_is_kept_and_graded_later(me: Visitor, judge: FakeJudge) -> None:
    class Broken:
        name = "broken"

        def read(self, *_: object) -> Reading:
            raise ModelError("the judge is gone")

    me.tutor.study._judge = Broken()
    me.start(topics=["storage"])
    said = me.reply("PVC 是申请")
    assert "the judge is gone" in said["error"]
    assert WORDS.say("zh", "pending") in me.words
    me.tutor.study._judge = judge
    me.go("grade")
    assert "kt-iv-points" in me.html


@pytest.mark.parametrize("n", [3, 5])
def test_the_report_draws_a_radar_with_a_table_and_exports_markdown(me: Visitor, n: int) -> None:
    taken(me, n)
    assert me.html.count('class="kt-iv-shape"') == 1
    assert me.html.count('class="kt-iv-dot"') == me.html.count('<th scope="row">') >= 3
    file = me.go("export")["download"]
    text = base64.b64decode(file["content"]).decode()
    assert file["name"].endswith(".md") and text.startswith("# 面试报告")
    me.act("interview", "open", id="")
    assert WORDS.say("zh", "past") in me.words


def test_two_topics_are_bars(me: Visitor) -> None:
    taken(me, 3, topics=["storage", "scheduling"])
    assert me.html.count('class="kt-iv-bar"') == 2
    assert "kt-iv-radar" not in me.html


# nothing runs --------------------------------------------------------------------------------


class Inert(HTMLParser):
    """Fails for an element, attribute or address that the pages don't write themselves."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe", "object", "style", "link", "base", "meta", "math", "embed"), tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("style", "srcdoc", "action", "formaction"), (tag, name)
            if name in ("href", "src"):
                assert re.match(r"#/|https://", value or ""), value

    handle_startendtag = handle_starttag


def inert(html: str) -> None:
    Inert(convert_charrefs=True).feed(html)
    assert "<script" not in html.lower() and not re.search("[\ue000-\ue00f\u202a-\u202e]", html)


def test_hostile_replies_reasons_and_fields_stay_text(me: Visitor) -> None:
    me.tutor.study._judge = SayJudge({"PVC": "contradicted", "两者": "hit", "a": "hit", "甲": "hit"})
    everything = "\n".join(HOSTILE)
    me.start(topics=[*HOSTILE, "storage"], style=HOSTILE[0], level=HOSTILE[1], lang=HOSTILE[2])
    assert me.start(topics=["storage"], lang="zh")["error"] == ""
    for text in (everything, *HOSTILE[::6]):
        for key in ("id", "place", "verdict", "turn", "point", "reason", "expected"):
            for action in ("hint", "check", "appeal", "open", "export"):
                said = me.act("interview", action, **{"id": me.id, key: text})
                inert(said["error"] + said["toast"] + "".join(said["html"].values()))
        assert me.act("review", "open", id=text)["error"] == ""
    me.act("interview", "open", id=me.id)
    me.reply(everything)
    inert(me.html)
    assert "<script>window.__xss=1</script>" in unescape(me.html)
    me.go("appeal", turn="1", point="1", reason=everything[:2000])
    inert(me.html)
    me.go("next")
    inert(me.html)
    me.reply(everything)
    inert(me.html)
    me.go("finish")
    inert(me.html)


def test_a_hostile_corpus_stays_text(me: Visitor, settings: Settings, tmp_path: Path) -> None:
    item = me.tutor.item("pvc")
    nasty = "\n\n".join(HOSTILE)
    both = {"zh": nasty, "en": nasty}
    bad = replace(
        item, question=both, answer=both, reference='x"><script>1</script>',
        points=tuple(replace(point, text=both) for point in item.points),
    )
    me.tutor.study._items = lambda: {"pvc": bad}
    me.tutor.items = lambda: [bad]  # type: ignore[method-assign]
    me.start(topics=["storage"])
    inert(me.html)
    me.reply("不清楚")
    inert(me.html)
    me.go("finish")
    inert(me.html)


# reviews -------------------------------------------------------------------------------------


def test_without_cards_the_review_leads_to_an_interview(me: Visitor) -> None:
    me.act("review", "open", id="")
    assert REVIEW.say("zh", "empty") in me.words
    assert 'href="#/interview"' in me.html
    assert "review.start" not in me.html
    assert REVIEW.say("zh", "anki-none") in me.act("review", "anki")["toast"]


def test_due_cards_are_reviewed_and_graded_and_then_the_next_day_is_named(me: Visitor, clock: Clock) -> None:
    taken(me, 3)
    me.act("review", "open", id="")
    assert "review.start" not in me.html
    assert REVIEW.say("zh", "nothing") not in me.words
    assert re.search(REVIEW.say("zh", "resting", when=r"\d+ 分钟后"), me.words)
    assert 'href="#/interview"' in me.html
    clock.now += timedelta(days=5)
    me.act("review", "open", id="")
    assert REVIEW.say("zh", "due") in me.words
    begun = me.act("review", "start")
    assert begun["route"] == f"review/{me.id}" and begun["focus"] == "review-reply"
    assert 'data-key="h"' in me.html
    me.reply(GOOD, "review")
    assert 'data-key="n"' in me.html
    assert "下次复习" in me.words
    me.go("pause", "review")
    assert REVIEW.say("zh", "go-on", done=1, n=3) in me.words
    sitting = me.id
    me.act("review", "start")
    assert me.id == sitting
    me.act("interview", "open", id="")
    assert sitting not in me.html
    me.act("review", "open", id=sitting)
    while "kt-iv-report" not in me.html:
        if "review.reply" in me.html:
            me.reply("不清楚。", "review")
        else:
            me.go("next", "review")
    assert REVIEW.say("zh", "done") in me.words


def test_anki_gets_the_users_own_cards(me: Visitor) -> None:
    taken(me, 3)
    said = me.act("review", "anki")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(said["download"]["content"]))) as archive:
        assert "collection.anki2" in archive.namelist()
    assert REVIEW.say("zh", "anki-done", n=3) in said["toast"]
    assert Visitor(me.tutor, me.clock, "other").act("review", "anki")["download"] is None


@pytest.mark.parametrize("words", [WORDS, REVIEW])
def test_every_string_has_the_same_fields_in_both_languages(words) -> None:
    for key, (zh, en) in words.strings.items():
        assert set(re.findall(r"\{(\w+)\}", zh)) == set(re.findall(r"\{(\w+)\}", en)), key


# in a browser --------------------------------------------------------------------------------


@pytest.fixture
def browse():
    """Opens addresses as one visitor; afterwards nothing may have gone wrong."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(60_000)

        def go(url: str):
            page = context.new_page()
            page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith((url.split("#")[0], "blob:")) else wrong.append(r.url))
            page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status > 399 else None)
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto(url)
            return page

        yield go
        browser.close()
    assert wrong == []


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no {CHROMIUM}")
class TestInBrowser:
    def test_an_interview_with_hint_appeal_pause_restart_and_report(self, me: Visitor, settings: Settings, browse) -> None:
        nasty = " ".join(HOSTILE)
        with serving(me.tutor) as url:
            page = browse(url + "#/interview")
            page.click('label:has([value="storage"])')
            page.click('label:has([name="n"][value="3"])')
            page.click('[data-act="interview.start"] [type="submit"]')
            box = page.locator("#kt-interview-reply")
            box.fill("PVC 是申请 " + nasty)
            page.reload()
            until(lambda: box.count() == 1 and box.input_value() == "PVC 是申请 " + nasty, 60)
            page.click('[data-act="interview.hint"]')
            page.wait_for_selector(".kt-iv-hint")
            assert box.input_value().endswith(nasty)
            page.select_option("[name=expected]", "7")
            box.press("Control+Enter")
            page.wait_for_selector(".kt-iv-points")
            assert "<script>window.__xss=1</script>" in page.inner_text(".kt-iv-reply")
            point = page.locator(".kt-iv-point").last
            point.locator("summary").last.click()
            point.locator("textarea").fill("我说到了 " + nasty)
            point.locator("form button").click()
            page.wait_for_selector(".kt-iv-appealed")
            page.reload()
            page.wait_for_selector(".kt-iv-appealed")
            assert page.evaluate("window.__xss") is None
            page.click('[data-act="interview.pause"]')
            page.wait_for_selector(".kt-iv-list a")
            where = page.get_attribute(".kt-iv-list a", "href")
            page.close()
        assert len(me.tutor.appeals("me")) == 1
        me.tutor.close()
        with Tutor.open(settings, chat_model=None, embedder=FakeEmbedder(), judge=FakeJudge()) as later:
            judged(later, FakeJudge())
            with serving(later) as url:
                page = browse(url + where)
                page.wait_for_selector(".kt-iv-points")
                page.keyboard.press("n")
                page.wait_for_selector("#kt-interview-reply")
                page.click('[data-act="interview.finish"]')
                page.wait_for_selector(".kt-iv-report")
                with page.expect_download() as download:
                    page.click('[data-act="interview.export"]')
                assert Path(download.value.path()).read_text("utf-8").startswith("# 面试报告")
                page.click("[data-set-lang=en]")
                assert "Interview report" in page.inner_text("#kt-interview-head")
                page.set_viewport_size({"width": 390, "height": 844})
                page.locator(".kt-iv-one-question summary").first.click()
                assert page.evaluate("document.querySelector('#kt-interview').scrollWidth") <= 390
                assert page.evaluate("window.__xss") is None
                page.close()  # before the server ends, whose connections it would miss

    def test_a_form_opens_above_the_bar_and_a_toast_goes_with_its_page(self, me: Visitor, browse) -> None:
        me.start(topics=["storage"], n="3")
        me.reply("不清楚。")
        with serving(me.tutor) as url:
            page = browse(f"{url}#/interview/{me.id}")
            page.set_viewport_size({"width": 1280, "height": 420})
            point = page.locator(".kt-iv-point").last
            point.locator("summary").last.click()
            button = point.locator("form button")
            bar = page.locator(".kt-iv-go [data-key=n]")

            def clear() -> bool:
                box, below = button.bounding_box(), bar.bounding_box()
                return box["y"] > 0 and box["y"] + box["height"] <= below["y"]

            until(clear, 20)
            point.locator("textarea").fill("我说到了")
            button.click()
            page.wait_for_selector("#kt-toast:visible")
            page.click("[data-nav=ask]")
            page.wait_for_selector("#kt-toast", state="hidden", timeout=1500)
            page.close()

    def test_a_review_by_keyboard(self, me: Visitor, browse) -> None:
        taken(me, 3)
        judged(me.tutor, FakeJudge())  # its clock is the real one: the cards have long been due
        with serving(me.tutor) as url:
            page = browse(url + "#/review")
            page.wait_for_selector('[data-act="review.start"]')
            page.keyboard.press("n")
            page.wait_for_selector("#kt-review-reply:focus")
            page.keyboard.press("Escape")
            page.keyboard.press("h")
            page.wait_for_selector("#kt-review-hint-1:focus")
            page.focus("#kt-review-reply")
            page.keyboard.type("hn")
            page.keyboard.press("Control+Enter")
            page.wait_for_selector(".kt-iv-points")
            page.keyboard.press("n")
            page.wait_for_selector("#kt-review-reply")
            page.click('[data-act="review.pause"]')
            page.wait_for_selector('[data-act="review.anki"]')
            with page.expect_download() as download:
                page.click('[data-act="review.anki"]')
            assert zipfile.is_zipfile(download.value.path())
            page.close()
