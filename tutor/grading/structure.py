"""YAML and kubectl commands inside a reply, compared with a reference by structure.

Pure functions over untrusted text: they never raise, and look at its first
`MOST_CHARS` characters. What a manifest or command does is compared; whether
the sentence around it recommends it or warns of it is not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import yaml

from tutor.grading.types import Verdict

MOST_CHARS = 20_000
MOST_DEPTH = 30
MOST_ALIASES = 10
MOST_TRIES = 20
"""Stretches of one text that are parsed in vain before the search ends."""
MOST_WORDS = 60
"""Words of one command."""
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
class Command:
    """A kubectl command.

    `verb` includes the subcommand ("rollout undo", "create secret generic").
    `kind` is the singular resource in lower case, several joined by commas, ""
    if none is named or implied. `flags` has long names without dashes; a flag
    without a value is True. `args` holds other arguments: "key=value" by key,
    "port" (the target's), "image", "verb" (of `auth can-i`), "--" (what to run).
    """

    verb: str
    kind: str = ""
    names: tuple[str, ...] = ()
    flags: Mapping[str, str | bool] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    span: Span = (0, 0)


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


# manifests ---------------------------------------------------------------------------------------

_KEYS = """apiVersion kind metadata spec template containers initContainers image ports resources requests limits selector
podSelector matchLabels matchExpressions replicas strategy updateStrategy livenessProbe readinessProbe startupProbe lifecycle env
envFrom volumes volumeMounts rules subjects roleRef data stringData tolerations affinity nodeSelector accessModes storageClassName
provisioner securityContext hard ingress egress policyTypes topologySpreadConstraints minAvailable maxUnavailable jobTemplate
schedule completions parallelism backoffLimit behavior metrics scaleTargetRef minReplicas rollingUpdate volumeClaimTemplates
httpGet dnsConfig labels taints webhooks""".split()
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?=^[ \t]*\1|\Z)", re.M | re.S)
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
    for fence in [*_FENCE.finditer(text), None]:
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
            value, used = _read("".join(text[slice(*line)] for line in lines[place:run]))
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


def _read(text: str) -> tuple[dict[str, Any], int]:
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
_WELL_KNOWN = re.compile(r"(?:system[:-]|kube-).*|cluster-admin|admin|edit|view")
_LABELS = re.compile(r"(?<![\w-])(?:labels|matchLabels|selector)$")
_READ_LABEL = re.compile(r"(?!app\.kubernetes\.io/).*(?:kubernetes|k8s|istio)\.io/.*")
_PLACEHOLDER = re.compile(r"<.*>|\.{3,}|…+|\$.+|.*(?<![\w-])example\.(?:com|org|net)(?![\w-]).*")


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
        return _comparison(absent)
    laid = [_outcomes(reference, reply)]
    if not kinds[1]:
        laid += [absent | _outcomes(part, reply, path) for path, part in _mappings(reference)]
    if not kinds[0]:
        laid += [_outcomes(reference, part) for _, part in _mappings(reply)]
    return _comparison(max(laid, key=_closeness))


def _comparison(found: Outcomes) -> Comparison:
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
        free = [key for key, value in reference.items() if _label_free(path, key, value)]
        found = {path: "equal" if held else "missing"} if free else {}
        for inner, key, part in _parts(reference, path):
            found |= {} if key in free else _outcomes(part, held.get(key), inner)
        if _disagrees(held):
            found |= {p: "different" for p in found if p.startswith(f"{path}.selector".lstrip("."))}
        return found
    if _NAME.search(path) and not _TELLING_NAME.search(path) and not _WELL_KNOWN.fullmatch(scalar(reference)):
        return {}
    if reply is None or (scalar(reply) == "" and scalar(reference)):
        return {path: "missing"}
    if not scalar(reference) and isinstance(reply, Mapping):
        # {} leaves the rest to defaults, but as a selector or an entry it means "all".
        return {path: "different" if reply and path.endswith(("elector", "]")) else "equal"}
    same = _PLACEHOLDER.fullmatch(scalar(reference)) or scalar(reference, path) == scalar(reply, path)
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


def _label_free(path: str, key: str, value: Any) -> bool:
    """True for a label that is the author's choice, False for one that Kubernetes reads."""
    plain = bool(_LABELS.search(path)) and not isinstance(value, Mapping | list)
    return plain and not _READ_LABEL.fullmatch(key) and not _WELL_KNOWN.fullmatch(scalar(value))


def _disagrees(spec: Mapping[str, Any]) -> bool:
    """Does a workload select other labels than its template has?"""
    selector, labels = spec.get("selector"), spec
    wanted = selector.get("matchLabels", selector) if isinstance(selector, Mapping) else None
    for key in ("template", "metadata", "labels"):
        labels = labels.get(key) if isinstance(labels, Mapping) else None
    if not isinstance(wanted, Mapping) or not isinstance(labels, Mapping):
        return False
    return any(scalar(labels.get(k)) != scalar(v) for k, v in wanted.items() if not isinstance(v, list))


# commands ----------------------------------------------------------------------------------------

_VERBS = """annotate api-resources api-versions apply attach auth autoscale certificate cluster-info config convert cordon cp
create debug delete describe diff drain edit events exec explain expose get kustomize label logs patch port-forward proxy replace
rollout run scale set taint top uncordon version wait""".split()
_SUBCOMMANDS = {
    "apply": "view-last-applied", "auth": "can-i reconcile whoami", "certificate": "approve deny", "cluster-info": "dump",
    "rollout": "history pause restart resume status undo", "set": "env image resources selector serviceaccount subject",
    "config": "current-context delete-context get-clusters get-contexts get-users rename-context set set-cluster set-context "
    "set-credentials unset use-context view",
    "create secret": "docker-registry generic tls", "create service": "clusterip externalname loadbalancer nodeport",
}
_TAKES_KIND = """get describe delete edit label annotate scale patch autoscale expose explain wait taint top create rollout set
auth""".split()
_IMPLIED = dict.fromkeys("logs exec attach port-forward debug cp run".split(), "pod")
_IMPLIED |= dict.fromkeys("cordon uncordon drain".split(), "node") | {"certificate": "certificatesigningrequest"}
# As `kubectl api-resources` lists them, each with its short name.
_KINDS = {name: pair.split(":")[0] for pair in """all pod:po service:svc deployment:deploy job secret replicaset:rs statefulset:sts
daemonset:ds cronjob:cj node:no namespace:ns configmap:cm role gateway lease token serviceaccount:sa persistentvolume:pv
persistentvolumeclaim:pvc storageclass:sc ingress:ing networkpolicy:netpol endpoint:ep event:ev horizontalpodautoscaler:hpa
poddisruptionbudget:pdb priorityclass:pc resourcequota:quota limitrange:limits replicationcontroller:rc rolebinding apiservice
certificatesigningrequest:csr customresourcedefinition:crd componentstatus:cs clusterrole clusterrolebinding httproute csinode
volumeattributesclass:vac verticalpodautoscaler:vpa endpointslice volumeattachment csidriver ingressclass runtimeclass
""".split() for name in pair.split(":")}
_SWITCHES = """all-namespaces all all-containers cascade containers current delete-emptydir-data disable-eviction dry-run
embed-certs expose flatten follow force force-conflicts help ignore-daemonsets ignore-not-found list minify no-headers now
output-watch-events overwrite prefix previous privileged prune quiet recursive rm server-side show-kind show-labels
show-managed-fields show-swap stdin timestamps tty wait watch""".split()
_SHORT = dict(pair.split(":") for pair in """n:namespace o:output l:selector A:all-namespaces w:watch f:filename k:kustomize
c:container p:previous i:stdin t:tty L:label-columns R:recursive q:quiet h:help logs-f:follow patch-p:patch create-r:replicas
""".split())
_OBJECTS = """namespace container context cluster user as copy-to target serviceaccount filename kustomize from-file cert
key""".split()
"""Flags whose values name an object or a file: free, as all names are."""

_KUBECTL = re.compile(r"(?<![A-Za-z0-9_./-])(?:kubectl|k)(?=[ \t]|\\\n)", re.IGNORECASE)
_CODE = re.compile(rf"{_FENCE.pattern}|`[^`\n]+(?=`)", re.M | re.S)
_PIECE = r"""(?<=[\s=,:])(?:'[^']*'|"(?:\\.|[^"\\])*")|<[^<>\n]{1,40}>|\\."""
_CODE_WORD = re.compile(rf"(?:[ \t]|\\\n)+((?!#)(?:{_PIECE}|[^\s'\"|;&<>()`\\])+)")
_PROSE_WORD = re.compile(
    r"(?:(?:[ \t]|\\\n)+(?:with[ \t]+(?=-))?|[ \t`]*(?:with|加上?|带上?)[ \t`]*(?=--?[a-z]))"
    r"((?!#|(?:to|and|or|then|with|will|is|are|for|on|in|of|if|the|an?|it|this|that|so|but|when|which|while|as|at|by|"
    rf"from|into)(?![\w/.=-]))(?:{_PIECE}|[^\s'\"|;&<>()`\\,.:!?\u2e80-\uffef]|[,.:!?](?![\s\u2e80-\uffef]|$))+)"
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)""")
_ANYTHING = re.compile(rf"{_PLACEHOLDER.pattern}|[A-Z][A-Z0-9_-]*")


def commands(text: str) -> list[Command]:
    """Every kubectl command in `text`, in order, the first `MOST_PLACES` of them.

    In code (fences, backticks) a command takes all words of its line; in a
    sentence those that can belong to it.
    """
    text = text[:MOST_CHARS]
    code = [match.span() for match in _CODE.finditer(text)]
    found = []
    for start in list(_KUBECTL.finditer(text))[:MOST_PLACES]:
        end = next((b for a, b in code if a <= start.start() < b), None)
        words: list[tuple[str, int]] = []
        at = start.end()
        while len(words) < MOST_WORDS:
            word = (_PROSE_WORD if end is None else _CODE_WORD).match(text, at, end or len(text))
            if not word:
                break
            at = word.end()
            words.append((_QUOTED.sub(lambda m: m[1] or m[2] or m[3] or "", word[1]), at))
        command = _command(words, start.start(), prose=end is None)
        if command and (len(words) > 1 or start[0] != "k"):
            found.append(command)
    return found


def _command(words: list[tuple[str, int]], start: int, *, prose: bool) -> Command | None:
    said: list[str] = []
    flags: dict[str, str | bool] = {}
    args: dict[str, str] = {}
    place = end = 0
    while place < len(words):
        word = re.sub("^[—–]+(?=[a-z])", "--", words[place][0])
        after = words[place + 1][0] if place + 1 < len(words) else "-"
        if word == "--":
            args["--"] = " ".join(said_to_run for said_to_run, _ in words[place + 1 :])
            place = len(words) - 1
        elif re.match("--?[A-Za-z]", word):
            named, used = _flag(word, after, said[0] if said else "")
            flags |= named
            place += used
        else:
            expected = not said or said[-1] == "can-i" or singular(word) in _KINDS or word in _subcommands(said)
            named = bool(said) and (said[0] not in _TAKES_KIND or any(singular(w) in _KINDS for w in said))
            if prose and word.isalpha() and not expected and (after.isalpha() or not named):
                break  # the sentence goes on
            said.append(word)
        end = words[place][1]
        place += 1
    if not said or said[0].lower() not in _VERBS:
        return None
    verb, rest = said[0].lower(), said[1:]
    deep = verb == "create"
    if len(rest) > deep and rest[deep] in _subcommands(said[: 1 + deep]):
        verb = " ".join([verb, *(singular(kind) for kind in rest[:deep]), rest.pop(deep)])
    if verb == "auth can-i" and rest:
        args["verb"] = rest.pop(0)
    kinds, names = set(), []
    for place, word in enumerate(rest):
        key, equals, value = word.partition("=")
        typed = re.fullmatch(r"([A-Za-z][A-Za-z.]*)/(.+)", word)
        if typed and not equals and (place == 0 or singular(typed[1]) in _KINDS):
            kinds.add(singular(typed[1]))
            names.append(typed[2])
        elif place == 0 and not equals and verb.split()[0] in _TAKES_KIND:
            kinds |= {singular(kind) for kind in word.split(",")}
        elif equals or word.endswith("-"):
            args["image" if verb == "set image" else key.rstrip("-")] = value or "-"
        elif verb == "port-forward" and re.fullmatch(r"\d*:?\d+", word):
            args["port"] = word.rpartition(":")[2]
        else:
            names.append(word)
    kind = ",".join(sorted(kinds)) or _IMPLIED.get(verb.split()[0], "")
    return Command(verb, kind, tuple(names), flags, args, (start, end))


def _subcommands(said: list[str]) -> list[str]:
    return _SUBCOMMANDS.get(" ".join([said[0].lower(), *map(singular, said[1:])]), "").split()


def _flag(word: str, after: str, verb: str) -> tuple[dict[str, str | bool], int]:
    """What a word with dashes sets, and how many of the words after it that takes."""
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        long = [_SHORT.get(f"{verb}-{letter}") or _SHORT.get(letter, letter) for letter in name[1:]]
        if all(flag in _SWITCHES for flag in long) and not equals:
            return dict.fromkeys(long, True), 0
        equals, value = ("=", name[2:] + equals + value) if name[2:] else (equals, value)
        name = f"--{long[0]}"
    if equals:
        return {name[2:]: value if value != "true" else True}, 0
    takes = name[2:] not in _SWITCHES and not after.startswith("-")
    return {name[2:]: after if takes else True}, int(takes)


def singular(kind: str) -> str:
    """The singular name of a resource: "po", "Pods" and "pods.v1" are "pod"."""
    name = kind.lower().partition(".")[0]
    forms = [name, re.sub("ies$", "y", name), re.sub("(?<=ss|us|ch)es$", "", name), re.sub("(?<=[^s])s$", "", name)]
    return next((_KINDS[form] for form in forms if form in _KINDS), forms[1] if forms[1] != name else forms[3])


def compare_command(reference: Command, reply: Command) -> Comparison:
    """Verb, kind, flags and arguments of `reference` in `reply`.

    Of another verb or kind, everything is missing. Names match anything, and
    so do values such as <name>, NAME or $NAME in the reference; more than the
    reference has is no fault.
    """
    wanted = {f"--{name}": value for name, value in reference.flags.items()} | dict(reference.args)
    held = {f"--{name}": value for name, value in reply.flags.items()} | dict(reply.args)
    ours, theirs = (set(filter(None, one.kind.split(","))) for one in (reference, reply))
    found = dict.fromkeys(["verb", *["kind"][: len(ours)], *wanted], "missing")
    if reference.verb == reply.verb and (ours <= theirs or not theirs):
        found |= {"verb": "equal"} | ({"kind": "equal"} if ours and theirs else {})
        for key in wanted.keys() & held.keys():
            same = _agrees(key, str(wanted[key]), str(held[key]), reference.verb)
            found[key] = "equal" if same else "different"
    return _comparison(found)


def _agrees(key: str, reference: str, reply: str, verb: str) -> bool:
    if key[2:] in _OBJECTS or (verb, key) == ("debug", "--image"):
        return not _WELL_KNOWN.fullmatch(reference) or reference == reply
    if key == "--":  # the program that runs, whichever shell it is
        return len({re.sub(r".*/|^(?:ba|a|z)sh$", "", (said.split() or [""])[0]) or "sh" for said in (reference, reply)}) == 1
    if reference.startswith(("{", "[")):
        patches = [_read(f"patch: {said}")[0] for said in (reference, reply)]
        return patches[0] != {} and flatten(patches[0]) == flatten(patches[1])
    pairs = [[part.rpartition("=") for part in said.split(",")] for said in (reference, reply)]
    ours, theirs = ({name: scalar(value, key) for name, _, value in parts} for parts in pairs)
    if key == "--selector":
        ours = {name: value for name, value in ours.items() if not _label_free("labels", name, value)}
    return all(_ANYTHING.fullmatch(value) or theirs.get(name) == value for name, value in ours.items())


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
