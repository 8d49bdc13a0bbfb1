"""The bundled judge of replies. What needs torch stands in `cross_encoder` and is imported when used."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tutor.grading import Reading

WEIGHTS = Path(__file__).parent / "grading" / "judge.npz"
"""What training changed; `evals/grader/README.md` is its model card."""
SHA256 = "1589ef30971ce2813367c3187677fe17f8cd12459857280a5270e76aaa234e21"


class BundledJudge:
    """`grading.Judge` over the shipped weights, loaded at first use; safe to share between threads."""

    def __init__(self, path: Path = WEIGHTS, sha256: str | None = SHA256) -> None:
        self._path = path
        self._sha256 = sha256
        self._loading = threading.Lock()
        self.name = f"judge {(sha256 or path.name)[:12]}"

    def read(self, clauses: Sequence[str], question: str, points: Sequence[str]) -> Reading:
        """Raises `ModelDamaged` when the weights aren't the published ones."""
        from tutor import cross_encoder

        with self._loading:
            model, tokenizer = self._model
        return cross_encoder.read(model, tokenizer, clauses, question, points)

    @cached_property
    def _model(self):
        from tutor import cross_encoder

        return cross_encoder.open_model(self._path, self._sha256)
