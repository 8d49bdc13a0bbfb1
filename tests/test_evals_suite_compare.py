"""Comparisons of synthetic runs: what is certain breaks, what is chance does not."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.suite import baseline, outcomes, text
from evals.suite.compare import Policy, compare, read_policy
from evals.suite.metrics import BY_NAME, figures
from evals.suite.outcomes import Outcome, Run
from evals.suite.plant import proof
from evals.suite.report import page, summary
from evals.suite.run import measured
from evals.suite.run import summary as summary_of
from evals.suite.subject import FAULTS
from tutor.errors import InputError

NOW = datetime(2026, 11, 21, tzinfo=UTC)
POLICY = replace(read_policy(), draws=1000, floors={}, budgets={})


def ask(n: int, right: bool = True, **seen) -> Outcome:
    first = "gold" if right else "other"
    base = {
        "gold": ["gold"], "items": [first, "third"], "facts": 2, "held": [[0, 1] if right else [0]],
        "confidence": 0.9 - n / 1000, "answered": True, "said": [0, 1], "statements": 4, "unsupported": 0,
        "off_reference": 0, "uncited": 0, "citations": 2, "valid": 2, "precise": 2, "language": True,
    }
    return Outcome(
        f"ask.test/{n}", "ask", "test", "zh" if n % 2 else "en", "exam", f"topic:{n % 12}", "ok", base | seen,
        f"output {n} {right}", f"question {n}", {"evidence": 0.02, "case": 0.03},
    )


def refuse(n: int, answered: bool = False) -> Outcome:
    return Outcome(
        f"refuse.test/{n}", "refuse", "test", "en", "off-topic", f"own:{n}", "ok",
        {"gold": [], "items": ["other"], "confidence": 0.6 if answered else 0.1, "answered": answered}, "shown",
    )


def grade(n: int, score: float | None = None, band: str = "full", label: float = 9.0, twin: str | None = None) -> Outcome:
    said = ["hit", "missed"]
    return Outcome(
        f"grade.test/{n}.{band}", "grade", "test", "zh", band, f"topic:{n % 12}", "ok",
        {"item": "gold", "score": label if score is None else score, "label": label, "verdicts": said, "labels": said,
         "confidences": [0.9, 0.8], "unsure": False, "twin": twin, "pair": None}, "shown",
    )


def run(name: str, found: list[Outcome], **about) -> Run:
    base = {"tier": "fast", "commit": "c" * 40, "models": {"chat": None}, "machine": {"cores": 2}}
    return Run(name, base | {"measured": measured(found)} | about, tuple(found))


def whole(**changes) -> list[Outcome]:
    rng = random.Random(1)
    found = [ask(n, rng.random() < 0.85) for n in range(120)]
    found += [refuse(n, rng.random() < 0.1) for n in range(40)]
    for n in range(24):
        pair = f"grade.test/{n}.full"
        found += [grade(n), grade(n, band="falsehood", label=6.0, twin=pair), grade(n, 1.0, "vague", 1.0)]
    return [changes["change"](o) if "change" in changes else o for o in found]


def number(outcome: Outcome) -> int:
    return int(outcome.id.split("/")[1].split(".")[0])


def seen(outcome: Outcome, **changes) -> Outcome:
    return replace(outcome, seen={**outcome.seen, **changes})


def test_a_run_compared_with_itself_shows_no_difference() -> None:
    found = compare(run("a", whole()), run("b", whole()), POLICY)
    assert not found.broken and not found.flips and not found.slices
    assert all(d.change == 0 and d.p == 1 for d in found.differences)
    assert "No regression" in text.comparison(found)


def test_a_fall_in_every_topic_is_certain() -> None:
    def worse(o: Outcome) -> Outcome:
        return ask(number(o), False) if o.kind == "ask" and number(o) % 5 else o

    found = compare(run("a", whole()), run("b", whole(change=worse)), POLICY)
    fallen = {d.name for d in found.regressions}
    assert {"item@1", "mrr@10", "facts@1"} <= fallen and "grade qwk" not in fallen
    assert found.broken and all(flip.lost for flip in found.flips)
    assert found.flips[0].a.endswith("True") and found.flips[0].b.endswith("False")
    assert "lost" in text.comparison(found)


def test_the_same_run_the_other_way_round_is_better_and_breaks_nothing() -> None:
    worse = [seen(o, precise=0) if o.kind == "ask" else o for o in whole()]
    assert {d.name for d in compare(run("a", whole()), run("b", worse), POLICY).regressions} == {"citation precision"}
    assert not compare(run("a", worse), run("b", whole()), POLICY).broken


def test_a_few_cases_that_flip_either_way_are_chance() -> None:
    def some(o: Outcome) -> Outcome:
        flips = o.kind == "ask" and number(o) in (3, 40, 77, 90)
        return ask(number(o), o.seen["items"][0] != "gold") if flips else o

    found = compare(run("a", whole()), run("b", whole(change=some)), POLICY)
    assert len(found.flips) == 4 and not found.broken


def test_a_fall_within_one_topic_is_not_called_certain() -> None:
    def one_topic(o: Outcome) -> Outcome:
        return ask(number(o), False) if o.kind == "ask" and o.cluster == "topic:3" else o

    assert not compare(run("a", whole()), run("b", whole(change=one_topic)), POLICY).broken


def test_a_failed_case_is_counted_and_never_a_zero() -> None:
    broken = [replace(o, status="failed", seen={}) if o.id == "ask.test/5" else o for o in whole()]
    by_name = {f.name: f for f in figures(broken, draws=0)}
    assert (by_name["item@1"].eligible, by_name["item@1"].failed, by_name["item@1"].ineligible) == (119, 1, 0)
    assert by_name["falls with a falsehood"].ineligible == 48
    found = compare(run("a", whole()), run("b", broken), POLICY)
    assert found.failed == ("ask.test/5",) and "failed" in found.broken[0]


def test_what_nothing_is_eligible_for_has_no_figure() -> None:
    names = {f.name for f in figures([ask(n) for n in range(5)], draws=0)}
    assert "item@1" in names and not names & {"refusal auroc", "grade qwk", "zh-en difference", "injection success"}


def test_nothing_but_successes_is_not_called_certain() -> None:
    found = {f.name: f for f in figures([ask(n) for n in range(60)])}
    assert found["item@1"].value == found["item@1"].high == 1.0 and found["item@1"].low == pytest.approx(0.94, abs=0.01)


def test_pairs_are_read_from_the_twin() -> None:
    found = {f.name: f for f in figures(whole(), draws=0)}
    assert (found["falls with a falsehood"].value, found["falls with a falsehood"].eligible) == (1.0, 24)
    flat = [seen(o, score=8.0) if o.kind == "grade" else o for o in whole()]
    assert {f.name: f.value for f in figures(flat, draws=0)}["falls with a falsehood"] == 0.0


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"floors": {"test": {"item@1": 0.99}}}, "below its floor"),
        ({"floors": {"test": {"answered, should be refused": 0.01}}}, "above its ceiling"),
        ({"floors": {"dev": {"item@1": 0.5}}}, "can't be measured"),
        ({"budgets": {"fast": {"evidence p50 ms": 10}}}, "over its budget"),
    ],
)
def test_floors_and_budgets_break(limits: dict, said: str) -> None:
    found = compare(run("a", whole()), run("b", whole()), replace(POLICY, **limits))
    assert len(found.broken) == 1 and said in found.broken[0]


@pytest.mark.parametrize(("probe", "broken"), [(0.01, True), (0.02, False), (0.005, True), (None, True)])
def test_budgets_of_time_judge_the_tutor_and_not_the_machine(probe: float | None, broken: bool) -> None:
    policy = replace(POLICY, budgets={"fast": {"evidence p50 ms": 15}}, probe_ms=10)
    # Evidence takes 20 ms here; a probe that takes twice its time says that the machine is half as fast.
    probed = [replace(o, seconds={**o.seconds, "probe": probe} if probe else o.seconds) for o in whole()]
    found = compare(run("a", whole()), run("b", probed), policy)
    assert bool(found.broken) is broken and (not broken or "20 on this machine" in found.broken[0])


def test_a_budget_of_memory_is_the_same_everywhere() -> None:
    slow = [replace(o, seconds={**o.seconds, "probe": 1.0}) for o in whole()]
    policy = replace(POLICY, budgets={"fast": {"memory MiB": 1}}, probe_ms=10)
    assert "memory MiB" in compare(run("a", whole()), run("b", slow), policy).broken[0]


def test_one_reply_in_two_languages_is_compared_once() -> None:
    pair = [grade(n) for n in range(6)]
    pair += [
        replace(seen(grade(n, 7.0, "half"), pair=f"grade.test/{n}.full", verdicts=["hit", "hit"]), lang="en")
        for n in range(6)
    ]
    found = {f.name: f for f in figures(pair, draws=0)}
    assert (found["zh-en difference"].value, found["zh-en difference"].eligible) == (2.0, 6)
    assert found["zh-en same verdicts"].value == 0.5
    alone = [o for o in pair if o.slice == "half"]
    assert "zh-en same verdicts" not in {f.name for f in figures(alone, draws=0)}


def test_a_case_that_is_gone_breaks_and_one_of_the_ledger_does_not() -> None:
    claim = Outcome("claim/1", "claim", "test", "zh", "claim", "topic:1", "ok", {"answered": True, "corrected": True})
    assert not compare(run("a", [*whole(), claim]), run("b", whole()), POLICY).broken
    assert "gone" in compare(run("a", whole()), run("b", whole()[1:]), POLICY).broken[0]


def test_the_committed_policy_names_metrics_that_exist(tmp_path: Path) -> None:
    policy = read_policy()
    assert isinstance(policy, Policy) and set(policy.gated) <= set(BY_NAME) and policy.draws >= 10_000
    wrong = tmp_path / "policy.json"
    wrong.write_text(json.dumps(json.loads(json.dumps(policy.__dict__)) | {"gated": ["vibes"]}))
    with pytest.raises(InputError, match="'vibes'"):
        read_policy(wrong)


def planted(name: str, o: Outcome) -> Outcome:
    if name == "drop the lexicon" and o.kind == "ask":
        return ask(number(o), number(o) % 5 == 0)
    if name == "shuffle citations" and o.kind == "ask":
        return seen(o, precise=0)
    if name == "lower the threshold" and o.kind == "refuse":
        return seen(o, answered=number(o) % 4 > 0)
    if name == "grade everything 8" and o.kind == "grade":
        return seen(o, score=8.0)
    if name == "cut the top passage" and o.kind == "ask":
        return seen(o, items=o.seen["items"][1:], held=[[]])
    return o


def test_planted_faults_are_told_from_nothing() -> None:
    asked: dict[str, set[str]] = {}

    def runner(name: str, subject: object, kinds) -> Run:
        found = [planted(name, o) for o in whole() if o.kind in kinds]
        asked[name] = {o.kind for o in found}
        return run(name, found)

    faults = {name: replace(fault, plant=lambda subject: subject) for name, fault in FAULTS.items()}
    found = proof(None, runner, replace(POLICY, draws=4000), faults)  # type: ignore[arg-type]
    assert asked["grade everything 8"] == {"grade"} and "grade" not in asked["drop the lexicon"]
    assert asked["sound"] == asked["sound again"] == {"ask", "refuse", "grade"}
    assert (found["caught"], found["quiet"], found["loud"]) == ("5 of 5", "10 of 10", [])
    assert "grade qwk" in found["faults"]["grade everything 8"]["worse"]
    assert "citation precision" in found["faults"]["shuffle citations"]["worse"]


# baseline, report, command line ----------------------------------------------------------------


def finished(name: str, found: list[Outcome]) -> Run:
    made = run(name, found)
    return replace(made, about={**made.about, "summary": summary_of(found)})


def test_a_baseline_is_read_as_a_run_and_moves_only_with_a_new_reason(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baseline.move(run("a", whole()), "the first baseline there is", NOW, path)
    there = outcomes.open_run(path)
    assert len(there.outcomes) == len(whole()) and not compare(there, run("b", whole()), POLICY).broken
    changed = run("b", whole(change=lambda o: seen(o, precise=0) if o.kind == "ask" else o))
    with pytest.raises(InputError, match="baseline before"):
        baseline.move(changed, "the first baseline there is", NOW, path)
    with pytest.raises(InputError, match="too little"):
        baseline.move(changed, "because", NOW, path)
    baseline.move(changed, "citations are gone, on purpose", NOW, path)
    assert outcomes.open_run(path).about["reason"].startswith("citations")


def test_a_baseline_holds_no_unfinished_run_and_no_failed_case(tmp_path: Path) -> None:
    broken = [replace(o, status="failed", seen={}) if o.id == "ask.test/5" else o for o in whole()]
    with pytest.raises(InputError, match="failed"):
        baseline.move(run("a", broken), "a reason that is long enough", NOW, tmp_path / "b.json")
    with pytest.raises(InputError, match="finished"):
        baseline.move(Run("a", {}, ()), "a reason that is long enough", NOW, tmp_path / "b.json")


def test_the_report_needs_nothing_but_itself_and_escapes_what_learners_wrote() -> None:
    found = [replace(whole()[0], asked="<script>alert(1)</script>"), *whole()[1:]]
    found[0] = seen(found[0], items=["other"])
    made = finished("20261121-120000-fast", found)
    html = page(made, [("20261121-120000-fast", made.about["summary"])] * 3, {"gold": "../corpus/gold.md"})
    for outside in ("http:", "https:", "src=", "<script", "@import", "url(", "<link"):
        assert outside not in html
    assert html.count("<svg") == html.count("</svg>") > 5 and "&lt;script&gt;" in html
    assert "Trend over 3 kept runs" in html and "Trend" not in page(made, [])
    assert 'prefers-color-scheme: dark' in html and "href='../corpus/gold.md'" in html
    assert "| item@1 |" in summary(made) and "## Worst cases" in summary(made)
    slow = replace(made, about={**made.about, "measured": {"evidence p95 ms": 200.0, "seconds": 12.0}})
    assert "<td>150, over</td>" in page(slow, []) and "| seconds | 12 | 180 |" in summary(slow)


def test_a_check_without_a_baseline_runs_nothing_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outcomes, "BASELINE", tmp_path / "none.json")
    assert main(["check"]) == 2
    assert "evals baseline" in capsys.readouterr().err


def test_ci_checks_against_the_baseline_after_the_tests() -> None:
    root = Path(__file__).parents[1]
    steps = [line for line in (root / ".ci/run").read_text().splitlines() if line.startswith("make")]
    assert steps == ["make test", "make evals"]
    assert "-m evals check" in (root / "Makefile").read_text()


def test_compare_reads_runs_from_folders_and_answers_by_its_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = [seen(o, precise=0) if o.kind == "ask" else o for o in whole()]
    for name, found in (("a", whole()), ("b", worse)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"tier": "fast"}))
        for outcome in found:
            outcomes.append(folder / "outcomes.jsonl", outcome)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    assert "citation precision fell by 1.000" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "nowhere"), str(tmp_path / "b")]) == 2
    assert "nowhere" in capsys.readouterr().err
