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
    rows_of,
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
RATE, HEAD_RATE = 1.2e-4, 6e-4


class Texts:
    """Encodes rows, and remembers the encodings."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[Row, tuple[Encoded, list[list[float] | None]]] = {}

    def __call__(self, row: Row) -> tuple[Encoded, list[list[float] | None]]:
        """The encoded row; per point the share of each clause that decides (None: unknown)."""
        if row not in self._known:
            spans = clauses(row.reply) or [(0, len(row.reply))]
            ids = self._tokenizer.ids
            encoded = encode(
                self._tokenizer.ends, [ids(row.reply[a:b]) for a, b in spans], ids(row.question, query=True),
                [ids(pair.point, query=True) for pair in row.pairs],
            )
            spans = spans[: len(encoded.clauses)]
            self._known[row] = encoded, [_marked(pair.evidence, spans) for pair in row.pairs]
        return self._known[row]


def _marked(
    evidence: tuple[tuple[int, int], ...] | None, spans: list[tuple[int, int]]
) -> list[float] | None:
    if evidence is None:
        return None
    return [
        float(any((min(b, y) - max(a, x)) / (b - a) > 0.3 or (a <= x and y <= b) for x, y in evidence))
        for a, b in spans
    ]


def batches(rows: list[Row], texts: Texts, draw: random.Random) -> list[list[Row]]:
    """All rows, shuffled, in batches of about `TOKENS`; twins travel with the reply that they differ from."""
    by_reply = {pair.key[0]: row for row in rows for pair in row.pairs if pair.key}
    units: dict[int, list[Row]] = {}
    for row in rows:
        twin = next((pair.twin for pair in row.pairs if pair.twin), None)
        first = by_reply.get(twin[0], row) if twin else row
        units.setdefault(id(first), []).append(row)
    shuffled = list(units.values())
    draw.shuffle(shuffled)
    found: list[list[Row]] = [[]]
    size = 0
    for unit in shuffled:
        cost = sum(len(texts(row)[0].ids) for row in unit)
        if size + cost > TOKENS and found[-1]:
            found.append([])
            size = 0
        found[-1] += unit
        size += cost
    return found


def loss_of(outputs, batch: list[Row], texts: Texts) -> torch.Tensor:
    """Cross-entropy of the verdicts and of the marks, the margin between twins, and of the shares of credit."""
    judged = [(n, row) for n, row in enumerate(batch) if row.share is None]
    loss = torch.zeros(())
    if judged:
        pairs = [pair for _, row in judged for pair in row.pairs]
        logits = torch.cat([outputs[n][0] for n, _ in judged])
        target = torch.tensor([pair.target for pair in pairs])
        weight = torch.tensor([pair.weight for pair in pairs])
        logs = torch.log_softmax(logits, 1)
        loss = (-(target * torch.tensor(CLASS_WEIGHT) * logs).sum(1) * weight).sum() / weight.sum()
        gaps = _gaps(logits, target, pairs)
        if gaps:
            loss = loss + MARGIN_WEIGHT * torch.stack(gaps).mean()
    marked = [
        (marks, wanted)
        for (_, marks), row in zip(outputs, batch, strict=True)
        for marks, wanted in zip(marks, texts(row)[1], strict=True)
        if wanted is not None
    ]
    if marked:
        wanted = torch.tensor([value for _, values in marked for value in values])
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(
            torch.cat([marks for marks, _ in marked]), wanted, pos_weight=torch.tensor(3.0)
        )
    shares = [(outputs[n][0], row) for n, row in enumerate(batch) if row.share is not None]
    if shares:
        credit = torch.stack([_credit(logits, row) for logits, row in shares]).clamp(0.01, 0.99)
        known = torch.tensor([row.share for _, row in shares])
        loss = loss + 0.5 * torch.nn.functional.binary_cross_entropy(credit, known) * len(shares) / len(batch)
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

    exchanges: float = 0.5
    """Share of the written replies that come with exchanged terms too."""
    spoils: int = 700
    frames: int = 700
    """Of this many written pairs those that hit, and points of the items, in a frame that denies or doubts them."""
    documents: int = 1300
    """Replies made up of statements of the documentation."""
    semeval: int = 1800
    corpus: float = 0.15
    """Share of the items."""


def drawn(own: list[Pair], items: dict[str, Item], amounts: Amounts, draw: random.Random) -> list[Row]:
    """The rows of one epoch: all written replies, and what is made from them and from other sources."""
    chosen = [item for item in items.values() if item.points and not held_out(item.id)]
    unseen = aside_public()
    pairs = [
        *own, *across(own, items, 0.12, draw), *cut(own, 0.12, draw), *hollow(own, items, 0.06, draw),
        *exchanged(own, items, amounts.exchanges, draw), *spoilt(own, amounts.spoils, draw),
        *framed(own, chosen, amounts.frames, draw),
        *from_corpus(draw.sample(chosen, int(len(chosen) * amounts.corpus)), draw),
        *from_docs(pages(), amounts.documents, draw), *semeval(draw, amounts.semeval, unseen),
    ]
    return rows_of(pairs) + ads(draw, unseen)


def train(out: Path, epochs: int, seed: int, amounts: Amounts) -> dict:
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
    inner = [p for p in model.bert.parameters() if p.requires_grad]
    head = list(model.head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": HEAD_RATE}, {"params": inner, "lr": RATE}], weight_decay=0.01
    )
    plan = [batches(drawn(own, items, amounts, draw), texts, draw) for _ in range(epochs)]
    steps = sum(len(part) for part in plan)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [HEAD_RATE, RATE], total_steps=steps, pct_start=0.1
    )
    step, began, report = 0, time.monotonic(), {}
    for epoch, part in enumerate(plan):
        _learning(model)
        running = []
        for batch in part:
            with torch.autocast("cpu", torch.bfloat16):
                outputs = model([texts(row)[0] for row in batch])
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
def predict(model: CrossEncoder, texts: Texts, pairs: list[Pair], batch: int = 12) -> tuple[np.ndarray, list[np.ndarray]]:
    """(n, 4) probabilities, and each pair's clause probabilities."""
    model.eval()
    rows = rows_of(pairs)
    found: dict[int, np.ndarray] = {}
    marks: dict[int, np.ndarray] = {}
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model([texts(row)[0] for row in part])
        for row, (verdicts, shown) in zip(part, outputs, strict=True):
            chances = torch.softmax(verdicts.float(), 1).numpy()
            for pair, chance, mark in zip(row.pairs, chances, torch.sigmoid(shown.float()).numpy(), strict=True):
                found[id(pair)], marks[id(pair)] = chance, mark
    return np.stack([found[id(pair)] for pair in pairs]), [marks[id(pair)] for pair in pairs]


def evaluate(model: CrossEncoder, texts: Texts, replies: list[Reply], items: dict) -> dict:
    """Agreement with the written verdicts and scores on items kept aside, and how their exchanged copies fare."""
    pairs = written(replies, items)
    sure, marks = predict(model, texts, pairs)
    swapped = exchanged(pairs, items, 1.0, random.Random(0))
    said = predict(model, texts, swapped)[0].argmax(1)
    false = np.array([pair.verdict == "contradicted" and pair.twin is not None for pair in swapped])
    return figures(sure, pairs, replies, items) | {
        "quote overlap": _quoted(marks, pairs, texts),
        "exchanged, called contradicted": round(float(np.mean(said[false] == 3)), 3),
        "exchanged, still called hit": round(float(np.mean(said[false] == 0)), 3),
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
    wanted = {id(pair): one for row in rows_of(pairs) for pair, one in zip(row.pairs, texts(row)[1], strict=True)}
    hits = [
        wanted[id(pair)][int(mark.argmax())] for mark, pair in zip(marks, pairs, strict=True) if pair.evidence
    ]
    return round(float(np.mean(hits)), 3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    train(options.out, options.epochs, options.seed, Amounts())


if __name__ == "__main__":
    main()
