"""The door of the web server: who may ask, what may be asked for, what a page may load."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tutor.errors import StorageError
from tutor.web import door
from tutor.web.accounts import ALONE, WHOLE, Refused, Sessions

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, list[bytes]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 512 * 1024
"""Bytes of a request; a question has at most 4000 characters, a form somewhat more."""
MAX_UPLOAD = 20 * 1024 * 1024
"""Bytes of one file."""
COOKIE = "kube_tutor"
USER = b"x-kube-tutor-user"
"""Header by which the app learns who asks; from outside it is never let through."""
LOGIN, LOGOUT, UPLOAD, WHO = "/login", "/logout", "/kt/upload", "/kt/who"

# What the page needs of Gradio. Its file, upload, proxy and API routes are not among it.
_GET = re.compile(
    r"/|/login|/kt/who|/(?:assets|static)/[\w./@-]+|/theme\.css|/manifest\.json|/favicon\.ico|/robots\.txt"
    r"|/gradio_api/(?:queue/data|startup-events|heartbeat/\w+|app_id/?)"
)
_POST = re.compile(r"/login|/logout|/kt/upload|/gradio_api/(?:queue/join|run/predict|cancel|reset)/?")
# What a browser asks for by itself, before anybody has logged in. It shows nothing.
_OPEN = re.compile(r"/favicon\.ico|/robots\.txt")

_HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-src 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not no-referrer: with that a browser says of our own forms that they come from "null".
    b"referrer-policy": b"same-origin",
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


class Owners:
    """Whose Gradio session a session hash is: the first to use it."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def owns(self, session: str, user: str) -> bool:
        if len(self._owners) >= 50_000:  # so many windows aren't open: the oldest are gone
            for old in list(self._owners)[:10_000]:
                self._owners.pop(old, None)
        return self._owners.setdefault(session, user) == user


class Guard:
    """ASGI middleware in front of everything.

    A request must come from our own page or from no page at all, ask for one
    of the few paths that the page uses, and be small. Where there are
    accounts, it must belong to a session; where there are none, it must be
    addressed to this machine (which stops DNS rebinding; with accounts, a
    rebound name has no cookie). A `public` server without accounts refuses
    everything. The app learns the user from the header `USER`.
    """

    def __init__(
        self, app: App, sessions: Sessions, *, public: bool = False, owners: Owners | None = None
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._public = public
        self._owners = owners or Owners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            if not await self._admits(scope, receive, send):
                return
        except StorageError as error:  # in doubt the door stays shut
            await _answer(send, 503, str(error))
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [(n, v) for n, v in message.get("headers", ()) if n.lower() not in _HEADERS]
                if scope["path"] == "/":  # after a logout, "back" must not show it again
                    kept.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*kept, *_HEADERS.items()]}
            await send(message)

        await self._app(scope, receive, guarded)

    async def _admits(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the app may answer, with its headers put right; otherwise answers itself."""
        headers, path = _headers(scope), scope["path"]
        reading = scope["method"] in ("GET", "HEAD")
        needed = self._sessions.needed
        refusal = _refusal(scope, headers, anywhere=needed)
        if refusal is None and self._public and not needed:
            refusal = 503, "there are no accounts: tutor user add NAME"
        if refusal is not None:
            if refusal[0] == 404 and b"text/html" in headers.get(b"accept", [b""])[0]:  # somebody reads it
                await _page(send, 404, door.lost(_lang(scope, headers)))
            else:
                await _answer(send, *refusal)
            return False
        token = _cookie(headers)
        user = self._sessions.user(token) if needed else ALONE
        session = _session(scope)
        if path == LOGOUT:
            self._sessions.logout(token)
            await _go(send, LOGIN, _set_cookie("", headers, scope, seconds=0))
        elif path == LOGIN and (not needed or (reading and user is not None)):
            await _go(send, "/")
        elif path == LOGIN and reading:
            await _page(send, 200, door.page(_lang(scope, headers)))
        elif path == LOGIN:
            await self._login(scope, headers, receive, send)
        elif user is None and path == "/" and reading:
            await _go(send, LOGIN)
        elif user is None and not _OPEN.fullmatch(path):
            await _answer(send, 401, "log in first")
        elif path == WHO:
            await _answer(send, 200, user or "")
        elif user is not None and session and not self._owners.owns(session, user):
            await _answer(send, 403, "that is somebody else's session")
        else:
            # Nothing that we know of stands between us and the browser: nobody may speak for it.
            scope["headers"] = [
                (name, value) for name, value in scope["headers"]
                if not name.lower().startswith(b"x-forwarded")
                and name.lower() not in (b"forwarded", b"x-gradio-server", USER)
            ] + ([] if user is None else [(USER, quote(user).encode())])  # fmt: skip
            return True
        return False

    async def _login(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        body = await _body(receive, 4096)
        fields = parse_qs((body or b"").decode("utf-8", "replace"), max_num_fields=10)
        name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
        address = (scope.get("client") or ("",))[0]
        lang = _lang(scope, headers)
        try:
            token = await asyncio.to_thread(self._sessions.login, name, password, address)
        except Refused as refused:
            status = 429 if refused.wait else 401
            await _page(send, status, door.page(lang, name=name, wait=refused.wait, failed=True))
        except StorageError as error:
            await _answer(send, 503, str(error))
        else:
            await _go(send, "/", _set_cookie(token, headers, scope, seconds=int(WHOLE.total_seconds())))


def user_of(headers: Any) -> str:
    """The user that the guard has put into a request's headers."""
    return unquote(headers[USER.decode()])


def _headers(scope: Scope) -> Headers:
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    return headers


def _refusal(scope: Scope, headers: Headers, *, anywhere: bool) -> tuple[int, str] | None:
    """Status and reason, or None for a request that may pass."""
    hosts = [value.decode("latin-1") for value in headers.get(b"host", [])]
    if len(hosts) != 1 or not (name := _name(f"//{hosts[0]}")) or not (anywhere or is_loopback(name)):
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
    if int(length) > (MAX_UPLOAD if path == UPLOAD else MAX_BODY):
        return 413, "too large"
    return None


def _cookie(headers: Headers) -> str | None:
    try:
        jar = SimpleCookie(b"; ".join(headers.get(b"cookie", [])).decode("latin-1"))
    except CookieError:
        return None
    return jar[COOKIE].value if COOKIE in jar else None


def _set_cookie(token: str, headers: Headers, scope: Scope, *, seconds: int) -> tuple[bytes, bytes]:
    # Behind a proxy that speaks TLS we see http, but the browser tells where its form stands.
    origin = headers.get(b"origin", [b""])[0].lower()
    secure = "; Secure" if scope.get("scheme") == "https" or origin.startswith(b"https://") else ""
    value = f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", value.encode()


def _session(scope: Scope) -> str:
    """The session hash that a request names in its address."""
    path = scope["path"]
    if path.startswith("/gradio_api/heartbeat/"):
        return path.rsplit("/", 1)[1]
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [""])[0]


def _lang(scope: Scope, headers: Headers) -> str:
    """The language asked for in the address, else the browser's first."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [""])[0]
    if asked in ("zh", "en"):
        return asked
    return "zh" if headers.get(b"accept-language", [b""])[0].lower().startswith(b"zh") else "en"


async def _body(receive: Receive, most: int) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return body


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _go(send: Send, place: str, *headers: tuple[bytes, bytes]) -> None:
    await _send(send, 303, b"", b"text/plain", (b"location", place.encode()), *headers)


async def _page(send: Send, status: int, html: str) -> None:
    await _send(send, status, html.encode(), b"text/html; charset=utf-8")


async def _answer(send: Send, status: int, reason: str) -> None:
    await _send(send, status, reason.encode(), b"text/plain; charset=utf-8")


async def _send(
    send: Send, status: int, body: bytes, kind: bytes, *more: tuple[bytes, bytes]
) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()),
               (b"cache-control", b"no-store"), *more, *_HEADERS.items()]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
