"""Trained weights -> the file that ships: `python -m evals.grader.pack OUT.pt`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tutor.cross_encoder import CrossEncoder, save_weights
from tutor.e5 import load_bert
from tutor.judge import WEIGHTS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trained", type=Path, help="what evals.grader.train wrote")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    bert, _ = load_bert(dtype=torch.float32)
    digest = save_weights(CrossEncoder(bert), torch.load(options.trained, weights_only=True), options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
