"""Every exception that kube-tutor raises on purpose.

    TutorError                  base; its message is one line for a person
    |-- SettingsError           a setting is unknown, malformed or contradictory
    |-- InputError              the caller's question, reply or argument can't be used
    |-- CorpusError             sources can't be read at all
    |-- IndexError_             the index is absent, damaged or built differently
    |   `-- IndexMismatch       built with another embedder, chunker or schema
    |-- StorageError            a folder can't be written, or the disk is full
    |-- ModelError              a model can't be found, loaded or reached
    |   |-- ModelMissing        its files are not on this machine yet
    |   |-- ModelDamaged        its files don't match their published hash
    |   `-- EndpointError       a chat endpoint refused, or doesn't answer

A message says what went wrong, where (`!r` around names and paths), and the
command that mends it. Shells print it without a traceback.
"""

from __future__ import annotations


class TutorError(Exception):
    """Base of all errors that a user can do something about.

    `fix` is the command or action that mends it; it is part of `str(error)`.
    """

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message} ({fix})" if fix else message)


class SettingsError(TutorError):
    """A setting is unknown, malformed or contradicts another."""


class InputError(TutorError, ValueError):
    """The caller's question, reply or argument can't be used as it is."""


class CorpusError(TutorError):
    """Sources can't be read at all (single bad files are `Problem`s instead)."""


class IndexError_(TutorError):
    """The index is absent, damaged or was built differently."""


class IndexMismatch(IndexError_):
    """The index was built with another embedder, chunker or schema."""


class StorageError(TutorError, OSError):
    """A folder can't be read or written, or its disk is full."""


class ModelError(TutorError):
    """A model can't be found, loaded or reached."""


class ModelMissing(ModelError):
    """The model's files are not on this machine yet."""


class ModelDamaged(ModelError):
    """The model's files don't match their published hash."""


class EndpointError(ModelError):
    """A chat endpoint refused the request or doesn't answer."""
