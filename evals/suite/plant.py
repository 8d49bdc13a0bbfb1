"""`python -m evals plant`: would the comparison notice? Five faults, and ten times nothing.

Each fault is planted into the tutor and that part of the fast tier run again
which it concerns; `compare` must find a certain regression, by the figures
alone and not by a floor. Then the sound tutor is run once more and compared
ten times, under another draw of the bootstrap each time, in both directions:
nothing may be found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from evals.suite.cases import KINDS, all_cases
from evals.suite.compare import Policy, compare, read_policy
from evals.suite.outcomes import RUNS, Run
from evals.suite.run import chosen, describe, execute
from evals.suite.subject import FAULTS, Fault, Subject, opened

AGAIN = 10
"""Comparisons of the sound tutor with itself."""

Runner = Callable[[str, Subject, Collection[str]], Run]


def plant(limit: int | None, now: datetime) -> dict[str, Any]:
    """Faults with what gave them away, and the comparisons that should be quiet."""
    folder = RUNS / "plant"
    with opened(model=False) as subject:
        subject.tutor().warm()
        items = {item.id: item for item in subject.tutor().items()}
        cases = chosen(all_cases(items), "fast", limit)
        about = describe(subject, "fast", cases)
        # Of one state alone, so that a second try after a break goes on and one after a change doesn't.
        state = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

        def runner(name: str, changed: Subject, kinds: Collection[str]) -> Run:
            concerned = [case for case in cases if case.kind in kinds]
            return execute(folder / state / name.replace(" ", "-"), {**about, "planted": name}, concerned, changed, items)

        return {"at": f"{now:%Y-%m-%d}", **proof(subject, runner, read_policy())}


def proof(
    subject: Subject, runner: Runner, policy: Policy, faults: Mapping[str, Fault] = FAULTS
) -> dict[str, Any]:
    """Runs everything through `runner(name, subject, kinds of cases)`."""
    sound = runner("sound", subject, KINDS)
    found = {
        name: _given_away(sound, merged(sound, runner(name, fault.plant(subject), fault.kinds)), policy)
        for name, fault in faults.items()
    }
    quiet = again(sound, runner("sound again", subject, KINDS), policy)
    return {
        "caught": f"{sum(bool(fault['worse']) for fault in found.values())} of {len(found)}",
        "faults": found,
        "quiet": f"{sum(not loud for loud in quiet)} of {len(quiet)}",
        "loud": sorted({name for loud in quiet for name in loud}),
    }


def merged(sound: Run, part: Run) -> Run:
    """The sound run with the outcomes of a part: as many metrics are tested as in a whole run."""
    there = part.by_id
    return replace(part, outcomes=tuple(there.get(o.id, o) for o in sound.outcomes))


def again(one: Run, other: Run, policy: Policy) -> list[list[str]]:
    """For each comparison of two runs of one state: the metrics that it calls worse."""
    found = []
    for number in range(AGAIN):
        pair: Sequence[Run] = (one, other) if number % 2 else (other, one)
        done = compare(*pair, policy, seed=number, limits=False)
        found.append([d.name for d in done.regressions])
    return found


def _given_away(sound: Run, faulty: Run, policy: Policy) -> dict[str, Any]:
    found = compare(sound, faulty, policy, limits=False)
    worst = sorted(found.regressions, key=lambda d: (d.p, -abs(d.change)))
    return {
        "worse": {d.name: f"{d.a:.3f} -> {d.b:.3f}" for d in worst},
        "lost cases": sum(flip.lost for flip in found.flips),
    }
