"""Trains what marks a reply by a reference answer as people do: `python -m evals.grader.reference OUT`.

Whoever scores answers by a reference doesn't count its statements: half of it can be
worth the full mark. So this model reads the reply beside the whole reference, and says
which share of the mark people would give. It learns from answers that people scored
(`shared/data/grading`, read when present) and from our own replies, with the key points
of their item as the reference. Kept aside: every eighth question, and every tenth answer.

What it says of questions that it never saw is measured on the former. Then `--go-on` teaches
it their other answers as well, because the 15 questions of ADS are few; every tenth stays aside.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from evals.grader.cases import graded
from evals.grader.data import CORPUS, load
from evals.grader.pairs import LABELS, PUBLIC, SETS, aside_public, held_out, written
from evals.grader.train import descend, in_batches, learnable, learning, trained
from tutor import lexicon
from tutor.corpus import read
from tutor.cross_encoder import CrossEncoder, encode_whole, save_weights, worth_of
from tutor.e5 import load_bert
from tutor.grading import VERDICTS

RATE, HEAD_RATE = 8e-5, 5e-4
TIMES = {"ads": 4, "semeval": 2}
"""How often each scored answer is read; there are eight times as many of the latter."""
OWN_WHOLE, OWN_POINTS = 1600, 2400
"""Our own replies beside all points of their item, and beside one."""
ASTRAY = 0.08
"""Answers to another question, echoes of the question and references as answers, each as a share of the scored ones."""


@dataclass(frozen=True)
class Scored:
    """An answer with the share of the mark that it got, 0 to 1, and where known the verdict of `VERDICTS`."""

    name: str
    question_id: str
    question: str
    references: tuple[str, ...]
    answer: str
    share: float
    verdict: str | None = None
    weight: float = 1.0


def scored(name: str) -> list[Scored]:
    """The answers of a public set that say anything; empty where the data is absent."""
    path = PUBLIC / SETS[name]
    if not path.exists():
        return []
    found = []
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        if not any(map(str.isalnum, row["student_answer"])):
            continue
        label = LABELS.get(row.get("label_3way"))
        share = float(label == "hit") if label else row["score"] / float(row["max_score"])
        found.append(Scored(
            row["id"], row["question_id"], row["question"], tuple(row["references"]), row["student_answer"],
            share, label,
        ))
    return found


def answer_aside(one: Scored) -> bool:
    """True for every tenth answer, by a hash of its id."""
    return hashlib.sha256(one.name.encode()).digest()[1] % 10 == 0


def split(name: str) -> tuple[list[Scored], list[Scored], list[Scored]]:
    """To learn from; every tenth answer; the other answers to questions kept aside."""
    unseen = aside_public()
    rows = scored(name)
    return (
        [row for row in rows if row.question_id not in unseen and not answer_aside(row)],
        [row for row in rows if answer_aside(row)],
        [row for row in rows if row.question_id in unseen and not answer_aside(row)],
    )


def own(draw: random.Random) -> list[Scored]:
    """Our replies beside their item's points: some of them or all, with the score; or one, with its verdict."""
    items = {item.id: item for item in read(CORPUS).items}
    aside = {case.item for part in ("dev", "test") for case in graded(part)}
    replies = [r for r in load() if not held_out(r.item) and r.item not in aside]
    found = []
    for reply in draw.sample(replies, min(OWN_WHOLE, len(replies))):
        item = items[reply.item]
        points = [point.text[reply.lang] for point in item.points]
        draw.shuffle(points)
        reference = ("。" if reply.lang == "zh" else ". ").join(points)
        found.append(Scored(reply.id, reply.item, item.question[reply.lang], (reference,), reply.text,
                            reply.score / 10, weight=0.7))
    pairs = draw.sample(written(replies, items), OWN_POINTS)
    credit = {"hit": 1.0, "partial": 0.5, "missed": 0.0, "contradicted": 0.0}
    found += [
        Scored("", pair.group, pair.question, (pair.point,), pair.reply, credit[pair.verdict], pair.verdict, 0.5)
        for pair in pairs
    ]
    return found


def astray(rows: Sequence[Scored], draw: random.Random) -> list[Scored]:
    """What earns nothing: an answer to another question, the question itself. And what earns all: a reference."""
    found = []
    for _ in range(round(ASTRAY * len(rows))):
        one, other = draw.choice(rows), draw.choice(rows)
        if one.question_id != other.question_id:
            found.append(replace(one, answer=other.answer, share=0.0, verdict="missed", weight=0.5))
        found.append(replace(one, answer=one.question, share=0.0, verdict="missed", weight=0.5))
        other_wording = draw.choice(one.references)
        found.append(replace(one, answer=other_wording, share=1.0, verdict="hit", weight=0.5))
    return found


def reference_of(one: Scored, draw: random.Random | None) -> tuple[str, ...]:
    """The references that are read together: all, or now and then the one alone that the answer meets best."""
    if draw is None or len(one.references) == 1 or draw.random() < 0.5:
        chosen = list(one.references)
        if draw is not None:
            draw.shuffle(chosen)
        return tuple(chosen)
    said = set(lexicon.words(one.answer))
    return (max(one.references, key=lambda text: lexicon.overlap(said, set(lexicon.words(text)))),)


def loss_of(logits: torch.Tensor, rows: Sequence[Scored]) -> torch.Tensor:
    """Squared error of the share, and cross-entropy of the verdict where it is known."""
    weight = torch.tensor([row.weight for row in rows])
    share = torch.tensor([row.share for row in rows])
    given = worth_of(logits).clamp(1e-4, 1 - 1e-4)
    entropy = -(share * torch.log(given) + (1 - share) * torch.log(1 - given))
    loss = (weight * (entropy + 2 * (given - share) ** 2)).sum() / weight.sum()
    named = [n for n, row in enumerate(rows) if row.verdict]
    if named:
        target = torch.tensor([VERDICTS.index(rows[n].verdict) for n in named])
        loss = loss + 0.5 * torch.nn.functional.cross_entropy(logits[named], target)
    return loss


def train(out: Path, seed: int, go_on: Path | None) -> dict:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    parts = {name: split(name) for name in SETS}
    rows = [row for name in SETS for _ in range(TIMES[name]) for row in parts[name][0]]
    rows += astray([row for name in SETS for row in parts[name][0]], draw)
    rows += own(draw)
    if go_on:
        model.load_state_dict(torch.load(go_on, weights_only=True), strict=False)
        rows = draw.sample(rows, len(rows) // 5)
        rows += [row for name in SETS for _ in range(TIMES[name]) for row in parts[name][2]]
        parts = {name: (learnt + rest, aside, []) for name, (learnt, aside, rest) in parts.items()}
    draw.shuffle(rows)
    encoded = [(row, encode_whole(tokenizer, row.answer, row.question, reference_of(row, draw))) for row in rows]
    plan = in_batches(([(row, one)] for row, one in encoded if one is not None), lambda pair: len(pair[1].ids))
    slow = 2 if go_on else 1
    inner, head = learnable(model)
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": HEAD_RATE}, {"params": inner, "lr": RATE}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [HEAD_RATE / slow, RATE / slow], total_steps=len(plan), pct_start=0.08
    )
    began, running = time.monotonic(), []
    learning(model)
    for step, batch in enumerate(plan, 1):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model([encoded for _, encoded in batch])
        loss = loss_of(torch.stack([verdict for verdict, _ in outputs]).float(), [row for row, _ in batch])
        descend(loss, optimizer, schedule)
        running.append(loss.item())
        if step % 40 == 0:
            left = (time.monotonic() - began) / step * (len(plan) - step) / 60
            print(f"{step}/{len(plan)} loss {np.mean(running[-40:]):.3f}, {left:.0f} min left", flush=True)
        if step % 250 == 0:
            torch.save(trained(model), out)
            print(json.dumps(evaluate(model, tokenizer, parts, 150)), flush=True)
            learning(model)
    torch.save(trained(model), out)
    return evaluate(model, tokenizer, parts)


@torch.inference_mode()
def worths(model: CrossEncoder, tokenizer, rows: Sequence[Scored]) -> np.ndarray:
    """(n,) share of the mark that the model gives."""
    model.eval()
    found = []
    for begin in range(0, len(rows), 24):
        encoded = [encode_whole(tokenizer, r.answer, r.question, r.references) for r in rows[begin : begin + 24]]
        fits = [one for one in encoded if one is not None]
        part = np.full(len(encoded), 0.5, np.float32)  # what doesn't fit isn't marked
        if fits:
            with torch.autocast("cpu", torch.bfloat16):
                outputs = model(fits)
            logits = torch.stack([verdict for verdict, _ in outputs]).float()
            part[[one is not None for one in encoded]] = worth_of(logits)
        found.append(part)
    return np.concatenate(found)


def evaluate(model: CrossEncoder, tokenizer, parts: dict, most: int = 1500) -> dict:
    report = {}
    for name, (_, answers, questions) in parts.items():
        for kind, rows in (("unseen answers", answers), ("unseen questions", questions)):
            rows = random.Random(1).sample(rows, min(most, len(rows)))
            if rows:
                report[f"{name}, {kind}"] = {"answers": len(rows)} | agreement(rows, worths(model, tokenizer, rows))
    return report


def agreement(rows: Sequence[Scored], given: np.ndarray) -> dict:
    """With people: quadratic kappa of marks out of ten, or macro F1 of right or not."""
    from sklearn.metrics import cohen_kappa_score, f1_score

    truth = np.array([row.share for row in rows])
    if rows[0].verdict:
        said = given >= 0.5
        return {"accuracy": round(float(np.mean(said == (truth > 0.5))), 3),
                "macro f1": round(float(f1_score(truth > 0.5, said, average="macro")), 3)}
    return {"qwk": round(float(cohen_kappa_score(np.rint(10 * truth), np.rint(10 * given), weights="quadratic")), 3),
            "mae": round(float(10 * np.abs(truth - given).mean()), 2)}


def pack(weights: Path, out: Path) -> str:
    """The file that ships, as differences from e5; returns its sha256."""
    bert, _ = load_bert(dtype=torch.float32)
    return save_weights(CrossEncoder(bert), torch.load(weights, weights_only=True), out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path, help="where the trained weights go, or with --pack, where they are")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--go-on", type=Path, help="weights of a first run, to teach the questions kept aside as well")
    parser.add_argument("--pack", type=Path, help="write the file that ships there instead of training")
    options = parser.parse_args()
    if options.pack:
        print(f"{options.pack}: sha256 {pack(options.out, options.pack)}")
    else:
        print(json.dumps(train(options.out, options.seed, options.go_on), indent=1))


if __name__ == "__main__":
    main()
