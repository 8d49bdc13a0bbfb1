"""YAML and kubectl commands inside a reply, compared with a reference by structure.

Pure functions over untrusted text: they never raise, and look at its first
`MOST_CHARS` characters. What a manifest or command does is compared; whether
the sentence around it recommends it or warns of it is not seen here.
"""

from __future__ import annotations

from tutor.grading.structure.commands import Command, commands, compare_command, singular
from tutor.grading.structure.manifests import (
    MOST_CHARS,
    Comparison,
    Found,
    Span,
    compare_manifest,
    flatten,
    manifests,
    scalar,
)
from tutor.grading.types import Verdict

__all__ = [
    "MOST_CHARS", "Command", "Comparison", "Found", "Span", "commands", "compare_command",
    "compare_manifest", "flatten", "manifests", "scalar", "singular", "structure_verdict",
]


def structure_verdict(reference_text: str, reply_text: str) -> tuple[Verdict, Span] | None:
    """What the manifests and commands of a reply make of those of a reference.

    None when the reference has neither (or only what is free), or the reply
    nothing of the same sort.
    Each of the reference is held against the closest of the reply. "hit": all
    is equal; "contradicted": something is different; "partial": at least half
    is equal; else "missed", whose span is (0, 0). Other spans (start, end) are
    of the part of the reply that decided.
    """
    best: list[tuple[Comparison, Span]] = []
    kubectl = commands(reply_text), commands(reference_text)
    yamls = [
        [one for one in manifests(text) if not any(c.span[0] <= one.span[0] < c.span[1] for c in inside)]
        for text, inside in zip((reply_text, reference_text), kubectl, strict=True)
    ]
    if not (kubectl[0] and kubectl[1]) and not (yamls[0] and yamls[1]):
        return None
    for one in yamls[1]:
        tried = [(compare_manifest(one.value, other.value), other.span) for other in [*yamls[0], Found((0, 0), {})]]
        best.append(max(tried, key=lambda pair: (pair[0].ratio, -len(pair[0].different))))
    for one in kubectl[1]:
        tried = [(compare_command(one, other), other.span) for other in [*kubectl[0], Command("")]]
        best.append(max(tried, key=lambda pair: (pair[0].ratio, -len(pair[0].different))))
    equal, different, missing = (sum(len(getattr(c, kind)) for c, _ in best) for kind in Comparison.__match_args__)
    if different:
        return "contradicted", max(best, key=lambda pair: len(pair[0].different))[1]
    if equal < max(missing, 1):
        return ("missed", (0, 0)) if missing else None
    return ("partial" if missing else "hit"), max(best, key=lambda pair: len(pair[0].equal))[1]
