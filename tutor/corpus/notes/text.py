"""Bytes, languages and sentences: what the readers need to know about a text.

Every pattern here is anchored or bounded, so each function is linear in its
input whatever the input is.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from hashlib import blake2s

from tutor.corpus.items import Lang

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with theirs
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]")
_URL_TAIL = re.compile(r"\s*<?https?://[^\s<>]{1,2000}>?\s*$")


def decode(data: bytes) -> tuple[str, str | None]:
    """The text of a file and, where bytes had to be replaced, a message saying so.

    Reads UTF-8, UTF-16 and UTF-32 with a byte order mark, UTF-8 without one,
    and GB18030 (thus GBK and GB2312). Lines end in "\\n" whatever they ended in.
    """
    text, message = _decode(data)
    if "\0" in text:
        text = text.replace("\0", "")
        message = message or "holds NUL bytes, which were dropped: is it a text file?"
    return text.replace("\r\n", "\n").replace("\r", "\n"), message


def _decode(data: bytes) -> tuple[str, str | None]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strict_or_replaced(data[len(mark) :], encoding)
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        pass
    utf8 = data.decode("utf-8", "replace")
    # One damaged byte in a UTF-8 file must not turn the whole file into mojibake,
    # which GB18030 would happily make of it.
    lost = utf8.count("\ufffd")
    kept = sum(1 for char in utf8 if char > "\x7f") - lost
    if lost * 4 < kept:
        return _strict_or_replaced(data, "utf-8")
    if data.decode("gb18030", "replace").count("\ufffd") < lost:
        return _strict_or_replaced(data, "gb18030")
    return _strict_or_replaced(data, "utf-8")


def _strict_or_replaced(data: bytes, encoding: str) -> tuple[str, str | None]:
    try:
        return data.decode(encoding), None
    except UnicodeDecodeError as error:
        message = f"byte {error.start} can't be read as {encoding}; unreadable bytes were replaced"
        return data.decode(encoding, "replace"), message


def language(text: str) -> Lang:
    """ "zh" if the text has any Chinese character, else "en"."""
    return "zh" if _CJK.search(text) else "en"


def cjk_count(text: str) -> int:
    """How many Chinese characters the text has."""
    return sum(1 for _ in _CJK.finditer(text))


def normalise(text: str) -> str:
    """Only letters and digits, case and width folded: what equality of questions means."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def bigrams(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a normalised text."""
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset({text})


def covers(other: str, question: str) -> bool:
    """Whether `other` asks all that `question` asks, in nearly the same words.

    Every word of `question` has to be in `other`: "CSI" against "CNI" is one
    letter, and another question.
    """
    one, two = normalise(question), normalise(other)
    if one == two:
        return True
    if len(one) < 6 or len(two) > 1.5 * len(one):
        return False
    if not _words(question) <= _words(other):
        return False
    a, b = bigrams(one), bigrams(two)
    return 2 * len(a & b) >= 0.75 * (len(a) + len(b))


def _words(text: str) -> frozenset[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return frozenset(_WORD.findall(folded))


def digest(*parts: str) -> str:
    """Twelve hexadecimal digits that depend on the parts and on nothing else."""
    return blake2s("\0".join(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()


def split_url(text: str) -> tuple[str, str]:
    """The text without a bare address at its end, and that address ("" if none)."""
    match = _URL_TAIL.search(text[-2100:])
    if match is None:
        return text, ""
    return text[: len(text) - len(match.group())], match.group().strip().strip("<>")


# How strongly a short text asks. Interrogatives ask by themselves; topic words
# ("原理", "区别") are how notes shorten a question to a title.
_ASK_ZH = re.compile(
    r"什么|怎么|怎样|咋|如何|为何|哪些|哪种|哪几|哪个|哪里|哪儿|哪一|哪两|几种|几个|多少|是否|能否|可否|有没有"
    r"|是不是|能不能|可不可以|区别|异同|不同点|吗$|吗[?？。,，]|呢$|呢[?？。]|[是样]的?么$"
)
_COMMAND_ZH = re.compile(
    r"^(?:请|简述|详述|简单|说说|说一|说下|谈谈|谈一|谈下|讲讲|讲一|讲下|聊聊|描述|介绍|解释|列举|阐述|概述|对比|比较"
    r"|设计一|设想|举例|你)"
)
_TOPIC_ZH = re.compile(
    r"作用|原理|流程|过程|特点|特性|场景|方式|机制|优缺点|优势|关系|步骤|概念|策略|方法|思路|方案|手段|功能|架构"
    r"|类型|分类|模式|模型|周期|组件|实现|优化|排查|架构|配置|定义|注意事项|最佳实践"
)
_ASK_EN = re.compile(
    r"^(?:so |and )?(?:what|how|why|when|which|who|where|whats|what's|explain|describe|compare|define"
    r"|differentiate|difference|differences|tell me|walk me|name the|name some|list the|list some)\b",
    re.IGNORECASE,
)
_ENDS_ASKING = re.compile(r"[?？][\s*_`\"'”’）)】\]!！。.…~]{0,8}$")
_REMARK = re.compile(r"[（(][^（()）]{0,60}[)）]\s*$")


def ends_asking(text: str) -> bool:
    """Whether the text ends in a question mark, closing marks and a remark aside."""
    return bool(_ENDS_ASKING.search(text[-80:]) or _ENDS_ASKING.search(_REMARK.sub("", text[-160:])))


def asking(text: str) -> int:
    """2 if a short text asks, 1 if it names a topic as questions do, else 0."""
    text = text.strip()
    if not text or len(text) > 400:
        return 0
    if ends_asking(text):
        return 2
    if _ASK_ZH.search(text) or _COMMAND_ZH.match(text):
        # A long sentence with "如何" in it is prose unless it asks outright.
        return 2 if len(text) <= 150 else 0
    if len(text) <= 150 and _ASK_EN.match(text):
        return 2
    return 1 if len(text) <= 60 and _TOPIC_ZH.search(text) else 0


_DUNNO = re.compile(
    r"不会|不知道|不清楚|不了解|没答|没有答|答不|忘了|没碰到过?$|^略$|略过?$|待补充|待完善|待续|未完|^无$|没想好$"
    r"|开放题|开放性|自由发挥|因人而异|^todo|^tbd|^n/?a$|^no answer|don'?t know|not answered|to be (?:added|done|written)",
    re.IGNORECASE,
)


def says_nothing(answer: str) -> bool:
    """Whether a short answer only says that there is none ("不会", "TODO", "开放题")."""
    body = answer.strip().strip("。.!！~…()（）[]【】*-—_ ")
    if not normalise(body):
        return True
    return len(body) <= 30 and "\n" not in body and bool(_DUNNO.search(body))
