"""Layers in 8-bit integers against the same ones in floating point."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from tutor.e5 import load_bert, packed_states
from tutor.quantized import measured, quantize, supported

TEXTS = [
    "A Service selects Pods by label and gives them one stable virtual IP.",
    "etcd 使用 Raft 协议，三个成员可以容忍一个故障。",
    "Requests decide where a Pod is scheduled; limits are enforced by cgroups.",
    "请求值决定 Pod 调度到哪个节点，限制值由 cgroup 强制执行。",
]
UNSEEN = ["The kubelet evicts Pods when the node runs out of memory.", "滚动更新时先起新 Pod，再停旧 Pod。"]

pytestmark = pytest.mark.skipif(not supported(), reason="this CPU has no AVX-512 VNNI")


@pytest.fixture(scope="module")
def model():
    bert, tokenizer = load_bert(dtype=torch.float32)
    del bert.encoder.layer[3:]  # three layers show it
    first, last = tokenizer.ends

    def states(bert, texts: list[str]) -> list[np.ndarray]:
        rows = [[first, *tokenizer.ids(text), last] for text in texts]
        with torch.inference_mode():
            return [part.numpy() for part in packed_states(bert, rows)]

    return bert, states


@pytest.fixture(scope="module")
def ranges(model) -> dict[str, np.ndarray]:
    bert, states = model
    return measured(bert, lambda: states(bert, TEXTS))


def least_cosine(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    return min(
        float(((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).min())
        for a, b in zip(left, right, strict=True)
    )


def test_every_input_of_every_layer_is_measured_and_the_model_is_left_as_it_was(model, ranges: dict) -> None:
    bert, states = model
    assert {name: most.shape for name, most in ranges.items()} == {
        f"{layer}.{name}": (384,) for layer in range(3) for name in ("states", "attended", "inner")
    }
    before = states(bert, UNSEEN)
    measured(bert, lambda: None)
    assert all(np.array_equal(a, b) for a, b in zip(before, states(bert, UNSEEN), strict=True))


def test_integers_give_the_states_that_floating_point_gives(model, ranges: dict) -> None:
    bert, states = model
    quick = copy.deepcopy(bert)
    quantize(quick, ranges)
    assert least_cosine(states(bert, TEXTS + UNSEEN), states(quick, TEXTS + UNSEEN)) > 0.99


def test_a_model_quantized_twice_or_without_ranges_stays_as_it_is(model, ranges: dict) -> None:
    bert, states = model
    quick = copy.deepcopy(bert)
    quantize(quick, {name: most for name, most in ranges.items() if not name.startswith("1.")})
    assert isinstance(quick.encoder.layer[1].intermediate.dense, torch.nn.Linear)
    assert not isinstance(quick.encoder.layer[0].intermediate.dense, torch.nn.Linear)
    once = states(quick, UNSEEN)
    quantize(quick, {name: most for name, most in ranges.items() if not name.startswith("1.")})
    assert all(np.array_equal(a, b) for a, b in zip(once, states(quick, UNSEEN), strict=True))


def test_ranges_that_fit_nothing_would_show(model, ranges: dict) -> None:
    bert, states = model
    coarse = copy.deepcopy(bert)
    quantize(coarse, {name: np.where(most == most.max(), 100 * most, most) for name, most in ranges.items()})
    assert least_cosine(states(bert, UNSEEN), states(coarse, UNSEEN)) < 0.97
