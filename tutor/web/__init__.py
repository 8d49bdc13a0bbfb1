"""The web UI: one page on Gradio. It parses, calls `Tutor` and renders.

`build` makes the Gradio blocks, `application` the ASGI app with the guard in
front, `launch` serves it until it is interrupted. Gradio is imported when one
of them is called.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tutor.errors import SettingsError
from tutor.web.guard import Guard, is_loopback

if TYPE_CHECKING:
    import gradio as gr

    from tutor.app import Tutor
    from tutor.settings import Settings

# Read by Gradio when it is imported: it must not call home.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

ASKING = 20
"""Questions answered at the same time; the model itself queues what it can't do at once."""
WAITING = 64
"""Questions that may wait behind them."""
ACTING = 20
"""Other actions performed at the same time."""
REMEMBERED = 12
"""Messages of a conversation that go with the next question."""


def build(tutor: Tutor) -> gr.Blocks:
    """The page, wired to `tutor`. `application` mounts it with theme, style and guard."""
    # Not postponed to strings: Gradio looks at the annotations themselves.
    import gradio as gr

    from tutor.app import MAX_QUESTION
    from tutor.chat import Message
    from tutor.errors import InputError
    from tutor.web import actions, shell
    from tutor.web.pages import PAGES
    from tutor.web.text import NAME
    from tutor.web.turns import Runs, View

    runs = Runs()

    async def ask(history: list[Message], event, request) -> AsyncIterator[tuple[Any, Any]]:
        question, turn = _asked(event)
        session = str(request.session_hash)
        view = View(turn)

        def stream():
            if len(question) > MAX_QUESTION:
                raise InputError(
                    f"the question has {len(question)} characters; {MAX_QUESTION} are allowed"
                )
            return tutor.stream(question, history=history, wait=0)

        run = runs.start(session, turn, stream)
        try:
            async with aclosing(run.batches()) as batches:
                async for batch in batches:
                    view.take(batch)
                    if view.answer is None:
                        yield view.frame(), gr.skip()
            if view.answer is None:
                view.stop()
        except Exception as error:
            view.fail(error)
            yield view.frame(), gr.skip()
            return
        finally:
            runs.end(session, run)
        if run.abandoned:
            return
        said = [Message("user", question)]
        if view.said:
            said.append(Message("assistant", view.said))
        yield view.frame(), [*history, *said][-REMEMBERED:]

    def act(event, request) -> Iterator[Any]:
        sent = event._data
        page = sent.get("page") if isinstance(sent, dict) else None
        for message in actions.run(tutor, sent, user=_user(request), now=datetime.now(UTC)):
            yield [message if name == page else gr.skip() for name in PAGES]

    async def stop(event, request) -> None:
        runs.stop(str(request.session_hash), _asked(event)[1])

    async def clear(request) -> list[Message]:
        runs.stop(str(request.session_hash))
        return []

    async def leave(request) -> None:
        runs.forget(str(request.session_hash))

    act.__annotations__ = {"event": gr.EventData, "request": gr.Request}
    ask.__annotations__ = {"event": gr.EventData, "request": gr.Request}
    stop.__annotations__ = {"event": gr.EventData, "request": gr.Request}
    clear.__annotations__ = leave.__annotations__ = {"request": gr.Request}

    quiet: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple",
    }  # fmt: skip
    with gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True) as blocks:
        history = gr.State([])
        # The template holds nothing but the value, so no text is ever taken for a template.
        page = gr.HTML(
            shell.page(), js_on_load=shell.script(), apply_default_css=False, elem_id="kt-page"
        )
        feed = _feed(gr, "kt-frame")
        # One for each page: what runs at the same time must not overwrite each other.
        feeds = {name: _feed(gr, "kt-act") for name in PAGES}
        asked = page.submit(ask, history, [feed, history], concurrency_limit=ASKING, **quiet)
        asked.then(None, js="() => document.dispatchEvent(new Event('kt-end'))", **quiet)
        acted = page.apply(act, None, [*feeds.values()], concurrency_limit=ACTING, **quiet)
        acted.then(None, js="() => document.dispatchEvent(new Event('kt-act-end'))", **quiet)
        page.stop(stop, queue=False, **quiet)
        page.clear(clear, None, history, queue=False, **quiet)
        blocks.unload(leave)
    blocks.queue(max_size=WAITING, default_concurrency_limit=ASKING, api_open=False)
    return blocks


def application(tutor: Tutor) -> Guard:
    """The ASGI app: the page behind the guard. Call it outside of an event loop."""
    import gradio as gr
    from fastapi import FastAPI

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def mount() -> None:
        _mount(gr, app, build(tutor))

    # In a running event loop: otherwise Gradio makes several loops and closes none.
    asyncio.run(mount())
    return Guard(app)


def _feed(gr: Any, event: str) -> Any:
    """Hands what the server yields to the page's script, as the detail of `event`."""
    return gr.HTML(
        html_template="",
        js_on_load="watch('value', () => document.dispatchEvent("
        f"new CustomEvent('{event}', {{detail: props.value}})))",
        elem_classes="kt-feed",
    )


def _mount(gr: Any, app: Any, blocks: gr.Blocks) -> None:
    from tutor.web import shell

    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        head=f'<meta name="color-scheme" content="light dark"><style>{shell.style()}</style>',
    )


def launch(tutor: Tutor, settings: Settings, *, open_browser: bool) -> None:
    """Serves the page at `settings.host` and `settings.port` until it is interrupted.

    Raises `SettingsError` for a host that others could reach, since there are
    no accounts yet, and for a port that is taken.
    """
    if not is_loopback(settings.host):
        raise SettingsError(
            f"the web UI has no accounts yet, so it isn't served at {settings.host!r}, "
            "where others could reach it",
            fix="set KUBE_TUTOR_HOST to 127.0.0.1, and reach it from elsewhere through ssh -L",
        )
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"the web UI can't listen at {settings.host!r}, port {settings.port}: {error.strerror}",
            fix="set KUBE_TUTOR_PORT to another port, or to 0 for any free one",
        ) from None
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listener.getsockname()[1]}/"

    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"Kube Tutor: {url}  (Ctrl+C stops it)", file=sys.stderr, flush=True)
            if open_browser:
                webbrowser.open(url)

    with listener:
        server = Server(server_config(application(tutor)))
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def server_config(app: Guard) -> Any:
    """How uvicorn runs the app: quiet, trusting no proxy, ending within seconds."""
    import uvicorn

    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=2,
    )


def _user(request: Any) -> str:
    return "me"


def _asked(event: Any) -> tuple[str, int]:
    """Question and turn out of what the page sent."""
    data = event._data if isinstance(event._data, dict) else {}
    question, turn = data.get("question", ""), data.get("turn", 0)
    return (
        question if isinstance(question, str) else "",
        turn if isinstance(turn, int) and 0 <= turn < 1_000_000 else 0,
    )


__all__ = ["application", "build", "launch", "server_config"]
