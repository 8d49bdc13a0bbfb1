"""Kubernetes terms in Chinese and English, and the tokenizer built on them.

`terms.tsv` holds one concept a line with the forms that name it in either
language, slang included. `tokens` cuts text of either language into what
keyword search, query expansion, support checks and grading compare. Beside
the words themselves it yields one token per concept, such as "§taint" for
both 污点 and "taints", so that a question finds an answer in the other
language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from importlib import resources

VERSION = 2
"""Part of the index's fingerprint: raise it when `tokens` cuts the same text differently."""

CONCEPT = "§"
"""Prefix of the tokens that stand for a concept rather than for a word."""

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_CJK}]+|[a-z0-9][a-z0-9_./+-]*[a-z0-9]|[a-z0-9]")
_HAS_CJK = re.compile(rf"[{_CJK}]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
_FOREIGN_WORD = re.compile(r"[a-z][a-z0-9.+#-]*")
_LONGEST_ENGLISH_FORM = 4

_STOP = frozenset(
    """a an the of to in on at by for with from as is are was were be been being am do does did done
    have has had can could should would will shall may might must it its this that these those there
    here i me my we our you your he she they them their what which who whom whose when where why how
    and or but if then else than so not no yes about into over under between again just only also
    some any each every all both more most other such same very too up down out off get gets got
    let make makes need please tell explain describe briefly use used using s t re ve ll d m""".split()
)
_STOP_ZH = frozenset(
    """的 了 是 在 和 与 或 及 呢 吗 啊 吧 呀 嘛 么 咋 怎么 怎样 如何 什么 哪些 哪个 哪 几 种 有 没有 没 个 一个
    一 下 一下 我 你 您 他 她 它 我们 你们 请 请问 问 说 说说 谈谈 讲 讲讲 简述 详述 介绍 解释 描述 为什么 为啥 啥 会
    能 可以 要 应该 需要 就 都 也 还 又 再 很 被 把 让 给 对 从 到 向 之 其 该 这 那 这个 那个 些 时 时候 后 前 中 里
    怎么办 怎么回事 咋办 上 来 去 过 着 地 得 以 而 但 并 则 等 请详述 是否 区别于 关于 具体 一般 通常 整 办""".split()
)


def language(text: str) -> str:
    """ "zh" when the text has Chinese characters, else "en".

    One Chinese character is enough: 'Pod 一直 Pending' is a Chinese question.
    """
    return "zh" if _HAS_CJK.search(text) else "en"


def normalise(text: str) -> str:
    """NFKC, so that full-width ＫＵＢＥＣＴＬ, ：and （ compare equal to their plain forms."""
    return unicodedata.normalize("NFKC", text)


def printable(text: str) -> str:
    """The text with a space for every character that can't be printed, but for line breaks and tabs.

    Control characters and lone surrogates move a terminal, and no database keeps them.
    """
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


@cache
def forms() -> dict[str, tuple[str, ...]]:
    """Every form that names a concept, lower case -> the concepts that it names."""
    table: dict[str, list[str]] = {}
    for line in (resources.files(__package__) / "terms.tsv").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        concept, english, chinese = line.split("\t")
        for form in f"{english},{chinese}".split(","):
            if form and concept not in table.setdefault(form, []):
                table[form].append(concept)
    return {form: tuple(concepts) for form, concepts in table.items()}


@cache
def _chinese_forms() -> dict[str, tuple[str, ...]]:
    """First character -> the forms with Chinese characters that begin with it."""
    table: dict[str, list[str]] = {}
    for form in forms():
        if _HAS_CJK.search(form):
            table.setdefault(form[0], []).append(form)
    return {first: tuple(found) for first, found in table.items()}


@cache
def _segmenter():
    import rjieba

    segmenter = rjieba.Jieba()
    for form in forms():
        if len(form) > 1 and all(_HAS_CJK.match(c) for c in form):
            segmenter.add_word(form, 20_000, "n")
    return segmenter


def concepts(text: str) -> list[str]:
    """The concepts that the text names, in order, with repetitions.

    All forms count, nested ones too: 节点亲和性 names node-affinity, node and affinity.
    """
    text = normalise(text).lower()
    found: list[tuple[int, str]] = []
    table, chinese = forms(), _chinese_forms()
    for at, char in enumerate(text):
        for form in chinese.get(char, ()):
            if text.startswith(form, at):
                found += [(at, concept) for concept in table[form]]
    words = [(m.start(), m[0].strip("./+_-")) for m in _RUN.finditer(text) if m[0][0] < "\u3400"]
    for i, (at, _) in enumerate(words):
        for n in range(1, _LONGEST_ENGLISH_FORM + 1):
            window = words[i : i + n]
            if len(window) < n:
                break
            if n > 1 and window[-1][0] - window[-2][0] - len(window[-2][1]) > 1:
                break  # more than a space between the words: not one term
            form = " ".join(word for _, word in window)
            for concept in table.get(form, ()):
                found.append((at, concept))
    return [concept for _, concept in sorted(found, key=lambda pair: pair[0])]


def words(text: str) -> list[str]:
    """Words of either language, lower case, without stop words, singular.

    Compound identifiers yield themselves and their parts: kube-proxy gives
    kube-proxy, kube, proxy; `spec.nodeName` gives spec.nodename, spec, nodename,
    node, name. Chinese is cut by jieba's dictionary and ours.
    """
    found: list[str] = []
    text = normalise(text)
    parts = {m[0].lower(): _camel_parts(m[0]) for m in _LATIN_WORD.finditer(text)}
    for match in _RUN.finditer(text.lower()):
        run = match[0]
        if run[0] >= "\u3400":
            found += [
                word for word in _segmenter().cut_for_search(run, False) if word not in _STOP_ZH
            ]
            continue
        pieces = [piece for piece in re.split(r"[./+_-]", run) if piece]
        if len(pieces) > 1:
            found.append(run)
        for piece in pieces:
            if piece not in _STOP:
                found.append(_singular(piece))
            for part in parts.get(piece, ()):
                if part not in _STOP and part != piece:
                    found.append(_singular(part))
    return found


def tokens(text: str) -> list[str]:
    """What keyword search indexes and asks for: `words` and one token per concept."""
    return words(text) + [CONCEPT + concept for concept in concepts(text)]


@lru_cache(maxsize=4096)
def _camel_parts(word: str) -> tuple[str, ...]:
    parts = [part.lower() for part in _CAMEL.split(word)]
    return tuple(part for part in parts if len(part) > 2) if len(parts) > 1 else ()


@lru_cache(maxsize=65536)
def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ws", "ps")):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word


@cache
def _foreign() -> dict[str, str]:
    """Each spelling of a technology next door -> its name."""
    table = {}
    for line in (resources.files(__package__) / "foreign.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            spellings = line.split(",")
            table |= dict.fromkeys(spellings, spellings[0])
    return table


def foreign(text: str) -> set[str]:
    """Names of technologies next door, such as redis or react, that the text holds."""
    table = _foreign()
    words = (match[0].strip("./_-") for match in _FOREIGN_WORD.finditer(text.lower()))
    return {table[word] for word in words if word in table}


# Concepts whose very name says Kubernetes; many others (service, node, probe) mean other things too.
_OURS = frozenset(
    """pod init-container ephemeral-container static-pod crashloop imagepull imagepullpolicy
    readiness-gate downward-api daemonset statefulset replicaset replicationcontroller cronjob
    maxsurge maxunavailable apiserver etcd controller-manager cloud-controller kubelet kube-proxy
    kubectl kubeadm crd validatingadmissionpolicy cri dockershim nodeselector taint toleration
    cordon drain topology-spread pdb descheduler scheduling-gates limitrange resourcequota hpa vpa
    cluster-autoscaler keda clusterip nodeport endpointslice ingress gateway-api cni calico flannel
    cilium networkpolicy pv pvc storageclass emptydir csi configmap rolebinding serviceaccount
    kubeconfig psp psa kube-state-metrics helm kustomize kubernetes""".split()
)


def ours(text: str) -> bool:
    """True when the text names something that exists in Kubernetes alone."""
    return not _OURS.isdisjoint(concepts(text))


def names(text: str) -> set[str]:
    """Words that look like names, lower case: capitals within a sentence, Latin among Chinese.

    Without the technical words of the lexicon.
    """
    chinese = language(text) == "zh"
    found = set()
    for match in _LATIN_WORD.finditer(text):
        word = match[0]
        first = not text[: match.start()].rstrip(" \"'(") or text[: match.start()].rstrip()[-1] in ".?!:"
        if len(word) < 3 or not (chinese or (word[0].isupper() and not first) or word[1:].lower() != word[1:]):
            continue
        lower = word.lower()
        if lower not in technical_words() and lower not in forms() and lower not in _STOP:
            found.add(_singular(lower))
    return found


@cache
def technical_words() -> frozenset[str]:
    """Single English words of four letters or more in the lexicon: what a typo may have meant."""
    found = set()
    for form in forms():
        if not _HAS_CJK.search(form):
            found |= {word for word in re.split(r"[ /]", form) if len(word) >= 4 and word[0].isalpha()}
    return frozenset(found)


def correct(text: str, known: Collection[str] = ()) -> str:
    """The text with misspelt technical words mended: pendding -> Pending, kubctl -> kubectl.

    Only words of five letters or more that are neither in `known` (lower
    case) nor technical are looked at, and only technical words and those in
    `known` with a capital or hyphen in the lexicon replace them: an ordinary
    word is never turned into another.
    """
    vocabulary = technical_words()

    def mend(match: re.Match[str]) -> str:
        word = match[0].lower()
        if len(word) < 5 or word in vocabulary or word in known or word in forms():
            return match[0]
        if any(_singular(word) in pool for pool in (vocabulary, known, _STOP)):
            return match[0]
        return _nearest(word) or match[0]

    return _LATIN_WORD.sub(mend, text)


@lru_cache(maxsize=4096)
def _nearest(word: str) -> str | None:
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    # One slip in a short word, two in a long one: "node" must not become "mode".
    slips = 2 if len(word) >= 8 else 1
    best = process.extractOne(
        word, sorted(technical_words()), scorer=OSA.distance, score_cutoff=slips
    )
    return best[0] if best else None


def overlap(needle: Iterable[str], haystack: Collection[str]) -> float:
    """Share of the distinct tokens of `needle` that stand in `haystack`; 0.0 to 1.0."""
    wanted = set(needle)
    return sum(token in haystack for token in wanted) / len(wanted) if wanted else 0.0
