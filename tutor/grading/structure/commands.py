"""kubectl commands in a text, and what of a reference one does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tutor.grading.structure.manifests import (
    FENCE,
    MOST_CHARS,
    MOST_PLACES,
    PLACEHOLDER,
    WELL_KNOWN,
    Comparison,
    Span,
    comparison,
    flatten,
    label_free,
    read_mapping,
    scalar,
)

MOST_WORDS = 60
"""Words of one command."""


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
_CODE = re.compile(rf"{FENCE.pattern}|`[^`\n]+(?=`)", re.M | re.S)
_PIECE = r"""(?<=[\s=,:])(?:'[^']*'|"(?:\\.|[^"\\])*")|<[^<>\n]{1,40}>|\\."""
_CODE_WORD = re.compile(rf"(?:[ \t]|\\\n)+((?!#)(?:{_PIECE}|[^\s'\"|;&<>()`\\])+)")
_PROSE_WORD = re.compile(
    r"(?:(?:[ \t]|\\\n)+(?:with[ \t]+(?=-))?|[ \t`]*(?:with|加上?|带上?)[ \t`]*(?=--?[a-z]))"
    r"((?!#|(?:to|and|or|then|with|will|is|are|for|on|in|of|if|the|an?|it|this|that|so|but|when|which|while|as|at|by|"
    rf"from|into)(?![\w/.=-]))(?:{_PIECE}|[^\s'\"|;&<>()`\\,.:!?\u2e80-\uffef]|[,.:!?](?![\s\u2e80-\uffef]|$))+)"
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)""")
_ANYTHING = re.compile(rf"{PLACEHOLDER.pattern}|[A-Z][A-Z0-9_-]*")


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
        if typed and not equals and verb not in ("cp", "kustomize") and (place == 0 or singular(typed[1]) in _KINDS):
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
    ours, theirs = ({kind for kind in one.kind.split(",") if kind[:1] not in ("", "<")} for one in (reference, reply))
    found = dict.fromkeys(["verb", *["kind"][: len(ours)], *wanted], "missing")
    if reference.verb == reply.verb and (ours <= theirs or not theirs):
        found |= {"verb": "equal"} | ({"kind": "equal"} if ours and theirs else {})
        for key in wanted.keys() & held.keys():
            same = _agrees(key, str(wanted[key]), str(held[key]), reference.verb)
            found[key] = "equal" if same else "different"
    return comparison(found)


def _agrees(key: str, reference: str, reply: str, verb: str) -> bool:
    if key[2:] in _OBJECTS or (verb, key) == ("debug", "--image"):
        return not WELL_KNOWN.fullmatch(reference) or reference == reply
    if key == "--":  # the program that runs, whichever shell it is
        return len({re.sub(r".*/|^(?:ba|a|z)sh$", "", (said.split() or [""])[0]) or "sh" for said in (reference, reply)}) == 1
    if reference.startswith(("{", "[")):
        patches = [read_mapping(f"patch: {said}")[0] for said in (reference, reply)]
        return patches[0] != {} and flatten(patches[0]) == flatten(patches[1])
    pairs = [[part.rpartition("=") for part in said.split(",")] for said in (reference, reply)]
    ours, theirs = ({name: scalar(value, key) for name, _, value in parts} for parts in pairs)
    if key == "--selector":
        ours = {name: value for name, value in ours.items() if not label_free("labels", name, value)}
    return all(_ANYTHING.fullmatch(value) or theirs.get(name) == value for name, value in ours.items())
