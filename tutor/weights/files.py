"""What the cache holds: paths, journal, verification, lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tutor.errors import ModelError, ModelMissing
from tutor.weights.registry import DEFAULT, FETCH, MODELS, Model, Status, known

BLOCK = 2**20


def find(spec: str, cache_dir: Path) -> Path:
    """Return the GGUF file that `spec` names: a bundled model, or a local path.

    Raises `ModelMissing`, `ModelDamaged`, or `ModelError` for a name that is
    neither; a hub id such as "org/model" is told that no hub is ever asked.
    """
    if spec in MODELS:
        return verify(spec, cache_dir).require()
    path = Path(spec).expanduser()
    if path.is_file():
        return _local(path)
    if path.is_dir():
        raise ModelError(f"{spec!r} is a folder, not a GGUF file", fix="name the .gguf file in it")
    if spec.endswith(".gguf") or spec.startswith(("/", "./", "../", "~")):
        raise ModelMissing(
            f"there is no model file {spec!r}", fix=f"correct the path, or run: {FETCH} {DEFAULT}"
        )
    if "://" in spec or re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?", spec):
        raise ModelError(
            f"{spec!r} looks like a model hub's id or address, "
            "and kube-tutor never downloads from a hub",
            fix="name a local .gguf file, a model of `tutor models list`, "
            "or an OpenAI-compatible endpoint in KUBE_TUTOR_CHAT_URL",
        )
    raise ModelError(
        f"no chat model is called {spec!r}; there are {', '.join(MODELS)}",
        fix="name one of them, or a local .gguf file",
    )


def status(cache_dir: Path) -> list[Status]:
    """Return what the cache holds of each bundled model, without re-hashing
    files that were verified before."""
    return [verify(name, cache_dir) for name in MODELS]


def verify(model: str | Model, cache_dir: Path, *, deep: bool = False) -> Status:
    """Check a bundled model's file against its published size and hash.

    The hash is taken when `deep`, or when size or mtime are not those of the
    last verification. Nothing is raised for a damaged file: see `Status`.
    """
    model = known(model)
    path = folder(cache_dir) / model.file
    if not path.exists():
        good = sum(journal(model, path))
        return Status(model, "partial" if good else "absent", path, good)
    problem = _problem(model, path, deep)
    size = path.stat().st_size
    return Status(model, "damaged" if problem else "ready", path, size, problem)


def folder(cache_dir: Path) -> Path:
    return Path(cache_dir) / "models"


def beside(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}.{kind}")


def _local(path: Path) -> Path:
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            f"the model file {str(path)!r} can't be read: {error.strerror}", fix="check its rights"
        ) from error
    if magic != b"GGUF":
        raise ModelError(f"{str(path)!r} isn't a GGUF model", fix="name a .gguf file")
    return path.resolve()


def identity(model: Model) -> dict[str, object]:
    return {"sha256": model.sha256, "part_size": model.part_size}


def journal(model: Model, path: Path) -> list[int]:
    """Return the sizes of the parts that the partial file surely holds."""
    record = _read_json(beside(path, "journal"))
    try:
        held = beside(path, "partial").stat().st_size
    except OSError:
        return []
    parts = record.pop("parts", None)
    if record != identity(model) or not isinstance(parts, list):
        return []
    good: list[int] = []
    for size, expected in zip(parts, model.parts, strict=False):
        if size != expected or sum(good) + size > held:
            break
        good.append(size)
    return good


def _problem(model: Model, path: Path, deep: bool) -> str | None:
    stat = path.stat()
    if stat.st_size != model.size:
        return f"has {stat.st_size:,} bytes instead of {model.size:,}"
    seen = _read_json(beside(path, "verified"))
    same = seen == {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": model.sha256}
    if same and not deep:
        return None
    try:
        digest = sha256(path)
    except OSError as error:
        return f"can't be read: {error.strerror}"
    if digest != model.sha256:
        return "doesn't match its published hash"
    if not same:
        # A cache that can't be written to is still a cache: it is hashed at each start.
        with contextlib.suppress(OSError):
            remember(model, path)
    return None


def remember(model: Model, path: Path) -> None:
    stat = path.stat()
    record = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": model.sha256}
    write_json(beside(path, "verified"), record)


def sha256(path: Path, progress: Callable[[int], None] = lambda _: None) -> str:
    digest, done = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            progress(done)
    return digest.hexdigest()


def _read_json(path: Path) -> dict:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_json(path: Path, record: dict) -> None:
    new = path.with_name(path.name + ".new")
    with open(new, "w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def sync_folder(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with open(beside(path, "lock"), "w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(0.3)
        yield
