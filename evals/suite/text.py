"""A comparison and a run's figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evals.suite.compare import Comparison, Difference

FLIPS = 20
"""Flipped cases that are shown."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars and line breaks in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def comparison(found: Comparison) -> str:
    """Verdict, all metrics, slices that differ, flipped cases with both outputs."""
    parts = [f"# {found.a} → {found.b}", _verdict(found)]
    head = ("metric", found.a, found.b, "change", "95% interval", "p (Holm)", "cases", "")
    parts.append(table(head, (_line(d) for d in found.differences)))
    if found.slices:
        parts.append("## Slices that differ\n\nFor reading, not for judging: of so many, some differ by chance.")
        rows = ((name, *_line(d)[:5], d.n) for name, d in found.slices)
        parts.append(table(("slice", "metric", found.a, found.b, "change", "95% interval", "cases"), rows))
    if found.flips:
        lost = sum(flip.lost for flip in found.flips)
        parts.append(f"## Flipped cases: {lost} lost, {len(found.flips) - lost} won")
        parts += [
            f"**{flip.id}** {'lost' if flip.lost else 'won'}: {flip.what}\n\n> {_one_line(flip.asked)}\n\n"
            + table(("", "output"), [(found.a, flip.a), (found.b, flip.b)])
            for flip in found.flips[:FLIPS]
        ]
    return "\n\n".join(parts) + "\n"


def figures(summary: Mapping[str, Any], split: str = "all") -> str:
    """A run's figures with their intervals."""
    rows = [
        (name, f"{f['value']:.3f}", f"{f['low']:.3f} to {f['high']:.3f}", f["n"], f["ineligible"], f["failed"])
        for name, f in summary[split].items()
    ]
    return table(("metric", "value", "95% interval", "cases", "not applicable", "failed"), rows)


def _verdict(found: Comparison) -> str:
    lines = [f"**{len(found.broken)} reasons to fail**" if found.broken else "**No regression.**"]
    lines += [f"- {reason}" for reason in found.broken]
    if found.only_a or found.only_b:
        lines.append(f"\nNot compared: {len(found.only_a)} cases only before, {len(found.only_b)} only now.")
    return "\n".join(lines)


def _line(d: Difference) -> tuple[str, ...]:
    return (
        d.name, f"{d.a:.3f}", f"{d.b:.3f}", f"{d.change:+.3f}", f"{d.low:+.3f} to {d.high:+.3f}",
        f"{d.p:.3f}" if d.p < 1 else "", str(d.n), "**worse**" if d.worse else "",
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
