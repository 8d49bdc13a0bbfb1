"""The linter of the curated corpus: what `tutor corpus check` reports.

Each rule is a function from items (and, where needed, the ledger or the
documentation's folder) to `Problem`s. Nothing is fixed here, only found.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tutor import lexicon
from tutor.corpus.curated import parse_item
from tutor.corpus.items import LANGS, LEVELS, TOPICS, Item, Problem

SCHEMA_VERSION = "1.34"
"""Kubernetes version against which manifests in answers are validated."""
NEWEST_VERSION = (1, 35)
"""The newest Kubernetes minor version that an item may speak of as released."""
ANNOUNCED_VERSION = (1, 40)
"""Plans beyond the newest version may be named up to here ("removal planned in v1.38")."""

WORDS = {"en": (60, 380), "zh": (60, 420)}
"""Allowed length of an answer without code, in words; see `word_count`."""

_FENCE = re.compile(r"^ {0,3}(```|~~~)[ \t]*(\w*)[^\n]*\n(.*?)^ {0,3}\1[ \t]*$", re.M | re.S)
_CODE = re.compile(r"`([^`\n]+)`")
_NUMBER = re.compile(r"(?<![\w.])v?\d+(?:[.,:]\d+)*(?![\w])|(?<![\w.-])\d+(?=[a-zA-Z%°]{1,3}\b)|\d+")
_KIND = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b")
_VERSION = re.compile(r"\bv?1\.(\d{1,2})\b(?!\.\d|[%\d])")
_CJK_CHAR = re.compile(r"[\u4e00-\u9fff]")

# Numerals that one language writes out where the other uses a digit are not a disagreement.
_SMALL = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}


def read_curated(folder: Path) -> tuple[list[Item], list[Problem]]:
    """All `*.md` files below `folder` except README.md, in path order."""
    items: list[Item] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*.md")):
        if path.name == "README.md":
            continue
        parsed = parse_item(path.read_text("utf-8"), str(path))
        if isinstance(parsed, Item):
            items.append(parsed)
        else:
            problems += parsed
    return items, problems


def check(
    items: Sequence[Item], *, everything: Sequence[Item] | None = None,
    ledger: Path | None = None, docs: Path | None = None,
) -> list[Problem]:
    """Everything wrong with the items, sorted by place.

    `everything` is the whole corpus when `items` is a part of it: links and
    near-duplicates are looked up there. `ledger` is a JSONL file whose rows
    outside the career topic must all be covered. `docs` is the folder of the
    official documentation in one language; `reference` pages must exist there.
    """
    everything = items if everything is None else everything
    ids = Counter(item.id for item in everything)
    problems: list[Problem] = []
    for item in items:
        path = Path(item.source.path)
        say = [
            *_placement(item, path, ids),
            *_length(item),
            *_languages_agree(item),
            *_points_in_answer(item),
            *_contrasts(item),
            *_manifests(item),
            *_versions(item),
        ]
        if docs is not None:
            say += _reference(item, docs)
        problems += [Problem(item.source.path, 1, message) for message in say]
    problems += _near_duplicates(items, everything)
    if ledger is not None:
        problems += _ledger_coverage(everything, ledger)
    return sorted(problems, key=lambda problem: (problem.path, problem.line, problem.message))


def word_count(text: str) -> int:
    """Words outside code blocks; 1.7 Chinese characters count as a word."""
    prose = _FENCE.sub("", text)
    latin = re.findall(r"[A-Za-z0-9][\w./-]*", _CJK_CHAR.sub(" ", prose))
    return round(len(_CJK_CHAR.findall(prose)) / 1.7) + len(latin)


def _placement(item: Item, path: Path, ids: Counter[str]) -> Iterator[str]:
    if path.stem != item.id:
        yield f"the file's name must be {item.id + '.md'!r}, the item's id"
    if path.parent.name != item.topic:
        yield f"the file must stand in the folder {item.topic!r}, its topic"
    if ids[item.id] > 1:
        yield f"the id {item.id!r} is used {ids[item.id]} times"
    for link in item.prerequisites:
        if link == item.id:
            yield f"{item.id!r} is its own prerequisite"
        elif link not in ids:
            yield f"prerequisite {link!r} doesn't exist"
    if item.topic != "career" and not item.reference:
        yield "reference: name the documentation page that supports the answer"


def _length(item: Item) -> Iterator[str]:
    for lang, text in item.answer.items():
        low, high = WORDS[lang]
        if not low <= word_count(text) <= high:
            yield f"the answer in {lang} has {word_count(text)} words; {low} to {high} are allowed"


def _facts(text: str) -> dict[str, Counter[str]]:
    """What must be the same in both languages."""
    fences = [match[3].strip() for match in _FENCE.finditer(text)]
    prose = _FENCE.sub("", text)
    code = [re.sub(r"\s+", " ", span.strip()) for span in _CODE.findall(prose)]
    bare = _CODE.sub(" ", prose)
    return {
        "code block": Counter(fences),
        "code": Counter(set(code)),
        "number": Counter(
            {n.lstrip("v").replace(",", "") for n in _NUMBER.findall(lexicon.normalise(bare))}
        ),
        "kind": Counter({kind.removesuffix("s") for kind in _KIND.findall(bare)}),
    }


def _languages_agree(item: Item) -> Iterator[str]:
    texts = [("the answer", item.answer)]
    texts += [(f"point {n}", point.text) for n, point in enumerate(item.points, 1)]
    for n, wrong in enumerate(item.misconceptions, 1):
        texts += [(f"claim {n}", wrong.claim), (f"correction {n}", wrong.correction)]
    for where, text in texts:
        if set(text) == set(LANGS):
            yield from _agree(where, text)


def _agree(where: str, text: Mapping[str, str]) -> Iterator[str]:
    facts = {lang: _facts(text[lang]) for lang in LANGS}
    everything = {lang: lexicon.normalise(text[lang]).lower() for lang in LANGS}
    for lang, other in (LANGS, LANGS[::-1]):
        for what, mine in facts[lang].items():
            for fact in mine - facts[other][what]:
                if what == "number" and (fact in _SMALL or re.search(
                    rf"(?<![\d.]){re.escape(fact)}(?![\d])", everything[other].replace(",", "")
                )):
                    continue
                if what in ("code", "kind") and fact.lower() in everything[other]:
                    continue
                shown = fact if len(fact) <= 60 else fact[:57] + "..."
                yield f"{what} {shown!r} stands in {where} in {lang} but not in {other}"


def _points_in_answer(item: Item) -> Iterator[str]:
    for lang, answer in item.answer.items():
        held = set(lexicon.tokens(answer))
        digits = set(re.findall(r"\d+", answer))
        for number, point in enumerate(item.points, 1):
            text = point.text[lang]
            share = lexicon.overlap(lexicon.tokens(text), held)
            if share < 0.6:
                yield f"point {number} in {lang} isn't in the answer ({share:.0%} of its words)"
            for figure in set(re.findall(r"\d+", text)) - digits - _SMALL:
                yield f"point {number} in {lang} has {figure}, which the answer lacks"


def _contrasts(item: Item) -> Iterator[str]:
    for number, contrast in enumerate(item.contrasts, 1):
        for lang in LANGS:
            left, right = ({form.lower() for form in side[lang]} for side in (contrast.left, contrast.right))
            text = _all_of(item, lang).lower()
            if left & right:
                yield f"contrast {number}: {sorted(left & right)[0]!r} is on both sides"
            for side in (left, right):
                if not any(form in text for form in side):
                    yield f"contrast {number}: nothing of the item in {lang} has any of {sorted(side)}"


def _all_of(item: Item, lang: str) -> str:
    texts = [item.question, item.answer, *(point.text for point in item.points)]
    texts += [text for wrong in item.misconceptions for text in (wrong.claim, wrong.correction)]
    return "\n".join([text.get(lang, "") for text in texts] + list(item.aliases.get(lang, ())))


def _manifests(item: Item) -> Iterator[str]:
    import yaml

    for lang, answer in item.answer.items():
        for match in _FENCE.finditer(answer):
            if match[2].lower() not in ("yaml", "yml"):
                continue
            try:
                documents = [doc for doc in yaml.safe_load_all(match[3]) if doc is not None]
            except yaml.YAMLError as error:
                what = getattr(error, "problem", None) or "can't be parsed"
                yield f"YAML in {lang}: {what}"
                continue
            if lang == "en":  # the same block stands in both languages
                for document in documents:
                    yield from _validate(document)


def _validate(document: object) -> Iterator[str]:
    import kubernetes_validate

    if not isinstance(document, dict) or "apiVersion" not in document or "kind" not in document:
        yield "YAML block without apiVersion and kind: use a ```text fence for fragments"
        return
    kind = f"{document['apiVersion']} {document['kind']}"
    group = str(document["apiVersion"]).split("/")[0]
    if ("." in group and not group.endswith(".k8s.io")) or group.endswith(
        (".config.k8s.io", "gateway.networking.k8s.io", "snapshot.storage.k8s.io",
         "autoscaling.k8s.io", ".x-k8s.io", "audit.k8s.io", "kustomize.config.k8s.io")
    ):
        return  # custom resources and component configuration: no schema ships with Kubernetes
    if kind.split("/")[0] in ("kustomize.config.k8s.io", "kubeadm.k8s.io") or kind == "v1 Config":
        return
    try:
        kubernetes_validate.validate(document, SCHEMA_VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        yield f"no schema for {kind!r} in Kubernetes {SCHEMA_VERSION}"
    except kubernetes_validate.ValidationError as error:
        yield f"{kind}: {error.message.splitlines()[0]}"


def _versions(item: Item) -> Iterator[str]:
    since, until = (_minor(v) for v in (item.since, item.until))
    if since and since > NEWEST_VERSION:
        yield f"since {item.since} is newer than {'.'.join(map(str, NEWEST_VERSION))}"
    if since and until and until < since:
        yield f"until {item.until} is before since {item.since}"
    for lang, answer in item.answer.items():
        for minor in {int(m) for m in _VERSION.findall(_FENCE.sub("", answer))}:
            if minor > ANNOUNCED_VERSION[1]:
                yield f"version 1.{minor} in {lang} is out of range"


def _minor(version: str | None) -> tuple[int, int] | None:
    if version is None:
        return None
    major, minor = version.split(".")
    return int(major), int(minor)


def _reference(item: Item, docs: Path) -> Iterator[str]:
    page = item.reference
    if page and not any(
        (docs / candidate).is_file() for candidate in (f"{page}.md", f"{page}/_index.md")
    ):
        yield f"reference {page!r} is no page of the documentation"


def _near_duplicates(items: Sequence[Item], everything: Sequence[Item]) -> Iterator[Problem]:
    asked: dict[str, Item] = {}
    for item in everything:
        for question in {_squash(q) for q in _questions(item)}:
            first = asked.setdefault(question, item)
            if first is not item and item in items:
                yield Problem(item.source.path, 1, f"asks the same as {first.id!r}: {question!r}")
    shingles = {item.id: _shingles(item) for item in everything}
    for at, item in enumerate(everything):
        for other in everything[at + 1 :]:
            a, b = shingles[item.id], shingles[other.id]
            if item.id != other.id and len(a & b) > 0.6 * min(len(a), len(b)):
                yield Problem(other.source.path, 1, f"is nearly the same as {item.id!r}")


def _questions(item: Item) -> Iterator[str]:
    yield from item.question.values()
    for aliases in item.aliases.values():
        yield from aliases


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", lexicon.normalise(text).lower())


def _shingles(item: Item) -> set[tuple[str, ...]]:
    words = lexicon.words(_FENCE.sub("", item.answer.get("en", "")))
    return {tuple(words[i : i + 4]) for i in range(max(0, len(words) - 3))}


def _ledger_coverage(everything: Sequence[Item], ledger: Path) -> Iterator[Problem]:
    covered = {seed for item in everything for seed in item.seeds}
    known = set()
    for number, line in enumerate(ledger.read_text("utf-8").splitlines(), 1):
        row = json.loads(line)
        known.add(row["id"])
        if row["id"] not in covered:
            yield Problem(str(ledger), number, f"{row['id']} is covered by no item: {row['question']}")
    for item in everything:
        for seed in item.seeds:
            if seed not in known:
                yield Problem(item.source.path, 1, f"seed {seed!r} is no row of the ledger")


def stats(items: Iterable[Item]) -> str:
    """A table of items by topic and level, with totals, as plain text."""
    counts = Counter((item.topic, item.level) for item in items)
    rows = [("topic", *LEVELS, "all")]
    for topic in TOPICS:
        by_level = [counts[topic, level] for level in LEVELS]
        rows.append((topic, *map(str, by_level), str(sum(by_level))))
    totals = [sum(counts[topic, level] for topic in TOPICS) for level in LEVELS]
    rows.append(("all", *map(str, totals), str(sum(totals))))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        row[0].ljust(width) + "".join(cell.rjust(8) for cell in row[1:]) for row in rows
    )
