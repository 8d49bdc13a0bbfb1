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
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from evals.grader import statements
from evals.grader.data import CORPUS, FOLDER, VERDICTS, Reply, load
from evals.grader.pairs import (
    Pair,
    across,
    aside_public,
    cut,
    from_corpus,
    held_out,
    hollow,
    public,
    written,
)
from tutor.corpus import read
from tutor.cross_encoder import LAYERS, CrossEncoder, Encoded, attended, encode, load_weights
from tutor.e5 import load_bert
from tutor.grading.clauses import clauses

T = TypeVar("T")
MARGIN = 2.0
CLASS_WEIGHT = (1.0, 1.2, 1.0, 1.2)
TOKENS = 2600
"""Tokens in a batch, about."""
RATE, HEAD_RATE = 8e-5, 5e-4


class Texts:
    """Encodes pairs, and remembers the encodings."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict = {}

    def __call__(self, pair: Pair) -> tuple[Encoded, list[float] | None]:
        """The encoded pair, and for each clause that is read whether it decides (None: unknown)."""
        name = (pair.reply, pair.question, pair.point, pair.evidence)
        if name not in self._known:
            spans = clauses(pair.reply) or [(0, len(pair.reply))]
            ids = self._tokenizer.ids
            said = [ids(pair.reply[a:b]) for a, b in spans]
            (chosen,) = attended([pair.reply[a:b] for a, b in spans], said, [pair.point])
            spans = [spans[n] for n in chosen]
            row = encode(
                self._tokenizer.ends, [said[n] for n in chosen],
                ids(pair.question, query=True) if pair.question else [], ids(pair.point, query=True),
            )
            marks = None
            if pair.evidence is not None:
                marks = [
                    float(max((min(b, y) - max(a, x)) / (b - a) for x, y in pair.evidence) > 0.3
                          or any(a <= x and y <= b for x, y in pair.evidence)) if pair.evidence else 0.0
                    for a, b in spans
                ]
            self._known[name] = row, marks
        return self._known[name]


def batches(pairs: list[Pair], texts: Texts, draw: random.Random) -> list[list[Pair]]:
    """All pairs, shuffled, in batches of about `TOKENS`; a twin travels with its pair."""
    by_key = {pair.key: pair for pair in pairs if pair.key}
    units, taken = [], set()
    for pair in pairs:
        if pair.twin in by_key and pair.key not in taken:
            units.append([pair, by_key[pair.twin]])
            taken |= {pair.key, pair.twin}
    units += [[pair] for pair in pairs if pair.key is None or pair.key not in taken]
    draw.shuffle(units)
    return in_batches(units, lambda pair: len(texts(pair)[0].ids))


def loss_of(outputs, batch: list[Pair], texts: Texts) -> torch.Tensor:
    """Cross-entropy of the verdicts, of the marks, and the margin between twins."""
    logits = torch.stack([verdict for verdict, _ in outputs])
    target = torch.tensor([pair.target for pair in batch])
    weight = torch.tensor([pair.weight for pair in batch])
    logs = torch.log_softmax(logits, 1)
    loss = (-(target * torch.tensor(CLASS_WEIGHT) * logs).sum(1) * weight).sum() / weight.sum()
    marked = [(marks, texts(pair)[1]) for (_, marks), pair in zip(outputs, batch, strict=True)]
    marked = [(marks, wanted) for marks, wanted in marked if wanted is not None]
    if marked:
        marks = torch.cat([marks for marks, _ in marked])
        wanted = torch.tensor([value for _, values in marked for value in values])
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(
            marks, wanted, pos_weight=torch.tensor(2.0)
        )
    places = {pair.key: n for n, pair in enumerate(batch) if pair.key}
    gaps = []
    for n, pair in enumerate(batch):
        if pair.twin in places:
            m = places[pair.twin]
            mine, theirs = int(target[n].argmax()), int(target[m].argmax())
            gap = logits[n, mine] - logits[n, theirs] - logits[m, mine] + logits[m, theirs]
            gaps.append(torch.relu(MARGIN - gap))
    return loss + 0.15 * torch.stack(gaps).mean() if gaps else loss


def mixed(replies: Sequence[Reply], items: dict, most_public: int, draw: random.Random) -> list[Pair]:
    """What one epoch reads: pairs of every source, none of an item that is kept aside."""
    told = written([r for r in replies if not held_out(r.item)], items)
    corpus_items = [i for i in items.values() if i.points and not held_out(i.id)]
    told_banks, exchanged = (
        [bank for bank in banks if not held_out(bank.item)] for banks in (statements.load(), statements.load_exchanged())
    )
    banks = told_banks + exchanged
    return [
        *told, *across(told, list(replies), items, 0.08, draw), *cut(told, 0.12, draw), *hollow(told, items, 0.08, draw),
        *from_corpus(draw.sample(corpus_items, len(corpus_items) // 5), draw),
        *public(draw, most_public, aside_public()),
        *statements.alone(banks, items, draw), *statements.abroad(banks, items, 0.18, draw),
        *statements.replies(told_banks, items, 1, draw), *statements.replies(exchanged, items, 2, draw),
    ]


def seen(pair: Pair, texts: Texts) -> bool:
    """False where the words that decide aren't among those that are read."""
    marks = texts(pair)[1]
    return not pair.evidence or marks is None or any(marks)


def train(out: Path, epochs: int, seed: int, most_public: int, folders: list[Path], start: Path | None, rate: float) -> dict:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    items = {item.id: item for item in read(CORPUS).items}
    replies = [reply for folder in folders for reply in load(folder)]
    aside = [r for r in replies if held_out(r.item)]
    bert, tokenizer = load_bert(dtype=torch.float32)
    texts = Texts(tokenizer)
    model = CrossEncoder(bert)
    if start:
        load_weights(model, start)
    model.keep(LAYERS)
    inner, head = learnable(model)
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": HEAD_RATE}, {"params": inner, "lr": rate}], weight_decay=0.01
    )
    plan = []
    for _ in range(epochs):
        pairs = [pair for pair in mixed(replies, items, most_public, draw) if seen(pair, texts)]
        plan.append(batches(pairs, texts, draw))
        tokens = sum(len(texts(pair)[0].ids) for pair in pairs)
        print(f"{len(pairs)} pairs, {tokens} tokens, {len(plan[-1])} steps", flush=True)
    steps = sum(len(part) for part in plan)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [HEAD_RATE if not start else HEAD_RATE / 2, rate], total_steps=steps, pct_start=0.1
    )
    step, began, report = 0, time.monotonic(), {}
    for epoch, part in enumerate(plan):
        learning(model)
        running = []
        for batch in part:
            with torch.autocast("cpu", torch.bfloat16):
                outputs = model([texts(pair)[0] for pair in batch])
            loss = loss_of([(v.float(), m.float()) for v, m in outputs], batch, texts)
            descend(loss, optimizer, schedule)
            running.append(loss.item())
            step += 1
            if step % 50 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                print(f"{step}/{steps} loss {np.mean(running[-50:]):.3f}, {left / 60:.0f} min left", flush=True)
            if step % 500 == 0:
                torch.save(trained(model), out)
                print(json.dumps({"step": step} | evaluate(model, texts, aside[:80], items)), flush=True)
                learning(model)
        torch.save(trained(model), out)
        report = evaluate(model, texts, aside, items)
        print(json.dumps({"epoch": epoch + 1} | report), flush=True)
    return report


def learnable(model: CrossEncoder) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """What is trained of e5 and of the head; the rest is frozen."""
    model.requires_grad_(True)
    model.bert.embeddings.requires_grad_(False)
    for layer in model.bert.encoder.layer[: model.frozen]:
        layer.requires_grad_(False)
    return [p for p in model.bert.parameters() if p.requires_grad], list(model.head.parameters())


def learning(model: CrossEncoder) -> None:
    """Training mode, without dropout in what is frozen: drawing its numbers takes long."""
    model.train()
    model.bert.embeddings.eval()
    for layer in model.bert.encoder.layer[: model.frozen]:
        layer.eval()


def descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler) -> None:
    """One step, its gradient no longer than 1."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    schedule.step()


def in_batches(units: Iterable[Sequence[T]], cost: Callable[[T], int]) -> list[list[T]]:
    """What the units hold, in their order, in batches of about `TOKENS`; a unit isn't parted."""
    found: list[list[T]] = [[]]
    size = 0
    for unit in units:
        more = sum(map(cost, unit))
        if size + more > TOKENS and found[-1]:
            found.append([])
            size = 0
        found[-1] += unit
        size += more
    return found


def trained(model: CrossEncoder) -> dict[str, torch.Tensor]:
    return {n: p.detach().to(torch.float16) for n, p in model.named_parameters() if p.requires_grad}


@torch.inference_mode()
def predict(model: CrossEncoder, texts: Texts, pairs: list[Pair], batch: int = 24) -> tuple[np.ndarray, list[np.ndarray]]:
    """(n, 4) probabilities, and each pair's clause probabilities."""
    model.eval()
    found, marks = [], []
    for start in range(0, len(pairs), batch):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model([texts(pair)[0] for pair in pairs[start : start + batch]])
        found.append(torch.softmax(torch.stack([v for v, _ in outputs]).float(), 1).numpy())
        marks += [torch.sigmoid(m.float()).numpy() for _, m in outputs]
    return np.concatenate(found), marks


def evaluate(model: CrossEncoder, texts: Texts, replies: list[Reply], items: dict) -> dict:
    """Agreement with the written verdicts and scores on items kept aside."""
    pairs = written(replies, items)
    sure, marks = predict(model, texts, pairs)
    return figures(sure, pairs, replies, items) | {"quote overlap": _quoted(marks, pairs, texts)}


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
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--public", type=int, default=700, help="pairs of each public set and epoch")
    parser.add_argument("--replies", type=Path, nargs="*", default=[FOLDER], help="folders of replies")
    parser.add_argument("--start", type=Path, help="packed weights to go on from, instead of e5")
    parser.add_argument("--rate", type=float, default=RATE)
    options = parser.parse_args()
    train(options.out, options.epochs, options.seed, options.public, options.replies, options.start, options.rate)


if __name__ == "__main__":
    main()
