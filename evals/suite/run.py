"""`python -m evals run`: every case of a tier put to the tutor, kept in a folder of `evals/runs`."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import tutor
from evals.suite import metrics, outcomes
from evals.suite.cases import QUICK, SPLITS, Case, all_cases, quick, sample
from evals.suite.observe import observe
from evals.suite.outcomes import Outcome, Run
from evals.suite.speed import probe
from evals.suite.subject import Subject, opened
from tutor import weights
from tutor.corpus import Item, content_digest
from tutor.errors import InputError

TIERS = ("fast", "live", "full")
LIVE = 60
"""Cases of the tier "live"."""
SAMPLES = {
    "fast": f"of the graded replies of dev {QUICK} a band and language, with those they are compared with",
    "live": f"{LIVE} questions, of every slice in turn",
    "full": "",
}
"""Which cases of `all_cases` a tier leaves out; noted in the run."""
SEED = 6
PROBED = 10
"""Of so many cases one is followed by a measurement of the machine."""
COST = {"ask": 0.06, "refuse": 0.03, "removed": 0.06, "grade": 0.35, "claim": 0.05}
"""Seconds a case on two cores, for the estimate."""
MODEL_COST = 8.0
"""Seconds that the embedded model adds to a question."""
PACKAGE = Path(tutor.__file__).parent

Observer = Callable[[Case, Subject, Mapping[str, Item]], Outcome]


def run(
    tier: str, *, out: Path | None, limit: int | None, model: str | None, now: datetime
) -> dict[str, Any]:
    """Runs the tier, or goes on with the run that was broken off; returns its summary.

    Raises `InputError` when `out` holds a run of another state.
    """
    with opened(model=tier != "fast", name=model) as subject:
        subject.tutor().warm()
        items = {item.id: item for item in subject.tutor().items()}
        cases = chosen(all_cases(items), tier, limit)
        about = describe(subject, tier, cases)
        folder = place(about, out, now)
        return execute(folder, about, cases, subject, items).about["summary"] | {"run": str(folder)}


def chosen(cases: Sequence[Case], tier: str, limit: int | None) -> list[Case]:
    """The cases of a tier; `limit` takes a part of it that has every slice."""
    if tier == "fast":
        cases = quick(cases)
    if tier == "live":
        cases = sample([case for case in cases if case.kind in ("ask", "refuse")], LIVE)
    return list(cases) if limit is None else sample(cases, limit)


def execute(
    folder: Path, about: Mapping[str, Any], cases: Sequence[Case], subject: Subject,
    items: Mapping[str, Item], observer: Observer = observe,
) -> Run:
    """Puts each case that `folder` has no outcome of to the subject, and writes down the run."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, about)
    path = folder / "outcomes.jsonl"
    done = {outcome.id: outcome for outcome in outcomes.read_outcomes(path)}
    todo = [case for case in cases if case.id not in done]
    seconds = sum(COST[c.kind] + (MODEL_COST if subject.chat and c.kind == "ask" else 0) for c in todo)
    print(f"{len(todo)} cases ({len(done)} there already), about {seconds / 60:.1f} min", file=sys.stderr)
    for number, case in enumerate(_shown_progress(todo)):
        began = time.perf_counter()
        outcome = observer(case, subject, items)
        seconds = {**outcome.seconds, "case": round(time.perf_counter() - began, 4)}
        if number % PROBED == 0:
            seconds["probe"] = round(probe(), 5)
        done[case.id] = replace(outcome, seconds=seconds)
        outcomes.append(path, done[case.id])
    found = [done[case.id] for case in cases]
    finished = dict(about) | {"measured": measured(found), "summary": summary(found)}
    _write(folder, finished)
    return Run(folder.name, finished, tuple(found))


def place(about: Mapping[str, Any], out: Path | None, now: datetime) -> Path:
    """The folder to run in: `out`, else the unfinished run of this very state, else a new one."""
    if out is not None:
        there = _read(out)
        if there is not None and not _same(there, about):
            raise InputError(f"{str(out)!r} holds a run of another state", fix="name another --out")
        return out
    for folder in sorted(outcomes.RUNS.glob("*"), reverse=True):
        there = _read(folder)
        if there is not None and "measured" not in there and _same(there, about):
            return folder
    return outcomes.RUNS / f"{now:%Y%m%d-%H%M%S}-{about['tier']}-{about['commit'][:8]}"


def describe(subject: Subject, tier: str, cases: Iterable[Case]) -> dict[str, Any]:
    """What must be equal for two runs to be one: settings, models, index, code, cases, machine, seeds."""
    settings = {
        name: str(value) for name, value in asdict(subject.settings).items()
        if name in ("chat", "chat_url", "chat_model", "embedder", "threads")
    }
    bodies = "\n".join(f"{case.id} {case.body!r}" for case in cases)
    return {
        "tier": tier,
        "sample": SAMPLES[tier],
        "settings": settings,
        "models": {
            "embedder": subject.embedder.name,
            "chat": subject.chat.name if subject.chat else None,
            "judge": _digest(PACKAGE / "grading/judge.npz"),
            "verdict calibration": _digest(PACKAGE / "grading/calibration.json"),
            "retrieval calibration": _digest(PACKAGE / "retrieval/calibration.json"),
        } | _chat_digest(subject),
        "index": {
            **subject.index.fingerprint(),
            "corpus": content_digest(subject.settings.corpus_dir),
            "roots": subject.index.snapshot().roots(),
            "chunks": len(subject.index.snapshot()),
        },
        "commit": commit(),
        "code": _digest(*sorted(PACKAGE.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))),
        "cases": hashlib.sha256(bodies.encode()).hexdigest()[:16],
        "machine": {
            "processor": _processor(), "cores": os.cpu_count(), "system": platform.platform(),
            "python": platform.python_version(),
        },
        "seeds": {"bootstrap": SEED},
    }


def measured(found: Sequence[Outcome]) -> dict[str, Any]:
    """Seconds in all, percentiles of waiting, memory: what budgets are read from."""
    times: dict[str, list[float]] = {}
    for outcome in found:
        for name, value in outcome.seconds.items():
            times.setdefault(name, []).append(value)
    report: dict[str, Any] = {"seconds": round(sum(times.pop("case", [])), 1), "memory MiB": memory()}
    for name, values in sorted(times.items()):
        p50, p95 = np.percentile(values, [50, 95])
        report[f"{name} p50 ms"], report[f"{name} p95 ms"] = round(1e3 * p50, 1), round(1e3 * p95, 1)
    written = [o.seen["tokens"] for o in found if o.seen.get("tokens")]
    if written:
        report["tokens an answer"] = round(float(np.mean(written)), 1)
    return report


def summary(found: Sequence[Outcome]) -> dict[str, Any]:
    """Counts by kind and every figure, of all cases and by split."""
    report: dict[str, Any] = {"cases": {}, "failures": [o.id for o in found if o.status == "failed"][:20]}
    for kind in dict.fromkeys(o.kind for o in found):
        mine = [o for o in found if o.kind == kind]
        report["cases"][kind] = {"n": len(mine), "failed": sum(o.status == "failed" for o in mine)}
    for split in ("all", *SPLITS):
        mine = [o for o in found if split in ("all", o.split)]
        report[split] = {
            f.name: {"value": round(f.value, 4), "low": round(f.low, 4), "high": round(f.high, 4),
                     "n": f.eligible, "ineligible": f.ineligible, "failed": f.failed}
            for f in metrics.figures(mine, seed=SEED)
        }
    return report


def memory() -> int:
    """Highest resident memory of this process and of those it started, summed, MiB; 0 where unknown."""
    parents: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(lines.get("PPid", "0"))
        peaks[pid] = int(lines.get("VmHWM", "0 kB").split()[0])

    def ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and parents[pid] > 1 and ours(parents[pid]))

    return sum(peak for pid, peak in peaks.items() if ours(pid)) // 1024


def commit() -> str:
    """The commit that is checked out, with "+" when files differ from it; "unknown" outside a checkout."""
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _shown_progress(todo: Sequence[Case]) -> Iterable[Case]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    # Kinds mixed, so that the time left is an estimate from the first minute on.
    order = random.Random(SEED).sample(list(todo), len(todo))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("cases", total=len(order))
        for case in order:
            bar.update(task, description=case.kind.ljust(7))
            yield case
            bar.advance(task)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == json.loads(json.dumps(value)) for key, value in other.items())


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(folder: Path, about: Mapping[str, Any]) -> None:
    path = folder / "run.json"
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")
    beside.replace(path)


def _digest(*paths: Path) -> str | None:
    found = hashlib.sha256()
    for path in paths:
        if not path.exists():
            return None
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _chat_digest(subject: Subject) -> dict[str, str]:
    """The hash of the bundled chat model, which was verified when it was put together."""
    known = weights.MODELS.get(subject.settings.chat)
    return {"chat sha256": known.sha256} if subject.chat and known else {}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
