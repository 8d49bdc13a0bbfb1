"""The cross-encoder that reads a reply against key points, and its weights.

It is the bundled e5 with its last layers trained further and a head of its
own (`evals/grader` trains it). One pass reads "reply </s> question" and, as
asides to it, all points; for each point the head first marks the clauses of
the reply that speak of it, then judges from those. What is trained ships as
4-bit differences from e5's own weights.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tutor.e5 import E5Tokenizer, load_bert, on_all_cores, packed_states, quick_dtype
from tutor.errors import ModelDamaged
from tutor.grading import VERDICTS, Reading

FROZEN = 4
"""Layers of e5 that stay as they are."""
MAX_REPLY, MAX_QUESTION, MAX_POINT = 330, 48, 110
"""Tokens; the model has 512 places. What is longer is cut at a clause, or at its end."""
MISSED = VERDICTS.index("missed")
_PREFIX = 2
"""Tokens of e5's prefix "passage:", which only the first clause keeps."""
_BLOCK = 32


class Encoded:
    """One reply and question with all points as token ids, and the token ranges that the head needs."""

    __slots__ = ("asides", "clauses", "ids", "points")

    def __init__(
        self, ids: list[int], clauses: list[tuple[int, int]], asides: list[int], points: list[tuple[int, int]]
    ) -> None:
        self.ids = ids
        self.clauses = clauses
        self.asides = asides
        self.points = points


class Head(torch.nn.Module):
    """States of one text -> for each point verdict logits (4), and one logit per clause of the reply."""

    def __init__(self, width: int = 384, inner: int = 256, verdicts: int = 4) -> None:
        super().__init__()
        self.mark = torch.nn.Sequential(
            torch.nn.Linear(3 * width, inner), torch.nn.GELU(), torch.nn.Linear(inner, 1)
        )
        self.seek, self.offer = torch.nn.Linear(width, inner), torch.nn.Linear(width, inner)
        self.judge = torch.nn.Sequential(
            torch.nn.Linear(4 * width, inner), torch.nn.GELU(), torch.nn.Linear(inner, verdicts)
        )

    def forward(self, states: torch.Tensor, row: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
        """`states` (tokens, width) -> (points, 4) and (points, clauses)."""
        wanted = torch.stack([states[a:b].mean(0) for a, b in row.points])
        said = torch.stack([states[a:b].mean(0) for a, b in row.clauses])
        mine = wanted[:, None].expand(-1, len(said), -1)
        theirs = said[None].expand(len(wanted), -1, -1)
        marks = self.mark(torch.cat([theirs, mine, theirs * mine], 2))[:, :, 0]
        marks = marks + self.seek(wanted) @ self.offer(said).T / self.seek.out_features**0.5
        share = torch.sigmoid(marks)
        evidence = share @ said / (share.sum(1, keepdim=True) + 0.1)
        verdicts = self.judge(torch.cat([states[row.asides], evidence, wanted, evidence * wanted], 1))
        return verdicts, marks


class CrossEncoder(torch.nn.Module):
    """e5 and the head. `forward` takes encoded texts, see `encode`."""

    def __init__(self, bert: torch.nn.Module) -> None:
        super().__init__()
        self.bert = bert
        self.head = Head(bert.config.hidden_size)

    def forward(self, rows: Sequence[Encoded]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Of every row (points, 4) verdict logits and (points, clauses) clause logits, in one pass."""
        parts = packed_states(self.bert, [row.ids for row in rows], [row.asides for row in rows])
        return [self.head(part, row) for part, row in zip(parts, rows, strict=True)]


def encode(
    ends: tuple[int, int], clauses: Sequence[list[int]], question: list[int], points: Sequence[list[int]]
) -> Encoded:
    """All as `E5Tokenizer` gives them: the clauses as passages, question and points as queries.

    `clauses` are the parts of the reply in order, at least one; those past MAX_REPLY are cut.
    """
    first, last = ends
    ids, ranges = [first], []
    for tokens in clauses:
        if ranges:
            tokens = tokens[_PREFIX:]
            if len(ids) + len(tokens) > MAX_REPLY:
                break
        tokens = tokens[:MAX_REPLY]
        ranges.append((len(ids), len(ids) + len(tokens)))
        ids += tokens
    ids += [last, *question[:MAX_QUESTION], last]
    asides, places = [], []
    for point in points:
        asides.append(len(ids))
        ids.append(first)
        places.append((len(ids), len(ids) + len(point[:MAX_POINT])))
        ids += [*point[:MAX_POINT], last]
    return Encoded(ids, ranges, asides, places)


def open_model(path: Path, sha256: str | None = None) -> tuple[CrossEncoder, E5Tokenizer]:
    """The trained model in eval mode, with its tokenizer. Raises `ModelDamaged`."""
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    load_weights(model, path, sha256)
    bert.to(quick_dtype())  # after the differences are added: they are small
    return model.eval().requires_grad_(False), tokenizer


def read(
    model: CrossEncoder, tokenizer: E5Tokenizer, clauses: Sequence[str], question: str, points: Sequence[str]
) -> Reading:
    """The reply is read once, with all points; what else is asked may move a verdict a little.

    A long reply is read in windows; for each point the one counts that says most of it.
    """
    said = [tokenizer.ids(clause) for clause in clauses]
    asked = tokenizer.ids(question, query=True)
    wanted = [tokenizer.ids(point, query=True) for point in points]
    windows = _windows(said)
    rows = [encode(tokenizer.ends, said[start:end], asked, wanted) for start, end in windows]
    outputs = on_all_cores(lambda row: _pass(model, row), rows)
    chances = np.stack([verdicts for verdicts, _ in outputs])
    best = chances[:, :, MISSED].argmin(0)
    marks = np.zeros((len(points), len(clauses)), np.float32)
    for number, window in enumerate(best):
        start, shown = windows[window][0], outputs[window][1][number]
        marks[number, start : start + len(shown)] = shown
    return Reading(chances[best, np.arange(len(points))], marks)


@torch.inference_mode()
def _pass(model: CrossEncoder, row: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (points, 4) and (points, clauses)."""
    ((verdicts, marks),) = model([row])
    return torch.softmax(verdicts, 1).numpy(), torch.sigmoid(marks).numpy()


def _windows(clauses: Sequence[list[int]]) -> list[tuple[int, int]]:
    """Ranges of clauses that fit into one text."""
    found, start, size = [], 0, 0
    for number, clause in enumerate(clauses):
        if number > start and size + len(clause) > MAX_REPLY:
            found.append((start, number))
            start, size = number, 0
        size += len(clause)
    return [*found, (start, len(clauses))]


# weights ---------------------------------------------------------------------------------------


def trained_names(model: CrossEncoder) -> list[str]:
    """Parameters that training changes, in the order of the file."""
    found = []
    for name, _ in model.named_parameters():
        layer = name.split("encoder.layer.")[-1].split(".")[0]
        if name.startswith("head.") or ("encoder.layer." in name and int(layer) >= FROZEN):
            found.append(name)
    return found


def save_weights(model: CrossEncoder, trained: dict[str, torch.Tensor], path: Path) -> str:
    """Writes what differs from e5; returns the file's sha256.

    Matrices of the encoder as 4-bit differences in blocks of 32 with one
    float16 scale, the rest as float16.
    """
    base = dict(model.named_parameters())
    arrays: dict[str, np.ndarray] = {}
    for name in trained_names(model):
        value = trained[name].float()
        if name.startswith("head.") or value.ndim < 2:
            arrays[name] = value.numpy().astype(np.float16)
            continue
        blocks = (value - base[name].float()).numpy().reshape(-1, _BLOCK)
        scale = (np.abs(blocks).max(1, keepdims=True) / 7).astype(np.float16)
        steps = np.rint(blocks / np.maximum(scale.astype(np.float32), 1e-8)).clip(-7, 7).astype(np.int8) + 8
        arrays[name + "/steps"] = (steps[:, ::2] | steps[:, 1::2] << 4).astype(np.uint8)
        arrays[name + "/scale"] = scale[:, 0]
    np.savez_compressed(path, **arrays)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_weights(model: CrossEncoder, path: Path, sha256: str | None = None) -> None:
    """Puts saved weights into a model fresh from e5. Raises `ModelDamaged`."""
    try:
        raw = path.read_bytes()
        if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
            raise ValueError("its sha256 is not the published one")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays, torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in arrays:
                    parameter.copy_(torch.from_numpy(arrays[name].astype(np.float32)))
                elif name + "/steps" in arrays:
                    packed = arrays[name + "/steps"]
                    steps = np.stack([packed & 15, packed >> 4], 2).reshape(len(packed), _BLOCK)
                    change = (steps.astype(np.float32) - 8) * arrays[name + "/scale"].astype(np.float32)[:, None]
                    parameter.add_(torch.from_numpy(change.reshape(tuple(parameter.shape))).to(parameter.dtype))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelDamaged(
            f"can't read the grader's weights {str(path)!r}: {error}",
            fix="reinstall kube-tutor, or `git checkout` the file",
        ) from error
