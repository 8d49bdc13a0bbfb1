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
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor.errors import SettingsError, TutorError
from tutor.web.accounts import Sessions
from tutor.web.accounts import accounts as names_of_accounts
from tutor.web.guard import MAX_UPLOAD, UPLOAD, Guard, Owners, is_loopback, user_of
from tutor.web.uploads import Uploads

if TYPE_CHECKING:
    import gradio as gr

    from tutor.app import Tutor
    from tutor.settings import Settings

# Read by Gradio when it is imported: it must not call home.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

ASKING = 100
"""Questions that get their evidence at the same time; they take turns at the model."""
WAITING = 64
"""Questions that may wait behind them."""
ACTING = 20
"""Other actions performed at the same time."""


def build(
    tutor: Tutor,
    sessions: Sessions | None = None,
    owners: Owners | None = None,
    uploads: Uploads | None = None,
) -> gr.Blocks:
    """The page, wired to `tutor`. `application` mounts it with theme, style and guard."""
    # Not postponed to strings: Gradio looks at the annotations themselves.
    import gradio as gr

    from tutor.web import actions, shell
    from tutor.web.asking import Asking
    from tutor.web.pages import PAGES
    from tutor.web.text import NAME

    owners = owners or Owners()
    # Who answers elsewhere has a queue of its own.
    asking = Asking(tutor, getattr(tutor.chat, "slots", ASKING))

    def who(request: Any) -> tuple[str, str]:
        """Session and user. Raises `PermissionError` for a session of somebody else."""
        session, user = str(request.session_hash), user_of(request.headers)
        if not owners.owns(session, user):
            raise PermissionError("that is somebody else's session")
        return session, user

    async def ask(event, request) -> AsyncIterator[Any]:
        async with aclosing(asking.ask(event._data, *who(request))) as frames:
            async for frame in frames:
                yield frame

    def act(event, request) -> Iterator[Any]:
        _, user = who(request)
        sent = event._data
        page = sent.get("page") if isinstance(sent, dict) else None
        account = sessions is not None and sessions.needed
        for message in actions.run(
            tutor, sent, user=user, account=account, now=datetime.now(UTC), uploads=uploads
        ):
            yield [message if name == page else gr.skip() for name in PAGES]

    async def stop(event, request) -> None:
        asking.stop(event._data, who(request)[0])

    async def clear(request) -> None:
        asking.clear(who(request)[0])

    async def leave(request) -> None:
        asking.leave(str(request.session_hash))

    ask.__annotations__ = act.__annotations__ = stop.__annotations__ = {
        "event": gr.EventData, "request": gr.Request,
    }  # fmt: skip
    clear.__annotations__ = leave.__annotations__ = {"request": gr.Request}

    quiet: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple",
    }  # fmt: skip
    with gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True) as blocks:
        # The template holds nothing but the value, so no text is ever taken for a template.
        page = gr.HTML(
            shell.page(), js_on_load=shell.script(), apply_default_css=False, elem_id="kt-page"
        )
        feed = _feed(gr, "kt-frame")
        # One for each page: what runs at the same time must not overwrite each other.
        feeds = {name: _feed(gr, "kt-act") for name in PAGES}
        asked = page.submit(ask, None, feed, concurrency_limit=ASKING, **quiet)
        asked.then(None, js="() => document.dispatchEvent(new Event('kt-end'))", **quiet)
        acted = page.apply(act, None, [*feeds.values()], concurrency_limit=ACTING, **quiet)
        acted.then(None, js="() => document.dispatchEvent(new Event('kt-act-end'))", **quiet)
        page.stop(stop, queue=False, **quiet)
        page.clear(clear, queue=False, **quiet)
        blocks.unload(leave)
    blocks.queue(max_size=WAITING, default_concurrency_limit=ASKING, api_open=False)
    return blocks


def application(tutor: Tutor, folder: Path, *, public: bool = False) -> Guard:
    """The ASGI app: the page behind the guard.

    `folder` holds accounts, sessions and uploads; a `public` app serves
    nobody unless there are accounts.
    """
    import gradio as gr
    from fastapi import FastAPI, Request, Response

    from tutor.web import render

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    sessions, owners, uploads = Sessions(folder), Owners(), Uploads(folder / "uploads")

    async def receive(request, name: str = "file") -> Response:
        try:
            token = await uploads.receive(user_of(request.headers), name, request.stream(), MAX_UPLOAD)
        except TutorError as error:
            # HTML that only the page's script shows: opened by itself it is text.
            return Response(render.error(error), 400, media_type="text/plain; charset=utf-8")
        return Response(token, media_type="text/plain")

    receive.__annotations__ = {"request": Request, "name": str}
    app.post(UPLOAD)(receive)

    async def mount() -> None:
        _mount(gr, app, build(tutor, sessions, owners, uploads))

    # In a running event loop: otherwise Gradio makes several loops and closes none. And in a
    # thread of its own, where none is running yet.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(mount())).result()
    return Guard(app, sessions, public=public, owners=owners)


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

    Raises `SettingsError` for a host that others could reach while there are
    no accounts, and for a port that is taken.
    """
    public = not is_loopback(settings.host)
    if public and not names_of_accounts(settings):
        raise SettingsError(
            f"there are no accounts, so the web UI isn't served at {settings.host!r}, "
            "where others could reach it",
            fix="tutor user add NAME, or set KUBE_TUTOR_HOST to 127.0.0.1",
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
        server = Server(server_config(application(tutor, settings.data_dir, public=public)))
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


__all__ = ["application", "build", "launch", "server_config"]
