"""How fast is the machine now? Times of a run are held against it, else budgets would judge the machine."""

from __future__ import annotations

import time

import numpy as np

_SIDE, _STEPS = 256, 40_000


def probe() -> float:
    """Seconds that a fixed piece of work takes: half interpreter, half arithmetic, as a question is."""
    began = time.perf_counter()
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    for _ in range(8):
        matrix = matrix @ matrix / _SIDE
    total = 0
    for number in range(_STEPS):
        total += number & 7
    return time.perf_counter() - began


def on_reference(seconds: float, probe_ms: float, reference_ms: float) -> float:
    """The time that the reference machine would have taken, whose probe takes `reference_ms`."""
    return seconds * reference_ms / probe_ms if probe_ms else seconds
