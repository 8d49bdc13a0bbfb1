"""Reads a file or a folder, choosing the reader by what the file holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from tutor.corpus.curated import parse_item
from tutor.corpus.documents import parse_document
from tutor.corpus.items import Item, Problem, Reading
from tutor.corpus.notes import decode, is_qa_notes, parse_notes
from tutor.errors import CorpusError

SUFFIXES = (".md", ".markdown", ".txt")
MAX_BYTES = 20 * 1024 * 1024
"""Larger files are reported and skipped: notes and documents are text written by people."""

_CURATED = re.compile(r"\A\ufeff?---[ \t]*\r?\n(?:.*\r?\n){0,10}?(?:id|topic|level|points):", re.M)
_SITE_KEY = re.compile(r"^(?:title|content_type|reviewers):", re.M)


def read(path: Path) -> Reading:
    """Every item below a folder, or in one file, and every problem met on the way.

    Files that aren't Markdown or text, hidden ones and symbolic links out of
    the folder are left alone. Paths in the result begin with the name of
    `path`. Raises `CorpusError` when `path` doesn't exist or can't be listed.
    """
    root = Path(path)
    if not root.exists():
        raise CorpusError(f"there is no file or folder {str(path)!r}", fix="check the path")
    items: list[Item] = []
    problems: list[Problem] = []
    for file, shown in _files(root, problems):
        reading = _read_file(file, shown)
        items += reading.items
        problems += reading.problems
    return Reading(tuple(items), tuple(problems))


def read_text(text: str, shown: str) -> Reading:
    """Items of one text; `shown` is the path to name in items and problems."""
    head = text[:4000]
    if _CURATED.match(head) and not _SITE_KEY.search(head.split("\n---", 1)[0]):
        parsed = parse_item(text, shown)
        return Reading((parsed,)) if isinstance(parsed, Item) else Reading((), tuple(parsed))
    return parse_notes(text, shown) if is_qa_notes(text) else parse_document(text, shown)


def content_digest(path: Path) -> str:
    """A hash of the names and bytes of all files that `read` would read."""
    digest = hashlib.sha256()
    for file, shown in _files(Path(path), []):
        try:
            data = file.read_bytes()
        except OSError as error:
            data = repr(error.errno).encode()
        digest.update(f"{shown}\0{len(data)}\0".encode("utf-8", "surrogatepass"))
        digest.update(data)
    return digest.hexdigest()


def _files(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, str]]:
    if root.is_file():
        yield root, root.name
        return
    home = root.resolve()
    try:
        found = sorted(root.rglob("*"))
        next(root.iterdir(), None)
    except OSError as error:
        raise CorpusError(
            f"can't list the folder {str(root)!r}: {error.strerror}", fix="check its permissions"
        ) from error
    for file in found:
        inside = file.relative_to(root)
        if any(part.startswith(".") for part in inside.parts):
            continue
        shown = str(Path(root.resolve().name) / inside)
        if file.is_dir():
            if not _listable(file):
                problems.append(Problem(shown, 1, "the folder can't be opened: permission denied"))
            continue
        if file.suffix.lower() not in SUFFIXES or file.name == "README.md":
            continue
        if file.is_symlink() and not file.resolve().is_relative_to(home):
            problems.append(Problem(shown, 1, "a link out of the folder is not followed"))
            continue
        yield file, shown


def _listable(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def _read_file(file: Path, shown: str) -> Reading:
    try:
        if file.stat().st_size > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            return Reading((), (Problem(shown, 1, f"larger than {limit} MB: split the file"),))
        text, complaint = decode(file.read_bytes())
    except OSError as error:
        return Reading((), (Problem(shown, 1, f"can't be read: {error.strerror}"),))
    reading = read_text(text, shown)
    if complaint:
        return Reading(reading.items, (*reading.problems, Problem(shown, 1, complaint)))
    return reading
