"""The bundled judge of replies. What needs torch stands in `cross_encoder` and is imported when used."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from tutor.grading import Reading

WEIGHTS = Path(__file__).parent / "grading" / "judge.npz"
"""What training changed; `evals/grader/README.md` is its model card."""
SHA256 = "90b6524d17479636748447235c761800f63f8e109e6bf05cf852cb84052a9314"

MIRROR = WEIGHTS.with_name("mirror.npz")
"""What a second training changed of those, to tell a text from its mirror image."""
MIRROR_SHA256 = "04daaa916fd35fbebe8d77403aded2427dd95ec49d5a32b4487667f81a62cfda"


REFERENCE = WEIGHTS.with_name("reference.npz")
"""What a third training changed of e5, to mark a reply by a whole reference as people do."""
REFERENCE_SHA256 = "77a7f97354d234a3616bcdad5d38df384e59bdd6bf902617847abeee14698876"


class BundledJudge:
    """`grading.Judge` over the shipped weights, loaded at first use; safe to share between threads."""

    def __init__(
        self, path: Path = WEIGHTS, sha256: str | None = SHA256,
        mirror: Path = MIRROR, mirror_sha256: str | None = MIRROR_SHA256,
        reference: Path = REFERENCE, reference_sha256: str | None = REFERENCE_SHA256,
    ) -> None:
        self._weights = path, mirror, sha256, mirror_sha256
        self._reference = reference, reference_sha256
        self._loading = threading.Lock()
        self.name = " ".join(["judge", *(
            (digest or file.name)[:12]
            for file, digest in ((path, sha256), (mirror, mirror_sha256), (reference, reference_sha256))
        )])

    def read(self, clauses: Sequence[str], question: str, points: Sequence[str]) -> Reading:
        """Raises `ModelDamaged` when the weights aren't the published ones."""
        from tutor import cross_encoder

        with self._loading:
            model, _, tokenizer = self._models
        return cross_encoder.read(model, tokenizer, clauses, question, points)

    def lean(self, texts: Sequence[tuple[str, str, str]]) -> np.ndarray:
        """Raises `ModelDamaged` when the weights aren't the published ones."""
        from tutor import cross_encoder

        with self._loading:
            _, mirror, tokenizer = self._models
        return cross_encoder.lean(mirror, tokenizer, texts)

    def worth(self, said: str, question: str, references: Sequence[str]) -> float | None:
        """Raises `ModelDamaged` when the weights aren't the published ones."""
        from tutor import cross_encoder

        with self._loading:
            model, tokenizer = self._marker
        return cross_encoder.worth(model, tokenizer, said, question, references)

    @cached_property
    def _marker(self):
        from tutor import cross_encoder

        return cross_encoder.open_model(*self._reference)

    @cached_property
    def _models(self):
        from tutor import cross_encoder

        return cross_encoder.open_models(*self._weights)
