"""Trains what tells a statement from its mirror image: `python -m evals.grader.mirror OUT`.

The judge goes on from its shipped weights on short texts: a learner's words (or a
sentence of the corpus), the same with the two terms of a contrast exchanged, and a
key point that the former tell. It learns to prefer the one over the other. Items
kept aside by `pairs.held_out`, and all items of the graded cases, have no part in it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evals.grader.cases import graded
from evals.grader.data import CORPUS, Reply, load
from evals.grader.pack import MEASURED, write
from evals.grader.pairs import held_out
from evals.grader.statements import NOTED_WRONG, SWAPPED, TOLD, Statements, load_exchanged
from evals.grader.statements import load as load_statements
from evals.grader.train import descend, in_batches, learnable, learning, trained
from tutor import lexicon
from tutor.corpus import Item, read
from tutor.cross_encoder import MOST_SAID, CrossEncoder, encode, load_weights
from tutor.e5 import load_bert
from tutor.grading import VERDICTS
from tutor.grading.clauses import around, sentences
from tutor.grading.exchange import exchanged
from tutor.judge import MIRROR, WEIGHTS

RATE, HEAD_RATE = 7e-5, 3e-4
SHARES = {"corpus": 0.2, "statements": 0.1, "falsified": 0.15, "swapped": 0.25, "replies": 0.3}
"""Where the triples come from."""
FROM_WRONG = 0.1
"""Contradicting words, as a share of the triples, that keep the verdicts from drifting."""
ALIKE = 0.55
"""Share of a point's words from which on a sentence of the answer tells the point."""
HIT, CONTRADICTED = VERDICTS.index("hit"), VERDICTS.index("contradicted")


@dataclass(frozen=True)
class Triple:
    """`said` tells the point; `other` is `said` with two terms exchanged."""

    said: str
    other: str
    point: str
    item: str = ""


def from_corpus(item: Item, draw: random.Random) -> Iterator[Triple]:
    """Points, sentences of the answer and corrections, with what says the same elsewhere."""
    for lang, across in (("zh", "en"), ("en", "zh")):
        points = [_plain(point.text[lang]) for point in item.points]
        abroad = [_plain(point.text[across]) for point in item.points]
        told = list(_told(item, lang, points))
        corrections = [(_plain(m.correction[lang]), _plain(m.correction[across])) for m in item.misconceptions]
        for contrast in item.contrasts:
            pairs = [*zip(points, abroad, strict=True), *corrections]
            pairs += [(points[n], sentence) for sentence, n in told]
            pairs += [(sentence, draw.choice((points[n], abroad[n]))) for sentence, n in told]
            for said, point in pairs:
                other = exchanged(said, contrast, lang)
                if other is not None:
                    yield Triple(said, other, point, item.id)


def _told(item: Item, lang: str, points: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Sentences of the answer with the number of the point that each tells."""
    wanted = [set(lexicon.tokens(point)) for point in points]
    body = re.sub(r"```.*?```", " ", item.answer[lang], flags=re.DOTALL)
    for start, end in sentences(body):
        sentence = _plain(body[start:end])
        if not 15 < len(sentence) < 400:
            continue
        words = set(lexicon.tokens(sentence))
        shares = [lexicon.overlap(point, words) for point in wanted]
        if max(shares) > ALIKE:
            yield sentence, int(np.argmax(shares))


def from_replies(replies: Iterable[Reply], items: Mapping[str, Item], verdict: str = "hit") -> Iterator[Triple]:
    """The learner's words on each point with that verdict: the quote, and the sentences around it."""
    for reply in replies:
        item = items[reply.item]
        lang = reply.lang if reply.lang in item.answer else lexicon.language(reply.text)
        for number, quote in reply.quotes.items():
            if reply.verdicts[int(number)] != verdict:
                continue
            point = _plain(item.points[int(number)].text[lang])
            start = reply.text.index(quote)
            for said in dict.fromkeys((quote, around(reply.text, start, start + len(quote)))):
                for contrast in item.contrasts:
                    other = exchanged(said, contrast, lang)
                    if other is not None and len(said) < 400:
                        yield Triple(said, other, point, item.id)


def from_statements(banks: Iterable[Statements], items: Mapping[str, Item]) -> Iterator[Triple]:
    """Right statements about a point, and the same with two terms exchanged."""
    for bank in banks:
        item = items[bank.item]
        for point, texts in zip(item.points, bank.points, strict=True):
            for said in (texts[n] for n in TOLD.right):
                for contrast in item.contrasts:
                    other = exchanged(said, contrast, bank.lang)
                    if other is not None:
                        yield Triple(said, other, _plain(point.text[bank.lang]), item.id)


def falsified(banks: Iterable[Statements], items: Mapping[str, Item], wrong: Iterable[int]) -> Iterator[Triple]:
    """Wrong statements of these kinds, and the right ones that they resemble."""
    for bank in banks:
        for point, texts in zip(items[bank.item].points, bank.points, strict=True):
            for kind in wrong:
                if texts[kind]:
                    yield Triple(texts[bank.kinds.twins[kind]], texts[kind], _plain(point.text[bank.lang]), bank.item)


def _plain(text: str) -> str:
    return re.sub(r"[*`]", "", text).strip(" -\n")


class Texts:
    """Encodes a text with a point, and remembers it."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict = {}

    def __call__(self, said: str, point: str):
        if (said, point) not in self._known:
            ids = self._tokenizer.ids
            self._known[said, point] = encode(
                self._tokenizer.ends, [ids(said)[:MOST_SAID]], [], ids(point, query=True)
            )
        return self._known[said, point]


def batches(triples: Sequence[Triple], texts: Texts) -> list[list[Triple]]:
    def cost(triple: Triple) -> int:
        return len(texts(triple.said, triple.point).ids) + len(texts(triple.other, triple.point).ids)

    return in_batches(([triple] for triple in triples), cost)


def odds(logits: torch.Tensor) -> torch.Tensor:
    """Log odds of hit to contradicted."""
    return logits[..., HIT] - logits[..., CONTRADICTED]


def train(out: Path, size: int, seed: int) -> dict[str, float]:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    items = {item.id: item for item in read(CORPUS).items}
    aside = {case.item for split in ("dev", "test") for case in graded(split)}
    replies = load()
    known = [r for r in replies if not held_out(r.item) and r.item not in aside]
    corpus = [t for i in items.values() if not held_out(i.id) and i.id not in aside for t in from_corpus(i, draw)]
    told, pairs = (
        [bank for bank in banks if not held_out(bank.item) and bank.item not in aside]
        for banks in (load_statements(), load_exchanged())
    )
    sources = {
        "corpus": corpus, "replies": list(from_replies(known, items)),
        "statements": list(from_statements(told, items)), "swapped": list(falsified(pairs, items, [SWAPPED])),
        "falsified": [*falsified(told, items, TOLD.twins), *falsified(pairs, items, [NOTED_WRONG])],
    }
    triples = []
    for name, share in SHARES.items():
        triples += draw.sample(sources[name], min(len(sources[name]), round(size * share)))
    draw.shuffle(triples)
    wrong = list(from_replies(known, items, "contradicted"))
    wrong = draw.sample(wrong, min(len(wrong), round(size * FROM_WRONG)))
    unseen = list(from_replies([r for r in replies if held_out(r.item)] + graded("dev"), items))
    unseen = draw.sample(unseen, min(len(unseen), 800))

    bert, tokenizer = load_bert(dtype=torch.float32)
    texts = Texts(tokenizer)
    model = CrossEncoder(bert)
    load_weights(model, WEIGHTS)
    inner, head = learnable(model)
    plan = batches(triples, texts)
    share = len(wrong) // len(plan)
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": HEAD_RATE}, {"params": inner, "lr": RATE}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [HEAD_RATE, RATE], total_steps=len(plan), pct_start=0.08
    )
    began, running = time.monotonic(), []
    learning(model)
    for step, batch in enumerate(plan, 1):
        beside = wrong[(step - 1) * share : step * share]
        rows = [texts(t.said, t.point) for t in batch] + [texts(t.other, t.point) for t in batch]
        rows += [texts(t.said, t.point) for t in beside]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(rows)
        logits = torch.stack([verdict for verdict, _ in outputs]).float()
        loss, right = loss_of(logits, len(batch))
        descend(loss, optimizer, schedule)
        running.append(right)
        if step % 40 == 0:
            left = (time.monotonic() - began) / step * (len(plan) - step) / 60
            print(f"{step}/{len(plan)} right {np.mean(running[-40:]):.3f}, {left:.0f} min left", flush=True)
    torch.save(trained(model), out)
    return {"triples": len(triples), "right on unseen items": right_of(model, texts, unseen)}


def loss_of(logits: torch.Tensor, n: int) -> tuple[torch.Tensor, float]:
    """Of `n` texts, their `n` mirror images, and words that contradict; and the share told apart."""
    logs = torch.log_softmax(logits, 1)
    apart = odds(logits[:n]) - odds(logits[n : 2 * n])
    loss = torch.nn.functional.softplus(-apart).mean()
    loss = loss - 0.25 * logs[:n, HIT].mean() - 0.25 * logs[n : 2 * n, CONTRADICTED].mean()
    if len(logits) > 2 * n:
        loss = loss - 0.25 * logs[2 * n :, CONTRADICTED].sum() / n
    return loss, float((apart > 0).float().mean())


@torch.inference_mode()
def right_of(model: CrossEncoder, texts: Texts, triples: Sequence[Triple]) -> float:
    """Share of triples whose text is preferred to its mirror image."""
    model.eval()
    right = 0.0
    for start in range(0, len(triples), 16):
        part = triples[start : start + 16]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model([texts(t.said, t.point) for t in part] + [texts(t.other, t.point) for t in part])
        logits = torch.stack([verdict for verdict, _ in outputs]).float()
        right += float((odds(logits[: len(part)]) > odds(logits[len(part) :])).sum())
    return round(right / len(triples), 3)


def pack(weights: Path, out: Path) -> str:
    """The file that ships; returns its sha256."""
    items = {item.id: item for item in read(CORPUS).items}
    triples = list(from_replies([reply for reply in load() if not held_out(reply.item)], items))
    triples = random.Random(1).sample(triples, MEASURED)
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    load_weights(model, WEIGHTS)
    return write(
        model, torch.load(weights, weights_only=True), out,
        lambda trained: right_of(trained, Texts(tokenizer), triples),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path, help="where the trained weights go, or with --pack, where they are")
    parser.add_argument("--size", type=int, default=14_000, help="triples")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--pack", action="store_true", help="write the file that ships instead of training")
    options = parser.parse_args()
    if options.pack:
        print(f"{MIRROR}: sha256 {pack(options.out, MIRROR)}")
    else:
        print(json.dumps(train(options.out, options.size, options.seed)))


if __name__ == "__main__":
    main()
