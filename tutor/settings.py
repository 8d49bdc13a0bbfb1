"""The environment, read once into one frozen `Settings`. Nothing else reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from tutor.errors import SettingsError

PREFIX = "KUBE_TUTOR_"

DEFAULT_CHAT = "qwen2.5-coder-1.5b"
DEFAULT_EMBEDDER = "multilingual-e5-small"


def _shipped_corpus() -> Path:
    # A wheel carries the corpus inside the package; a checkout has it beside the package.
    package = Path(__file__).resolve().parent
    inside = package / "_corpus"
    return inside if inside.is_dir() else package.parent / "corpus"


def _xdg(env: Mapping[str, str], name: str, fallback: str) -> Path:
    base = env.get(name)
    return (Path(base) if base else Path.home() / fallback) / "kube-tutor"


@dataclass(frozen=True)
class Settings:
    """Where things are and which models are used. Each field is one variable.

    The variable of a field is KUBE_TUTOR_ and the field's name in capitals:
    `chat_url` is KUBE_TUTOR_CHAT_URL.
    """

    data_dir: Path = field(default_factory=lambda: _xdg({}, "", ".local/share"))
    """The user's own: index, ingested notes, later progress. KUBE_TUTOR_DATA_DIR"""
    cache_dir: Path = field(default_factory=lambda: _xdg({}, "", ".cache"))
    """What can be fetched or computed again: models, embeddings. KUBE_TUTOR_CACHE_DIR"""
    corpus_dir: Path = field(default_factory=_shipped_corpus)
    """The curated corpus. KUBE_TUTOR_CORPUS_DIR"""
    chat: str = DEFAULT_CHAT
    """A name from `tutor models`, the path of a GGUF file, "endpoint", or "none". KUBE_TUTOR_CHAT"""
    chat_url: str | None = None
    """Base URL of an OpenAI-compatible endpoint (vLLM, Ollama's /v1, a cloud).
    Setting it implies chat="endpoint". KUBE_TUTOR_CHAT_URL"""
    chat_model: str | None = None
    """The model's name at that endpoint. KUBE_TUTOR_CHAT_MODEL"""
    chat_key: str | None = field(default=None, repr=False)
    """Its key, if it wants one. KUBE_TUTOR_CHAT_KEY"""
    grade_with: str = "judge"
    """"judge" (bundled), or "chat": the chat endpoint votes on what the judge is unsure of,
    and writes the feedback. KUBE_TUTOR_GRADE_WITH"""
    embedder: str = DEFAULT_EMBEDDER
    """multilingual-e5-small (bundled), or the folder of a sentence-transformers model. KUBE_TUTOR_EMBEDDER"""
    database: str | None = None
    """URL of the log of interviews, such as postgresql+psycopg://…; by default a SQLite file
    in the data folder. KUBE_TUTOR_DATABASE"""
    threads: int = 2
    """CPU threads of the embedded chat model, 1 to 64. KUBE_TUTOR_THREADS"""
    host: str = "127.0.0.1"
    """Address of the web UI. KUBE_TUTOR_HOST"""
    port: int = 7860
    """Port of the web UI, 0 for any free one. KUBE_TUTOR_PORT"""

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "index"

    @property
    def database_place(self) -> str | Path:
        """Where the log of interviews is: `database`, or the file in the data folder."""
        return self.database or self.data_dir / "progress.sqlite3"

    @property
    def models_dir(self) -> Path:
        return self.cache_dir / "models"

    def __post_init__(self) -> None:
        for name in ("data_dir", "cache_dir", "corpus_dir"):
            object.__setattr__(self, name, Path(getattr(self, name)).expanduser())
        if self.chat_url and self.chat == DEFAULT_CHAT:
            object.__setattr__(self, "chat", "endpoint")
        if self.chat == "endpoint" and not self.chat_url:
            raise SettingsError(
                f"{PREFIX}CHAT is 'endpoint' but no URL is set",
                fix=f"set {PREFIX}CHAT_URL, such as http://127.0.0.1:11434/v1",
            )
        if self.chat_url and not self.chat_url.startswith(("http://", "https://")):
            raise SettingsError(
                f"{PREFIX}CHAT_URL must begin with http:// or https://, not {self.chat_url[:40]!r}"
            )
        if self.chat == "endpoint" and not self.chat_model:
            raise SettingsError(
                f"{PREFIX}CHAT_URL is set but no model is named",
                fix=f"set {PREFIX}CHAT_MODEL to a model that the endpoint serves",
            )
        if self.grade_with not in ("judge", "chat"):
            raise SettingsError(f"{PREFIX}GRADE_WITH must be judge or chat, not {self.grade_with[:40]!r}")
        if self.grade_with == "chat" and self.chat != "endpoint":
            raise SettingsError(
                f"{PREFIX}GRADE_WITH is 'chat', but the embedded chat model grades no better than chance",
                fix=f"set {PREFIX}CHAT_URL and {PREFIX}CHAT_MODEL to a bigger one",
            )
        if not 1 <= self.threads <= 64:
            raise SettingsError(f"{PREFIX}THREADS must be 1 to 64, not {self.threads}")
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"{PREFIX}PORT must be 0 to 65535, not {self.port}")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from `env` (the process's own by default).

        Raises `SettingsError` for an unknown KUBE_TUTOR_ variable, so that a
        misspelt one never silently does nothing, and for a value out of range.
        """
        env = os.environ if env is None else env
        known = {field.name: field for field in fields(cls)}
        values: dict[str, object] = {
            "data_dir": _xdg(env, "XDG_DATA_HOME", ".local/share"),
            "cache_dir": _xdg(env, "XDG_CACHE_HOME", ".cache"),
        }
        for variable, text in env.items():
            if not variable.startswith(PREFIX):
                continue
            name = variable.removeprefix(PREFIX).lower()
            if name not in known:
                raise SettingsError(
                    f"unknown setting {variable!r}",
                    fix="known: " + ", ".join(sorted(PREFIX + n.upper() for n in known)),
                )
            if not text.strip():
                continue
            if name in ("threads", "port"):
                try:
                    values[name] = int(text)
                except ValueError:
                    raise SettingsError(f"{variable} must be a whole number, not {text!r}") from None
            elif name.endswith("_dir"):
                values[name] = Path(text)
            else:
                values[name] = text.strip()
        return cls(**values)  # type: ignore[arg-type]
