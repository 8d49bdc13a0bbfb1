"""Manifests and kubectl commands in a text, and what of a reference they hold."""

from __future__ import annotations

import copy
import json
import random
import re
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tutor.grading.structure import (
    MOST_CHARS,
    Command,
    commands,
    compare_command,
    compare_manifest,
    flatten,
    manifests,
    scalar,
    singular,
    structure_verdict,
)

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 3
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          image: nginx:1.27
          args: [--v=2, --port=80]
          env:
            - name: LEVEL
              value: debug
          ports:
            - containerPort: 80
            - containerPort: 443
          resources:
            requests:
              cpu: 1000m
              memory: 1Gi
          readinessProbe:
            httpGet:
              path: /ready
              port: 80
        - name: proxy
          image: envoy:1.33
      volumes:
        - name: cache
          emptyDir: {}
"""


def fenced(text: str, tag: str = "yaml") -> str:
    return f"```{tag}\n{text.rstrip()}\n```\n"


def value(text: str) -> Any:
    (found,) = manifests(fenced(text))
    return found.value


def command(text: str) -> Command:
    (found,) = commands(text)
    return found


# manifests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        (f"Like so:\n{fenced(POD)}done", [POD]),
        (fenced(POD, ""), [POD]),
        (f"~~~yml\n{POD}~~~", [POD]),
        (f"```\n{POD}", [POD]),
        (fenced(f"{POD}---\na: 1"), [POD, "a: 1"]),
        (f"答案如下：\n{POD}\n这样就行", [POD]),
        (f"First this\n\n{POD}\nand then\n\nspec:\n  replicas: 2\n", [POD, "spec:\n  replicas: 2"]),
        (fenced(f"cat <<EOF | kubectl apply -f -\n{POD}EOF", "bash"), [POD]),
        (f"- a list\n  {fenced(POD).replace(chr(10), chr(10) + '  ')}", [POD]),
        ('{"kind": "Pod", "spec": {"hostNetwork": true}}', ['{"kind": "Pod", "spec": {"hostNetwork": true}}']),
        ('so\n{\n\t"kind": "Pod"\n}\nthere', ['{\n\t"kind": "Pod"\n}']),
        (fenced("minAvailable: 2"), ["minAvailable: 2"]),
        ("minAvailable: 2", []),
        ("Note: this\nWhy: because", []),
        ("kind of: yes\nspecial: no", []),
        ("the spec: it says\nmore", []),
        (fenced("kubectl get pods"), []),
        ("", []),
    ],
)
def test_manifests_are_found_where_they_stand(text: str, quotes: list[str]) -> None:
    found = [textwrap.dedent(text[slice(*one.span)]) for one in manifests(text)]
    assert found == [quote.rstrip() for quote in quotes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("spec:\n\treplicas: 3\n\tpaused: true", {"spec": {"replicas": "3", "paused": "true"}}),
        ("replicas：3\npaused：true", {"replicas": "3", "paused": "true"}),
        ("spec:\n  a: 1\n b: 2\nkind: Pod", {"spec": {"a": "1"}}),
        ("spec: &s {a: 1}\ntemplate:\n  <<: *s\n  b: 2", {"spec": {"a": "1"}, "template": {"a": "1", "b": "2"}}),
        ("kind: Pod\nport: 0080\nday: 2024-13-45\nat: 12:30:45", {"kind": "Pod", "port": "0080", "day": "2024-13-45", "at": "12:30:45"}),
    ],
)
def test_sloppy_yaml_is_read_as_far_as_it_goes(text: str, wanted: dict[str, Any]) -> None:
    assert manifests(fenced(text))[0].value == wanted


def bomb() -> str:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    return fenced(f"a0: &a0 [x, x]\n{levels}")


HOSTILE = {
    "alias bomb": bomb(),
    "endless alias": fenced("a: &a\n  b: *a"),
    "python tag": fenced("kind: !!python/object/apply:os.system ['touch /tmp/owned']"),
    "forged tag": fenced("kind: !!timestamp x\nspec: !!bool y"),
    "deep flow": fenced("a: " + "[" * 30_000),
    "deep block": fenced("a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 200))),
    "deep keys": fenced("? " * 9_000),
    "deep JSON": '{"a":' * 9_000,
    "wide": "spec:\n" + "  - a\n" * 9_000,
    "many errors": "spec: a: b\nfoo: x\n" * 2_000,
    "many commands": "kubectl get " * 5_000,
    "open quotes": "kubectl get '" * 5_000,
    "open fences": "```\n" * 9_000,
    "escapes": "kubectl get " + "\\" * 15_000,
    "control characters": "kind: \x00\nspec: \ud800\n`kubectl get \x00`",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_neither_raises_nor_hangs(text: str) -> None:
    started = time.process_time()
    for one in manifests(text):
        assert len(flatten(one.value)) <= MOST_CHARS
    structure_verdict(f"{fenced(DEPLOYMENT)}`kubectl get pods -n x`", text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("name", ["alias bomb", "endless alias", "forged tag", "deep flow", "deep block"])
def test_what_could_grow_without_bounds_is_no_manifest(name: str) -> None:
    assert manifests(HOSTILE[name]) == []


def test_any_prefix_and_any_single_character_error_is_survived() -> None:
    rng = random.Random(4)
    text = f"{fenced(DEPLOYMENT)}\n{DEPLOYMENT}\n`kubectl get po -n 'x y'`"
    for at in rng.sample(range(len(text)), 25):
        for broken in (text[:at], text[:at] + rng.choice("\t:'\"{[&*!|>%@`-#\\ ：") + text[at + 1 :]):
            assert all(broken[slice(*one.span)].strip() for one in [*manifests(broken), *commands(broken)])


@pytest.mark.parametrize(
    ("path", "one", "other", "same"),
    [
        ("port", "80", 80, True), ("paused", True, "true", True), ("paused", "yes", "on", True),
        ("paused", "true", "false", False), ("a", None, "~", True), ("a", {}, "", True), ("a", 0, "", False),
        ("cpu", "1000m", 1, True), ("cpu", "0.5", "500m", True), ("memory", "1Gi", "1024Mi", True),
        ("memory", "1Gi", "1G", False), ("memory", "1e3", "1k", True), ("memory", "512Mi", "512M", False),
        ("interval", "60s", "1m", True), ("timeout", "1h30m", "90m", True), ("cpu", "60s", "1m", False),
        ("timeoutSeconds", "60s", "1m", False), ("timeoutSeconds", "60s", "60", False),
        ("image", "nginx:1.27", "nginx:1.28", False), ("args", "a   b\n", "a b", True),
    ],
)
def test_scalars_are_the_same_whatever_their_form(path: str, one: Any, other: Any, same: bool) -> None:
    assert (scalar(one, path) == scalar(other, path)) is same


def test_paths_name_the_entries_of_lists() -> None:
    paths = flatten(value(DEPLOYMENT))
    assert paths["spec.template.spec.containers[web].image"] == "nginx:1.27"
    assert paths["spec.template.spec.containers[web].ports[1].containerPort"] == "443"
    assert paths["spec.template.spec.volumes[cache].emptyDir"] == ""


# comparing manifests -----------------------------------------------------------------------------


def shuffled(node: Any, rng: random.Random, *, lists: bool = True) -> Any:
    if isinstance(node, dict):
        return {key: shuffled(node[key], rng) for key in rng.sample(list(node), len(node))}
    if isinstance(node, list):
        return [shuffled(part, rng) for part in rng.sample(node, len(node))]
    return node


def written(node: Any, rng: random.Random) -> str:
    """One of the many ways to write it down."""
    style = rng.randrange(5)
    if style == 0:
        return json.dumps(node, indent=rng.choice([None, 1, 2, "\t"]))
    text = yaml.dump(
        node, indent=rng.choice([2, 3, 4, 6]), default_flow_style=[False, True, None][style % 3],
        sort_keys=False, width=rng.choice([30, 80, 4000]), default_style=rng.choice([None, '"', "'"]),
    )
    return text if style < 3 else re.sub("^(?=.)", "   ", text, flags=re.M)


@pytest.mark.parametrize("seed", range(25))
def test_form_and_order_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    said = yaml.safe_load(DEPLOYMENT)
    reply = f"Sure.\n{fenced(written(shuffled(said, rng), rng), rng.choice(['', 'yaml', 'json']))}"
    assert flatten(value(DEPLOYMENT)).keys() == flatten(yaml.safe_load(DEPLOYMENT)).keys()
    assert structure_verdict(fenced(DEPLOYMENT), reply) == ("hit", manifests(reply)[0].span)


def scalars(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(node, dict | list) and node:
        for key, part in node.items() if isinstance(node, dict) else enumerate(node):
            yield from scalars(part, (*path, key))
    elif not isinstance(node, dict):
        yield path


FREE = [path for path in scalars(yaml.safe_load(DEPLOYMENT)) if path[-1] in ("name", "namespace") and "env" not in path]
TELLING = [path for path in scalars(yaml.safe_load(DEPLOYMENT)) if path not in FREE]


def changed(path: tuple[Any, ...], new: Any = "changed", *, drop: bool = False) -> Any:
    reply = copy.deepcopy(yaml.safe_load(DEPLOYMENT))
    node = reply
    for key in path[:-1]:
        node = node[key]
    if drop:
        del node[path[-1]]
    else:
        node[path[-1]] = new
    return reply


@pytest.mark.parametrize("path", TELLING, ids=lambda path: ".".join(map(str, path)))
def test_any_changed_or_dropped_scalar_is_found(path: tuple[Any, ...]) -> None:
    reference = value(DEPLOYMENT)
    other = compare_manifest(reference, changed(path))
    assert other.missing if path in (("kind",), (*path[:-2], "env", 0, "name")) else other.different or other.missing
    gone = compare_manifest(reference, changed(path, drop=True))
    assert gone.ratio < 1 and (gone.missing or gone.different)


@pytest.mark.parametrize("path", FREE, ids=lambda path: ".".join(map(str, path)))
def test_names_are_free(path: tuple[Any, ...]) -> None:
    assert compare_manifest(value(DEPLOYMENT), changed(path)).ratio == 1


def test_labels_are_free_as_long_as_selector_and_template_agree() -> None:
    renamed = DEPLOYMENT.replace("app: web", "tier: front")
    assert compare_manifest(value(DEPLOYMENT), value(renamed)).ratio == 1
    torn = compare_manifest(value(DEPLOYMENT), value(DEPLOYMENT.replace("app: web", "app: x", 1)))
    assert torn.different == ("spec.selector.matchLabels",)


def test_labels_that_kubernetes_reads_are_not_free() -> None:
    text = "kind: Namespace\nmetadata:\n  name: a\n  labels:\n    pod-security.kubernetes.io/enforce: baseline"
    reply = value(text.replace("baseline", "restricted"))
    assert compare_manifest(value(text), reply).different == ("metadata.labels.pod-security.kubernetes.io/enforce",)


@pytest.mark.parametrize(
    ("reference", "reply", "outcome"),
    [
        ("kind: Pod\nspec: {a: 1}", "kind: Pod\nspec: {a: 1, b: 2}", "equal"),
        ("kind: Pod\nspec: {a: 1}", "kind: pod\nspec: {a: 2}", "different"),
        ("kind: Pod\nspec: {a: 1}", "kind: Job\nspec: {a: 1}", "missing"),
        ("kind: Pod\nspec: {a: 1}", "kind: Pod\nspec:", "missing"),
        ("accessModes: [ReadWriteOnce]", "accessModes: [ReadWriteMany]", "different"),
        ("accessModes: [ReadWriteOnce]", "accessModes: [ReadOnlyMany, ReadWriteOnce]", "equal"),
        ("accessModes: [ReadWriteOnce]", "accessModes: ReadWriteOnce", "equal"),
        ("verbs: [get, get]", "verbs: [get, list]", "different"),
        ("env: [{name: A, value: 1}]", "env: [{name: B, value: 1}]", "missing"),
        ("containers: [{name: a, image: x}]", "containers: [{name: side, image: y}, {name: main, image: x}]", "equal"),
        ("podSelector: {}", "podSelector: {matchLabels: {app: web}}", "different"),
        ("emptyDir: {}", "emptyDir: {medium: Memory}", "equal"),
        ("image: registry.example.com/web:2.0", "image: nginx", "equal"),
        ("host: <your-host>", "host: a.b", "equal"),
        ("metadata: {namespace: kube-system}", "metadata: {namespace: default}", "different"),
        ("roleRef: {name: view}", "roleRef: {name: cluster-admin}", "different"),
        ("resource: {name: cpu}", "resource: {name: memory}", "different"),
        # fragments
        ("kind: Pod\nspec: {a: {hard: 1}}", "hard: 1", "equal"),
        ("hard: 1", "kind: Pod\nspec: {a: {hard: 2}}", "different"),
        ("spec: {containers: [{name: x, image: y}]}", "containers: [{name: z, image: y}]", "equal"),
    ],
)
def test_manifests_compare_by_what_they_ask_for(reference: str, reply: str, outcome: str) -> None:
    found = compare_manifest(value(reference), value(reply))
    assert getattr(found, outcome)
    assert outcome == "missing" or not found.different or outcome == "different"
    assert "equal" not in outcome or not found.different


# commands ----------------------------------------------------------------------------------------

GET = Command("get", "pod", ("web",), {"namespace": "kube-system", "output": "wide"})


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pod web -n kube-system -o wide",
        "$ kubectl get pods/web -n=kube-system -owide | grep Running",
        "k -o=wide get po web --namespace kube-system; echo",
        "Run `kubectl get pod/web --namespace=kube-system --output=wide` first.",
        "先执行kubectl -n kube-system get po web -o wide，再看状态",
        "then kubectl get pods web -o wide -n kube-system to see it, and so on",
        "```sh\nkubectl get Pod web \\\n  --namespace 'kube-system' \\\n  -o \"wide\"  # all of it\n```",
        "\"kubectl get pods web -n kube-system -o wide\" and \"nothing else\"",
        "kubectl get pods.v1 web —namespace kube-system -o wide.",
    ],
)
def test_one_command_in_many_forms(text: str) -> None:
    found = command(text)
    assert (found.verb, found.kind, found.names, found.flags) == (GET.verb, GET.kind, GET.names, GET.flags)
    assert re.match("k(ubectl)? ", text[slice(*found.span)]) and text[: found.span[1]].endswith(("wide", 'wide"', "kube-system"))


@pytest.mark.parametrize(
    ("text", "verb", "kind", "flags", "args"),
    [
        ("kubectl rollout undo deploy/web --to-revision=2", "rollout undo", "deployment", {"to-revision": "2"}, {}),
        ("kubectl config set-context --current --namespace=a", "config set-context", "", {"current": True, "namespace": "a"}, {}),
        ("kubectl top no", "top", "node", {}, {}),
        ("kubectl auth can-i create pods --as=bob", "auth can-i", "pod", {"as": "bob"}, {"verb": "create"}),
        ("kubectl set image sts/web web=nginx:2", "set image", "statefulset", {}, {"image": "nginx:2"}),
        ("kubectl create secret generic db --from-literal=a=b", "create secret generic", "secret", {"from-literal": "a=b"}, {}),
        ("kubectl create svc nodeport web --tcp=80", "create service nodeport", "service", {"tcp": "80"}, {}),
        ("kubectl create ns a", "create", "namespace", {}, {}),
        ("kubectl logs -f web -c app", "logs", "pod", {"follow": True, "container": "app"}, {}),
        ("kubectl logs -p deploy/web", "logs", "deployment", {"previous": True}, {}),
        ("kubectl apply -f web.yaml", "apply", "", {"filename": "web.yaml"}, {}),
        ("kubectl exec -it web -- sh -c 'ls /'", "exec", "pod", {"stdin": True, "tty": True}, {"--": "sh -c ls /"}),
        ("kubectl taint nodes n1 gpu=yes:NoSchedule", "taint", "node", {}, {"gpu": "yes:NoSchedule"}),
        ("kubectl label ns demo team-", "label", "namespace", {}, {"team": "-"}),
        ("kubectl port-forward svc/web 8081:80", "port-forward", "service", {}, {"port": "80"}),
        ("kubectl drain node-1 --ignore-daemonsets --force", "drain", "node", {"ignore-daemonsets": True, "force": True}, {}),
        ("kubectl get cm,secret -A", "get", "configmap,secret", {"all-namespaces": True}, {}),
        ("kubectl scale --replicas 3 rs/a", "scale", "replicaset", {"replicas": "3"}, {}),
        ("kubectl patch pv x -p '{\"a\": 1}'", "patch", "persistentvolume", {"patch": '{"a": 1}'}, {}),
        ("kubectl get --raw /metrics", "get", "", {"raw": "/metrics"}, {}),
        ("kubectl get pod <pod name> -o jsonpath='{.a} {.b}'", "get", "pod", {"output": "jsonpath={.a} {.b}"}, {}),
        # inside sentences
        ("kubectl describe pod, then look at the events", "describe", "pod", {}, {}),
        ("kubectl delete removes the Pod", "delete", "", {}, {}),
        ("kubectl apply is only a call", "apply", "", {}, {}),
        ("kubectl logs with --previous shows it", "logs", "pod", {"previous": True}, {}),
        ("用 kubectl logs 加 `--previous` 看", "logs", "pod", {"previous": True}, {}),
    ],
)
def test_commands_are_understood(text: str, verb: str, kind: str, flags: dict[str, Any], args: dict[str, str]) -> None:
    found = command(text)
    assert (found.verb, found.kind, found.flags, found.args) == (verb, kind, flags, args)


@pytest.mark.parametrize(
    "text", ["kubectl 慢就一定是 API Server 慢", "the kubectl tool", "a k value", "kubectl-debug get x", "kubectl", "k get"]
)
def test_what_is_no_command(text: str) -> None:
    assert commands(text) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("po", "pod"), ("Pods", "pod"), ("ingresses", "ingress"), ("ingress", "ingress"), ("svc", "service"),
     ("networkpolicies", "networkpolicy"), ("deployments.apps", "deployment"), ("storageclasses", "storageclass"),
     ("endpoints", "endpoint"), ("crds", "customresourcedefinition"), ("ns", "namespace"), ("leases", "lease"),
     ("backups", "backup"), ("policies", "policy")],
)
def test_resources_have_one_name(name: str, kind: str) -> None:
    assert singular(name) == kind


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_flags_and_short_names_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    flags = [["-n", "a"], ["--force"], ["--grace-period=0"], ["-l", "app=x"]]
    words = [rng.choice(["pod", "po", "pods", "Pod"]), *(w for flag in rng.sample(flags, 4) for w in flag)]
    text = f"{rng.choice(['kubectl', 'k'])} delete {' '.join(words)}"
    reference = command("kubectl delete pods -n a -l app=x --force --grace-period=0")
    assert compare_command(reference, command(text)).ratio == 1


@pytest.mark.parametrize(
    ("reference", "reply", "different", "missing"),
    [
        ("describe pod web-0", "describe po", (), ()),
        ("logs <pod> --previous", "logs web-7f -p -c app", (), ()),
        ("logs <pod> --previous", "logs web-7f", (), ("--previous",)),
        ("scale deploy/web --replicas=5", "scale deployment api --replicas 3", ("--replicas",), ()),
        ("scale deploy/web --replicas=N", "scale deployment api --replicas 3", (), ()),
        ("get pods -n team-a", "get pods -n team-b", (), ()),
        ("get pods -n kube-system", "get pods -n default", ("--namespace",), ()),
        ("get pods -l app=web", "get pods -l tier=x", (), ()),
        ("get pods -l k8s-app=kube-dns", "get pods -l k8s-app=kube-proxy", ("--selector",), ()),
        ("get svc", "get pods", (), ("verb", "kind")),
        ("rollout undo deploy/web", "rollout restart deploy/web", (), ("verb", "kind")),
        ("get pods", "get pods,svc", (), ()),
        ("get pods", "get", (), ("kind",)),
        ("get <kind> <name> -o yaml", "get po web -o yaml", (), ()),
        ("set resources deploy/a --limits=cpu=500m,memory=1Gi", "set resources deploy/a --limits memory=1024Mi,cpu=0.5", (), ()),
        ("logs x --since=60s", "logs x --since 1m", (), ()),
        ("exec web -- /bin/sh", "exec web -- bash", (), ()),
        ("exec web -- env", "exec web -- ls", ("--",), ()),
        ("patch pv a -p '{\"spec\": {\"x\": 1}}'", "patch pv b -p '{spec: {x: \"1\"}}'", (), ()),
        ("patch pv a -p '{\"spec\": {\"x\": 1}}'", "patch pv b -p '{\"spec\": {\"x\": 2}}'", ("--patch",), ()),
        ("port-forward svc/web 8081:80", "port-forward svc/web 9090:80", (), ()),
        ("port-forward svc/web 8081:80", "port-forward svc/web 9090:81", ("port",), ()),
        ("drain n1 --ignore-daemonsets", "drain n1 --ignore-daemonsets=false", ("--ignore-daemonsets",), ()),
    ],
)
def test_commands_compare_by_what_they_do(reference: str, reply: str, different: tuple[str, ...], missing: tuple[str, ...]) -> None:
    found = compare_command(command(f"`kubectl {reference}`"), command(f"`kubectl {reply}`"))
    assert (found.different, found.missing) == (different, missing)


# verdict -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "reply", "verdict", "quote"),
    [
        ("用 `kubectl rollout undo deployment/web --to-revision=2`", "执行kubectl rollout undo deploy api --to-revision 2，就回去了", "hit", "kubectl rollout undo deploy api --to-revision 2"),
        ("`kubectl rollout undo deployment/web --to-revision=2`", "k rollout undo deploy/api --to-revision=3", "contradicted", "k rollout undo deploy/api --to-revision=3"),
        ("`kubectl rollout undo deployment/web --to-revision=2`", "`kubectl rollout undo deploy/api`", "partial", "kubectl rollout undo deploy/api"),
        ("`kubectl rollout undo deployment/web`", "`kubectl rollout restart deploy/api`", "missed", ""),
        ("`kubectl get po -n kube-system`", "`kubectl get po -n default` or `kubectl get po -n kube-system`", "hit", "kubectl get po -n kube-system"),
        (fenced("replicas: 3\npaused: true"), "replicas: 3\npaused: yes", "hit", "replicas: 3\npaused: yes"),
        (fenced("replicas: 3\npaused: true"), "spec:\n  replicas: 2\n  paused: yes", "contradicted", "spec:\n  replicas: 2\n  paused: yes"),
        ("`kubectl get po` and `kubectl get svc`", "`kubectl get po`", "partial", "kubectl get po"),
    ],
)
def test_verdicts_come_with_the_part_that_decided(reference: str, reply: str, verdict: str, quote: str) -> None:
    found = structure_verdict(reference, reply)
    assert found is not None
    assert (found[0], reply[slice(*found[1])]) == (verdict, quote)


@pytest.mark.parametrize(
    ("reference", "reply"),
    [
        ("probes restart containers", "`kubectl get pods`"),
        ("`kubectl get pods`", "look at the Pods"),
        ("`kubectl scale deploy/a --replicas=2`", fenced("spec:\n  replicas: 2")),
        (fenced("metadata:\n  name: a"), fenced("metadata:\n  name: b")),
    ],
)
def test_without_anything_to_compare_there_is_no_verdict(reference: str, reply: str) -> None:
    assert structure_verdict(reference, reply) is None


def test_the_corpus_says_what_it_says() -> None:
    """Code blocks of our own items are read whole, and each is a hit on itself."""
    read = 0
    for path in sorted((Path(__file__).resolve().parents[1] / "corpus").glob("*/*.md"))[::6]:
        for tag, body in re.findall(r"^```(\w+)\n(.*?)^```", path.read_text("utf-8"), re.M | re.S):
            if tag in ("yaml", "bash", "sh", "shell"):
                verdict = structure_verdict(fenced(body, tag), fenced(body, tag))
                wanted = [part for part in yaml.safe_load_all(body) if isinstance(part, dict)] if tag == "yaml" else []
                assert len(manifests(fenced(body, tag))) >= len(wanted), path
                assert verdict is None or verdict[0] == "hit", (path, body, verdict)
                read += verdict is not None
    assert read > 20
