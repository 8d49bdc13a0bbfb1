"""`Tutor`: the only place where the parts are wired together."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor import weights
from tutor.answers import SYSTEM, Answer, Done, Event, answer_events
from tutor.chat import ChatModel, Message
from tutor.chunks import chunks_of
from tutor.conversations import Conversations, feedback
from tutor.corpus import Item, Problem, content_digest, read
from tutor.embeddings import Embedder, open_embedder
from tutor.errors import InputError, ModelError
from tutor.grading import Grade, Judge
from tutor.index import EmbeddingCache, Index, Shipped, SyncReport, is_own, key_of, owned, root_of
from tutor.interview import Change, Interview
from tutor.judge import BundledJudge
from tutor.notebook import Notebook, NoteFile
from tutor.progress import Event as ProgressEvent
from tutor.questions import History, checked_question, messages
from tutor.retrieval import Calibration, Passage, Retrieval, retrieve, shipped_calibration
from tutor.settings import Settings
from tutor.study import Progress, Study
from tutor.suggestions import before, what_next

if TYPE_CHECKING:
    from tutor.chain import TutorRetriever, TutorRunnable

VECTORS = "vectors.npz"
"""File in the corpus folder with the vectors of its texts."""
SHIPPED = "corpus"
"""Root under which the curated corpus stands in the index."""

_FROM_SETTINGS: Any = object()


class Tutor:
    """A tutor over one index and one chat model. Safe to share between threads.

    Nothing of a user is kept on it. Use it as a context manager, or `close` it,
    to stop the embedded chat model.
    """

    def __init__(
        self,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        chat: ChatModel | None,
        *,
        chat_notice: str | None = None,
        calibration: Calibration | None = None,
        problems: tuple[Problem, ...] = (),
        judge: Judge | None = None,
    ) -> None:
        self.settings = settings
        self.index = index
        self.embedder = embedder
        self.chat = chat
        self.chat_notice = chat_notice
        """Why there is no chat model though one is set, as a sentence; else None."""
        self.problems = problems
        """What was wrong with files of the shipped corpus."""
        self._calibration = calibration or shipped_calibration()
        self.study = Study(
            settings.database_place, judge or BundledJudge(), self._by_id, self._asked,
            voter=chat if settings.grade_with == "chat" else None,
        )
        """Grading, interviews and progress; the methods below are the way in."""
        self._ingesting = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        chat_model: ChatModel | Any | None = _FROM_SETTINGS,
        embedder: Embedder | None = None,
        judge: Judge | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Tutor:
        """Opens the tutor: embedded models, shipped corpus, the user's data folder.

        `settings` come from the environment unless given. `chat_model` is any
        LangChain chat model or our own `ChatModel`; None means none at all:
        every call works, answers are the cited extracts. The first call
        builds the index, which takes minutes; `progress(stage, done, total)`
        follows it. Raises `TutorError`s: `IndexMismatch`, `StorageError`,
        `ModelError` and `SettingsError` among them. A chat model that isn't
        fetched yet is no error, see `chat_notice`.
        """
        settings = settings or Settings.from_env()
        embedder = embedder or open_embedder(settings.embedder)
        index = open_index(settings, embedder)
        problems = _sync_shipped(index, settings, progress)
        notice = None
        if chat_model is _FROM_SETTINGS:
            chat, notice = _chat_from(settings)
        else:
            chat = _as_chat(chat_model)
        return cls(settings, index, embedder, chat, chat_notice=notice, problems=problems, judge=judge)

    # asking ----------------------------------------------------------------------------------

    # With `user`, what that user ingested as their own counts too; nobody else ever sees it.

    def items(self, user: str | None = None) -> list[Item]:
        """All items in the index, in the order of their ids."""
        return self._seen(user).items()

    def search(
        self, question: str, k: int = 5, *, history: History = (), user: str | None = None
    ) -> list[Passage]:
        """Up to `k` (1 to 50) passages for the question, best first, one per item.

        Raises `InputError` for an empty or endless question.
        """
        return list(self.retrieve(question, k=k, history=history, user=user).passages)

    def retrieve(
        self, question: str, *, k: int = 5, history: History = (), user: str | None = None
    ) -> Retrieval:
        """`search` with the confidence and what it rests on. Raises `InputError`."""
        if not 1 <= k <= 50:
            raise InputError(f"k must be 1 to 50, not {k!r}")
        return retrieve(
            checked_question(question),
            self._seen(user),
            self.embedder,
            self._calibration,
            history=messages(history),
            k=k,
        )

    def ask(self, question: str, *, history: History = (), user: str | None = None) -> Answer:
        """The finished answer: `stream`, drained.

        Waits for an embedded model that is still loading. Raises `InputError`.
        """
        answer = None
        for event in self.stream(question, history=history, user=user):
            if isinstance(event, Done):
                answer = event.answer
        assert answer is not None
        return answer

    def stream(
        self, question: str, *, history: History = (), wait: float = 60.0, user: str | None = None
    ) -> Iterator[Event]:
        """Yields `Evidence`, then `Token`s and `Sentence`s of the model, then `Done`.

        Waits up to `wait` seconds for a model that is still loading, after the
        evidence; then the answer consists of the extracts, with a notice.
        Closing the iterator stops the model. Raises `InputError` at once.
        """
        started = time.monotonic()
        retrieval = self.retrieve(question, history=history, user=user)
        about = before(retrieval, messages(history), lambda q, h: self.retrieve(q, history=h, user=user))
        follow_ups = what_next(retrieval, about, lambda i: self.item(i, user), lambda: self.items(user))
        return answer_events(
            question,
            retrieval,
            self.chat,
            time.monotonic,
            started,
            follow_ups=follow_ups,
            notice=self.chat_notice,
            wait=wait,
        )

    def item(self, item_id: str, user: str | None = None) -> Item:
        """The item with that id. Raises `InputError`."""
        try:
            return self._seen(user).item(item_id)
        except KeyError:
            raise InputError(f"no item has the id {item_id!r}") from None

    def _seen(self, user: str | None) -> Any:
        snapshot = self.index.snapshot()
        return snapshot if user is None else snapshot.view(user)

    def _by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items()}

    def _asked(self, question: str) -> str | None:
        """The item that a free question asks, if retrieval is sure of one."""
        retrieval = self.retrieve(question, k=1)
        return retrieval.passages[0].item_id if retrieval.answerable and retrieval.passages else None

    def warm(self) -> None:
        """Does beforehand what a first question would have to wait for.

        Loads what retrieval needs, and has the embedded chat model, once it is
        there, read its fixed prompts. Takes seconds; meant for a thread of its own.
        """
        for question in ("Pod 是什么", "What is a Pod?"):
            self.search(question)
        with contextlib.suppress(ModelError):
            self.study.warm()
        read_ahead = getattr(self.chat, "warm", None)
        if read_ahead is not None:
            # A model that can't be had says so when it is asked.
            with contextlib.suppress(ModelError):
                for text in SYSTEM.values():
                    read_ahead([Message("system", text)])

    # learning --------------------------------------------------------------------------------

    def grade(
        self,
        reply: str,
        question: str | Item,
        reference: str | Sequence[str] | None = None,
        *,
        lang: str | None = None,
    ) -> Grade:
        """Judges the reply point by point; `Grade.score` is 0 to 10.

        `question` is an item, its id, or a question that an item asks. With
        `reference`, one right answer or several alternatives, it is any
        question, and the key points are drawn from the reference. `lang` is
        the language of the feedback, by default the reply's. Raises
        `InputError` for a question that no item asks and for an endless reply.
        """
        return self.study.grade(reply, question, reference, lang=lang)

    def interview(
        self,
        topic: str | None = None,
        level: str | None = None,
        lang: str = "zh",
        n: int = 5,
        user: str = "me",
        *,
        mode: str = "mock",
        topics: Mapping[str, float] | Sequence[str] | None = None,
        job: str | None = None,
        seed: int | None = None,
        resume: str | None = None,
    ) -> Interview:
        """Begins an interview of `n` questions, or goes on with the one called `resume`.

        `mode` is mock, drill (weak points), exam (no hints, verdicts at the
        end), review (due cards) or jd; `job` is a pasted job description,
        which chooses the topics. The same `seed` and log give the same
        questions. Raises `InputError` for what can't be meant.
        """
        if resume is not None:
            return self.study.interview(resume, user)
        plan = self.study.plan(
            topic=topic, topics=topics, level=level, lang=lang, n=n, user=user, mode=mode, job=job, seed=seed
        )
        return self.study.interview(plan, user)

    def progress(self, user: str = "me") -> Progress:
        """Mastery by topic, due cards, history, readiness and weak points of the user."""
        return self.study.progress(user)

    def replay(self, user: str | None = None) -> list[Change]:
        """Grades logged replies (of all users, or one) anew: those that come out differently."""
        return self.study.replay(user)

    def appeals(self, user: str | None = None) -> list[ProgressEvent]:
        """Disputed verdicts, oldest first: `data` holds item, point, verdict, quote and reason."""
        return self.study.store.appeals(user)

    def export_user(self, user: str) -> dict[str, Any]:
        """All that is kept of the user, ready for JSON."""
        own = [asdict(i) for i in self.items(user) if is_own(i)]
        return {**self.study.store.export(user), "notes": own}

    def delete_user(self, user: str) -> int:
        """Deletes all that is kept of the user; returns the number of events."""
        for file in self.notes(user):
            self.forget(file.name, user)
        self.notebook(user).clear()
        return self.study.store.delete(user)

    def export_cards(self, path: str | Path, user: str = "me", lang: str = "zh") -> int:
        """Writes the user's cards for Anki (.apkg) or a spreadsheet (.csv); returns their number."""
        return self.study.export_cards(user, path, lang)

    def conversations(self, user: str = "me") -> Conversations:
        """What the user asked in the web UI: to list, search, rename, rate, export and delete."""
        return Conversations(self.study.store, user)

    def feedback(self, user: str | None = None) -> list[ProgressEvent]:
        """Ratings of answers, oldest first: `data` holds rating, reason, question, answer, items."""
        return feedback(self.study.store, user)

    # filling ---------------------------------------------------------------------------------

    def ingest(
        self, path: str | Path, user: str | None = None, *,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> SyncReport:
        """Reads a file or folder of notes, documents or curated items into the index.

        Ingesting the same path again (of a `user`: the same file name) updates
        it, and drops what is no longer there. Raises `CorpusError` when there
        is nothing at `path`, and `StorageError` when the index can't be
        written; nothing is lost then.
        """
        root = _root(path, user)
        reading = read(Path(path))
        items = reading.items if user is None else owned(reading.items, root)
        with self._ingesting:
            report = self.index.sync(root, items, progress)
        return replace(report, problems=(*reading.problems, *report.problems))

    def forget(self, path: str | Path, user: str | None = None) -> SyncReport:
        """Takes out of the index what `ingest` of that path (or name, of a `user`) had put there."""
        root = _root(path, user)
        if root not in self.index.snapshot().roots():
            raise InputError(
                f"nothing was ingested from {str(path)!r}", fix="see `tutor ingest --list`"
            )
        with self._ingesting:
            return self.index.sync(root, [])

    def notes(self, user: str) -> list[NoteFile]:
        """The files that the user ingested as their own, by name."""
        files = self.index.snapshot().files_of(user)
        return [NoteFile(name, count) for name, count in sorted(files.items())]

    def notebook(self, user: str) -> Notebook:
        """The user's own notes: to add files to, and to remove them from."""
        return Notebook(self.settings.data_dir / "notes", user, self.ingest, self.forget)

    # for LangChain ---------------------------------------------------------------------------

    def as_retriever(self, k: int = 5) -> TutorRetriever:
        """A LangChain retriever: str -> `Document`s with the passages' text."""
        from tutor.chain import TutorRetriever

        return TutorRetriever(tutor=self, k=k)

    def as_runnable(self) -> TutorRunnable:
        """A LangChain runnable: question (str, or {"question", "history"}) -> `Answer`.

        Its `stream` yields the events of `Tutor.stream`.
        """
        from tutor.chain import TutorRunnable

        return TutorRunnable(self)

    def close(self) -> None:
        """Stops the embedded chat model and lets go of the index."""
        if self.chat is not None:
            self.chat.close()
        self.study.close()
        self.index.close()

    def __enter__(self) -> Tutor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_index(settings: Settings, embedder: Embedder) -> Index:
    """The index in the user's data folder, with the vectors that ship with the corpus."""
    cache = EmbeddingCache(settings.cache_dir, settings.corpus_dir / VECTORS)
    return Index(settings.index_dir, embedder, cache)


def embed_corpus(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Path:
    """Writes the vectors of the curated corpus beside it; returns the file's path.

    For maintainers: users need not compute what everybody computes alike.
    """
    embedder = open_embedder(settings.embedder)
    texts = sorted(
        {
            chunk.indexed
            for item in read(settings.corpus_dir).items
            for chunk in chunks_of(item)
        }
    )
    vectors = EmbeddingCache(settings.cache_dir).embed(embedder, texts, progress)
    path = settings.corpus_dir / VECTORS
    Shipped.write(path, [key_of(embedder.name, text) for text in texts], vectors)
    return path


def _sync_shipped(index: Index, settings: Settings, progress: Any) -> tuple[Problem, ...]:
    """Brings the curated corpus into the index, if its files changed since the last time."""
    digest = content_digest(settings.corpus_dir)
    stamp = settings.index_dir / "corpus.json"
    if index.current() is not None:
        index.snapshot()  # a mismatch must be said before anything is written
        try:
            known = json.loads(stamp.read_text("utf-8"))
            if known["digest"] == digest and known["generation_root"] == SHIPPED:
                return tuple(Problem(**problem) for problem in known["problems"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
    reading = read(settings.corpus_dir)
    index.sync(SHIPPED, reading.items, progress)
    record = {
        "digest": digest,
        "generation_root": SHIPPED,
        "problems": [vars(problem) for problem in reading.problems],
    }
    stamp.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
    return reading.problems


def _chat_from(settings: Settings) -> tuple[ChatModel | None, str | None]:
    """The chat model that the settings name, started; or why it can't be had yet."""
    from tutor import llm

    if settings.chat == "none":
        return None, None
    if settings.chat == "endpoint":
        assert settings.chat_url and settings.chat_model
        return llm.EndpointChat(settings.chat_url, settings.chat_model, settings.chat_key), None
    try:
        path = weights.find(settings.chat, settings.cache_dir)
    except ModelError as error:
        return None, str(error)
    chat = llm.EmbeddedChat(path, state_dir=settings.data_dir, threads=settings.threads)
    chat.start()
    return chat, None


def _as_chat(model: Any) -> ChatModel | None:
    if model is None or hasattr(model, "ready"):
        return model
    from tutor.llm import LangChainChat

    return LangChainChat(model)


def _root(path: str | Path, user: str | None) -> str:
    return str(Path(path).resolve()) if user is None else root_of(user, Path(path).name)
