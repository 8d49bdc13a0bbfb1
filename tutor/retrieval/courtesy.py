"""Messages that ask nothing: thanks, greetings, "ok, got it"."""

from __future__ import annotations

import re
from typing import Literal

Courtesy = Literal["farewell", "thanks", "greeting", "assent"]
LONGEST = 100
"""Characters of a courtesy; looking for one in a long message takes long."""

# Longer phrases come before those that they begin with.
_SAID: dict[Courtesy, str] = {
    "farewell": r"再见|拜拜|回见|回头见|下次见|晚安|(那就?)?先(这样|到这)|就(这样|到这)"
    r"|\b(good ?bye|bye|see you( later)?|good ?night|that'?s (all|it)( for (now|today))?)\b",
    "thanks": r"(非常|十分|太)?感谢|多谢|谢谢|谢了|谢啦|谢过|辛苦"
    r"|\b(thank you|thank(s|z)?|thx|cheers|(much |i )appreciated?)\b",
    "greeting": r"你好|您好|大家好|哈[喽啰罗]|嗨|在吗|(早上|上午|中午|下午|晚上)好|早安"
    r"|\b(hello|hi|hey|hiya|good (morning|afternoon|evening))\b",
    "assent": r"(我|都|全|大概|基本|现在|完全|终于|已经)*(看|听|弄|搞)?(明白|懂|知道|清楚|了解|理解|学会|学到|会)了|明白|收到|了解"
    r"|(很|非常|挺|太)?有(帮助|用)|帮大忙|原来(如此|是这样)|没问题|不错|厉害|[真很太]棒|太好"
    r"|好的|好吧|好嘞|好|行|可以|嗯|哦|噢|喔|对的|对|是的|赞|牛"
    r"|\b(o+k+(ay)?|alright|all right|sure|fine|gotcha|got it|i get it|i see|i understand( now)?|understood|noted"
    r"|(that |it |this )?(really )?(makes|made) (perfect |total )?sense|(that |it |this )?(really )?help(s|ed|ful)"
    r"|great|cool|nice|perfect|awesome|excellent|useful|good to know|good|clear|amazing|well done|never ?mind|yep|yeah)\b",
}
_FILLER = (
    r"你们|你|您|啦|了|啊|呀|哈|吧|嘛|哟|咯|的|老师|大佬|各位|今天|帮助|帮忙|解答|讲解|回答"
    r"|\b(so|very|much|a lot|lots|now|then|there|and|for|all|your|the|that'?s|that|this|it'?s|it|is|was|help"
    r"|answers?|explanations?|explaining|everything|time|everyone|oh|ah|well|really|just|too|i|you)\b"
)
_PIECE = re.compile("|".join(f"(?P<{kind}>{said})" for kind, said in _SAID.items()) + f"|{_FILLER}", re.IGNORECASE)
# "Good practices" and "clear the cache" begin like praise: only a comma tells.
_FIRST = re.compile(
    rf"^(?:(?:{_SAID['thanks']}|{_SAID['greeting']})[了啦呀你您]*(?:\s*[,，.。!！~;；、]+\s*|\s+(?=[\u4e00-\u9fff]))"
    rf"|(?:{_SAID['assent']})[了啦呀]*\s*[,，.。!！~;；、]+\s*)+(?=\w)",
    re.IGNORECASE,
)


def courtesy(message: str) -> Courtesy | None:
    """The kind of courtesy that the message is; None when it says anything else.

    Of several ("thanks, bye") the first in the order of `Courtesy`.
    """
    text = message.replace("’", "'").strip()
    if len(text) > LONGEST:
        return None
    found = {kind for piece in _PIECE.finditer(text) for kind, said in piece.groupdict().items() if said}
    if any(char.isalnum() for char in _PIECE.sub(" ", text)):
        return None
    kind = next((kind for kind in _SAID if kind in found), None)
    return None if text.endswith(("?", "？")) and kind != "greeting" else kind


def without_courtesy(message: str) -> str:
    """The message less the courtesies that it begins with: "好的，那怎么排查？" -> "那怎么排查？"."""
    first = _FIRST.match(message[:LONGEST])
    return message[first.end() :] if first else message
