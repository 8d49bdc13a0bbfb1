"""YAML and JSON manifests in a text, and what of a reference one holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import yaml

MOST_CHARS = 20_000
MOST_DEPTH = 30
MOST_ALIASES = 10
MOST_TRIES = 20
"""Stretches of one text that are parsed in vain before the search ends."""
MOST_PLACES = 100
"""Commands of a text, entries of a list, and mappings that a fragment is laid beside."""

Span = tuple[int, int]
Outcomes = dict[str, str]
"""Path of the reference -> "equal", "different" or "missing"."""


@dataclass(frozen=True)
class Found:
    """A manifest: what the text at `span` (start, end) says, all its scalars as strings."""

    span: Span
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """What a reply has of a reference: paths of the reference's scalars, flags and arguments."""

    equal: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Share of the paths that are equal, 0.0 to 1.0; 0.0 without any path."""
        return len(self.equal) / max(1, len(self.equal) + len(self.different) + len(self.missing))


_KEYS = """apiVersion kind metadata spec template containers initContainers image ports resources requests limits selector
podSelector matchLabels matchExpressions replicas strategy updateStrategy livenessProbe readinessProbe startupProbe lifecycle env
envFrom volumes volumeMounts rules subjects roleRef data stringData tolerations affinity nodeSelector accessModes storageClassName
provisioner securityContext hard ingress egress policyTypes topologySpreadConstraints minAvailable maxUnavailable jobTemplate
schedule completions parallelism backoffLimit behavior metrics scaleTargetRef minReplicas rollingUpdate volumeClaimTemplates
httpGet dnsConfig labels taints webhooks""".split()
FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?=^[ \t]*\1|\Z)", re.M | re.S)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_KEY = r"['\"]?[A-Za-z][\w./-]*['\"]?[ \t]*(?::(?=\s|$)|：)"
_ANY_START = re.compile(rf"([ \t]*)(?:{_KEY}|\{{|#)")
_KNOWN_START = re.compile(rf"([ \t]*)(?:(?:{'|'.join(_KEYS)})[ \t]*(?::(?=\s|$)|：)|\{{\s*(?:\"|$))")
_GOES_ON = re.compile(rf"[ \t]*(?:{_KEY}|['\"][^'\"]*['\"]:|#|-\s|[}}\]])")
_WIDE_COLON = re.compile(r"^([ ]*(?:- )*[A-Za-z][\w./-]*)：[ ]*", re.M)
_BLANKS = str.maketrans({"\t": "  ", "\u00a0": " ", "\u3000": "  ", "\r": " "})


class _Loader(yaml.SafeLoader):
    """Bounds depth and aliases; a scalar stays a string, so that "80" and 80 are the same."""

    yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))]}
    depth = aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.aliases += self.check_event(yaml.AliasEvent)
        if self.depth > MOST_DEPTH or self.aliases > MOST_ALIASES:
            raise ValueError("too deep, or too many aliases")
        node = super().compose_node(parent, index)
        if node.end_mark is None:
            raise ValueError("an alias inside its own anchor")
        self.depth -= 1
        return node


def manifests(text: str) -> list[Found]:
    """Every YAML or JSON mapping in `text`, in order.

    In fenced blocks any mapping counts; elsewhere it must take two lines, or
    be JSON, and begin with a key of the Kubernetes API. Where a line can't be
    parsed, the lines before it count.
    """
    text = text[:MOST_CHARS]
    found: list[Found] = []
    at = 0
    for fence in [*FENCE.finditer(text), None]:
        found += _scan(text, at, fence.start() if fence else len(text), fenced=False)
        if fence:
            found += _scan(text, *fence.span(2), fenced=True)
            at = fence.end()
    return found


def _scan(text: str, start: int, end: int, *, fenced: bool) -> list[Found]:
    lines = [line.span() for line in _LINE.finditer(text, start, end)]
    found: list[Found] = []
    place = tries = 0
    while place < len(lines) and tries < MOST_TRIES:
        used = 0
        if first := (_ANY_START if fenced else _KNOWN_START).match(text, *lines[place]):
            run = place + 1
            while run < len(lines) and _continues(text[slice(*lines[run])], first[1]):
                run += 1
            value, used = read_mapping("".join(text[slice(*line)] for line in lines[place:run]))
            tries += not used
            begin = lines[place][0]
            whole = text[begin : lines[place + max(used, 1) - 1][1]].rstrip()
            if used and (fenced or (any(k in _KEYS for k in value) and ("\n" in whole or whole[-1] == "}"))):
                found.append(Found((begin, begin + len(whole)), value))
        place += used or 1
    return found


def _continues(line: str, indent: str) -> bool:
    own = len(line) - len(line.lstrip(" \t"))
    return not line.strip() or own > len(indent) or bool(own == len(indent) and _GOES_ON.match(line))


def read_mapping(text: str) -> tuple[dict[str, Any], int]:
    """The mapping that the first lines make, and their number; ({}, 0) if they make none."""
    lines = _WIDE_COLON.sub(r"\1: ", text.translate(_BLANKS)).split("\n")
    for _ in range(2):
        try:
            value = yaml.load("\n".join(lines), Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            lines = lines[: min(error.problem_mark.line if error.problem_mark else 0, len(lines) - 1)]
        except Exception:  # a forged tag makes PyYAML's constructors raise anything
            break
        else:
            return (value, len(lines) - (lines[-1] == "")) if isinstance(value, dict) and value else ({}, 0)
    return {}, 0


_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false", "null": "", "~": ""}
_UNITS = {"": Fraction(1)} | {f"{unit}i": Fraction(1024) ** n for n, unit in enumerate("KMGTPE", 1)}
_UNITS |= {unit: Fraction(1000) ** n for n, unit in zip((-3, -2, -1, 1, 2, 3, 4, 5, 6), "numkMGTPE", strict=True)}
_QUANTITY = re.compile(r"([+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d)?)([numkMGTPE]|[KMGTPE]i)?", re.ASCII)
_SECONDS = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[hms]))+", re.ASCII)
_TIME = re.compile(r"timeout|interval|duration|frequency|period|delay|ttl|window|since|expir", re.IGNORECASE)


def scalar(value: Any, path: str = "") -> str:
    """A scalar in one form: quantities as a fraction, durations in seconds, white space folded.

    "1m" is a minute where the last key of `path` speaks of time, else a
    thousandth. Null, "", {} and [] are all "".
    """
    if not value and value not in (0, False):
        return ""
    text, key = " ".join(str(value).split()), path.rpartition(".")[2]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _DURATION.fullmatch(text) and not key.endswith("Seconds"):
        if text.strip("0123456789.") != "m" or _TIME.search(key):
            parts = re.findall(r"([\d.]+)(ms|[hms])", text)
            return f"{sum(Fraction(number) * _SECONDS[unit] for number, unit in parts)}s"
    if quantity := _QUANTITY.fullmatch(text):
        return str(Fraction(quantity[1]) * _UNITS[quantity[2] or ""])
    return text


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """The scalars of a manifest by path, such as "spec.containers[nginx].image"; see `scalar`."""
    parts = _parts(value, path)
    if not parts:
        return {path: scalar(value, path)}
    return {place: one for inner, _, part in parts for place, one in flatten(part, inner).items()}


def _parts(value: Any, path: str) -> list[tuple[str, Any, Any]]:
    """(path, key or number, value) of what a mapping or list holds."""
    if isinstance(value, Mapping):
        return [(f"{path}.{key}" if path else str(key), key, part) for key, part in value.items()]
    entries = value[:MOST_PLACES] if isinstance(value, list) else []
    names = [entry.get("name") if isinstance(entry, Mapping) else None for entry in entries]
    labels = [n if isinstance(n, str) and names.count(n) == 1 else i for i, n in enumerate(names)]
    return [(f"{path}[{labels[i]}]", i, entry) for i, entry in enumerate(entries)]


_NAME = re.compile(
    r"(?<![\w-])(?:name|namespace|(?:generate|claim|secret|service|serviceAccount|storageClass|priorityClass|"
    r"runtimeClass|ingressClass|node|volume|container)Name)$"
)
_TELLING_NAME = re.compile(r"(?:env\[[^\]]*\]|versions\[[^\]]*\]|resource|containerResource|metric)\.name$")
WELL_KNOWN = re.compile(r"(?:system[:-]|kube-).*|cluster-admin|admin|edit|view")
_LABELS = re.compile(r"(?<![\w-])(?:labels|matchLabels|selector)$")
_READ_LABEL = re.compile(r"(?!app\.kubernetes\.io/).*(?:kubernetes|k8s|istio)\.io/.*")
PLACEHOLDER = re.compile(r"<.*>|\.{3,}|…+|\$.+|.*(?<![\w-])example\.(?:com|org|net)(?![\w-]).*")


def compare_manifest(reference: Mapping[str, Any], reply: Mapping[str, Any]) -> Comparison:
    """The scalars of `reference` in `reply`, both values of `manifests`.

    Of another kind, everything is missing. A fragment (without a kind) is laid
    where it fits best. Lists are sets; more than the reference has is no fault.
    Free are names, unless well known ("kube-system"), labels, and what is
    `<so>` or of example.com in the reference; but a selector that contradicts
    the labels of its template is different.
    """
    kinds = [scalar(value.get("kind")).lower() for value in (reference, reply)]
    absent = _outcomes(reference, None)
    if all(kinds) and kinds[0] != kinds[1]:
        return comparison(absent)
    laid = [_outcomes(reference, reply)]
    if not kinds[1]:
        laid += [absent | _outcomes(part, reply, path) for path, part in _mappings(reference)]
    if not kinds[0]:
        laid += [_outcomes(reference, part) for _, part in _mappings(reply)]
    return comparison(max(laid, key=_closeness))


def comparison(found: Outcomes) -> Comparison:
    return Comparison(*(tuple(p for p in found if found[p] == o) for o in ("equal", "different", "missing")))


def _closeness(found: Outcomes) -> tuple[int, int]:
    outcomes = list(found.values())
    return outcomes.count("equal"), outcomes.count("different")


def _mappings(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The mappings below `value` with their paths, outer ones first, at most `MOST_PLACES`."""
    below, found = [("", value)], []
    for path, outer in below:
        if len(found) < MOST_PLACES:
            below += [(inner, part) for inner, _, part in _parts(outer, path)]
            found += [(path, outer)] if path and isinstance(outer, Mapping) else []
    return found


def _outcomes(reference: Any, reply: Any, path: str = "") -> Outcomes:
    if isinstance(reference, list) and reference:
        return _entries(reference, reply if isinstance(reply, list) else [reply], path)
    if isinstance(reference, Mapping) and reference:
        held = reply if isinstance(reply, Mapping) else {}
        free = [key for key, value in reference.items() if label_free(path, key, value)]
        found = {path: "equal" if held else "missing"} if free else {}
        for inner, key, part in _parts(reference, path):
            found |= {} if key in free else _outcomes(part, held.get(key), inner)
        if _disagrees(held):
            found |= {p: "different" for p in found if p.startswith(f"{path}.selector".lstrip("."))}
        return found
    if _NAME.search(path) and not _TELLING_NAME.search(path) and not WELL_KNOWN.fullmatch(scalar(reference)):
        return {}
    if reply is None or (scalar(reply) == "" and scalar(reference)):
        return {path: "missing"}
    if not scalar(reference) and isinstance(reply, Mapping):
        # {} leaves the rest to defaults, but as a selector or an entry it means "all".
        return {path: "different" if reply and path.endswith(("elector", "]")) else "equal"}
    same = PLACEHOLDER.fullmatch(scalar(reference)) or scalar(reference, path) == scalar(reply, path)
    return {path: "equal" if same else "different"}


def _entries(reference: list[Any], reply: list[Any], path: str) -> Outcomes:
    """Each entry beside the one of the reply that has its name, or else is closest to it."""
    found: Outcomes = {}
    pairs = []
    for inner, i, entry in _parts(reference, path):
        found |= _outcomes(entry, None, inner)
        for j, other in enumerate(reply[:MOST_PLACES]):
            both = isinstance(entry, Mapping) and isinstance(other, Mapping)
            named = both and "name" in entry and entry["name"] == other.get("name")
            if named or not (both and path.endswith("env")):  # a variable of another name is another one
                outcomes = _outcomes(entry, other, inner)
                pairs.append(((named, *_closeness(outcomes), -i, -j), outcomes))
    ours, theirs = set(), set()
    for (*_, i, j), outcomes in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        if i not in ours and j not in theirs:
            ours.add(i)
            theirs.add(j)
            found |= outcomes
    return found


def label_free(path: str, key: str, value: Any) -> bool:
    """True for a label that is the author's choice, False for one that Kubernetes reads."""
    plain = bool(_LABELS.search(path)) and not isinstance(value, Mapping | list)
    return plain and not _READ_LABEL.fullmatch(key) and not WELL_KNOWN.fullmatch(scalar(value))


def _disagrees(spec: Mapping[str, Any]) -> bool:
    """Does a workload select other labels than its template has?"""
    selector, labels = spec.get("selector"), spec
    wanted = selector.get("matchLabels", selector) if isinstance(selector, Mapping) else None
    for key in ("template", "metadata", "labels"):
        labels = labels.get(key) if isinstance(labels, Mapping) else None
    if not isinstance(wanted, Mapping) or not isinstance(labels, Mapping):
        return False
    return any(scalar(labels.get(k)) != scalar(v) for k, v in wanted.items() if not isinstance(v, list))
