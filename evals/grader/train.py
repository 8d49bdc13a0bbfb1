"""Trains the cross-encoder that judges a reply against a key point (`tutor.judge`).

`python -m evals.grader.train OUT` on two cores. Twins, which differ in one
statement, also pull their verdicts apart; where the deciding words are known,
the clauses that hold them are marked.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evals.grader.data import CORPUS, FOLDER, VERDICTS, Reply, load
from evals.grader.docs import from_docs, pages
from evals.grader.exchange import exchanged
from evals.grader.pairs import (
    Pair,
    Row,
    across,
    ads,
    aside_public,
    cut,
    framed,
    from_corpus,
    held_out,
    hollow,
    semeval,
    spoilt,
    written,
)
from tutor.corpus import Item, read
from tutor.cross_encoder import FROZEN, CrossEncoder, Encoded, encode
from tutor.e5 import load_bert
from tutor.grading.clauses import clauses

MARGIN, MARGIN_WEIGHT = 2.0, 0.2
CLASS_WEIGHT = (1.0, 1.3, 0.7, 1.4)
TOKENS = 2600
"""Tokens in a batch, about."""
RATE, HEAD_RATE = 8e-5, 5e-4


Unit = tuple[Pair, ...] | Row
"""What stays in one batch: a pair and its twins, or a row whose credit is known as a whole."""


class Texts:
    """Encodes pairs, and remembers the encodings."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict = {}

    def __call__(self, pair: Pair) -> tuple[Encoded, list[float] | None]:
        """The encoded pair, and for each clause the share of it that decides (None: unknown)."""
        name = (pair.reply, pair.question, pair.point, pair.evidence)
        if name not in self._known:
            spans = clauses(pair.reply) or [(0, len(pair.reply))]
            ids = self._tokenizer.ids
            row = encode(
                self._tokenizer.ends, [ids(pair.reply[a:b]) for a, b in spans],
                ids(pair.question, query=True), ids(pair.point, query=True),
            )
            self._known[name] = row, _marked(pair.evidence, spans[: len(row.clauses)])
        return self._known[name]


def _marked(
    evidence: tuple[tuple[int, int], ...] | None, spans: list[tuple[int, int]]
) -> list[float] | None:
    if evidence is None:
        return None
    return [
        float(any((min(b, y) - max(a, x)) / (b - a) > 0.3 or (a <= x and y <= b) for x, y in evidence))
        for a, b in spans
    ]


def batches(pairs: list[Pair], rows: list[Row], texts: Texts, draw: random.Random) -> list[list[Unit]]:
    """All pairs and rows, shuffled, in batches of about `TOKENS`; twins travel with the pair they differ from."""
    by_key = {pair.key: pair for pair in pairs if pair.key}
    together: dict[int, list[Pair]] = {}
    for pair in pairs:
        first = by_key.get(pair.twin, pair) if pair.twin else pair
        together.setdefault(id(first), [])
        together[id(first)].insert(0 if pair is first else len(together[id(first)]), pair)
    units: list[Unit] = [*map(tuple, together.values()), *rows]
    draw.shuffle(units)
    found: list[list[Unit]] = [[]]
    size = 0
    for unit in units:
        cost = sum(len(texts(pair)[0].ids) for pair in members(unit))
        if size + cost > TOKENS and found[-1]:
            found.append([])
            size = 0
        found[-1].append(unit)
        size += cost
    return found


def members(unit: Unit) -> tuple[Pair, ...]:
    return unit.pairs if isinstance(unit, Row) else unit


def loss_of(outputs, batch: list[Unit], texts: Texts) -> torch.Tensor:
    """Cross-entropy of the verdicts and of the marks, the margin between twins, and of the shares of credit."""
    pairs = [pair for unit in batch for pair in members(unit)]
    logits = torch.stack([verdict for verdict, _ in outputs])
    judged = [n for n, pair in enumerate(pairs) if pair.target]
    loss = torch.zeros(())
    if judged:
        target = torch.tensor([pairs[n].target for n in judged])
        weight = torch.tensor([pairs[n].weight for n in judged])
        logs = torch.log_softmax(logits[judged], 1)
        loss = (-(target * torch.tensor(CLASS_WEIGHT) * logs).sum(1) * weight).sum() / weight.sum()
        gaps = _gaps(logits[judged], target, [pairs[n] for n in judged])
        if gaps:
            loss = loss + MARGIN_WEIGHT * torch.stack(gaps).mean()
    marked = [(marks, texts(pair)[1]) for (_, marks), pair in zip(outputs, pairs, strict=True)]
    marked = [(marks, wanted) for marks, wanted in marked if wanted is not None]
    if marked:
        wanted = torch.tensor([value for _, values in marked for value in values])
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(
            torch.cat([marks for marks, _ in marked]), wanted, pos_weight=torch.tensor(2.0)
        )
    at, credits, known = 0, [], []
    for unit in batch:
        size = len(members(unit))
        if isinstance(unit, Row):
            credits.append(_credit(logits[at : at + size], unit))
            known.append(unit.share)
        at += size
    if credits:
        credit = torch.stack(credits).clamp(0.01, 0.99)
        loss = loss + 0.5 * torch.nn.functional.binary_cross_entropy(credit, torch.tensor(known))
    return loss


def _gaps(logits: torch.Tensor, target: torch.Tensor, pairs: list[Pair]) -> list[torch.Tensor]:
    places = {pair.key: n for n, pair in enumerate(pairs) if pair.key}
    found = []
    for n, pair in enumerate(pairs):
        if pair.twin in places:
            m = places[pair.twin]
            mine, theirs = int(target[n].argmax()), int(target[m].argmax())
            gap = logits[n, mine] - logits[n, theirs] - logits[m, mine] + logits[m, theirs]
            found.append(torch.relu(MARGIN - gap))
    return found


def _credit(logits: torch.Tensor, row: Row) -> torch.Tensor:
    weights = torch.tensor([pair.weight for pair in row.pairs])
    chances = torch.softmax(logits, 1)
    return ((chances[:, 0] + 0.5 * chances[:, 1]) * weights).sum() / weights.sum()


@dataclass(frozen=True)
class Amounts:
    """Of what is made or drawn anew for each epoch."""

    own: float = 0.45
    """Share of the written pairs; half as much of those that miss."""
    exchanges: int = 1600
    """Twins with exchanged terms."""
    spoils: int = 700
    frames: int = 450
    """Of this many written pairs those that hit, and points of the items, in a frame that denies or doubts them."""
    documents: int = 450
    """Replies made up of statements of the documentation."""
    semeval: int = 2600
    corpus: float = 0.12
    """Share of the items."""
    ads: int = 260


def drawn(own: list[Pair], items: dict[str, Item], amounts: Amounts, draw: random.Random) -> tuple[list[Pair], list[Row]]:
    """The pairs and rows of one epoch: of the written ones, and of what is made from them and from other sources."""
    chosen = [item for item in items.values() if item.points and not held_out(item.id)]
    unseen = aside_public()
    told = [p for p in own if p.twin or draw.random() < amounts.own * (0.5 if p.verdict == "missed" else 1.0)]
    twins = [pair for pair in exchanged(own, items, 1.0, draw) if pair.twin]
    pairs = [
        *told, *across(told, items, 0.1, draw), *cut(told, 0.12, draw), *hollow(told, items, 0.1, draw),
        *draw.sample(twins, min(len(twins), amounts.exchanges)), *spoilt(own, amounts.spoils, draw),
        *framed(own, chosen, amounts.frames, draw),
        *from_corpus(draw.sample(chosen, int(len(chosen) * amounts.corpus)), draw),
        *from_docs(pages(), amounts.documents, draw), *semeval(draw, amounts.semeval, unseen),
    ]
    there = {pair.key for pair in pairs if pair.key}
    by_key = {pair.key: pair for pair in own}
    pairs += [by_key[key] for key in {pair.twin for pair in pairs if pair.twin} - there]
    scored = ads(draw, unseen)
    return pairs, draw.sample(scored, min(len(scored), amounts.ads))


def train(out: Path, epochs: int, seed: int, amounts: Amounts, start: Path | None = None, rate: float = RATE) -> dict:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    items = {item.id: item for item in read(CORPUS).items}
    replies = load(FOLDER)
    aside = [r for r in replies if held_out(r.item)]
    own = written([r for r in replies if not held_out(r.item)], items)
    bert, tokenizer = load_bert(dtype=torch.float32)
    texts = Texts(tokenizer)
    model = CrossEncoder(bert)
    model.requires_grad_(True)
    for name, parameter in model.bert.named_parameters():
        layer = name.split("encoder.layer.")[-1].split(".")[0]
        if "embeddings" in name or (layer.isdigit() and int(layer) < FROZEN):
            parameter.requires_grad_(False)
    if start:
        model.load_state_dict(torch.load(start), strict=False)
    inner = [p for p in model.bert.parameters() if p.requires_grad]
    head = list(model.head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": HEAD_RATE}, {"params": inner, "lr": rate}], weight_decay=0.01
    )
    plan = [batches(*drawn(own, items, amounts, draw), texts, draw) for _ in range(epochs)]
    steps = sum(len(part) for part in plan)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [HEAD_RATE if not start else HEAD_RATE / 2, rate], total_steps=steps, pct_start=0.1
    )
    step, began, report = 0, time.monotonic(), {}
    for epoch, part in enumerate(plan):
        _learning(model)
        running = []
        for batch in part:
            with torch.autocast("cpu", torch.bfloat16):
                outputs = model([texts(pair)[0] for unit in batch for pair in members(unit)])
            loss = loss_of([(v.float(), m.float()) for v, m in outputs], batch, texts)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*inner, *head], 1.0)
            optimizer.step()
            schedule.step()
            running.append(loss.item())
            step += 1
            if step % 50 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                print(f"{step}/{steps} loss {np.mean(running[-50:]):.3f}, {left / 60:.0f} min left", flush=True)
        torch.save(_trained(model), out)
        report = evaluate(model, texts, aside, items)
        print(json.dumps({"epoch": epoch + 1} | report), flush=True)
    return report


def _learning(model: CrossEncoder) -> None:
    """Training mode, without dropout in what is frozen: drawing its numbers takes long."""
    model.train()
    model.bert.embeddings.eval()
    for layer in model.bert.encoder.layer[:FROZEN]:
        layer.eval()


def _trained(model: CrossEncoder) -> dict[str, torch.Tensor]:
    return {n: p.detach().to(torch.float16) for n, p in model.named_parameters() if p.requires_grad}


@torch.inference_mode()
def predict(model: CrossEncoder, texts: Texts, pairs: list[Pair], batch: int = 24) -> tuple[np.ndarray, list[np.ndarray]]:
    """(n, 4) probabilities, and each pair's clause probabilities."""
    model.eval()
    found, marks = [], []
    for first in range(0, len(pairs), batch):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model([texts(pair)[0] for pair in pairs[first : first + batch]])
        found.append(torch.softmax(torch.stack([v for v, _ in outputs]).float(), 1).numpy())
        marks += [torch.sigmoid(m.float()).numpy() for _, m in outputs]
    return np.concatenate(found), marks


def evaluate(model: CrossEncoder, texts: Texts, replies: list[Reply], items: dict) -> dict:
    """Agreement with the written verdicts and scores on items kept aside, and how their exchanged copies fare."""
    pairs = written(replies, items)
    sure, marks = predict(model, texts, pairs)
    swapped = [pair for pair in exchanged(pairs, items, 1.0, random.Random(0)) if pair.twin][:300]
    said = predict(model, texts, swapped)[0].argmax(1)
    return figures(sure, pairs, replies, items) | {
        "quote overlap": _quoted(marks, pairs, texts),
        "exchanged, called contradicted": round(float(np.mean(said == 3)), 3),
        "exchanged, still called hit": round(float(np.mean(said == 0)), 3),
    }


def figures(sure: np.ndarray, pairs: list[Pair], replies: list[Reply], items: dict) -> dict:
    """Accuracy, twins and score agreement of verdict probabilities (n, 4) over `written` pairs."""
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

    truth = np.array([np.argmax(pair.target) for pair in pairs])
    said = sure.argmax(1)
    places = {pair.key: n for n, pair in enumerate(pairs)}
    twins = [(n, places[p.twin]) for n, p in enumerate(pairs) if p.twin in places]
    apart = np.mean([said[n] == truth[n] and said[m] == truth[m] for n, m in twins]) if twins else 0
    scores, marks, styles = [], [], {}
    for reply in replies:
        weights = np.array([p.weight for p in items[reply.item].points], float)
        rows = said[[places[reply.id, n] for n in range(len(weights))]]
        credit = np.array([1.0, 0.5, 0.0, -0.5])[rows]
        scores.append(10 * max(0.0, float(credit @ weights / weights.sum())))
        marks.append(reply.score)
        styles.setdefault(reply.style, []).append((scores[-1], reply.score))
    return {
        "pairs": len(pairs),
        "accuracy": round(float(np.mean(said == truth)), 3),
        "macro f1": round(float(f1_score(truth, said, average="macro")), 3),
        "contradicted recall": round(float(np.mean(said[truth == 3] == 3)), 3),
        "contradicted precision": round(float(np.mean(truth[said == 3] == 3)), 3) if (said == 3).any() else 0.0,
        "twins told apart": round(float(apart), 3),
        "score qwk": round(float(cohen_kappa_score(np.round(scores), np.round(marks), weights="quadratic")), 3),
        "by style (ours, theirs)": {s: [round(float(x), 1) for x in np.mean(v, 0)] for s, v in styles.items()},
        "confusion": confusion_matrix(truth, said, labels=range(len(VERDICTS))).tolist(),
    }


def _quoted(marks: list[np.ndarray], pairs: list[Pair], texts: Texts) -> float:
    """Share of decided pairs whose most marked clause is among the deciding ones."""
    hits = [
        texts(pair)[1][int(mark.argmax())] for mark, pair in zip(marks, pairs, strict=True) if pair.evidence
    ]
    return round(float(np.mean(hits)), 3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--rate", type=float, default=RATE)
    options = parser.parse_args()
    train(options.out, options.epochs, options.seed, Amounts(), options.start, options.rate)


if __name__ == "__main__":
    main()
