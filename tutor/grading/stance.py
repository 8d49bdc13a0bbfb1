"""A key point's own wording, pasted and denied or doubted, is no knowledge of it.

Learners haven't seen that wording, so whoever repeats most of a point to the
letter has it from elsewhere. Then the sentence around it decides: the
cross-encoder, which looks for what is said, pays too little heed to a frame
such as "it is wrong to say that".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from tutor import lexicon

PASTED = 0.6
"""Share of a point's letters that stand in a sentence in one piece when it was pasted."""
SHORTEST = 12
"""Letters; a shorter piece may be a coincidence."""

Stance = Literal["denied", "doubted"]

_DENIED = re.compile(
    r"并不是|并非|不是真|没有?一(句|条|个)(是|话)|是错|错的|错误|搞错|不对|不成立|不正确|不属实|不实|误传|误导|误解|谣言|迷思|假的"
    r"|不认为|不认同|不同意|否认|反驳|反对|不能说|不要说|别信|恰好?相反|刚好相反|无稽|胡说|从来没有|没有.{0,4}这回事"
    r"|\b(not|isn't|aren't|never|hardly|far from) (\w+ ){0,2}(true|correct|right|so|the case|accurate|valid)\b|\bno (such thing|truth)\b|\bnone of\b"
    r"|\buntrue\b|\bfalse\b|\bwrong(ly)?\b|\bincorrect|\bmistaken|\bmyths?\b|\bden(y|ies|ied)\b|\bdisput|\bdisagree|\breject|\brefute"
    r"|\bby no means\b|\bnonsense\b|\bthe opposite\b|\bcontrary to\b|\bmisconception|\bfallac|\blies?\b|\bdon't believe\b",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"不确定|不知道|不晓得|不清楚|不好说|说不准|说不好|说不清|没把握|没有把握|不敢(肯定|说)|拿不准|也许|或许|兴许|大概|猜|未必|不一定|不保证|没有?(验证|核实|查证)|真假|听说|据说|有人说|网上说|是不是|会不会|是否|吗\W*$|[?？]\W*$"
    r"|可能.{0,300}(可能|许)不|要么.{0,300}要么|还是反过来"
    r"|\beither\b|\bsome (people |folks )?say\b|\bI('ve| have)? heard\b|\bsupposedly\b|\ballegedly\b|\breportedly\b|\brumou?r|\bunverified\b|\bmaybe\b|\bperhaps\b|\bpossibly\b|\bnot sure\b|\bunsure\b|\buncertain|\b(don't|do not|can't|cannot) (know|say|tell|decide)\b|\bno idea\b"
    r"|\bI guess\b|\bwho knows\b|\bhard to say\b|\bwonder\b|\bwhether\b|\bor not\b|\bor the (reverse|opposite|other way)\b|\bdoubt|\bmight or might not\b|\bcould be\b",
    re.IGNORECASE,
)
_END = re.compile(r"[。！？!?]+[”\"』」]?|\.(?=\s|$)|\n+")


def stance(reply: str, point: str) -> tuple[Stance, int, int] | None:
    """How the reply stands to a point that it repeats to the letter, and where: `reply[start:end]`.

    None where it doesn't repeat the point, or nothing about that is unusual.
    """
    wanted = _letters(point)
    least = max(SHORTEST, PASTED * len(wanted))
    if len(wanted) < least:
        return None
    for start, end, frame in _sentences(reply):
        said = _letters(reply[start:end])
        match = SequenceMatcher(None, said, wanted, autojunk=False).find_longest_match()
        if match.size < least:
            continue
        around = f"{frame}{reply[start:end]}"
        if _more(_DENIED, around, point):
            return "denied", start, end
        if _more(_DOUBTED, around, point):
            return "doubted", start, end
    return None


def doubts(text: str) -> bool:
    """Whether the text has a word of doubt or hearsay."""
    return bool(_DOUBTED.search(text))


def _more(marker: re.Pattern[str], around: str, point: str) -> bool:
    """Whether the sentence has more such words than the point itself."""
    return sum(1 for _ in marker.finditer(around)) > sum(1 for _ in marker.finditer(point))


def _sentences(reply: str) -> Iterator[tuple[int, int, str]]:
    """Start and end of every sentence, and the frame before it: what ends in a colon holds for the rest."""
    start, frame = 0, ""
    for found in [*_END.finditer(reply), None]:
        end = found.end() if found else len(reply)
        text = reply[start:end]
        if text.strip():
            yield start, end, frame
        head = re.match(r"[^:：]*[:：]", text)
        if head and (_DENIED.search(head[0]) or _DOUBTED.search(head[0])):
            frame = head[0]
        start = end


def _letters(text: str) -> str:
    return "".join(char for char in lexicon.normalise(text).lower() if char.isalnum())
