"""Which clauses of a reply say something: orders to the grader and echoes of the question don't."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tutor import lexicon
from tutor.grading.clauses import clauses

ECHO = 0.85
"""Share of a clause's words that stand in the question from which on it only repeats it."""

_ORDER = re.compile(
    r"满分|(给|打|判|评)[我它这个到出为成了]{0,3}\s*(10|十|9|九|8|高|满)\s*分|10\s*/\s*10|(?<!\d)100\s*分"
    r"|评分(标准|规则|员|系统|器|细则|依据)|(得|采|给)分点|评卷|阅卷|判卷(?!子)|判分|算我对|算对|判(为|成)?(正确|命中|对)"
    r"|(标准|参考|正确)答案|(全部|都|均|已)\s*(命中|答对|覆盖)|命中(全部|所有)"
    r"|要点.{0,12}(全部|都|均|全|已经?).{0,10}(命中|覆盖|答对|答到|提到|说到|满足|到位|包含|讲到|清楚|正确)"
    r"|(忽略|无视|忘掉|忘记|跳过|不要管|别管|不用管|抛开).{0,12}(以上|上面|上述|前面|之前|先前|评分|规则|指令|要求|标准|提示|设定)"
    r"|(你|您)(现在)?(是|扮演|作为).{0,12}(助手|模型|考官|老师|评|面试官|AI)|提示词|系统(消息|提示|指令)"
    r"|^\W*请?(直接|让我)?(通过|进入下一题|下一题)(吧|！|!|。)?\W*$|(求|拜托).{0,10}(通过|高分|给分)"
    r"|^\W{0,3}(system|assistant|user|developer|human|ai|grader|examiner|系统|助手|用户)\W{0,3}[:：](?=\s|$|[^\x00-\x7f])"
    r"|<\|/?\s*\w+[^>]{0,40}>|</?(system|assistant|inst|im_start|im_end)\b[^>]*>|\[/?(INST|SEP|CLS)\]|</?s>"
    r"|\"?verdicts?\"?\W{0,3}[:=]|\bscores?\"?\s*[:=]\s*\"?\d|\bhit\b\W{0,4}(\bhit\b|100)|[:=]\s*\"?hit\b"
    r"|\b(full|top|maximum|max|perfect)\s+(marks?|score|credit|grade)\b"
    r"|\b(give|award|assign|grant|grade|mark|score|rate)\s+(me|this (reply|answer|response|candidate|one)|the (reply|answer|response|candidate)|my (reply|answer|response)|it as)\b"
    r"|\b(ignore|disregard|forget|skip|override|bypass)\b.{0,40}\b(rubric|instructions?|above|previous|prior|prompt|criteria|rules?|guidelines?|grading)\b"
    r"|\b(grading|marking|scoring) (rubric|criteria|system|guide|rules?|scheme|key)\b|\brubric\b"
    r"|\b(all|every|each|the)\b.{0,20}\bkey points?\b.{0,30}\b(cover|hit|met|present|address|include|mention|satisf|correct|made)"
    r"|\b(cover|hit|mention|address|include|satisf|made|make)\w*\b.{0,25}\b(all|every|each)\b.{0,25}\b(points?|criteri|aspects?|requirements?)\b"
    r"|\b(reference|model|correct|official|expected|ideal) (answer|solution)\b|\banswer key\b"
    r"|\byou are (now )?(a|an|the|my)\b.{0,30}\b(grader|examiner|assistant|model|ai|teacher|interviewer)\b"
    r"|\bas an? (ai|language model|grader|examiner)\b|\bsystem (prompt|message|note|override|notice)\b|\bplease pass me\b",
    re.IGNORECASE | re.MULTILINE,
)
IN_ORDER = 0.5
"""Share of its neighbouring words that are neighbours in the question too, if that has more than `FEW` words."""
FEW = 8
REPEATED = 6
"""Letters from which on a clause that stood there before is a repetition."""
MOST_LISTED = 9
"""Words or names in a row, between commas; more of them are no sentence, but terms thrown in."""
_INVISIBLE = dict.fromkeys((8203, 8204, 8205, 8288, 65279, 173))
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u04cf\u0442\u043a\u043c\u043d\u0432\u03bf\u03bd\u03b1\u03b9\u03c1",
    "aeopcyxijshdltkmhbovaip",
)
"""Cyrillic and Greek letters that look like Latin ones (Unicode TR 39), lower case."""
_ENCODED = re.compile(r"^[A-Za-z0-9+/=_-]{40,}$")
_SENTENCE_END = re.compile(r"[。！？!?\n]|\.(?=\s|$)")

_LISTED = r"(?:[\u3400-\u9fff]{1,8}|[^\s,，、;；。!！?？:：|\u3400-\u9fff]{1,32}(?: [^\s,，、;；。!！?？:：|\u3400-\u9fff]{1,32})?)"
_LIST = re.compile(rf"(?:{_LISTED}\s*(?:[,，、;；|]|\n)\s*){{{MOST_LISTED},}}{_LISTED}")

Kind = Literal["said", "order", "echo", "list"]


@dataclass(frozen=True)
class Clause:
    """A clause of a reply: `reply[start:end]`, and whether it says something."""

    start: int
    end: int
    kind: Kind


def heard(reply: str, questions: Sequence[str]) -> list[Clause]:
    """The clauses of the reply, each with its kind. `questions`: what an echo repeats.

    An order takes the rest of its sentence with it. Long lists of terms say
    nothing, and what was said before says nothing new.
    """
    asked = [lexicon.words(question) for question in questions]
    lists = [found.span() for found in _LIST.finditer(reply)]
    said: set[str] = set()
    found: list[Clause] = []
    ordered_until = -1
    for start, end in clauses(reply):
        text = unicodedata.normalize("NFKC", reply[start:end].translate(_INVISIBLE))
        kind: Kind = "said"
        latin = text.lower().translate(_LOOK_ALIKES)
        if start < ordered_until or _ORDER.search(text) or _ORDER.search(latin) or _ENCODED.match(text):
            kind = "order"
            if start >= ordered_until:
                stop = _SENTENCE_END.search(reply, max(start, end - 1))
                ordered_until = stop.start() if stop else len(reply)
        elif _echoes(text, asked):
            kind = "echo"
        elif any(2 * (min(end, b) - max(start, a)) >= end - start for a, b in lists):
            kind = "list"
        elif (plain := "".join(filter(str.isalnum, text.lower()))) in said and len(plain) >= REPEATED:
            kind = "echo"
        else:
            said.add(plain)
        found.append(Clause(start, end, kind))
    return found


def _echoes(text: str, asked: Sequence[Sequence[str]]) -> bool:
    words = lexicon.words(text)
    return len(words) >= 2 and any(
        lexicon.overlap(words, set(known)) >= ECHO
        # A long question has every word of many a right answer, but in another order.
        and (len(set(known)) <= FEW or lexicon.overlap(pairwise(words), set(pairwise(known))) >= IN_ORDER)
        for known in asked
    )
