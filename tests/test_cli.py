"""The command line: the answer on stdout, the rest on stderr, one line for a mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import CORPUS, FakeEmbedder
from tutor.cli import main


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command in this process over four items; returns status, stdout, stderr."""
    for name, text in CORPUS.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for name in ("DATA", "CACHE", "CORPUS"):
        monkeypatch.setenv(f"KUBE_TUTOR_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("KUBE_TUTOR_CHAT", "none")
    monkeypatch.setattr("tutor.app.open_embedder", lambda name: FakeEmbedder())
    monkeypatch.setattr("tutor.embeddings.open_embedder", lambda name: FakeEmbedder())

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(list(argv))
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_ask_prints_the_answer_on_stdout_and_sources_on_stderr(cli) -> None:
    status, out, err = cli("ask", "PV", "和", "PVC", "是什么关系")
    assert status == 0
    assert "一对一绑定" in out
    assert "pvc.md" in err
    assert "pvc.md" not in out


def test_ask_as_json_is_only_json(cli) -> None:
    _, out, _ = cli("ask", "--json", "PV 和 PVC 是什么关系")
    answer = json.loads(out)
    assert answer["status"] == "grounded"
    assert answer["citations"][0]["item_id"] == "pvc"


def test_search_lists_passages(cli) -> None:
    _, out, _ = cli("search", "-k", "2", "--json", "pod pending")
    assert next(p["item_id"] for p in json.loads(out)) == "pod-pending"
    status, out, _ = cli("search", "pod pending")
    assert status == 0
    assert out.startswith("1. ")


def test_ingest_reports_lists_and_removes(cli, tmp_path: Path) -> None:
    notes = tmp_path / "my notes.md"
    notes.write_text("## What is a quorum?\n\nA: A majority.\n\n## What is raft?\n\nA: Consensus.\n")
    status, out, _ = cli("ingest", str(notes))
    assert status == 0
    assert "2 added" in out
    assert str(notes) in cli("ingest", "--list")[1]
    assert "2 removed" in cli("ingest", "--remove", str(notes))[1]
    status, _, err = cli("ingest", "--remove", str(notes))
    assert status == 1
    assert err.count("\n") == 1


def test_rebuild(cli) -> None:
    cli("ingest")
    status, out, _ = cli("ingest", "--rebuild")
    assert status == 0
    assert "4 items now" in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ask", "?"], "empty"),
        (["ask", "x" * 100_000], "100000 characters"),
        (["search", "-k", "0", "pod"], "k must be 1 to 50"),
        (["ingest", "/no/such/place"], "no file or folder"),
        (["models", "fetch", "gpt-9"], "gpt-9"),
        (["corpus", "check", "/no/such/place"], "no file or folder"),
    ],
)
def test_a_mistake_is_one_line_without_a_traceback(cli, argv: list[str], words: str) -> None:
    status, out, err = cli(*argv)
    lines = [line for line in err.splitlines() if not line.startswith("build the index")]
    assert (status, out) == (1, "")
    assert len(lines) == 1
    assert lines[0].startswith("tutor: ")
    assert words in lines[0]


def test_an_unknown_setting_is_one_line(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_TUTOR_MODLE", "x")
    status, _, err = cli("ask", "pod")
    assert status == 1
    assert "KUBE_TUTOR_MODLE" in err
    assert err.count("\n") == 1


def test_models_are_listed(cli) -> None:
    status, out, _ = cli("models")
    assert status == 0
    assert "qwen2.5-coder-1.5b" in out
    assert "absent" in out


def test_doctor_names_what_to_mend(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = cli("doctor")
    assert status == 1
    assert "tutor ingest" in out
    cli("ingest")
    monkeypatch.setenv("KUBE_TUTOR_CHAT_KEY", "s3cret")
    status, out, _ = cli("doctor", "--json")
    found = {f["what"]: f for f in json.loads(out)}
    assert found["index"]["ok"]
    assert "s3cret" not in out
    assert status == 0


def test_corpus_check_and_stats(cli, tmp_path: Path) -> None:
    status, out, err = cli("corpus", "check")
    assert "4 items" in err
    assert status == 1
    assert "words" in out  # the doubles are far too short
    assert "pod-lifecycle" in cli("corpus", "stats")[1]


def test_completion_covers_the_commands(cli) -> None:
    _, out, _ = cli("completion", "bash")
    for command in ("ask", "search", "ingest", "models", "doctor", "web"):
        assert command in out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for command in ("ask", "search", "ingest", "models", "doctor", "web"):
        assert command in out


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m tutor models | true",
        shell=True, capture_output=True, text=True,
        env={**os.environ, "KUBE_TUTOR_CACHE_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[1],
    )
    assert "Traceback" not in done.stderr
