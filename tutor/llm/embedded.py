"""The embedded chat model: a supervised llama.cpp server of this process's own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import Any

from tutor import llm_server
from tutor.chat import Message
from tutor.errors import ModelError, StorageError
from tutor.llm.langchain import chat_openai, http_client, pieces, said_by

SEED = 1


class EmbeddedChat:
    """A local GGUF model, run by llama.cpp's server in a child process.

    The server listens on 127.0.0.1 only, on a free port, behind a random key.
    `context` is the tokens that one conversation and its reply may have,
    `slots` the conversations answered at the same time (others queue), and
    `threads` reads prompts, one less writes the reply; it defaults to the
    physical cores that this process may use.

    A server that dies is started again; after `RESTARTS` deaths within a
    minute it stays down, and calls raise `ModelError` until `start`. The server ends
    with this process, however that ends. Its log is `<state_dir>/llm.log`.
    """

    RESTARTS = 3
    LOG_BYTES = 256 * 1024

    def __init__(
        self,
        model_path: Path,
        *,
        state_dir: Path,
        threads: int | None = None,
        context: int = 2048,
        slots: int = 2,
        cache_mib: int = 128,
        start_timeout: float = 120.0,
    ) -> None:
        self.name = Path(model_path).stem
        self.slots = slots
        self.log = Path(state_dir) / "llm.log"
        self._start_timeout = start_timeout
        self._context = context
        self._key = secrets.token_urlsafe(32)
        self._config = {
            "model": str(model_path),
            "name": self.name,
            "threads": threads or physical_cores(),
            "context": context,
            "slots": slots,
            "cache_mib": cache_mib,
            "key": self._key,
        }
        self._changed = threading.Condition()
        self._supervisor: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._model: Any = None
        self._failure: str | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"EmbeddedChat({self.name!r})"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while there is none."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def start(self) -> None:
        """Begin to load the model and return at once. A model that gave up tries anew.

        Raises `StorageError` when the log can't be written.
        """
        with self._changed:
            if self._closed or (self._supervisor and self._supervisor.is_alive()):
                return
            try:
                self.log.parent.mkdir(parents=True, exist_ok=True)
                self.log.touch(0o600)
            except OSError as error:
                raise StorageError(
                    f"{str(self.log)!r} can't be written: {error.strerror}",
                    fix="check the rights of the state folder",
                ) from error
            self._failure = None
            self._supervisor = threading.Thread(
                target=self._supervise, name="llm-supervisor", daemon=True
            )
            self._supervisor.start()

    def ready(self) -> bool:
        """Whether the model is loaded and its server alive."""
        return self._model is not None and self.pid is not None

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """As `ChatModel.stream`; starts the server, or waits for it, if need be."""
        model = self._await_model()
        process = self._process
        plain = [Message(m.role, _without_control_tokens(m.content)) for m in messages]
        body = {"max_tokens": max_tokens, "seed": SEED, "cache_prompt": True}
        try:
            yield from pieces(model, plain, body, stop)
        except Exception as error:
            said = said_by(error)
            if "context size" in said:
                raise ModelError(
                    f"the conversation is longer than the embedded model's {self._context} tokens",
                    fix="ask a shorter question or start a new conversation",
                ) from None
            # A killed server drops its connections a moment before it is seen to be dead.
            # Waiting for that keeps the next call from meeting the same dead server.
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
            raise ModelError(
                f"the embedded model stopped while answering ({type(error).__name__})",
                fix=f"it starts again by itself: ask again; its log is {str(self.log)!r}",
            ) from None

    def warm(self, messages: Sequence[Message]) -> None:
        """Read `messages` into the prompt cache, so that replies to
        conversations that begin with them start sooner. Raises `ModelError`."""
        for _ in self.stream(messages, max_tokens=1):
            pass

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            process, model = self._process, self._model
            self._model = None
        if process is not None:
            _end(process)
        if self._supervisor and self._supervisor is not threading.current_thread():
            self._supervisor.join(10)
        if model is not None:
            model.http_client.close()

    def _await_model(self) -> Any:
        if self._failure is None:
            self.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self.ready() or self._failure or self._closed, self._start_timeout
            )
            if self._closed:
                raise ModelError("the embedded model is closed")
            if self.ready():
                return self._model
            problem = self._failure or f"isn't ready after {self._start_timeout:g} seconds"
        raise ModelError(
            f"the embedded model {self.name!r} {problem}",
            fix=f"see {str(self.log)!r}; or name another model in KUBE_TUTOR_CHAT",
        )

    def _supervise(self) -> None:
        try:
            with open(self.log, "wb", buffering=0) as log:
                failure = self._keep_alive(log)
        except Exception as error:
            failure = f"can't be started: {type(error).__name__}: {error}"
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _keep_alive(self, log: RawIOBase) -> str | None:
        """Start the server whenever there is none; return why it gave up, or None once closed."""
        deaths: list[float] = []
        while True:
            with self._changed:
                if self._closed:
                    return None
                self._process = process = self._spawn()
            # While the weights load: a second that a first question needn't wait for.
            import langchain_openai  # noqa: F401

            complaint = self._attend(process, log)
            _end(process)
            with self._changed:
                model, self._model = self._model, None
                if model is not None:
                    model.http_client.close()
                if self._closed:
                    return None
                code = process.returncode
                if code == llm_server.CANNOT_LOAD:
                    return f"can't be loaded: {complaint}"
                now = time.monotonic()
                deaths = [death for death in deaths if now - death < 60] + [now]
                if len(deaths) > self.RESTARTS:
                    ending = f"signal {-code}" if code < 0 else f"exit code {code}"
                    return f"died {len(deaths)} times within a minute ({ending})"
                self._changed.wait_for(lambda: self._closed, 0.25 * 2 ** len(deaths))

    def _spawn(self) -> subprocess.Popen[bytes]:
        # -P and a session of its own: nothing beside the script is importable by
        # accident, and the terminal's Ctrl-C is this process's business alone.
        process = subprocess.Popen(
            [sys.executable, "-P", llm_server.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdin
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({**self._config, "parent": os.getpid()}).encode())
            process.stdin.write(b"\n")
            process.stdin.flush()
        return process

    def _attend(self, process: subprocess.Popen[bytes], log: RawIOBase) -> str:
        """Copy the server's output to the log until it ends; return its first complaint."""
        complaint = ""
        assert process.stdout
        with process.stdout as output:
            for line in output:
                text = line.decode("utf-8", "replace").strip()
                if text.startswith(llm_server.LISTENING):
                    self._connect(int(text.removeprefix(llm_server.LISTENING)))
                    continue
                complaint = complaint or text.partition(" E ")[2].strip()
                # A full disk costs the log, not the answers.
                with contextlib.suppress(OSError):
                    if log.tell() + len(line) > self.LOG_BYTES:
                        log.seek(0)
                        log.truncate()
                    log.write(line)
        return complaint or "no reason given"

    def _connect(self, port: int) -> None:
        client = http_client(self._start_timeout, proxied=False)
        model = chat_openai(f"http://127.0.0.1:{port}/v1", self.name, self._key, client)
        with self._changed:
            if not self._closed:
                self._model = model
                self._changed.notify_all()


def physical_cores() -> int:
    """The physical cores that this process may use, at least 1."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return max(1, (os.cpu_count() or 2) // 2)
    cores = set()
    for cpu in allowed:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text())
        except OSError:
            cores.add(str(cpu))
    count = len(cores)
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, round(int(quota) / int(period)))
    return max(1, count)


def _without_control_tokens(text: str) -> str:
    # llama.cpp reads "<|im_end|>" inside a message as the end of that message.
    return re.sub(r"<(?=\||/s>|/?tool_call>)", "< ", text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to leave by closing its stdin; kill it if it doesn't."""
    with contextlib.suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
