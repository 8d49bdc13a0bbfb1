"""Follow-up questions made whole from the conversation, without a model call."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tutor import lexicon
from tutor.chat import Message

# Words by which a question leans on what was said before.
_LEANS_ZH = re.compile(
    r"^(那么?|然后|还有|接着|所以|如果是|换成|具体|为什么|为啥|怎么排查|怎么解决|怎么办|举个例子|例如|比如)"
    r"|(它|它们|这个|那个|这些|那些|这样|那样|上面|前面|刚才|刚刚|上述|前者|后者|第[一二三]种|呢[？?]?$)"
)
_LEANS_EN = re.compile(
    r"^(and|so|but|then|what about|how about|why|how come|what if|an example|for example|which one|"
    r"in that case|also)\b"
    r"|\b(it|its|that|this|these|those|they|them|their|the former|the latter|the first one|"
    r"the second one|there|same|instead|above)\b",
    re.IGNORECASE,
)


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


# Concepts so general that a question with nothing else has no topic of its own.
_GENERAL = frozenset(
    {"troubleshoot", "default", "field", "component", "optimize", "upgrade", "restart", "log",
     "event", "command-args", "manifest", "cluster", "kubernetes", "port", "backup", "restore",
     "scale", "balance", "network", "lifecycle", "phase", "image", "alert", "monitoring"}
)


def _topical(text: str) -> bool:
    return bool(set(lexicon.concepts(text)) - _GENERAL)
