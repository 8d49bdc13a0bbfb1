"""`python -m evals report RUN`: one HTML page that needs nothing else, and a Markdown summary."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from evals.suite import charts, metrics, stats, text
from evals.suite.compare import SLICED, SMALL, right
from evals.suite.metrics import BY_NAME
from evals.suite.outcomes import RUNS, Outcome, Run

CORPUS = Path(__file__).parents[2] / "corpus"
HEADLINES = (
    "item@1", "facts@3", "facts in answer", "citation precision", "unsupported sentences", "refusal auroc",
    "answered, should be refused", "refused, should be answered", "grade qwk", "verdict accuracy",
    "falls with a falsehood", "injection success",
)
TREND = ("facts@1", "refusal auroc", "citation precision", "grade qwk", "verdict accuracy")
TARGETS = {"seconds": 180, "evidence p95 ms": 150, "grade p95 ms": 300, "memory MiB": 3072}
"""What the design aims at, on two idle cores; `seconds` in the fast tier. The policy's budgets are another thing."""
WORST = 25
"""Cases in the list of the worst."""
SPLIT = "test"
"""Nothing was fitted on it, so its figures are the headlines."""


def report(run: Run, out: Path, runs: Path = RUNS) -> dict[str, Any]:
    """Writes `report.html` and `report.md` into `out`; returns their places."""
    out.mkdir(parents=True, exist_ok=True)
    kept = trend(run, runs)
    html, markdown = out / "report.html", out / "report.md"
    links = {path.stem: os.path.relpath(path, out) for path in CORPUS.rglob("*.md")}
    html.write_text(page(run, kept, links), "utf-8")
    markdown.write_text(summary(run), "utf-8")
    return {"html": str(html), "markdown": str(markdown)}


def trend(run: Run, runs: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """(name, summary) of the finished runs of this tier, oldest first."""
    found = []
    for path in sorted(runs.glob("*/run.json")):
        try:
            about = json.loads(path.read_text("utf-8"))
        except ValueError:
            continue
        if about.get("tier") == run.about.get("tier") and "summary" in about:
            found.append((path.parent.name, about["summary"]))
    return found


def summary(run: Run) -> str:
    """The run in Markdown: headlines, all figures, slices, worst cases."""
    figures = run.about["summary"]
    parts = [f"# Evals: {run.name}", _about(run)]
    for split in (SPLIT, "dev"):
        if figures.get(split):
            parts += [f"## Split: {split}", text.figures(figures, split)]
    parts += ["## Waiting and memory", text.table(("measure", "value", "target"), _waiting(run))]
    parts += ["## Slices", text.table(("slice", *SLICED), _slices(run.outcomes))]
    parts += ["## Worst cases", text.table(WORST_HEAD, map(_worst_row, worst(run)))]
    return "\n\n".join(parts) + "\n"


def page(
    run: Run, kept: Sequence[tuple[str, Mapping[str, Any]]], links: Mapping[str, str] | None = None
) -> str:
    """The run as one HTML page without a single external resource. `links`: item id -> its file."""
    figures = run.about["summary"]
    split = SPLIT if figures.get(SPLIT) else "all"
    mine = [o for o in run.outcomes if split in ("all", o.split)]
    css = (resources.files(__package__) / "page.css").read_text("utf-8")
    body = [
        f"<h1>kube-tutor evals</h1><p class='about'>{escape(_about(run))}</p>",
        f"<h2>Headlines ({split} cases, which nothing was fitted on)</h2><div class='cards'>",
        *(_card(name, figures[split][name]) for name in HEADLINES if name in figures[split]),
        "</div><h2>Curves</h2><div class='charts'>",
        *_curves(mine), *_latencies(run.outcomes), *([_trend(kept, split)] if len(kept) > 1 else []),
        "</div>",
    ]
    body.append("<h2>Waiting and memory</h2>" + _table(("measure", "value", "target"), _waiting(run)))
    for name in ("test", "dev"):
        if figures.get(name):
            body.append(f"<h2>All figures: {name}</h2>{_figures(figures[name])}")
    body.append("<h2>Slices</h2>" + _table(("slice (cases)", *SLICED), _slices(run.outcomes), "figures"))
    body.append("<h2>Worst cases</h2>" + _worst_table(run, links or {}))
    body.append(
        "<h2>The run</h2><details><summary>settings, models, index, machine</summary><pre><code>"
        + escape(json.dumps({k: v for k, v in run.about.items() if k != "summary"}, ensure_ascii=False, indent=1))
        + "</code></pre></details>"
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>kube-tutor evals {escape(run.name)}</title><style>{css}</style></head><body>{''.join(body)}</body></html>"
    )


def worst(run: Run) -> list[Outcome]:
    """Failed cases, then wrong ones, the surest first; grades by their distance."""
    def how_bad(outcome: Outcome) -> tuple[float, float]:
        if outcome.status == "failed":
            return (-2.0, 0.0)
        if outcome.kind == "grade":
            return (-1.0, -abs(outcome.seen["score"] - outcome.seen["label"]) / 10)
        sure = float(outcome.seen.get("confidence", 0.5))
        return (-1.0, -abs(sure - 0.5) - 0.5)

    wrong = [o for o in run.outcomes if not right(o)[1]]
    # Kinds in turn, else one of them fills the list.
    piles = [sorted((o for o in wrong if o.kind == kind), key=how_bad) for kind in dict.fromkeys(o.kind for o in wrong)]
    turns = [pile[n] for n in range(max(map(len, piles), default=0)) for pile in piles if n < len(pile)]
    return turns[:WORST]


WORST_HEAD = ("case: what should have been", "asked", "output", "right items", "found first")


def _worst_row(outcome: Outcome) -> tuple[str, ...]:
    seen = outcome.seen
    items = [seen["item"]] if "item" in seen else seen.get("gold", [])
    return (
        f"{outcome.id} ({outcome.slice}): {right(outcome)[0]}", outcome.asked, outcome.shown,
        " ".join(items), " ".join(seen.get("items", [])[:1]),
    )


def _curves(outcomes: Sequence[Outcome]) -> list[str]:
    found = []
    seen = metrics.observations(BY_NAME["aurc"], outcomes)
    if seen:
        values = metrics.sample_of(seen, outcomes, sorted(seen)).values
        coverage, risk, _ = stats.risk_coverage(values, np.ones((1, len(values))))
        points = list(zip(coverage[0].tolist(), risk[0].tolist(), strict=True))
        found.append(charts.lines([("risk", points)], title="Risk by coverage: wrong among the answered", x="coverage", y="risk"))
    for name, title in (("refusal auroc", "Confidence: is it a question to answer?"), ("verdict ece", "Verdicts: is it right?")):
        seen = metrics.observations(BY_NAME[name], outcomes)
        if len(seen) > 1:
            values = metrics.sample_of(seen, outcomes, sorted(seen)).values
            bins = np.array_split(np.argsort(values[:, 1], kind="stable"), min(stats.BINS, len(values)))
            points = [(float(values[b, 1].mean()), float(values[b, 0].mean())) for b in bins]
            found.append(charts.lines([("share right", points)], title=title, x="confidence", y="share", diagonal=True, dots=True))
    return found


def _latencies(outcomes: Sequence[Outcome]) -> list[str]:
    found = []
    # Without a chat model the whole answer is there with the evidence.
    answers = ("evidence", "first_token", "total") if any("first_token" in o.seconds for o in outcomes) else ("evidence",)
    for name in (*answers, "grade"):
        values = np.array([o.seconds[name] for o in outcomes if name in o.seconds])
        if not len(values):
            continue
        counts, edges = np.histogram(values * 1e3, bins=24, range=(0, max(float(np.quantile(values, 0.99)) * 1e3, 1.0)))
        p50, p95 = np.percentile(values, [50, 95]) * 1e3
        title = f"{name.replace('_', ' ')}: median {p50:.0f} ms, 95th percentile {p95:.0f} ms"
        bars = [(f"{edge:.0f}", float(n)) for edge, n in zip(edges, counts, strict=False)]
        found.append(charts.bars(bars, title=title, x="ms", y="cases"))
    return found


def _waiting(run: Run) -> list[tuple[str, str, str]]:
    """What was measured, with the target where there is one; "over" where it is missed."""
    found = []
    for name, value in run.about["measured"].items():
        target = TARGETS.get(name) if name != "seconds" or run.about.get("tier") == "fast" else None
        over = ", over" if target is not None and value > target else ""
        found.append((name, f"{value:g}", "" if target is None else f"{target}{over}"))
    return found


def _trend(kept: Sequence[tuple[str, Mapping[str, Any]]], split: str) -> str:
    series = []
    for name in TREND:
        points = [
            (float(n), summary[split][name]["value"])
            for n, (_, summary) in enumerate(kept) if name in summary.get(split, {})
        ]
        series.append((name, points))
    ticks = [(float(n), name[4:8]) for n, (name, _) in enumerate(kept) if n % max(1, len(kept) // 6) == 0]
    return charts.lines(
        series, title=f"Trend over {len(kept)} kept runs", x="run (month and day)", y="value",
        x_range=(0.0, max(1.0, len(kept) - 1.0)), ticks=ticks, dots=True,
    )


def _slices(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    rows = []
    for axis in ("split", "lang", "slice"):
        for value in sorted({getattr(o, axis) for o in outcomes}):
            mine = [o for o in outcomes if getattr(o, axis) == value]
            found = {f.name: f for f in metrics.figures(mine, draws=0, names=SLICED) if f.eligible >= SMALL}
            if found:
                cells = (f"{found[n].value:.2f} ({found[n].eligible})" if n in found else "" for n in SLICED)
                rows.append((f"{axis} {value}", *cells))
    return rows


def _card(name: str, figure: Mapping[str, Any]) -> str:
    better = "higher is better" if BY_NAME[name].better > 0 else "lower is better"
    return (
        f"<div class='card'><b>{figure['value']:.3f}</b><strong>{escape(name)}</strong><span>{better}</span>"
        f"<span>{figure['low']:.3f} to {figure['high']:.3f}</span><span>{figure['n']} cases</span></div>"
    )


def _figures(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td class='n'>{f['value']:.3f}</td><td>{charts.interval(f['value'], f['low'], f['high'])}</td>"
        f"<td class='n'>{f['low']:.3f} to {f['high']:.3f}</td><td>{f['n']}</td><td>{f['ineligible']}</td><td>{f['failed']}</td></tr>"
        for name, f in found.items()
    )
    head = "".join(f"<th>{h}</th>" for h in ("metric", "value", "", "95% interval", "cases", "not applicable", "failed"))
    return f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"


def _table(head: Sequence[str], rows: Any, kind: str = "") -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    heads = "".join(f"<th>{escape(h)}</th>" for h in head)
    return f"<div class='wide'><table class='{kind}'><tr>{heads}</tr>{cells}</table></div>"


def _worst_table(run: Run, links: Mapping[str, str]) -> str:
    rows = ""
    for outcome in worst(run):
        *cells, items, first = map(escape, _worst_row(outcome))
        linked = [
            " ".join(f"<a href='{escape(links[i], quote=True)}'>{i}</a>" if i in links else i for i in ids.split())
            for ids in (items, first)
        ]
        rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in [*cells, *linked]) + "</tr>"
    head = "".join(f"<th>{name}</th>" for name in WORST_HEAD)
    return f"<div class='wide'><table class='worst'><tr>{head}</tr>{rows}</table></div>"


def _about(run: Run) -> str:
    about = run.about
    counts = ", ".join(f"{v['n']} {k}" for k, v in about["summary"]["cases"].items())
    return (
        f"{run.name}: tier {about['tier']}, commit {about['commit'][:12]}, chat model "
        f"{about['models']['chat'] or 'none'}, {about['machine']['cores']} cores, {counts}"
    )
