"""e5's linear layers in 8-bit integers, for CPUs that multiply those at twice the speed (AVX-512 VNNI).

Weights have a scale for each output, activations one for all tokens. So that a few channels
with large values don't take the precision of the others, what is large in the activations is
moved into the weights beforehand (SmoothQuant, Xiao et al. 2023, formula 4), by ranges that were
measured once and ship with the weights. The second matrix of the feed-forward network stays
as it is: its inputs are too unequal for one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from transformers import BertModel

from tutor.e5 import packed_attention

SMOOTH = 0.6
"""Share of a channel's range that goes from the activations to the weights (SmoothQuant's alpha)."""
_MIDDLE = 128
_MOST = 127
_READERS = {
    "states": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attended": ("attention.output.dense",),
    "inner": ("intermediate.dense",),
}
"""What a layer's matrices read, and which those are."""


def supported() -> bool:
    """Whether this CPU is quick with 8-bit integers."""
    return bool(torch.cpu.get_capabilities().get("avx512_vnni")) and torch.backends.mkldnn.is_available()


def measured(bert: BertModel, run: Callable[[], object]) -> dict[str, np.ndarray]:
    """For each input "LAYER.states", "LAYER.attended", "LAYER.inner" the largest absolute value of each channel during `run`."""
    found: dict[str, np.ndarray] = {}

    def watch(name: str):
        def note(_, given: tuple[torch.Tensor, ...]) -> None:
            most = given[0].detach().float().abs().flatten(0, -2).amax(0).numpy()
            found[name] = np.maximum(found.get(name, 0.0), most)

        return note

    hooks = [
        layer.get_submodule(readers[0]).register_forward_pre_hook(watch(f"{number}.{name}"))
        for number, layer in enumerate(bert.encoder.layer)
        for name, readers in _READERS.items()
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def quantize(bert: BertModel, ranges: Mapping[str, np.ndarray]) -> None:
    """Replaces, in place, the matrices of every layer whose inputs' ranges are given, as `measured` names them.

    A layer that is quantized already is left alone.
    """
    for number, layer in enumerate(bert.encoder.layer):
        given = {name: ranges.get(f"{number}.{name}") for name in _READERS}
        if any(most is None for most in given.values()) or isinstance(layer.attention.self, _SelfAttention):
            continue
        layers = {name: _Linear([layer.get_submodule(r) for r in _READERS[name]], given[name]) for name in _READERS}
        layer.attention.self = _SelfAttention(layer.attention.self, layers["states"])
        layer.attention.output.dense = layers["attended"]
        layer.intermediate.dense = layers["inner"]


class _Linear(torch.nn.Module):
    """Linear layers with a common input, their outputs side by side, in the layers' own dtype."""

    def __init__(self, layers: list[torch.nn.Linear], most: np.ndarray) -> None:
        """`most` (inputs,): the largest absolute value expected of each."""
        super().__init__()
        weight = torch.cat([layer.weight for layer in layers]).float()
        range_ = torch.from_numpy(most.astype(np.float32)).clamp(min=1e-3)
        smooth = range_**SMOOTH / weight.abs().amax(0).clamp(min=1e-4) ** (1 - SMOOTH)
        weight = weight * smooth
        self._dtype = layers[0].weight.dtype
        self._weight_scale = weight.abs().amax(1) / _MOST
        self._weight = torch.ops.onednn.qlinear_prepack(
            (weight / self._weight_scale[:, None]).round().to(torch.int8), None
        )
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._bias = torch.cat([layer.bias for layer in layers]).float()
        self._scale = float((range_ / smooth).max()) / _MOST
        self._factor = 1 / (smooth * self._scale)
        self._half = torch.tensor(_MIDDLE + 0.5)  # the cast to integers cuts

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(…, inputs) -> (…, outputs)."""
        whole = torch.addcmul(self._half, states, self._factor).clamp_(_MIDDLE - _MOST, _MIDDLE + _MOST + 0.5)
        return torch.ops.onednn.qlinear_pointwise(
            whole.to(torch.uint8), self._scale, _MIDDLE, self._weight, self._weight_scale, self._zeros,
            self._bias, 1.0, 0, self._dtype, "none", [], "",
        )


class _SelfAttention(torch.nn.Module):
    """`BertSelfAttention` with query, key and value as one matrix."""

    def __init__(self, before: torch.nn.Module, joint: _Linear) -> None:
        super().__init__()
        self._joint = joint
        self._heads, self._scaling = before.num_attention_heads, before.scaling

    def forward(self, hidden_states: torch.Tensor, attention_mask=None, **kwargs) -> tuple[torch.Tensor, None]:
        parts = self._joint(hidden_states).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in parts)
        output, _ = packed_attention(self, query, key, value, attention_mask, scaling=self._scaling, **kwargs)
        return output.flatten(-2), None
