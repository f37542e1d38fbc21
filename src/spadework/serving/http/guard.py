"""What stands before all routes: host, origin, key, rate, queue, size and time of the body; and the
id, the counts and the log line of each request.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from random import getrandbits
from typing import Any

from starlette.requests import Request

from spadework.errors import SpadeworkError, StoreFailed
from spadework.serving.http.described import Endpoint
from spadework.serving.http.measures import Measures
from spadework.serving.http.problems import MEDIA_TYPE, Problem, problem_of
from spadework.serving.http.settings import Settings, without_port
from spadework.serving.keys import ADMIN, EVENTS, READ, Keys

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTES = {
    "/v1/recommend": READ,
    "/v1/recommend:batch": READ,
    "/v1/similar": READ,
    "/v1/events": EVENTS,
    "/v1/models": ADMIN,
    "/metrics": ADMIN,
    "/openapi.json": READ,
    "/health/live": None,
    "/health/ready": None,
}
"""Route → the scope that a key needs; None: no key."""
PREFIXES = {"/v1/users/": ("/v1/users/{id}", EVENTS), "/v1/models/": ("/v1/models/{id}", ADMIN)}
HEADERS = 32_768
"""Bytes of all headers together."""
LOOK = 0.01
"""Seconds between two looks at the file of keys, under load."""
_CALLERS = 10_000
"""Callers whose rates are remembered."""

log = logging.getLogger("spadework.serving")


class Guard:
    """An ASGI application around another."""

    def __init__(
        self,
        app: App,
        direct: Mapping[tuple[str, str], Endpoint],
        settings: Settings,
        keys: Keys,
        measures: Measures,
    ) -> None:
        self._app, self._settings, self._keys = app, settings, keys
        self._direct = direct
        self._measures = measures
        self._hosts, self._at_any_port = settings.hosts, settings.hosts_at_any_port
        self._keys_until = 0.0
        self._arriving = 0  # requests whose body is not there yet
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        # a name of its own, no secret: no need to ask the system
        request_id = f"{getrandbits(72):018x}"
        scope["request_id"] = request_id
        route, needed = _route(scope["path"])
        status = 500
        begun = False
        method = scope["method"]
        if method == "HEAD":  # as GET, without the body
            scope = {**scope, "method": "GET"}

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        self._measures.waiting += 1
        try:
            try:
                headers = _headers(scope)
                caller = self._check(scope, headers, needed)
                scope["caller"] = caller
                if method in ("POST", "PUT", "PATCH"):
                    self._arriving += 1
                    try:
                        await self._read_body(scope, headers, receive)
                    finally:
                        self._arriving -= 1
                endpoint = self._direct.get((scope["method"], scope["path"]))
                if endpoint is None:
                    await self._app(scope, receive, sending)
                else:  # the way through the routes of FastAPI takes as long as a list
                    response = await endpoint(Request(scope))
                    await _answer(
                        response.status_code, response.raw_headers, response.body, sending
                    )
            except Exception as error:
                problem = problem_of(error)
                if isinstance(error, StoreFailed):
                    log_store(error, request_id)
                if problem.code == "failed":
                    # without the message, which may name a user
                    frames = "".join(traceback.format_tb(error.__traceback__))
                    name = type(error).__name__
                    log.error("request %s failed: %s\n%s", request_id, name, frames)
                if not begun:
                    await _refuse(problem, request_id, sending)
        finally:
            self._measures.waiting -= 1
            self._measures.request(route, status, began)
            if self._settings.log_requests:
                milliseconds = (time.perf_counter() - began) * 1000
                log.info(
                    "%s %s %s %d %.1f ms key=%s",
                    request_id,
                    method,
                    route,
                    status,
                    milliseconds,
                    scope.get("caller") or "-",
                )

    def _check(self, scope: Scope, headers: Headers, needed: str | None) -> str:
        """Refuse what must not be answered; the name of the caller's key, if it has one."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not host:
            raise Problem("bad-request", "The request has no header Host.")
        if not self._is_own(host):
            raise Problem("other-host", f"The host {host[:100]!r} is not this server's.")
        origin = headers.get(b"origin")
        if origin is not None and scope["method"] not in ("GET", "HEAD"):
            self._check_origin(origin.decode("latin-1").lower())
        asked = scope.get("query_string", b"")
        if asked and (b"key=" in asked or b"token=" in asked):
            raise Problem("bad-request", "A key must not be in the address, where it is logged.")
        if needed is None:
            return ""
        if self._measures.waiting - self._arriving > self._settings.queue:
            raise Problem("too-many", "The server has more to do than it can.", _LATER)
        name = self._check_key(headers, needed)
        if self._settings.rate is not None:
            address = (scope.get("client") or ("",))[0]
            self._check_rate(name or address, self._settings.rate)
        return name

    def _is_own(self, host: str) -> bool:
        return host in self._hosts or without_port(host) in self._at_any_port

    def _check_origin(self, origin: str) -> None:
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not self._is_own(host):
            raise Problem("other-origin", f"The origin {origin[:100]!r} is not known.")

    def _check_key(self, headers: Headers, needed: str) -> str:
        now = time.monotonic()
        if now >= self._keys_until:
            try:
                self._keys.refresh()
            except SpadeworkError as error:  # without them nobody is let in
                log.error("the keys cannot be read: %s", type(error).__name__)
                raise Problem("failed", "The keys cannot be read.") from None
            self._keys_until = now + LOOK
        if not self._settings.needs_key and not self._keys.are_needed:
            return ""
        given = headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, key = given.partition(" ")
        found = self._keys.scopes(key.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            detail = "The key is not known." if given else "A key is needed."
            raise Problem("no-key", detail, (("WWW-Authenticate", "Bearer"),))
        if needed not in found.scopes:
            raise Problem("no-scope", f"The key has not the scope {needed!r}.")
        return found.name

    def _check_rate(self, caller: str, rate: float) -> None:
        """A bucket of two seconds' requests for each caller."""
        now = time.monotonic()
        most = max(1.0, 2 * rate)
        left, then = self._rates.pop(caller, (most, now))
        left = min(most, left + (now - then) * rate)
        if left >= 1:
            self._rates[caller] = left - 1, now
        else:
            self._rates[caller] = left, now
        if len(self._rates) > _CALLERS:
            self._rates.popitem(last=False)
        if left < 1:
            wait = str(max(1, round((1 - left) / rate)))
            raise Problem(
                "too-many", f"More than {rate:g} requests a second.", (("Retry-After", wait),)
            )

    async def _read_body(self, scope: Scope, headers: Headers, receive: Receive) -> None:
        """The whole body, read within its limits, into the scope."""
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem("media-type", "The body is compressed.")
        most = self._settings.body_bytes
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise Problem("too-large", f"The body has more than {most:,} bytes.", _CLOSE)
        parts: list[bytes] = []
        size = 0
        message = _at_once(receive)
        until = asyncio.get_running_loop().time() + self._settings.body_seconds
        while True:
            if message is None:
                try:
                    async with asyncio.timeout_at(until):
                        message = await receive()
                except TimeoutError:
                    raise Problem("too-slow", "The body did not arrive in time.", _CLOSE) from None
            if message["type"] == "http.disconnect":
                raise Problem("bad-request", "The caller went away.")
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise Problem("too-large", f"The body has more than {most:,} bytes.", _CLOSE)
            parts.append(part)
            if not message.get("more_body"):
                break
            message = None
        if size:
            media = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if media != b"application/json":
                raise Problem("media-type", "The body is not said to be application/json.")
        scope["body"] = parts[0] if len(parts) == 1 else b"".join(parts)


def _at_once(receive: Receive) -> Message | None:
    """What has been received already, as a small body has as a rule; a clock for it would take as
    long as reading it. None where it is to be waited for.
    """
    waiting = receive()
    if not isinstance(waiting, Coroutine):
        return None
    try:
        waiting.send(None)
    except StopIteration as found:
        message: Message = found.value
        return message
    waiting.close()  # it has taken nothing yet
    return None


_LATER = (("Retry-After", "1"),)
_CLOSE = (("Connection", "close"),)


def log_store(error: StoreFailed, request_id: str) -> None:
    """Why a store failed, which its caller is not told."""
    log.error("request %s: %s %s", request_id, error.message, error.hint)


def _headers(scope: Scope) -> Headers:
    """The headers by their names. Raises `Problem` where they are too long."""
    size, found = 0, {}
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        found[name] = value
    if size > HEADERS:
        raise Problem("headers", f"The headers have more than {HEADERS:,} bytes.", _CLOSE)
    return found


def _route(path: str) -> tuple[str, str | None]:
    """The route's name, without ids, and the scope it needs."""
    if path in ROUTES:
        return path, ROUTES[path]
    for prefix, found in PREFIXES.items():
        if path.startswith(prefix):
            return found
    return "other", READ


async def _refuse(problem: Problem, request_id: str, send: Send) -> None:
    body = problem.body(request_id)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers),
    ]
    await _answer(problem.status, headers, body, send)


async def _answer(
    status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes | memoryview, send: Send
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
