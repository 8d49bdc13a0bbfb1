"""YAML and kubectl commands inside a reply, compared with a reference by structure.

Pure functions over untrusted text: they never raise, never build objects of
other types than mappings, lists and strings, and look at the first
`MOST_CHARS` characters only. What a command or a manifest does is compared;
whether the sentence around it recommends it or warns of it is not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from json import JSONDecoder
from typing import Any

import yaml

from tutor.grading.types import Verdict

MOST_CHARS = 20_000
MOST_NODES = 2_000
"""Scalars and containers of one manifest, its aliases expanded."""
MOST_DEPTH = 30
MOST_TRIES = 20
"""Places of one text at which an unfenced manifest is looked for in vain."""
MOST_PLACES = 100
"""Mappings of a manifest beside which a fragment is laid, and list entries that are compared."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """A manifest: `value` is what the text at `span` (start, end) says, its scalars as strings."""

    span: Span
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A kubectl command at `span`.

    `verb` includes the subcommand ("rollout undo", "create secret generic").
    `kind` is the singular resource name in lower case, several joined by
    commas, "" if none is named or implied. `flags` has long names without
    dashes; a flag without a value is True. `args` holds other arguments:
    "key=value" by key, "port" (of the target), "image", "verb" (of `auth
    can-i`) and "--" (the command to run).
    """

    verb: str
    kind: str = ""
    names: tuple[str, ...] = ()
    flags: Mapping[str, str | bool] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    span: Span = (0, 0)


@dataclass(frozen=True)
class Comparison:
    """What of a reference a reply has: paths of the reference's scalars, flags and arguments."""

    equal: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Share of the paths that are equal, 0.0 to 1.0; 0.0 without any path."""
        return len(self.equal) / max(1, len(self.equal) + len(self.different) + len(self.missing))


# manifests ---------------------------------------------------------------------------------------

_KEYS = """apiVersion kind metadata spec template containers initContainers image ports resources
requests limits selector podSelector matchLabels matchExpressions replicas strategy updateStrategy
livenessProbe readinessProbe startupProbe lifecycle env envFrom volumes volumeMounts rules subjects
roleRef data stringData tolerations affinity nodeSelector accessModes storageClassName provisioner
securityContext hard ingress egress policyTypes topologySpreadConstraints backends minAvailable
maxUnavailable jobTemplate schedule completions parallelism backoffLimit behavior metrics
scaleTargetRef minReplicas rollingUpdate volumeClaimTemplates httpGet hostAliases dnsConfig webhooks
taints claimRef reclaimPolicy volumeBindingMode labels annotations""".split()
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?=^[ \t]*\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_LINE = re.compile(r"[^\n]*\n?")
_START = re.compile(rf"([ \t]*)(?:{'|'.join(_KEYS)})[ \t]*[:：](?:\s|$)")
_GOES_ON = re.compile(r"\s*$|[ \t]*(?:#|-\s|---|['\"]?[A-Za-z][\w./-]*['\"]?[ \t]*[:：](?:\s|$))")
_JSON = re.compile(r'\{\s*"')
_WIDE_COLON = re.compile(r"^([ ]*(?:- )*[A-Za-z][\w./-]*)：[ ]*", re.M)
_BLANKS = str.maketrans({"\t": "  ", "\u00a0": " ", "\u3000": "  ", "\r": " "})


class _Loader(yaml.SafeLoader):
    """Every scalar is a string: "80" and 80 are told apart by nobody, and no value can be forged."""

    yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))]}
    depth = aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.aliases += self.check_event(yaml.AliasEvent)
        self.depth += 1
        if self.depth > MOST_DEPTH or self.aliases > MOST_TRIES:
            raise ValueError("nested too deep, or too many aliases")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def manifests(text: str) -> list[Found]:
    """Every YAML or JSON mapping in `text`, in order.

    In fenced blocks any mapping counts, elsewhere one that begins with a key
    of the Kubernetes API (at least two lines of YAML, or JSON). Where lines
    can't be parsed, those before them count.
    """
    text = text[:MOST_CHARS]
    found: list[Found] = []
    at = 0
    for fence in [*_FENCE.finditer(text), None]:
        found += _unfenced(text, at, fence.start() if fence else len(text))
        if fence:
            start = fence.start(2)
            for document in re.split(r"(^---.*\n?)", fence[2], flags=re.M):
                found += _document(text, start, start + len(document))
                start += len(document)
            at = fence.end()
    return found


def _document(text: str, start: int, end: int) -> list[Found]:
    lines = [line.span() for line in _LINE.finditer(text, start, end) if line[0]]
    value, used = _read(text, lines)
    if not value:
        return _unfenced(text, start, end)
    rest = lines[used][0] if used < len(lines) else end
    return [Found(_trimmed(text, start, rest), value), *_unfenced(text, rest, end)]


def _unfenced(text: str, start: int, end: int) -> list[Found]:
    lines = [line.span() for line in _LINE.finditer(text, start, end) if line[0]]
    found: list[Found] = []
    place = tries = 0
    while place < len(lines) and tries < MOST_TRIES:
        first = _START.match(text, *lines[place])
        run = place + 1
        while first and run < len(lines) and _continues(text[slice(*lines[run])], len(first[1])):
            run += 1
        value, used = _read(text, lines[place:run]) if run > place + 1 else (None, 0)
        span = _trimmed(text, lines[place][0], lines[place + max(used, 1) - 1][1])
        if value and "\n" in text[slice(*span)]:
            found.append(Found(span, value))
            place += used
        else:
            tries += run > place + 1
            place += 1
    taken = start
    for brace in list(_JSON.finditer(text, start, end))[:MOST_TRIES]:
        if brace.start() < taken or any(a <= brace.start() < b for (a, b) in (f.span for f in found)):
            continue
        try:
            _, taken = JSONDecoder().raw_decode(text[:end], brace.start())
        except (ValueError, RecursionError):
            continue
        value, _ = _read(text, [(brace.start(), taken)])
        if value and any(key in _KEYS for key in value):
            found.append(Found((brace.start(), taken), value))
    return sorted(found, key=lambda one: one.span)


def _continues(line: str, indent: int) -> bool:
    own = len(line) - len(line.lstrip(" \t"))
    return not line.strip() or own > indent or (own == indent and bool(_GOES_ON.match(line)))


def _read(text: str, lines: list[Span]) -> tuple[dict[str, Any] | None, int]:
    """The mapping that the first lines make, and their number."""
    used = len(lines)
    for _ in range(2):
        body = "".join(text[slice(*line)] for line in lines[:used])
        try:
            value = yaml.load(_WIDE_COLON.sub(r"\1: ", body.translate(_BLANKS)), Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            used = min(mark.line if mark else 0, used - 1)
            continue
        except Exception:  # a forged tag makes PyYAML's constructors raise anything
            break
        fits = isinstance(value, dict) and value and sum(1 for _ in _nodes(value)) <= MOST_NODES
        return (value, used) if fits else (None, 0)
    return None, 0


def _nodes(value: Any) -> Iterator[Any]:
    """Itself and all below, at most one more than `MOST_NODES`: aliases may make it endless."""
    open_ = [value]
    for _ in range(MOST_NODES + 1):
        if not open_:
            return
        node = open_.pop()
        yield node
        inner = list(node.values()) if isinstance(node, dict) else node
        open_ += inner[:MOST_NODES] if isinstance(inner, list) else []


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip("\r\n")), start + len(piece.rstrip())


_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false", "null": "", "~": ""}
_WORDS |= {"true": "true", "false": "false"}
_UNITS = {"": Fraction(1)} | {u: Fraction(1000) ** n for n, u in enumerate("num kMGTPE", -3)}
_UNITS |= {f"{u}i": Fraction(1024) ** n for n, u in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d)?)([numkMGTPE]|[KMGTPE]i)?")
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[hms]))+")
_SECONDS = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
_TIME = re.compile(r"(?i)timeout|interval|duration|frequency|period|delay|ttl|window|since|expir|age$")


def scalar(value: Any, path: str = "") -> str:
    """A scalar in one form: numbers and quantities as a fraction, durations in seconds.

    "1m" is a minute where the last key of `path` speaks of time, else a
    thousandth. Null, "", {} and [] are all "".
    """
    if not value and value not in (0, False):
        return ""
    text = " ".join(str(value).split())
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    key = path.rpartition(".")[2]
    if _DURATION.fullmatch(text) and not key.endswith("Seconds"):
        if "s" in text or "h" in text or _TIME.search(key):
            parts = re.findall(r"([\d.]+)(ms|[hms])", text)
            return f"{sum(Fraction(n) * _SECONDS[unit] for n, unit in parts)}s"
    if re.fullmatch(r"0o?[0-7]{1,9}", text):  # a file mode
        return str(int(text.replace("o", ""), 8))
    if quantity := _QUANTITY.fullmatch(text):
        return str(Fraction(quantity[1]) * _UNITS[quantity[2] or ""])
    return text


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """The scalars of a manifest by path, such as "spec.containers[nginx].image"; see `scalar`."""
    inner = _inner(value, path)
    if not inner:
        return {path: scalar(value, path)}
    return {p: s for below, _, part in inner for p, s in flatten(part, below).items()}


def _inner(value: Any, path: str) -> list[tuple[str, Any, Any]]:
    """(path, key or place, value) of the parts of a mapping or list."""
    if isinstance(value, Mapping):
        return [(f"{path}.{key}" if path else str(key), key, part) for key, part in value.items()]
    if not isinstance(value, list):
        return []
    names = [part.get("name") if isinstance(part, Mapping) else None for part in value]
    labels = [n if isinstance(n, str) and names.count(n) == 1 else i for i, n in enumerate(names)]
    return [(f"{path}[{labels[i]}]", i, part) for i, part in enumerate(value[:MOST_PLACES])]


# comparing manifests -----------------------------------------------------------------------------

_NAME = re.compile(
    r"(?<![\w-])(?:name|namespace|(?:generate|claim|secret|service|serviceAccount|storageClass|"
    r"priorityClass|runtimeClass|ingressClass|node|volume|container)Name)$"
)
_TELLING_NAME = re.compile(r"(?:env\[[^\]]*\]|versions\[[^\]]*\]|resource|containerResource|metric)\.name$")
_WELL_KNOWN = re.compile(r"(?:system[:-]|kube-).*|cluster-admin|admin|edit|view")
_LABELS = re.compile(r"(?<![\w-])(?:labels|matchLabels|selector)$")
_PLACEHOLDER = re.compile(r"<.*>|\.{3,}|…+|\$.+|.*(?<![\w-])example\.(?:com|org|net)(?![\w-]).*")

Outcomes = dict[str, str]
"""Path of the reference -> "equal", "different" or "missing"."""


def compare_manifest(reference: Mapping[str, Any], reply: Mapping[str, Any]) -> Comparison:
    """The scalars of `reference` in `reply`, both values of `manifests`.

    Of another kind, everything is missing. A fragment (without a kind) is laid
    where it fits best. More than the reference has is no fault. Lists are sets.
    Free are the names of objects, containers and the like unless well known
    ("kube-system"), labels, and what is `<so>` or of example.com in the
    reference; but a selector that the template's labels disagree with is different.
    """
    kinds = [scalar(value.get("kind")).lower() for value in (reference, reply)]
    if all(kinds) and kinds[0] != kinds[1]:
        return _comparison(_outcomes(reference, None))
    laid = [_outcomes(reference, reply)]
    if not kinds[1]:
        absent = _outcomes(reference, None)
        laid += [absent | _outcomes(part, reply, path) for path, part in _mappings(reference)]
    if not kinds[0]:
        laid += [_outcomes(reference, part) for _, part in _mappings(reply)]
    return _comparison(max(laid, key=_closeness))


def _comparison(outcomes: Outcomes) -> Comparison:
    by = {o: tuple(path for path in outcomes if outcomes[path] == o) for o in outcomes.values()}
    return Comparison(by.get("equal", ()), by.get("different", ()), by.get("missing", ()))


def _closeness(outcomes: Outcomes) -> tuple[int, int]:
    found = list(outcomes.values())
    return found.count("equal"), found.count("different")


def _mappings(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """All mappings below with their paths, itself left out; the first of them."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    open_ = [("", value)]
    while open_ and len(found) < MOST_PLACES:
        parts = [(path, part) for path, _, part in _inner(open_[0][1], open_.pop(0)[0])]
        found += [(path, part) for path, part in parts if isinstance(part, Mapping)]
        open_ += parts
    return found[:MOST_PLACES]


def _outcomes(reference: Any, reply: Any, path: str = "") -> Outcomes:
    if isinstance(reference, list) and reference:
        return _entries(reference, reply if isinstance(reply, list) else [reply], path)
    if isinstance(reference, Mapping) and reference:
        held = reply if isinstance(reply, Mapping) else {}
        free = {key for key, value in reference.items() if _label_free(path, key, value)}
        found = {path: "equal" if held else "missing"} if free else {}
        for inner, key, part in _inner(reference, path):
            if key not in free:
                found |= _outcomes(part, held.get(key), inner)
        if _disagrees(held):
            selector = f"{path}.selector".lstrip(".")
            found |= {p: "different" for p in found if p.startswith(selector)}
        return found
    if _NAME.search(path) and not _TELLING_NAME.search(path):
        if not _WELL_KNOWN.fullmatch(scalar(reference)):
            return {}
    if reply is None:
        return {path: "missing"}
    if reference == {} and isinstance(reply, Mapping):
        # Elsewhere {} asks for the field and leaves the rest to defaults; here it means "all".
        every = path.endswith(("elector", "]")) and bool(reply)
        return {path: "different" if every else "equal"}
    if scalar(reply) == "" != scalar(reference):
        return {path: "missing"}
    same = _PLACEHOLDER.fullmatch(scalar(reference)) or scalar(reference, path) == scalar(reply, path)
    return {path: "equal" if same else "different"}


def _entries(reference: list[Any], reply: list[Any], path: str) -> Outcomes:
    """Each entry beside the one of the reply that has its name, or else is closest to it."""
    ours = _inner(reference, path)
    pairs = []
    for inner, i, entry in ours:
        for j, other in enumerate(reply[:MOST_PLACES]):
            both = isinstance(entry, Mapping) and isinstance(other, Mapping)
            named = both and "name" in entry and entry["name"] == other.get("name")
            if (both or type(entry) is type(other)) and (named or not path.endswith("env")):
                found = _outcomes(entry, other, inner)
                pairs.append((named, *_closeness(found), -i, -j, found))
    found = _outcomes_of(ours)
    left, free = {i for _, i, _ in ours}, set(range(len(reply)))
    for *_, i, j, outcomes in sorted(pairs, key=lambda pair: pair[:2] + pair[3:5], reverse=True):
        if -i in left and -j in free:
            left.remove(-i)
            free.remove(-j)
            found |= outcomes
    return found


def _outcomes_of(parts: list[tuple[str, Any, Any]]) -> Outcomes:
    return {p: o for path, _, part in parts for p, o in _outcomes(part, None, path).items()}


def _label_free(path: str, key: str, value: Any) -> bool:
    """True for a label that is anybody's choice, not one that Kubernetes reads."""
    if not _LABELS.search(path) or isinstance(value, Mapping | list):
        return False
    domain = key.rpartition("/")[0]
    reads = domain.endswith(("kubernetes.io", "k8s.io", "istio.io")) and domain != "app.kubernetes.io"
    return not reads and not _WELL_KNOWN.fullmatch(scalar(value))


def _disagrees(spec: Mapping[str, Any]) -> bool:
    """Do the selector and the template's labels of a workload contradict each other?"""
    labels: Any = spec
    for key in ("template", "metadata", "labels"):
        labels = labels.get(key) if isinstance(labels, Mapping) else None
    selector = spec.get("selector")
    wanted = selector.get("matchLabels", selector) if isinstance(selector, Mapping) else None
    if not isinstance(wanted, Mapping) or not isinstance(labels, Mapping) or not labels:
        return False
    plain = {k: v for k, v in wanted.items() if not isinstance(v, Mapping | list)}
    return any(scalar(labels.get(key)) != scalar(value) for key, value in plain.items())
