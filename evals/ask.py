"""Retrieval, refusal and answers on the development questions."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import fmean

import numpy as np

from evals.cases import Ask, facts_in, load
from tutor.app import Tutor


def score(tutor: Tutor, *, answers: bool, limit: int | None = None, verbose: bool = False) -> dict:
    """Key facts and item rank of the results, refusal figures, times in milliseconds.

    With `answers` also the share of key facts in the final answers, and every
    citation's quote is looked up in its passage.
    """
    cases = load("ask.dev")[:limit]
    refuse = load("refuse.dev")[:limit]
    rows, times = [], []
    for case in [*cases, *refuse]:
        began = time.perf_counter()
        found = tutor.retrieve(case.question, history=case.history, k=5)
        times.append(time.perf_counter() - began)
        rows.append((case, found))
    report = {"n_ask": len(cases), "n_refuse": len(refuse)}
    asked = [(c, r) for c, r in rows if c.answerable]
    checked = [(c, r) for c, r in asked if c.facts]
    report["n_facts"] = len(checked)
    report["facts@1"] = fmean(facts_in(c, r.passages[0].text) for c, r in checked)
    report["facts@3"] = fmean(
        facts_in(c, "\n".join(p.text for p in r.passages[:3])) for c, r in checked
    )
    report["item@1"] = fmean(r.passages[0].item_id in c.items for c, r in asked)
    report["item@3"] = fmean(
        any(p.item_id in c.items for p in r.passages[:3]) for c, r in asked
    )
    for lang in ("zh", "en"):
        mine = [(c, r) for c, r in checked if c.lang == lang]
        if mine:
            report[f"facts@1 {lang}"] = fmean(facts_in(c, r.passages[0].text) for c, r in mine)
            report[f"facts@3 {lang}"] = fmean(
                facts_in(c, "\n".join(p.text for p in r.passages[:3])) for c, r in mine
            )
    slices = defaultdict(list)
    for case, found in asked:
        slices[case.slice].append(found.passages[0].item_id in case.items)
        slices[case.lang].append(found.passages[0].item_id in case.items)
    report["item@1 by slice"] = {name: round(fmean(hits), 3) for name, hits in sorted(slices.items())}
    report |= _refusal(rows)
    report["search p50/p95 ms"] = [round(1e3 * float(q), 1) for q in np.percentile(times, [50, 95])]
    if verbose:
        for case, found in asked:
            ids = [p.item_id for p in found.passages[:3]]
            if ids[0] not in case.items:
                print(f"miss {case.id} {case.question!r}: {ids}, wanted {case.items[:2]}")
        for case, found in rows:
            if found.answerable != case.answerable:
                print(f"{'refused' if case.answerable else 'ANSWERED'} {case.id} {case.slice} "
                      f"{case.question!r} {found.confidence:.3f} {found.passages[0].item_id}")
    if answers:
        report |= _answers(tutor, cases, verbose)
    return report


def _refusal(rows: list) -> dict:
    from sklearn.metrics import roc_auc_score

    truth = [case.answerable for case, _ in rows]
    sure = [found.confidence for _, found in rows]
    wrong = [found.answerable != case.answerable for case, found in rows]
    report = {
        "answered, should be refused": sum(w for w, t in zip(wrong, truth, strict=True) if not t),
        "refused, should be answered": sum(w for w, t in zip(wrong, truth, strict=True) if t),
    }
    if len(set(truth)) == 2:
        report["auroc"] = float(roc_auc_score(truth, sure))
    return report


def _answers(tutor: Tutor, cases: list[Ask], verbose: bool) -> dict:
    facts, first, evidence, kept, bad_quotes = [], [], [], [], 0
    for case in cases:
        answer = tutor.ask(case.question, history=case.history)
        if case.facts:
            facts.append(facts_in(case, answer.text) if answer.status == "grounded" else 0.0)
        evidence.append(answer.timings["evidence"])
        if "first_token" in answer.timings:
            first.append(answer.timings["first_token"])
        texts = {p.item_id: p.text for p in answer.passages}
        bad_quotes += sum(c.quote not in texts[c.item_id] for c in answer.citations)
        kept.append(len(answer.dropped))
        if verbose:
            print(f"{case.id} {answer.status} {facts[-1]:.2f} {answer.text[:200]!r} dropped {answer.dropped}")
    report = {
        "facts in answers": fmean(facts),
        "quotes not verbatim": bad_quotes,
        "evidence p95 ms": round(1e3 * float(np.percentile(evidence, 95)), 1),
        "dropped sentences per answer": fmean(kept),
    }
    if first:
        report["first token median s"] = round(float(np.median(first)), 2)
    return report
