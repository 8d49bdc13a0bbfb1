"""Trains the cross-encoder that judges a reply against a key point.

`python -m evals.grader.train OUT` on two cores. e5 with its embeddings and its
first layers frozen reads "passage: reply" and "query: point" as one text; a
head gives the four verdicts. Twins also pull their verdicts apart.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch

from evals.grader.data import CORPUS, VERDICTS, Reply, load
from evals.grader.pairs import Pair, across, from_corpus, held_out, public, written
from tutor.corpus import Item, read
from tutor.e5 import load_bert

FROZEN = 4
MAX_REPLY, MAX_POINT = 360, 140
"""Tokens; the model has 512 places."""
MARGIN = 2.0
STEP = 64
"""Length of a packed row is a multiple of this, as `tutor.e5` does."""


class Grader(torch.nn.Module):
    """(reply, point) as token ids -> logits of `VERDICTS`."""

    def __init__(self, bert: torch.nn.Module) -> None:
        super().__init__()
        self.bert = bert
        width = bert.config.hidden_size
        self.head = torch.nn.Sequential(
            torch.nn.Linear(3 * width, 256), torch.nn.GELU(), torch.nn.Linear(256, len(VERDICTS))
        )

    def forward(self, texts: list[tuple[list[int], list[int]]], ends: tuple[int, int]) -> torch.Tensor:
        first, last = ends
        rows = [[first, *reply, last, *point, last] for reply, point in texts]
        lengths = [len(row) for row in rows]
        total = sum(lengths)
        padded = -(-(total + STEP) // STEP) * STEP
        ids = torch.full((1, padded), last)
        places = torch.zeros_like(ids)
        ids[0, :total] = torch.tensor([i for row in rows for i in row])
        places[0, :total] = torch.cat([torch.arange(n) for n in lengths])
        states = self.bert(input_ids=ids, position_ids=places, lengths=lengths).last_hidden_state
        pooled = []
        for state, (reply, point) in zip(states[0, :total].split(lengths), texts, strict=True):
            said = state[1 : 1 + len(reply)]
            wanted = state[2 + len(reply) : 2 + len(reply) + len(point)]
            pooled.append(torch.cat([state[0], said.mean(0), wanted.mean(0)]))
        return self.head(torch.stack(pooled).float())


def tokenised(pair: Pair, tokenizer) -> tuple[list[int], list[int]]:
    return (
        tokenizer.ids(pair.reply, query=False)[:MAX_REPLY],
        tokenizer.ids(pair.point, query=True)[:MAX_POINT],
    )


def train(epochs: int, seed: int, most_public: int, out: Path) -> dict:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    items = {item.id: item for item in read(CORPUS).items}
    replies = load()
    known = [r for r in replies if not held_out(r.item)]
    aside = [r for r in replies if held_out(r.item)]
    own = written(known, items)
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = Grader(bert)
    for name, parameter in model.named_parameters():
        layer = name.split("encoder.layer.")[-1].split(".")[0]
        frozen = "embeddings" in name or (layer.isdigit() and int(layer) < FROZEN)
        parameter.requires_grad_(not frozen)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": list(model.head.parameters()), "lr": 5e-4},
        {"params": [p for n, p in model.named_parameters() if p.requires_grad and "head" not in n], "lr": 8e-5},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    corpus_items = [item for item in items.values() if not held_out(item.id)]
    per_epoch = [
        _epoch(own, known, items, corpus_items, draw, most_public) for _ in range(epochs)
    ]
    steps = sum(len(batches) for batches in per_epoch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [5e-4, 8e-5], total_steps=steps, pct_start=0.1
    )
    class_weight = torch.tensor([1.0, 1.5, 1.0, 1.6])
    step, began = 0, time.monotonic()
    for epoch, batches in enumerate(per_epoch):
        model.train()
        running = []
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16):
                logits = model([tokenised(pair, tokenizer) for pair in batch], tokenizer.ends)
            loss = _loss(logits.float(), batch, class_weight)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            running.append(float(loss))
            step += 1
            if step % 50 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                print(f"{step}/{steps} loss {np.mean(running[-50:]):.3f}, {left / 60:.0f} min left", flush=True)
        report = evaluate(model, tokenizer, aside, items)
        print(json.dumps({"epoch": epoch + 1} | report), flush=True)
        torch.save({n: p.to(torch.float16) for n, p in model.named_parameters() if p.requires_grad}, out)
    return report


def _epoch(own, known, items, corpus_items, draw, most_public) -> list[list[Pair]]:
    """Batches of about equal token counts; a twin travels with its pair."""
    pairs = [*own, *across(own, known, items, 0.2, draw), *from_corpus(corpus_items, draw), *public(draw, most_public)]
    by_key = {pair.key: pair for pair in own}
    units: list[list[Pair]] = []
    taken: set = set()
    for pair in pairs:
        if pair.twin is not None:
            units.append([pair, by_key[pair.twin]])
            taken |= {pair.key, pair.twin}
    units += [[pair] for pair in pairs if pair.key is None or pair.key not in taken]
    draw.shuffle(units)
    batches: list[list[Pair]] = [[]]
    size = 0
    for unit in units:
        cost = sum(len(p.reply) + len(p.point) for p in unit)
        if size + cost > 6000 and batches[-1]:
            batches.append([])
            size = 0
        batches[-1] += unit
        size += cost
    return batches


def _loss(logits: torch.Tensor, batch: list[Pair], class_weight: torch.Tensor) -> torch.Tensor:
    target = torch.tensor([pair.target for pair in batch])
    weight = torch.tensor([pair.weight for pair in batch])
    logs = torch.log_softmax(logits, 1)
    loss = (-(target * class_weight * logs).sum(1) * weight).sum() / weight.sum()
    places = {pair.key: n for n, pair in enumerate(batch) if pair.key}
    gaps = []
    for n, pair in enumerate(batch):
        if pair.twin in places:
            m = places[pair.twin]
            mine, theirs = int(target[n].argmax()), int(target[m].argmax())
            gaps.append(
                torch.relu(MARGIN - (logits[n, mine] - logits[n, theirs]) + (logits[m, mine] - logits[m, theirs]))
            )
    return loss + 0.15 * torch.stack(gaps).mean() if gaps else loss


@torch.inference_mode()
def predict(model: Grader, tokenizer, pairs: list[Pair], batch: int = 24) -> np.ndarray:
    """(n, 4) probabilities."""
    model.eval()
    found = []
    for start in range(0, len(pairs), batch):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model([tokenised(p, tokenizer) for p in pairs[start : start + batch]], tokenizer.ends)
        found.append(torch.softmax(logits.float(), 1).numpy())
    return np.concatenate(found)


def evaluate(model: Grader, tokenizer, replies: list[Reply], items: dict[str, Item]) -> dict:
    """Agreement with the written verdicts and scores on items kept aside."""
    from sklearn.metrics import cohen_kappa_score, f1_score

    pairs = written(replies, items)
    sure = predict(model, tokenizer, pairs)
    truth = np.array([np.argmax(pair.target) for pair in pairs])
    said = sure.argmax(1)
    places = {pair.key: n for n, pair in enumerate(pairs)}
    twins = [(n, places[p.twin]) for n, p in enumerate(pairs) if p.twin]
    apart = np.mean([said[n] == truth[n] and said[m] == truth[m] for n, m in twins])
    scores, marks = [], []
    for reply in replies:
        weights = np.array([p.weight for p in items[reply.item].points], float)
        rows = sure[[places[reply.id, n] for n in range(len(weights))]]
        credit = rows @ np.array([1.0, 0.5, 0.0, -0.5])
        scores.append(10 * max(0.0, float(credit @ weights / weights.sum())))
        marks.append(reply.score)
    return {
        "pairs": len(pairs),
        "accuracy": round(float(np.mean(said == truth)), 3),
        "macro f1": round(float(f1_score(truth, said, average="macro")), 3),
        "contradicted recall": round(float(np.mean(said[truth == 3] == 3)), 3),
        "contradicted precision": round(float(np.mean(truth[said == 3] == 3)), 3) if (said == 3).any() else 0.0,
        "twins told apart": round(float(apart), 3),
        "score qwk": round(float(cohen_kappa_score(np.round(scores), np.round(marks), weights="quadratic")), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--public", type=int, default=2000, help="pairs of each public set and epoch")
    options = parser.parse_args()
    print(json.dumps(train(options.epochs, options.seed, options.public, options.out)))


if __name__ == "__main__":
    main()
