"""Does the question state something, and which known misconception is it?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tutor import lexicon
from tutor.corpus.items import Item, Misconception

NEAR = 0.84
"""Cosine from which on a misconception has to do with the question."""
STATED = {1.0: (0.87, 0.5), 0.5: (0.89, 0.65)}
"""By the strength of the assertion: from this cosine on, or with this share of
its words, a misconception is what the question states."""
MOST = 3
"""Misconceptions that one question is taken to state: its wording rarely tells which."""
WORDS = 0.15
"""What holding all of a claim's words is worth, as a cosine."""

Pair = tuple[str, str]
"""Claim and correction."""

_ASSERTS_ZH = re.compile(
    r"对吗|对吧|是吧|是吗|对不对|是不是|没错吧|没问题吧|没毛病吧|是这样|真的[吗吧]|可以这么说"
    r"|我(觉得|认为|以为|理解|的理解|听说|记得|一直)|听说|据说|有人说|同事说|书上说|应该(是|算|就)|吧[。？?！!]?\s*$"
)
_ASKS_ZH = re.compile(
    r"[?？]|什么|啥|怎么|怎样|如何|为何|哪|谁|几|多少|多久|吗|呢|能不能|可不可以|要不要|有没有|咋"
    r"|区别|介绍|说明|解释|简述|叙述|描述|请|列举|对比|比较|原因|流程|原理|排查|步骤|作用|怎|还是|帮我|一句话|不在$|不$"
)
_ASSERTS_EN = re.compile(
    r"\b(right|correct|isn't it|isn't that so|aren't they|doesn't it|don't they|won't it|is that true|"
    r"true or false|yes)\s*\?*\s*$"
    r"|\b(i think|i thought|i believe|i heard|i read that|i assume|i understand|my understanding|"
    r"i was told|people say|they say|is it true|says that|colleague says|so basically)\b",
    re.IGNORECASE,
)
_ASKS_EN = re.compile(
    r"\?|\b(what|which|how|why|tips|diff)\b|^\W*(who|when|where|can|could|should|do|does|did|is|are|was|will|would|"
    r"explain|describe|list|name|compare|tell|give|show|walk|define|outline|discuss|difference)\b"
    r"|\b(where do|(do|can|should|does|will) (i|we|it|my)|difference between)\b",
    re.IGNORECASE,
)
# Trouble told ("容器反复重启") claims nothing, unless it is made a rule ("…就会一直 Pending").
_SYMPTOM = re.compile(
    r"反复|不停|不断|老是|老[在被]|总是|一直|频繁|循环|又[自重被]|半天|卡[在住着]|起不来|不下来|上不去|不通|连不上|打不开|没反应|挂了|崩"
    r"|\b(keeps?|stuck|again|over and over|constantly|crash(es|ing)?|won't|broken|failing|down|unreachable)\b",
    re.IGNORECASE,
)
_RULE = re.compile(
    r"会|就[是能要得]|必须|必然|肯定|一定|只[要有能]|都|总能|不然|所有|每个"
    r"|\b(must|always|never|ha(s|ve) to|would|will|only|guarantees?|means?|every|all|because|so|is enough|once)\b",
    re.IGNORECASE,
)


def assertion(question: str) -> float:
    """1.0 when the question states something ("…, right?", "我觉得…"), 0.0 when it asks.

    0.5 for a sentence without any sign of asking: a statement, or an event told.
    """
    zh = lexicon.language(question) == "zh"
    if (_ASSERTS_ZH if zh else _ASSERTS_EN).search(question):
        return 1.0
    if (_ASKS_ZH if zh else _ASKS_EN).search(question):
        return 0.0
    if _SYMPTOM.search(question) and not _RULE.search(question):
        return 0.0
    # Keywords thrown into a search box state nothing.
    return 0.5 if len(lexicon.words(question)) >= 4 else 0.0


def stated(
    candidates: Sequence[tuple[Mapping[str, float], Item]], lang: str, question: str
) -> dict[str, list[Pair]]:
    """The misconceptions that the question states, by the id of their item, at most `MOST`.

    Each candidate is an item with the cosines of the question and the texts of its claims.
    """
    strength = assertion(question)
    if not strength:
        return {}
    enough, covered = STATED[strength]
    asked = set(lexicon.tokens(question))
    found: list[tuple[float, str, Pair]] = []
    for cosines, item in candidates:
        for misconception in item.misconceptions:
            texts = misconception.claim.values()
            cosine = max((cosines.get(text, 0.0) for text in texts), default=0.0)
            if lang not in misconception.claim or cosine < NEAR:
                continue
            cover = max(lexicon.overlap(lexicon.tokens(text), asked) for text in texts)
            if cosine >= enough or cover >= covered:
                found.append((cosine + WORDS * cover, item.id, _pair(misconception, lang)))
    by_item: dict[str, list[Pair]] = {}
    for _, item_id, pair in sorted(found, reverse=True)[:MOST]:
        by_item.setdefault(item_id, []).append(pair)
    return by_item


def nearest(cosines: Mapping[str, float], item: Item, lang: str) -> tuple[Pair, ...]:
    """The one misconception that has most to do with the question, if any has."""
    found = [
        (max((cosines.get(claim, 0.0) for claim in m.claim.values()), default=0.0), -number)
        for number, m in enumerate(item.misconceptions)
        if lang in m.claim
    ]
    if not found or max(found)[0] < NEAR:
        return ()
    return (_pair(item.misconceptions[-max(found)[1]], lang),)


def _pair(misconception: Misconception, lang: str) -> Pair:
    return misconception.claim[lang], misconception.correction[lang]
