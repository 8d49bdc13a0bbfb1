"""A Kubernetes tutor, in Chinese and English, that can be trusted.

    from tutor import Tutor
    t = Tutor.open()
    print(t.ask("Pod 一直 Pending 怎么办？").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutor.answers import Answer, Citation, Done, Evidence, Sentence, Token
    from tutor.app import Tutor
    from tutor.chat import ChatModel, Message
    from tutor.corpus import Item
    from tutor.errors import TutorError
    from tutor.index import SyncReport
    from tutor.retrieval import Passage
    from tutor.settings import Settings

__version__ = "0.1.0"

# Imported when first touched: `tutor --help` must not wait for libraries that it doesn't use.
_HOMES = {
    "Answer": "tutor.answers",
    "ChatModel": "tutor.chat",
    "Citation": "tutor.answers",
    "Done": "tutor.answers",
    "Evidence": "tutor.answers",
    "Item": "tutor.corpus",
    "Message": "tutor.chat",
    "Passage": "tutor.retrieval",
    "Sentence": "tutor.answers",
    "Settings": "tutor.settings",
    "SyncReport": "tutor.index",
    "Token": "tutor.answers",
    "Tutor": "tutor.app",
    "TutorError": "tutor.errors",
}

__all__ = [
    "Answer",
    "ChatModel",
    "Citation",
    "Done",
    "Evidence",
    "Item",
    "Message",
    "Passage",
    "Sentence",
    "Settings",
    "SyncReport",
    "Token",
    "Tutor",
    "TutorError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tutor' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
