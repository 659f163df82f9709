"""Who may use the studio: host names, origins, the token, visitors; and the headers of every answer."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from videxplain.studio.settings import Studio

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

VISITOR, KEY = "videxplain_visitor", "videxplain_key"
"""The cookies: the visitor, and the proof that the visitor knows the token."""
UPLOAD = "/api/clips"
_ENTER_ASSETS = ("studio.css", "player.css", "theme.js", "icon.svg")
_OPEN_PATHS = ("/enter", *(f"/assets/{name}" for name in _ENTER_ASSETS))
"""Paths that need no token: the page that asks for it, and the files of this page."""
_SMALL_BODY = 256 * 1024
_TOO_LARGE = f"the request is too large: {_SMALL_BODY:,} bytes are allowed"
_YEAR = 365 * 86400
_VISITOR = re.compile(r"[0-9a-f]{32}")
_SAFE = ("GET", "HEAD", "OPTIONS")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""For the report of an audit. Vega draws its charts and compiles expressions, which ``POLICY`` forbids."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class BodyTooLargeError(Exception):
    """More bytes came than are allowed."""


class Guard:
    """Checks every request before the application sees it, and adds headers to every answer."""

    def __init__(self, app: App, studio: Studio) -> None:
        """Guard ``app``."""
        self._app, self._studio = app, studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it in one line."""
        if scope["type"] == "websocket":
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        cookies = _cookies(headers.get("cookie", ""))
        path = scope["path"]
        visitor = cookies.get(VISITOR, "")
        is_new = not _VISITOR.fullmatch(visitor)
        if is_new:
            visitor = secrets.token_hex(16)
        answer = _with_headers(scope, send, visitor if is_new else "")
        if refusal := self._refusal(scope, headers, cookies):
            await _line(answer, *refusal, path)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        most = self._studio.limits.upload_bytes if path == UPLOAD else _SMALL_BODY
        declared = headers.get("content-length", "0")
        try:
            if not declared.isdecimal() or int(declared[:18]) > most:
                raise BodyTooLargeError
            await self._limited(scope, receive, answer, most)
        except BodyTooLargeError:
            line = f"a clip has at most {most // 2**20:,} MB" if path == UPLOAD else _TOO_LARGE
            await _line(answer, 413, line, path)

    async def _limited(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        """Run the application on a request of at most ``most`` bytes.

        Raises:
            BodyTooLargeError: More bytes came, and the application has not begun to answer.
        """
        come, started = 0, False

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > most:
                raise BodyTooLargeError
            return message

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noting)
        except BodyTooLargeError:
            if not started:
                raise

    def _refusal(self, scope: Scope, headers: dict[str, str], cookies: dict[str, str]) -> tuple[int, str] | None:
        """Status and line for a request that is refused; None for one that is allowed."""
        host = headers.get("host", "")
        if host_name(host) not in self._studio.hosts:
            return 421, "this studio is not known under that name; start it with --name to allow one"
        if scope["method"] not in _SAFE:
            origin = headers.get("origin")
            if origin is not None and _origin_host(origin) != host.lower():
                return 403, "a page of another site may not ask this"
            if origin is None and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
                return 403, "a page of another site may not ask this"
        if self._studio.token and scope["path"] not in _OPEN_PATHS and not self.knows(headers, cookies):
            return 401, "this studio needs its token: open /enter"
        return None

    def knows(self, headers: dict[str, str], cookies: dict[str, str]) -> bool:
        """Whether a request shows that its sender knows the token."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return (scheme.lower() == "bearer" and same(given.strip(), self._studio.token)) or same(
            cookies.get(KEY, ""), key_of(self._studio.token)
        )


def _with_headers(scope: Scope, send: Send, new_visitor: str) -> Send:
    """``send`` that adds the studio's headers to the answer, and the cookie of a visitor without one."""
    path = scope["path"]
    policy = REPORT_POLICY if path.startswith("/audit/") else POLICY
    secure = "; Secure" if scope.get("scheme") == "https" else ""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = [(name, value) for name, value in message["headers"] if name.lower() != b"server"]
            added = {**_HEADERS, "content-security-policy": policy}
            if not any(name.lower() == b"cache-control" for name, _ in held):
                added["cache-control"] = "no-store"
            held += [(name.encode(), value.encode()) for name, value in added.items()]
            if new_visitor and not path.startswith("/assets/"):
                cookie = f"{VISITOR}={new_visitor}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax{secure}"
                held.append((b"set-cookie", cookie.encode()))
            message["headers"] = held
        await send(message)

    return answer


def same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def key_of(token: str) -> str:
    """What the cookie holds instead of the token itself."""
    return hmac.new(token.encode(), b"videxplain studio", "sha256").hexdigest()


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _origin_host(origin: str) -> str:
    """Host and port of an ``Origin`` header; empty if it is not an origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


async def _line(send: Send, status: int, line: str, path: str) -> None:
    kind, body = ("text/plain; charset=utf-8", line + "\n")
    if path.startswith("/api"):
        kind, body = "application/json", '{"error": "' + line + '"}'
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body.encode())).encode())]
    if status == 401 and not path.startswith("/api"):
        status, headers = 303, [(b"location", b"/enter"), (b"content-length", str(len(body.encode())).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
