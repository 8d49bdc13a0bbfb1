"""The cross-encoder that reads a reply against a key point, and its weights.

It is the bundled e5 with its last layers trained further and a head of its
own (`evals/grader` trains it). One pass reads "reply </s> question point"; the
head first marks the clauses of the reply that speak of the point, then judges
from those. What is trained ships as 4-bit differences from e5's own weights.
"""

from __future__ import annotations

import copy
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from tutor.e5 import E5Tokenizer, load_bert, on_all_cores, packed_states, quick_dtype
from tutor.errors import ModelDamaged
from tutor.grading import VERDICTS, Reading
from tutor.grading.focus import focused
from tutor.quantized import quantize, supported

FROZEN = 4
"""Layers of e5, from the first on, that stay as they are."""
LAYERS = (0, 2, 3, 4, 5, 6, 7, 8, 10, 11)
"""Layers of e5 that the judge has: without the other two it says nearly the same, and training makes up for them."""
MAX_REPLY, MAX_QUESTION, MAX_POINT = 330, 48, 110
"""Tokens; the model has 512 places. What is longer is cut at its end."""
MOST_SAID = 120
"""Tokens of the learner's words that are held beside their mirror image."""
MOST_WHOLE = 230
"""Tokens of a whole reference answer."""
ENOUGH = 0.7
"""Share of a reply and of a reference that are read beside each other, at least."""
_PLACES = 512
_PREFIX = 2
"""Tokens of e5's prefix "passage:", which only the first clause keeps."""
_BLOCK = 32
_RANGE = "range/"


class Encoded:
    """One (reply, question, point) as token ids, with the token ranges that the head needs."""

    __slots__ = ("clauses", "ids", "point")

    def __init__(self, ids: list[int], clauses: list[tuple[int, int]], point: tuple[int, int]) -> None:
        self.ids = ids
        self.clauses = clauses
        self.point = point


class Head(torch.nn.Module):
    """States of one text -> verdict logits (4), and one logit per clause of the reply."""

    def __init__(self, width: int = 384, inner: int = 256, verdicts: int = 4) -> None:
        super().__init__()
        self.mark = torch.nn.Sequential(
            torch.nn.Linear(3 * width, inner), torch.nn.GELU(), torch.nn.Linear(inner, 1)
        )
        self.judge = torch.nn.Sequential(
            torch.nn.Linear(4 * width, inner), torch.nn.GELU(), torch.nn.Linear(inner, verdicts)
        )

    def forward(
        self, states: torch.Tensor, clauses: Sequence[tuple[int, int]], point: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`states` (tokens, width); `clauses` and `point` are token ranges in it."""
        wanted = states[slice(*point)].mean(0)
        said = torch.stack([states[a:b].mean(0) for a, b in clauses])
        marks = self.mark(torch.cat([said, wanted.expand_as(said), said * wanted], 1))[:, 0]
        share = torch.sigmoid(marks)
        evidence = (share[:, None] * said).sum(0) / (share.sum() + 0.1)
        verdict = self.judge(torch.cat([states[0], evidence, wanted, evidence * wanted]))
        return verdict, marks


class CrossEncoder(torch.nn.Module):
    """e5 and the head. `forward` takes encoded texts, see `encode`."""

    def __init__(self, bert: torch.nn.Module) -> None:
        super().__init__()
        self.bert = bert
        self.head = Head(bert.config.hidden_size)
        self.layers = tuple(range(len(bert.encoder.layer)))
        """Which layers of e5 there are."""

    @property
    def frozen(self) -> int:
        """How many of the layers, from the first on, stay as they are."""
        return sum(layer < FROZEN for layer in self.layers)

    def keep(self, layers: Sequence[int]) -> None:
        """Drops all layers but these, in e5's numbers."""
        self.bert.encoder.layer = torch.nn.ModuleList(
            layer for number, layer in zip(self.layers, self.bert.encoder.layer, strict=True) if number in layers
        )
        self.layers = tuple(number for number in self.layers if number in layers)

    def forward(self, rows: Sequence[Encoded]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Verdict logits and clause logits of every row, all rows in one pass."""
        parts = packed_states(self.bert, [row.ids for row in rows])
        return [self.head(part, row.clauses, row.point) for part, row in zip(parts, rows, strict=True)]


def encode(
    ends: tuple[int, int], clauses: Sequence[list[int]], question: list[int], point: list[int]
) -> Encoded:
    """All as `E5Tokenizer` gives them: the clauses as passages, question and point as queries.

    `clauses` are the parts of the reply in order, at least one, as `attended` chooses them: only
    one that stands alone can be longer than MAX_REPLY, and is cut.
    """
    first, last = ends
    ids, ranges = [first], []
    for tokens in clauses:
        if ranges:
            tokens = tokens[_PREFIX:]
        tokens = tokens[:MAX_REPLY]
        ranges.append((len(ids), len(ids) + len(tokens)))
        ids += tokens
    ids += [last, *question[:MAX_QUESTION], last]
    start = len(ids)
    ids += point[:MAX_POINT]
    return Encoded([*ids, last], ranges, (start, len(ids)))


def attended(clauses: Sequence[str], said: Sequence[list[int]], points: Sequence[str]) -> list[list[int]]:
    """For each point the numbers of the clauses that are read; `said` are their token ids as `encode` takes them."""
    return focused(clauses, [len(tokens) - _PREFIX for tokens in said], points)


def encode_whole(
    tokenizer: E5Tokenizer, said: str, question: str, references: Sequence[str]
) -> Encoded | None:
    """A reply beside a whole reference answer, alternatives one after the other.

    What is too long is cut, the reference at `MOST_WHOLE` tokens and the reply where the model
    has no more places; None if that leaves less than `ENOUGH` of the reply or of the first reference.
    """
    first, last = tokenizer.ends
    each = [[*tokenizer.ids(text, query=True), last] for text in references]
    wanted = [token for ids in each for token in ids][:MOST_WHOLE]
    asked = tokenizer.ids(question, query=True)[:MAX_QUESTION]
    whole = tokenizer.ids(said)
    told = whole[: _PLACES - len(wanted) - len(asked) - 3]
    if len(told) < ENOUGH * len(whole) or len(wanted) < ENOUGH * len(each[0]):
        return None
    ids = [first, *told, last, *asked, last]
    return Encoded([*ids, *wanted], [(1, 1 + len(told))], (len(ids), len(ids) + len(wanted)))


def worth_of(logits: torch.Tensor) -> torch.Tensor:
    """Verdict logits (n, 4) -> share of the mark (n,), 0 to 1: all of it for a hit, half for partial."""
    chances = torch.softmax(logits, -1)
    return chances[..., VERDICTS.index("hit")] + 0.5 * chances[..., VERDICTS.index("partial")]


def open_models(
    path: Path, mirror: Path, sha256: str | None = None, mirror_sha256: str | None = None
) -> tuple[CrossEncoder, CrossEncoder, E5Tokenizer]:
    """The trained model, the second one that `lean` wants, both in eval mode, and their tokenizer.

    The second ships as differences from the first; what neither changes of e5
    they share. Raises `ModelDamaged`.
    """
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    ranges = load_weights(model, path, sha256)
    shared = [bert.embeddings, *bert.encoder.layer[: model.frozen]]
    second = copy.deepcopy(model, {id(module): module for module in shared})
    second_ranges = load_weights(second, mirror, mirror_sha256)
    return _ready(model, ranges), _ready(second, second_ranges), tokenizer


def open_model(path: Path, sha256: str | None = None) -> tuple[CrossEncoder, E5Tokenizer]:
    """A model that ships as differences from e5, in eval mode, and its tokenizer. Raises `ModelDamaged`."""
    bert, tokenizer = load_bert(dtype=torch.float32)
    model = CrossEncoder(bert)
    ranges = load_weights(model, path, sha256)
    return _ready(model, ranges), tokenizer


def _ready(model: CrossEncoder, ranges: Mapping[str, np.ndarray]) -> CrossEncoder:
    model.bert.to(quick_dtype())  # after the differences are added: they are small
    model.eval().requires_grad_(False)
    if supported():
        quantize(model.bert, ranges)
    return model


def worth(
    model: CrossEncoder, tokenizer: E5Tokenizer, said: str, question: str, references: Sequence[str]
) -> float | None:
    """Share of the mark (0.0 to 1.0) for these words beside the references; None where they don't fit."""
    row = encode_whole(tokenizer, said, question, references)
    if row is None:
        return None
    with torch.inference_mode():
        ((verdict, _),) = model([row])
        return float(worth_of(verdict.float()))


def lean(
    model: CrossEncoder, tokenizer: E5Tokenizer, texts: Sequence[tuple[str, str, str]]
) -> np.ndarray:
    """(n,) for each (said, other, point) how much better `said` tells the point, in log odds of hit to contradicted."""
    # A point's words are held beside several mirror images; they are read once.
    wanted = list(dict.fromkeys((text, point) for said, other, point in texts for text in (said, other)))
    rows = [
        encode(tokenizer.ends, [tokenizer.ids(text)[:MOST_SAID]], [], tokenizer.ids(point, query=True))
        for text, point in wanted
    ]
    logits = torch.stack([verdict for verdict, _ in _spread(model, rows)]).float().numpy()
    odds = logits[:, VERDICTS.index("hit")] - logits[:, VERDICTS.index("contradicted")]
    of = dict(zip(wanted, odds, strict=True))
    return np.array([of[said, point] - of[other, point] for said, other, point in texts])


def read(
    model: CrossEncoder, tokenizer: E5Tokenizer, clauses: Sequence[str], question: str, points: Sequence[str]
) -> Reading:
    """One pass per core over all points, each beside the clauses that `focused` chooses for it."""
    said = [tokenizer.ids(clause) for clause in clauses]
    asked = tokenizer.ids(question, query=True)
    chosen = attended(clauses, said, points)
    rows = [
        encode(tokenizer.ends, [said[n] for n in numbers], asked, tokenizer.ids(point, query=True))
        for numbers, point in zip(chosen, points, strict=True)
    ]
    verdicts = np.zeros((len(points), 4), np.float32)
    marks = np.zeros((len(points), len(clauses)), np.float32)
    for number, (verdict, marked) in enumerate(_spread(model, rows)):
        verdicts[number] = torch.softmax(verdict, 0).numpy()
        marks[number, chosen[number]] = torch.sigmoid(marked).numpy()
    return Reading(verdicts, marks)


@torch.inference_mode()
def _spread(model: CrossEncoder, rows: Sequence[Encoded]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The model over all rows, each core taking about half of the tokens."""
    shares: list[list[int]] = [[] for _ in range(min(torch.get_num_threads(), len(rows)))]
    sizes = [0] * len(shares)
    for number in sorted(range(len(rows)), key=lambda n: -len(rows[n].ids)):
        least = sizes.index(min(sizes))
        shares[least].append(number)
        sizes[least] += len(rows[number].ids)
    found: list = [None] * len(rows)

    def run(share: list[int]) -> None:
        with torch.inference_mode():
            for number, output in zip(share, model([rows[n] for n in share]), strict=True):
                found[number] = output

    on_all_cores(run, shares)
    return found


# weights ---------------------------------------------------------------------------------------


def trained_names(model: CrossEncoder) -> list[str]:
    """Parameters that training changes, in the order of the file."""
    found = []
    for name, _ in model.named_parameters():
        layer = name.split("encoder.layer.")[-1].split(".")[0]
        if name.startswith("head.") or ("encoder.layer." in name and int(layer) >= model.frozen):
            found.append(name)
    return found


def save_weights(
    model: CrossEncoder, trained: dict[str, torch.Tensor], path: Path, ranges: Mapping[str, np.ndarray] | None = None
) -> str:
    """Writes what differs from `model`, and the ranges for `quantize`; returns the file's sha256.

    Matrices of the encoder as 4-bit differences in blocks of 32 with one
    float16 scale, the rest as float16.
    """
    base = dict(model.named_parameters())
    arrays: dict[str, np.ndarray] = {"layers": np.array(model.layers, np.uint8)}
    arrays |= {_RANGE + name: most.astype(np.float16) for name, most in (ranges or {}).items()}
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


def load_weights(model: CrossEncoder, path: Path, sha256: str | None = None) -> dict[str, np.ndarray]:
    """Adds saved differences to the model that they were taken from, and drops the layers that it hadn't.

    Returns the ranges that were saved with them. Raises `ModelDamaged`.
    """
    try:
        raw = path.read_bytes()
        if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
            raise ValueError("its sha256 is not the published one")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays, torch.no_grad():
            if "layers" in arrays:
                model.keep(arrays["layers"].tolist())
            for name, parameter in model.named_parameters():
                if name in arrays:
                    parameter.copy_(torch.from_numpy(arrays[name].astype(np.float32)))
                elif name + "/steps" in arrays:
                    packed = arrays[name + "/steps"]
                    steps = np.stack([packed & 15, packed >> 4], 2).reshape(len(packed), _BLOCK)
                    change = (steps.astype(np.float32) - 8) * arrays[name + "/scale"].astype(np.float32)[:, None]
                    parameter.add_(torch.from_numpy(change.reshape(tuple(parameter.shape))).to(parameter.dtype))
            return {name.removeprefix(_RANGE): arrays[name] for name in arrays if name.startswith(_RANGE)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelDamaged(
            f"can't read the grader's weights {str(path)!r}: {error}",
            fix="reinstall kube-tutor, or `git checkout` the file",
        ) from error
