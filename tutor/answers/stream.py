"""The events of one answer, in the order in which a reader should see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from tutor import lexicon
from tutor.answers.support import nearest, spans, support
from tutor.answers.types import Answer, Citation, Done, Event, Evidence, Sentence, Token
from tutor.chat import ChatModel, Message
from tutor.errors import ModelError
from tutor.retrieval import Passage, Retrieval, assertion

# Fixed texts: the engine keeps what it computed for an unchanged beginning.
SYSTEM = {
    "zh": "你是 Kubernetes 导师。只根据给出的事实，用两三句完整的中文直接回答问题，沿用事实里的说法，不要补充别的。",
    "en": "You are a Kubernetes tutor. Answer the question directly in two or three full sentences, "
    "only from the facts given and in their wording. Add nothing else.",
}
_PROMPT = {"zh": "事实：\n{facts}\n\n问题：{question}", "en": "Facts:\n{facts}\n\nQuestion: {question}"}
FACTS_WEIGHT = 105.0
"""Estimated tokens of facts in the prompt: two cores read about 66 tokens a second."""
MAX_TOKENS = 160
DEADLINE = 30.0
"""Seconds after which the model is cut off; what was kept by then stays."""

_TEXT = {
    "zh": {
        "reference": "**参考答案**",
        "misconception": "**先纠正一个误解**：有人认为“{claim}”。实际上：{correction} {marker}",
        "another": "**相近的误解**：“{claim}”。实际上：{correction} {marker}",
        "pitfall": "**常见误解**：“{claim}”。实际上：{correction} {marker}",
        "refused": "这个问题我没有可靠的依据来回答：语料里没有能引用的内容，所以我不编造。",
        "nearest": "语料里最接近的主题：",
        "brief": "**要点**",
        "greeting": "你好！Kubernetes 的问题尽管问，我的回答都带出处。",
        "thanks": "不客气！还有 Kubernetes 的问题，随时问我。",
        "assent": "好的！想继续的话，随时接着问。",
        "farewell": "再见，祝你学习顺利！",
        "next": "可以这样问：",
        "absent": "没有可用的模型（{why}），这里给出带引用的原文。",
        "loading": "模型还没准备好，这里先给出带引用的原文。",
        "failed": "模型没能完成回答（{error}），这里给出带引用的原文。",
        "late": "模型太慢，已在 {seconds:.0f} 秒后停下；下面的原文是完整的。",
    },
    "en": {
        "reference": "**Reference answer**",
        "misconception": "**First, a misconception**: “{claim}”. In fact: {correction} {marker}",
        "another": "**A related one**: “{claim}”. In fact: {correction} {marker}",
        "pitfall": "**A common misconception**: “{claim}”. In fact: {correction} {marker}",
        "refused": "I have no reliable source for this question: nothing in the corpus answers it, "
        "so I won't make something up.",
        "nearest": "The nearest topics that the corpus does cover:",
        "brief": "**In short**",
        "greeting": "Hello! Ask me anything about Kubernetes; my answers cite their sources.",
        "thanks": "You're welcome! Ask away whenever you have another Kubernetes question.",
        "assent": "Good! Go on whenever you like.",
        "farewell": "Goodbye, and good luck with your studies!",
        "next": "You could ask:",
        "absent": "There is no model ({why}), so here are the cited passages.",
        "loading": "The model isn't ready yet, so here are the cited passages.",
        "failed": "The model couldn't finish its answer ({error}), so here are the cited passages.",
        "late": "The model was too slow and was stopped after {seconds:.0f} s; the passage below is complete.",
    },
}
_VERDICT = re.compile(
    r"^\W*(是的|对的|对[，,。!！]|没错|正确|不是的|不对|不[，,。]|错误"
    r"|(yes|yeah|no|correct|right|wrong|true|false|exactly)\b"
    r"|(that|this|it)('s| is) (right|correct|true|wrong|false|not)\b|you('re| are) (right|correct))",
    re.IGNORECASE,
)
ECHO = 0.8
"""A sentence with this share of its words from a learner's claim only repeats it."""
SAID = 0.5
"""Share of a key point's words in the stretch that is quoted for it: the passage says each point,
but a long one may be cut where another point stands."""
_MARKER = re.compile(r"\s*[\[【]\d+[\]】]")
_NUMBERED = re.compile(r"\s*\d+\.")
_LEAD = re.compile(r"^(?:\d+[.、)]\s+|[-*•]\s+|#+\s+)+")
_CONNECTIVE = re.compile(
    r"^(?:(?:然后|接着|所以|因此|另外|此外|最后|但是|而|不过)[，,]?"
    r"|(?:then|next|finally|also|so|therefore|however|additionally|instead)\b,?\s+)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[。！？；]|[.!?](?=\s)|\n")


def answer_events(
    question: str,
    retrieval: Retrieval,
    chat: ChatModel | None,
    clock: Callable[[], float],
    started: float,
    follow_ups: tuple[str, ...] = (),
    notice: str | None = None,
    wait: float = 0.0,
) -> Iterator[Event]:
    """`Evidence`, then `Token`s and `Sentence`s of the model, then `Done`.

    `clock` counts seconds and `started` is its value when the question came.
    `follow_ups` are suggested with an answer and after a courtesy, for which
    no model is called, nor for a brief answer that key points make up.
    `notice` says why there is no model, if there should be one. A model that
    is still loading is waited for up to `wait` seconds, after the evidence.
    A model that isn't ready, breaks off or is too slow costs its sentences,
    never the answer. Closing the iterator stops the model.
    """
    lang = retrieval.lang
    cites = _Citations(retrieval.passages)
    brief = _brief(retrieval.passages[0], cites) if retrieval.brief and retrieval.answerable else ""
    writes = chat is not None and retrieval.answerable and not brief
    yield Evidence(retrieval.passages, retrieval.confidence, retrieval.answerable, writes)
    timings = {"evidence": clock() - started}
    if retrieval.courtesy is not None:
        yield Done(_courteous(question, retrieval, follow_ups, timings, clock() - started))
        return
    if not retrieval.answerable:
        yield Done(_refusal(question, retrieval, timings, clock() - started))
        return
    claim = lexicon.tokens(retrieval.question) if assertion(retrieval.question) == 1.0 else ()
    kept: list[str] = []
    dropped: list[tuple[str, str]] = []
    notices: list[str] = [_TEXT[lang]["absent"].format(why=notice)] if notice else []
    unknown = 0
    if brief:
        chat, notices = None, []
    if chat is not None and not chat.ready() and wait <= 0:
        notices.append(_TEXT[lang]["loading"])
    elif chat is not None:
        began = clock()
        texts = [passage.text for passage in retrieval.passages]
        pieces = _Pieces()
        try:
            with closing(chat.stream(prompt(retrieval), max_tokens=MAX_TOKENS)) as stream:
                for piece in stream:
                    timings.setdefault("first_token", clock() - started)
                    yield Token(piece)
                    for sentence in pieces.feed(piece):
                        unknown += len(_MARKER.findall(sentence))
                        yield _judge(sentence, texts, set(claim), cites, kept, dropped)
                    if clock() - began > DEADLINE:
                        notices.append(_TEXT[lang]["late"].format(seconds=DEADLINE))
                        break
            for sentence in pieces.rest() if not notices else ():
                unknown += len(_MARKER.findall(sentence))
                yield _judge(sentence, texts, set(claim), cites, kept, dropped)
        except ModelError as error:
            notices.append(_TEXT[lang]["failed"].format(error=error.message))
    timings["total"] = clock() - started
    yield Done(
        Answer(
            question=question,
            text=f"{_TEXT[lang]['brief']}\n\n{brief}" if brief else _compose(lang, retrieval.passages, cites, kept),
            citations=tuple(cites.made),
            passages=retrieval.passages,
            status="grounded",
            confidence=retrieval.confidence,
            lang=lang,
            timings=timings,
            notices=tuple(notices),
            model=chat.name if chat is not None and "first_token" in timings else None,
            dropped=tuple(dropped),
            unknown_markers=unknown,
            suggestions=follow_ups,
        )
    )


def broken_off(question: str, passages: Sequence[Passage], kept: Sequence[str]) -> Answer:
    """What there is of an answer whose model was stopped: its `kept` sentences, then the best passage, whole.

    `passages` are those of an answerable question. Sentences keep the place that they cite.
    """
    lang, cites = passages[0].lang, _Citations(tuple(passages))
    texts = [passage.text for passage in passages]
    shown = []
    for sentence in kept:
        clean = _MARKER.sub("", sentence).strip()
        found = support(clean, texts)
        shown.append(f"{clean} {cites.marker(found.passage, found.quote)}" if found.ok else clean)
    return Answer(
        question=question, text=_compose(lang, passages, cites, shown), citations=tuple(cites.made),
        passages=tuple(passages), status="grounded", confidence=0.0, lang=lang,
    )


def prompt(retrieval: Retrieval) -> list[Message]:
    """System text and one user message: the facts that matter most, then the question."""
    lang = retrieval.passages[0].lang
    facts = "\n".join(f"- {fact}" for fact in pick_facts(retrieval.passages[0], retrieval.question))
    # Replaced and not formatted: braces in a question or a passage are only text.
    user = _PROMPT[lang].replace("{facts}", facts, 1).replace("{question}", _asked(retrieval), 1)
    return [Message("system", SYSTEM[lang]), Message("user", user)]


def _asked(retrieval: Retrieval) -> str:
    # A small model agrees with whatever a learner claims, so it gets the neutral question.
    claims = assertion(retrieval.question) == 1.0
    question = retrieval.passages[0].title if claims else retrieval.question
    return question.replace("\n", " ")[-200:]


def pick_facts(passage: Passage, question: str) -> list[str]:
    """Statements of the passage that fit the prompt, most telling for the question first.

    Key points where the item has them, else sentences of the passage.
    """
    asked = set(lexicon.tokens(question))
    facts = [correction for _, correction in passage.misconceptions]
    rest = list(passage.points) or [
        passage.text[start:end] for start, end in spans(passage.text) if end - start > 8
    ]
    order = sorted(
        range(len(rest)),
        key=lambda i: (-len(asked & set(lexicon.tokens(rest[i]))) + 0.5 * i, i),
    )
    room = FACTS_WEIGHT - sum(_weight(fact) for fact in facts)
    for i in order:
        if facts and _weight(rest[i]) > room:
            continue
        facts.append(rest[i])
        room -= _weight(rest[i])
    return facts


def _weight(text: str) -> float:
    chinese = sum(char >= "\u2e80" for char in text)
    return chinese / 1.5 + (len(text) - chinese) / 3.5


class _Pieces:
    """Cuts a stream of text into sentences."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, piece: str) -> Iterator[str]:
        self._text += piece
        at = 0
        while match := _SENTENCE_END.search(self._text, at):
            sentence = self._text[: match.end()]
            if _NUMBERED.fullmatch(sentence):
                at = match.end()  # the dot of "1." ends nothing
                continue
            self._text, at = self._text[match.end() :], 0
            if sentence.strip():
                yield sentence.strip()

    def rest(self) -> Iterator[str]:
        # An unfinished sentence at the token limit is no sentence.
        if self._text.strip() and re.search(r"[。！？.!?…`)）]\s*$", self._text):
            yield self._text.strip()


class _Citations:
    """Markers by (passage, quote), numbered in the order of first use."""

    def __init__(self, passages: tuple[Passage, ...]) -> None:
        self._passages = passages
        self.made: list[Citation] = []

    def marker(self, number: int, quote: str) -> str:
        passage = self._passages[number]
        for citation in self.made:
            if citation.item_id == passage.item_id and citation.quote == quote:
                return citation.marker
        marker = f"[{len(self.made) + 1}]"
        self.made.append(
            Citation(marker, passage.item_id, passage.title, passage.source, quote)
        )
        return marker


def _judge(sentence, texts, claim, cites, kept, dropped) -> Sentence:
    clean = _LEAD.sub("", _MARKER.sub("", sentence).strip()).replace("**", "").strip()
    verdict = support(clean, texts)
    reason = verdict.reason
    if clean.endswith((":", "：")):
        reason = "announces something and says nothing"
    elif _VERDICT.match(clean):
        reason = "a yes or no that no passage can support"
    elif claim and lexicon.overlap(lexicon.tokens(clean), claim) >= ECHO:
        reason = "repeats what the question claims"
    elif any(clean in earlier for earlier in kept):
        reason = "said already"
    if reason:
        dropped.append((clean, reason))
        return Sentence(clean, False, reason)
    if not kept:
        # What it went on from was dropped.
        clean = _CONNECTIVE.sub("", clean)
        clean = clean[:1].upper() + clean[1:]
    shown = f"{clean} {cites.marker(verdict.passage, verdict.quote)}"
    kept.append(shown)
    return Sentence(shown, True)


def body_of(passage: Passage) -> str:
    """The passage's text without the corrections that retrieval put under it."""
    corrections = [correction for _, correction in passage.misconceptions or passage.pitfalls]
    return passage.text.removesuffix("\n\n" + "\n".join(corrections)) if corrections else passage.text


def _brief(passage: Passage, cites: _Citations) -> str:
    """Key points as a list, each with where the passage says it; empty with fewer than two."""
    body = body_of(passage)
    found = [(point, *nearest(point, body)) for point in passage.points if point]
    held = [(point, quote) for point, quote, overlap in found if overlap >= SAID]
    if len(held) < 2:
        return ""
    return "\n".join(f"- {point} {cites.marker(0, quote)}" for point, quote in held)


def _compose(lang: str, passages: Sequence[Passage], cites: _Citations, kept: Sequence[str]) -> str:
    """Correction, the model's supported sentences, then the best passage, whole."""
    text = _TEXT[lang]

    def corrected(kind: str, number: int, claim: str, correction: str) -> str:
        # Replaced and not formatted: braces in a claim are only text.
        filled = text[kind].replace("{marker}", cites.marker(number, correction))
        return filled.replace("{claim}", claim).replace("{correction}", correction)

    stated = [
        (number, *pair)
        for number, passage in enumerate(passages)
        for pair in passage.misconceptions
    ]
    parts = [
        corrected("another" if nth else "misconception", *found) for nth, found in enumerate(stated)
    ]
    if kept:
        parts.append("".join(kept) if lang == "zh" else " ".join(kept))
    first = passages[0]
    body = body_of(first)
    start, end = spans(body)[0]
    parts.append(f"{text['reference']} {cites.marker(0, body[start:end])}")
    parts.append(body)
    parts += [corrected("pitfall", 0, *pair) for pair in first.pitfalls]
    return "\n\n".join(parts)


def _courteous(
    question: str, retrieval: Retrieval, follow_ups: tuple[str, ...], timings: dict, total: float
) -> Answer:
    found = _uncited(question, retrieval, retrieval.courtesy or "greeting", "next", follow_ups, timings | {"total": total})
    return replace(found, courtesy=True)


def _refusal(question: str, retrieval: Retrieval, timings: dict, total: float) -> Answer:
    nearest = tuple(passage.title for passage in retrieval.passages[:3])
    return _uncited(question, retrieval, "refused", "nearest", nearest, timings | {"total": total})


def _uncited(
    question: str, retrieval: Retrieval, said: str, lead: str, suggestions: tuple[str, ...], timings: dict
) -> Answer:
    """A text of ours and what to ask instead."""
    text = _TEXT[retrieval.lang]
    shown = text[said]
    if suggestions:
        shown += f"\n\n{text[lead]}\n" + "\n".join(f"- {one}" for one in suggestions)
    return Answer(
        question=question,
        text=shown,
        citations=(),
        passages=retrieval.passages,
        status="refused",
        confidence=retrieval.confidence,
        lang=retrieval.lang,
        timings=timings,
        suggestions=suggestions,
    )
