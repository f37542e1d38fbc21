"""What stands before all pages: the host, the origin and the browser that opened the studio.

The address that is printed holds a token that is good once. Whoever opens it gets a cookie, and
nobody else gets in, not even another user of this machine.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

from spadework.studio.page import Page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # with "no-referrer" browsers send their own forms as of the origin "null"
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
SAFE = ("GET", "HEAD")


@dataclass
class Access:
    """Who may see the pages."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    used: bool = False

    @property
    def address(self) -> str:
        """What opens the studio, once."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies of all ports of a host are sent to each."""
        return f"spadework_{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that requests may be for. Another name of this machine may be somebody's page
        that leads here.
        """
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def exchange(self, token: str) -> bool:
        """Whether a token is the one, which then is used up."""
        if self.used or not hmac.compare_digest(token.encode(), self.token.encode()):
            return False
        self.used = True
        return True

    def knows(self, cookies: str) -> bool:
        """Whether the cookies of a request hold the session."""
        for part in cookies.split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie and hmac.compare_digest(value.encode(), self.session.encode()):
                return True
        return False


class Guarded:
    """An ASGI application that only the browser which opened the studio may use."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in message.get("headers", ())}
                cached = () if b"cache-control" in known else ((b"cache-control", b"no-store"),)
                message["headers"] = [*message.get("headers", ()), *HEADERS, *cached]
            await send(message)

        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host", "").lower() not in self._access.hosts:
            await _refuse(
                sending,
                421,
                "The studio answers at 127.0.0.1 and localhost alone.",
                "Open the address that it printed.",
            )
            return
        token = QueryParams(scope["query_string"]).get("token")
        if scope["method"] in SAFE and token is not None:
            await self._open(token, headers, sending)
            return
        is_style = scope["path"] == "/report.css" or scope["path"].startswith("/static/")
        if not is_style and not self._access.knows(headers.get(b"cookie", "")):
            await _refuse(
                sending,
                401,
                "This browser has not opened the studio.",
                "Open the address that `spadework studio` printed, with its token.",
            )
            return
        if scope["method"] not in SAFE and not self._is_own(headers):
            await _refuse(
                sending,
                403,
                "This was sent from a page of another origin.",
                "Use the buttons of the studio's own pages.",
            )
            return
        await self._app(scope, receive, sending)

    async def _open(self, token: str, headers: dict[bytes, str], send: Send) -> None:
        known = self._access.knows(headers.get(b"cookie", ""))
        if not known and not self._access.exchange(token):
            await _refuse(
                send,
                401,
                "This address was used already, or belongs to an earlier start.",
                "Go on in the browser that opened it, or start `spadework studio` again.",
            )
            return
        cookie = f"{self._access.cookie}={self._access.session}; Path=/; HttpOnly; SameSite=Strict"
        sent = [(b"location", b"/"), (b"content-length", b"0")]
        if not known:
            sent.append((b"set-cookie", cookie.encode()))
        await send({"type": "http.response.start", "status": 303, "headers": sent})
        await send({"type": "http.response.body", "body": b""})

    def _is_own(self, headers: dict[bytes, str]) -> bool:
        origin = headers.get(b"origin")
        if origin is not None:
            return origin.lower() in {f"http://{host}" for host in self._access.hosts}
        return headers.get(b"sec-fetch-site") == "same-origin"


async def _refuse(send: Send, status: int, message: str, hint: str) -> None:
    page = Page("trouble.html.j2", "No access", {"message": message, "hint": hint})
    body = page.html("/").encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
