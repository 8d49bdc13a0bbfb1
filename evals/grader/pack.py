"""Trained weights -> the file that ships: `python -m evals.grader.pack OUT.pt`."""

from __future__ import annotations

import argparse
import copy
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from evals.grader.data import CORPUS, load
from evals.grader.pairs import held_out, written
from evals.grader.train import Texts, predict
from tutor.corpus import read
from tutor.cross_encoder import LAYERS, CrossEncoder, save_weights
from tutor.e5 import load_bert
from tutor.judge import WEIGHTS
from tutor.quantized import measured

MEASURED = 300
"""Texts by which the ranges of the activations are measured."""


def write(
    base: CrossEncoder, trained: Mapping[str, torch.Tensor], out: Path, run: Callable[[CrossEncoder], object]
) -> str:
    """The file with what differs from `base`, and the ranges of what `run` reads; returns its sha256."""
    model = copy.deepcopy(base)
    model.load_state_dict(trained, strict=False)
    return save_weights(base, trained, out, measured(model.bert, lambda: run(model)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trained", type=Path, help="what evals.grader.train wrote")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    items = {item.id: item for item in read(CORPUS).items}
    pairs = written([reply for reply in load() if not held_out(reply.item)], items)
    pairs = random.Random(1).sample(pairs, MEASURED)
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    model.keep(LAYERS)
    digest = write(
        model, torch.load(options.trained, weights_only=True), options.out,
        lambda trained: predict(trained, Texts(tokenizer), pairs),
    )
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
