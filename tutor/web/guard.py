"""The door of the web server: who may ask, what may be asked for, what a page may load."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 256 * 1024
"""Bytes of a request; a question has at most 4000 characters."""

# What the page needs of Gradio. Its file, upload, proxy and API routes are not among it.
_GET = re.compile(
    r"/|/(?:assets|static)/[\w./@-]+|/theme\.css|/manifest\.json|/favicon\.ico|/robots\.txt"
    r"|/gradio_api/(?:queue/data|startup-events|heartbeat/\w+|app_id/?)"
)
_POST = re.compile(r"/gradio_api/(?:queue/join|run/predict|cancel|reset)/?")

_HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'; "
        b"frame-src 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"x-dns-prefetch-control": b"off",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware in front of everything.

    A request must be addressed to this machine (which stops DNS rebinding),
    come from our own page or from no page at all, ask for one of the few
    paths that the page uses, and be small.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = _refusal(scope)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        # Nothing stands between us and the browser, so nobody may speak for it.
        scope["headers"] = [
            (name, value) for name, value in scope["headers"]
            if not name.startswith(b"x-forwarded") and name not in (b"forwarded", b"x-gradio-server")
        ]  # fmt: skip

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [(n, v) for n, v in message.get("headers", ()) if n.lower() not in _HEADERS]
                message = {**message, "headers": [*kept, *_HEADERS.items()]}
            await send(message)

        await self._app(scope, receive, guarded)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Status and reason, or None for a request that may pass."""
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    hosts = [value.decode("latin-1") for value in headers.get(b"host", [])]
    if len(hosts) != 1 or not is_loopback(_name(f"//{hosts[0]}")):
        return 403, "this host name is not served"
    for origin in headers.get(b"origin", []):
        if origin.decode("latin-1").lower() not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            return 403, "requests of other origins are refused"
    method, path = scope["method"], scope["path"]
    if method in ("GET", "HEAD"):
        return None if _GET.fullmatch(path) and ".." not in path else (404, "not found")
    if method != "POST" or not _POST.fullmatch(path):
        return 404 if method == "POST" else 405, "not found"
    length = headers.get(b"content-length", [b""])[0]
    if not length.isdigit():
        return 411, "a length is required"
    if int(length) > MAX_BODY:
        return 413, "too large"
    return None


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _answer(send: Send, status: int, reason: str) -> None:
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"),
               (b"content-length", str(len(body)).encode()), *_HEADERS.items()]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
