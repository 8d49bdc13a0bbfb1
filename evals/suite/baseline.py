"""`python -m evals baseline RUN --reason "..."`: moves the committed baseline.

The file says why it was moved. A change of its figures with the reason of the
one before is refused here, and found by a test in what is committed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from evals.suite import outcomes
from evals.suite.outcomes import BASELINE, Run
from tutor.errors import InputError

SHORTEST = 15
"""Characters of a reason."""
SHOWN = 120
"""Characters of an output that the baseline keeps."""


def move(run: Run, reason: str, now: datetime, path: Path = BASELINE) -> dict[str, Any]:
    """Writes the run down as the baseline. Raises `InputError` for a run or a reason that won't do."""
    if "measured" not in run.about:
        raise InputError(f"the run {run.name!r} hasn't finished", fix="python -m evals run")
    if failed := [o.id for o in run.outcomes if o.status == "failed"]:
        raise InputError(f"{len(failed)} cases of {run.name!r} failed, {failed[0]!r} first")
    if len(reason.strip()) < SHORTEST:
        raise InputError(f"the reason {reason!r} says too little", fix='say what changed: --reason "..."')
    # What no one compares stays out of the repository: times, and the ledger's claims.
    kept = tuple(
        replace(o, seconds={}, shown=o.shown[:SHOWN], asked=o.asked[:SHOWN])
        for o in run.outcomes if o.kind != "claim"
    )
    about = {
        "reason": reason.strip(), "moved": now.date().isoformat(), "digest": digest(kept),
        **{k: v for k, v in run.about.items() if k != "summary"},
    }
    old = _about(path)
    if old is not None and moved_without_reason(old, about):
        raise InputError(f"{reason.strip()!r} is the reason of the baseline before", fix="say what changed")
    outcomes.write_file(path, about, kept)
    return {"baseline": str(path), "cases": len(kept), "reason": about["reason"]}


def moved_without_reason(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True when the outcomes differ and the reason is the same, or there is none."""
    reason = str(new.get("reason", "")).strip()
    return old["digest"] != new["digest"] and (len(reason) < SHORTEST or reason == str(old["reason"]).strip())


def digest(found: tuple[outcomes.Outcome, ...]) -> str:
    """Hash of the outcomes: edited by hand, the file no longer agrees with it."""
    return hashlib.sha256("\n".join(map(outcomes.dump, found)).encode()).hexdigest()[:16]


def _about(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text("utf-8"))["about"] if path.exists() else None
