"""Outcomes of cases, and runs: a folder with `run.json` and `outcomes.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tutor.errors import InputError

RUNS = Path(__file__).parents[1] / "runs"
BASELINE = Path(__file__).parents[1] / "baseline.json"


@dataclass(frozen=True)
class Outcome:
    """What one case gave. `seen` is what the metrics read; `shown` is for people.

    "failed": the case crashed, and `shown` holds the error. `seconds` are
    times by what was waited for. Nothing in `seen` depends on the clock, so
    that two runs of one state are equal.
    """

    id: str
    kind: str
    split: str
    lang: str
    slice: str
    cluster: str
    status: Literal["ok", "failed"]
    seen: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""
    asked: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """`about`: settings, models, index, commit, machine, seeds; `measured` when it has finished."""

    name: str
    about: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]

    @property
    def by_id(self) -> dict[str, Outcome]:
        return {outcome.id: outcome for outcome in self.outcomes}


def open_run(place: str | Path) -> Run:
    """The run in a folder, in a file such as the baseline, or called so in `evals/runs`.

    "baseline" is the committed baseline. Raises `InputError`.
    """
    path = BASELINE if str(place) == "baseline" else Path(place)
    if not path.exists() and (RUNS / path).exists():
        path = RUNS / path
    try:
        if path.is_dir():
            about = json.loads((path / "run.json").read_text("utf-8"))
            return Run(path.name, about, tuple(read_outcomes(path / "outcomes.jsonl")))
        raw = json.loads(path.read_text("utf-8"))
        return Run(path.stem, raw["about"], tuple(Outcome(**row) for row in raw["outcomes"]))
    except FileNotFoundError as error:
        fix = 'python -m evals baseline RUN --reason "..."' if str(place) == "baseline" else "python -m evals run"
        raise InputError(f"there is no run at {str(path)!r}", fix=fix) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{str(path)!r} isn't a run: {error}", fix="python -m evals run") from error


def read_outcomes(path: Path) -> list[Outcome]:
    """All outcomes in the file. A line that a kill cut short is left out: its case is run again."""
    if not path.exists():
        return []
    names = {f.name for f in fields(Outcome)}
    found = {}
    for line in path.read_text("utf-8").split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.keys() <= names:
            found[row["id"]] = Outcome(**row)
    return list(found.values())


def append(path: Path, outcome: Outcome) -> None:
    """Adds a line; begins a new one after a line that was cut short."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(dump(outcome).encode() + b"\n")


def dump(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome), ensure_ascii=False, separators=(",", ":"))


def write_file(path: Path, about: Mapping[str, Any], outcomes: Iterable[Outcome]) -> None:
    """A run as one file, a line for each outcome, so that its changes can be read."""
    head = json.dumps(about, ensure_ascii=False, indent=1)
    lines = ",\n".join(dump(outcome) for outcome in outcomes)
    path.write_text(f'{{"about": {head},\n"outcomes": [\n{lines}\n]}}\n', "utf-8")
