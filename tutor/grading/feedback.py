"""What the learner reads beside a verdict, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence

from tutor.grading.types import PointVerdict, StatedMisconception

_POINT = {
    "zh": {
        "hit": "说到了。",
        "partial": "说对了一部分。完整的说法是：{text}",
        "missed": "没有说到：{text}",
        "contradicted": "这里说反了，应该是：{text}",
    },
    "en": {
        "hit": "You said it.",
        "partial": "Partly right. In full: {text}",
        "missed": "Not mentioned: {text}",
        "contradicted": "It's the other way: {text}",
    },
}
_CHECK = {
    "zh": "这一点没有把握，请自己对照：{text}\n你最接近的话是“{quote}”。它说的是同一件事吗？",
    "en": "We aren't sure of this one; please compare yourself: {text}\nYour nearest words are “{quote}”. Do they say the same?",
}
_CHECK_SILENT = {
    "zh": "这一点没有把握，请自己对照：{text}\n你的回答里说到它了吗？",
    "en": "We aren't sure of this one; please compare yourself: {text}\nDoes your reply say it?",
}
_UNSURE = {
    "zh": "有 {n} 个要点把握不大（占分值 {share:.0%}），请按提示自己对照一下，分数仅供参考。",
    "en": "{n} of the key points are too close to call ({share:.0%} of the weight): please check them yourself; the score is provisional.",
}
_NOTHING = {
    "zh": "回答里没有可以评分的内容。先把知道的说出来，哪怕只有一句。",
    "en": "There is nothing in the reply to grade. Say what you know, even if it is one sentence.",
}


def of_point(verdict: str, text: str, lang: str) -> str:
    """One sentence on one point."""
    return _POINT[lang][verdict].format(text=text)


def self_check(text: str, quote: str, lang: str) -> str:
    """The question by which learners judge an unsure point themselves."""
    return (_CHECK if quote else _CHECK_SILENT)[lang].format(text=text, quote=quote)


def unsure_reason(points: Sequence[PointVerdict], lang: str) -> str:
    """Why a grade is called unsure."""
    weight = sum(p.weight for p in points if p.unsure) / sum(p.weight for p in points)
    return _UNSURE[lang].format(n=sum(p.unsure for p in points), share=weight)


def summary(
    points: Sequence[PointVerdict], misconceptions: Sequence[StatedMisconception], lang: str, said: bool
) -> str:
    """Two or three sentences on the whole reply: what holds, what is wrong, what to learn first."""
    if not said:
        return _NOTHING[lang]
    zh = lang == "zh"
    hits = sum(point.verdict == "hit" for point in points)
    # Nobody is told to be wrong on a guess.
    wrong = sorted((p for p in points if p.verdict == "contradicted" and not p.unsure), key=lambda p: -p.weight)
    gaps = sorted((p for p in points if p.verdict in ("missed", "partial")), key=lambda p: -p.weight)
    parts = [f"{len(points)} 个要点说到了 {hits} 个。" if zh else f"You made {hits} of {len(points)} key points."]
    if misconceptions:
        first = misconceptions[0]
        parts.append(f"常见误解“{first.claim}”：{_stop(first.correction, lang)}" if zh
                     else f"A common misconception, “{first.claim}”: {_stop(first.correction, lang)}")
    elif wrong:
        parts.append(f"先纠正说反的：{_stop(wrong[0].text, lang)}" if zh else f"First put right: {_stop(wrong[0].text, lang)}")
    if gaps:
        parts.append(f"下一步补上：{_stop(gaps[0].text, lang)}" if zh else f"Next, add: {_stop(gaps[0].text, lang)}")
    return ("" if zh else " ").join(parts)


def _stop(text: str, lang: str) -> str:
    end = "。" if lang == "zh" else "."
    return text if text.rstrip().endswith((end, "！", "!", "？", "?")) else text.rstrip() + end
