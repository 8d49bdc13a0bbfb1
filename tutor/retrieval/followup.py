"""Follow-up questions made whole from the conversation, without a model call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tutor import lexicon
from tutor.chat import Message

# Words by which a question leans on what was said before.
_LEANS_ZH = re.compile(
    r"^(那么?|然后|还有|还是|接着|所以|如果是|换成|具体|为什么|为啥|怎么排查|怎么解决|怎么办|举个例子|例如|比如)"
    r"|(它|它们|这玩意|这东西|那玩意|那东西|这个|那个|这些|那些|这样|那样|上面|前面|刚才|刚刚|上述|前者|后者|第[一二三]种|呢[？?]?$)|举.{0,6}例子|也(一样|行|可以)吗"
)
_LEANS_EN = re.compile(
    r"^(and|so|but|then|what about|how about|why|how come|what if|an example|for example|which one|"
    r"in that case|also|still|(any )?(downsides?|drawbacks?|pros|cons|examples?)|what (are|is) the (downsides?|drawbacks?|benefits?|catch))\b"
    r"|\b(it|its|that|this|these|those|they|them|their|the former|the latter|the first one|"
    r"the second one|there|same|instead|above)\b",
    re.IGNORECASE,
)
# And words that stand for a thing that was named before.
_POINTS = re.compile(r"它|这玩意|这东西|上面|上述|前者|后者|第[一二三](种|点)|\b(it|its|them|they|their)\b", re.IGNORECASE)

OWN = (1e-3, 1e-4, 1e-5)
"""Confidence in the message alone below which it speaks of something else, whatever was said
before: when it doesn't lean on that, when it does ("那今晚吃什么"), and when a word points
back. Colloquial follow-ups reach down to .0005, .0003 and .00002; jokes, weather, cooking
and films stay below .0003."""

# Said another way, the same again.
_BRIEF = re.compile(
    r"简单(点|些|一点|一些|地)?(说|讲|解释|来说|吧|吗|一下)|[说讲解释得](得|的)?(再)?(简单|简短|通俗|直白|易懂)|(简短|通俗|直白|精简|简洁)(点|些|一点|地)?"
    r"|太(长|复杂|难|多|深)了|[没不]太?[看听搞弄]?(懂|明白)|[看听搞]不(太)?(懂|明白)|说人话|大白话|长话短说|一句话|总结|概括|划(个)?重点|(只|就)?[要说讲列]要点"
    r"|\b(simpl(er|y|ify)|simple (words|terms|english)|plain english|in short|shorter|(a|keep it|the) short( version)?|briefly|brief|summari[sz]e|a summary|tl;?dr"
    r"|eli5|like i'?m (five|5)|too (long|complicated|complex|much)|nutshell|key points|main points|layman'?s?|bullet points"
    r"|(didn'?t|don'?t|do not) (get|understand|follow)( it| that| this)?\W*$|boil it down)\b",
    re.IGNORECASE,
)


_ASKS_MORE = re.compile(r"为什么|为啥|怎么|会怎样|\b(why|what|how)\b", re.IGNORECASE)


def leans(question: str) -> bool:
    """True when the question reads as if it went on from an earlier one."""
    pattern = _LEANS_ZH if lexicon.language(question) == "zh" else _LEANS_EN
    return bool(pattern.search(question.strip()))


def topic_before(history: Sequence[Message]) -> str | None:
    """The latest question of the conversation that names a concept by itself, or None.

    Follow-ups of follow-ups keep the topic of the question that began them.
    """
    for message in reversed(history):
        if message.role == "user" and _topical(message.content):
            return message.content
    return None


def standalone(question: str, history: Sequence[Message]) -> str | None:
    """The question with what it leans on put before it, or None when it stands alone."""
    before = topic_before(history)
    if before is None:
        return None
    own = set(lexicon.concepts(question))
    thin = len(own) <= 1 and len(lexicon.words(question)) <= 6
    if not ((leans(question) and len(own) <= 3) or (thin and not own)):
        return None
    return f"{before.strip()[:400]}\n{question.strip()}"


def speaks_of_other(question: str, confidence: float, features: Mapping[str, float]) -> bool:
    """True when the question brings matter of its own that the corpus doesn't know.

    It is no follow-up then, however it is put. `confidence` and `features` are
    those of the question alone.
    """
    if not lexicon.words(_LEANS_ZH.sub("", _LEANS_EN.sub("", question))):
        return False
    leaning = leans(question)
    if not leaning and (features.get("foreign") or features.get("stranger")):
        return True
    return confidence < OWN[leaning + (leaning and bool(_POINTS.search(question)))]


def wants_brief(question: str) -> bool:
    """True when the message asks for what was said to be put shorter or simpler, and names no topic."""
    if lexicon.concepts(_BRIEF.sub(" ", question)) or _ASKS_MORE.search(question):
        return False
    return bool(_BRIEF.search(question)) and len(lexicon.words(question)) <= 8


# Concepts so general that a question with nothing else has no topic of its own.
_GENERAL = frozenset(
    {"troubleshoot", "default", "field", "component", "optimize", "upgrade", "restart", "log",
     "event", "command-args", "manifest", "cluster", "kubernetes", "port", "backup", "restore",
     "scale", "balance", "network", "lifecycle", "phase", "image", "alert", "monitoring"}
)


def _topical(text: str) -> bool:
    return bool(set(lexicon.concepts(text)) - _GENERAL)
