"""A client of `spadework serve`: one file that needs Python 3.11 and nothing else.

Copy it beside your code, or import `spadework.client`, which loads nothing else of the package.

    with Client("http://127.0.0.1:8765", key="sw_…") as client:
        client.add_events([NewEvent(user="42", item="milk", event="purchase")])
        best = client.recommend(user="42", n=10)
        print([each.item for each in best.items], best.request_id)

Connections are kept and shared by threads. What the server may be asked twice is asked again, with
growing pauses, where no answer came or the server says to come later; events get an `event_id`, so
that none counts twice. A refusal is a `Problem` of its kind; no answer at all is `Unreachable`.
"""

from __future__ import annotations

import http.client
import io
import json
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import partial
from types import NoneType, TracebackType, UnionType
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlsplit

T = TypeVar("T")

IDLE = 20.0
"""Seconds after which a kept connection is not used again; the server closes it after thirty."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds of the first pause before asking again, and of the longest that is not told."""
MOST_BYTES = 64 * 2**20
"""Largest answer that is read."""
Value = str | int | float | bool
Repeats = Literal["allow", "forbid", "only"]
Source = Literal["personal", "similar", "popular", "fallback"]


# ---- what is sent


@dataclass(frozen=True)
class PastEvent:
    """An event of a history that comes with a request; `time` in epoch seconds or as ISO text."""

    item: str
    time: float | str | None = None
    event: str | None = None
    weight: float | None = None
    basket: str | None = None


@dataclass(frozen=True)
class NewEvent:
    """Something that a user did; without a time it happened now."""

    user: str
    item: str
    event_id: str | None = None
    time: float | str | None = None
    event: str | None = None
    weight: float | None = None
    basket: str | None = None


@dataclass(frozen=True)
class Between:
    """A range of numbers in a filter, ends included."""

    min: float | None = None
    max: float | None = None


Filter = Mapping[str, Value | Sequence[Value] | Between]


# ---- what comes back


@dataclass(frozen=True)
class Because:
    """An item of the history and what it adds to the score."""

    item: str
    contribution: float


@dataclass(frozen=True)
class ListedItem:
    """An item of a list, and where it comes from."""

    item: str
    score: float
    source: Source
    title: str | None = None
    because: tuple[Because, ...] | None = None


@dataclass(frozen=True)
class HistoryRead:
    """Events of the history: those that count, of items that the model does not know, of types that
    it does not read, and older ones than count.
    """

    events: int
    unknown: int = 0
    unread: int = 0
    older: int = 0


@dataclass(frozen=True)
class UserList:
    """The list of one user of a batch."""

    items: tuple[ListedItem, ...]
    user: str | None = None
    history: HistoryRead | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemList:
    """A list, and the release that made it."""

    request_id: str
    artifact: str
    items: tuple[ListedItem, ...]
    user: str | None = None
    history: HistoryRead | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lists:
    """Lists of many users, in their order."""

    request_id: str
    artifact: str
    lists: tuple[UserList, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of one event: accepted, duplicate, conflict (another event has its id, and
    stays) or refused, and then why.
    """

    verdict: str
    event_id: str | None = None
    known_item: bool | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Verdicts:
    """What became of each event, and how many of each."""

    request_id: str
    events: tuple[Verdict, ...]
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Forgotten:
    """A user was removed, with so many events."""

    request_id: str
    forgotten: bool
    events: int


@dataclass(frozen=True)
class ListedRelease:
    """One release; `made` in epoch seconds. A damaged one cannot be put live."""

    id: str
    active: bool
    previous: bool
    shadow: bool
    damaged: bool = False
    model: str | None = None
    made: float | None = None


@dataclass(frozen=True)
class ReleaseList:
    """All releases, the newest last."""

    request_id: str
    models: tuple[ListedRelease, ...]
    keep: int | None = None  # newest releases that stay; the default where no number was given


@dataclass(frozen=True)
class Health:
    """How the server is."""

    request_id: str
    status: str
    artifact: str | None = None


# ---- what goes wrong


class ClientError(Exception):
    """Whatever goes wrong between a caller and a server."""


class Unreachable(ClientError):
    """No answer came, or none that could be read. What was asked may have been done."""


class Problem(ClientError):
    """A refusal, as RFC 9457 has it. `code` is stable; `spadework explain CODE` says more."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: float | None) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.advice = str(body.get("advice", ""))
        self.type = str(body.get("type", "about:blank"))
        self.request_id = str(body.get("request_id", ""))
        self.retry_after = retry_after  # seconds
        parts = (self.title, self.detail, self.advice)
        super().__init__(" ".join(part for part in parts if part) or f"Status {status}.")


class BadRequest(Problem):
    """The request does not fit: 400, 405, 408, 413, 415, 421, 422, 431."""


class NotAllowed(Problem):
    """The key is missing or may not do this: 401, 403."""


class NotFound(Problem):
    """There is no such thing: 404."""


class Conflict(Problem):
    """Another change goes on: 409."""


class TooMany(Problem):
    """More requests than the server can answer, or than this caller may send: 429."""


class ServerFailed(Problem):
    """The server could not answer: 500."""


class NotAvailable(Problem):
    """Not now: 502, 503, 504."""


KINDS: Mapping[int, type[Problem]] = {
    401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 429: TooMany,
    502: NotAvailable, 503: NotAvailable, 504: NotAvailable,
}  # fmt: skip


# ---- the client


class Client:
    """Calls of one server. `timeout`: seconds that the server may be silent; `within`: seconds for
    a call with all its attempts, also where an answer comes byte by byte, but for what looking up
    the host's name and the handshake of TLS take; `retries`: attempts after the first. `context` is
    an `ssl.SSLContext` where certificates are your own.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str | None = None,
        timeout: float = 5.0,
        within: float = 15.0,
        retries: int = 3,
        context: Any = None,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{address!r} is no address such as http://127.0.0.1:8765.")
        self._host, self._port = parts.hostname, parts.port
        self._is_encrypted, self._context = parts.scheme == "https", context
        self._base = parts.path.rstrip("/")
        self._timeout, self._within, self._retries = timeout, within, retries
        self._headers = {"Accept": "application/json", "User-Agent": "spadework-client"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    def recommend(
        self,
        user: str | None = None,
        *,
        history: Sequence[str | PastEvent] | None = None,
        n: int | None = None,
        candidates: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        at_most: Mapping[str, int] | None = None,
        at_least: Mapping[str, Mapping[str, int]] | None = None,
        repeats: Repeats | None = None,
        explain: bool | None = None,
        at: float | str | None = None,
    ) -> ItemList:
        """The best items for a user, for a history, or for a user whose history goes on so."""
        body = {
            "user": user, "history": history, "n": n, "candidates": candidates, "exclude": exclude,
            "filter": filter, "at_most": at_most, "at_least": at_least, "repeats": repeats,
            "explain": explain, "at": at,
        }  # fmt: skip
        return self._post("/v1/recommend", body, ItemList)

    def recommend_batch(
        self,
        users: Sequence[str],
        *,
        n: int | None = None,
        candidates: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        at_most: Mapping[str, int] | None = None,
        at_least: Mapping[str, Mapping[str, int]] | None = None,
        repeats: Repeats | None = None,
        explain: bool | None = None,
    ) -> Lists:
        """The best items for each of many users."""
        body = {
            "users": users, "n": n, "candidates": candidates, "exclude": exclude, "filter": filter,
            "at_most": at_most, "at_least": at_least, "repeats": repeats, "explain": explain,
        }  # fmt: skip
        return self._post("/v1/recommend:batch", body, Lists)

    def similar(
        self,
        item: str,
        *,
        n: int | None = None,
        candidates: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        at_most: Mapping[str, int] | None = None,
        at_least: Mapping[str, Mapping[str, int]] | None = None,
    ) -> ItemList:
        """The items most similar to an item."""
        body = {
            "item": item, "n": n, "candidates": candidates, "exclude": exclude, "filter": filter,
            "at_most": at_most, "at_least": at_least,
        }  # fmt: skip
        return self._post("/v1/similar", body, ItemList)

    def add_events(self, events: Sequence[NewEvent]) -> Verdicts:
        """Send events. Those without an `event_id` get one, the same in all attempts."""
        named = [replace(each, event_id=each.event_id or uuid.uuid4().hex) for each in events]
        return self._post("/v1/events", {"events": named}, Verdicts)

    def forget(self, user: str) -> Forgotten:
        """Remove a user, with all that is kept of them."""
        return self._read("DELETE", f"/v1/users/{quote(user, safe='')}", Forgotten)

    def models(self) -> ReleaseList:
        """The releases, and which of them is live."""
        return self._read("GET", "/v1/models", ReleaseList)

    def activate(self, release: str) -> ReleaseList:
        """Put a release live. Not asked again where no answer of the server came, as where a proxy
        says 502 or 504: another may be live by then.
        """
        path = f"/v1/models/{quote(release, safe='')}/activate"
        return self._parsed(ReleaseList, self._call("POST", path, None, is_repeatable=False))

    def live(self) -> Health:
        """Whether the process answers."""
        return self._read("GET", "/health/live", Health)

    def ready(self) -> Health:
        """Whether a release is loaded; `NotAvailable` where it is not, after all attempts."""
        return self._read("GET", "/health/ready", Health)

    def metrics(self) -> str:
        """Counts in the text format of Prometheus."""
        return self._call("GET", "/metrics", None).decode()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _post(self, path: str, body: Mapping[str, Any], kind: type[T]) -> T:
        content = json.dumps(_plain(body), allow_nan=False).encode()
        return self._parsed(kind, self._call("POST", path, content))

    def _read(self, method: str, path: str, kind: type[T]) -> T:
        return self._parsed(kind, self._call(method, path, None))

    def _parsed(self, kind: type[T], content: bytes) -> T:
        try:
            found: T = _as(kind, json.loads(content))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unreachable(f"The answer is not one of this server: {error}.") from error
        return found

    def _call(
        self, method: str, path: str, content: bytes | None, *, is_repeatable: bool = True
    ) -> bytes:
        """The body of the answer, after as many attempts as are allowed."""
        if not is_repeatable:
            self.close()  # of a kept connection it is not known whether the other side has it
        until, attempt = time.monotonic() + self._within, 0
        while True:
            failure: ClientError
            try:
                status, retry_after, found = self._send(method, path, content, until)
                if status < 300:
                    return found
                failure = _problem(status, found, retry_after)
                # 502 and 504 are a proxy's words for no answer
                may_repeat = isinstance(failure, TooMany | NotAvailable) and (
                    is_repeatable or status not in (502, 504)
                )
            except (OSError, http.client.HTTPException) as error:
                failure = Unreachable(f"No answer: {error or type(error).__name__}.")
                failure.__cause__ = error
                may_repeat = is_repeatable
            wait = _pause(failure, attempt)
            left = until - time.monotonic()
            if not may_repeat or attempt >= self._retries or wait >= left:
                raise failure
            time.sleep(wait)
            attempt += 1

    def _send(
        self, method: str, path: str, content: bytes | None, until: float
    ) -> tuple[int, float | None, bytes]:
        """One attempt: status, seconds of Retry-After, body."""
        connection = self._connection(min(self._timeout, _left(until)))
        headers = dict(self._headers)
        if content is not None:
            headers["Content-Type"] = "application/json"
        elif method == "POST":
            headers["Content-Length"] = "0"
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(min(self._timeout, _left(until)))
            connection.response_class = partial(_Answer, timeout=self._timeout, until=until)  # type: ignore[assignment]
            connection.request(method, self._base + path, content, headers)
            answer = connection.getresponse()
            found = answer.read(MOST_BYTES + 1)
            if len(found) > MOST_BYTES:
                raise http.client.HTTPException(f"the answer is larger than {MOST_BYTES:,} bytes")
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._idle.append((time.monotonic(), connection))
        told = answer.headers.get("Retry-After", "")
        is_number = told.isascii() and told.isdigit()
        return answer.status, float(told) if is_number else None, found

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        """One that was kept, or a new one."""
        while self._idle:
            try:
                since, kept = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if time.monotonic() - since < IDLE and kept.sock is not None:
                kept.sock.settimeout(timeout)
                return kept
            kept.close()
        if self._is_encrypted:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)


class _Answer(http.client.HTTPResponse):
    """An answer that has to be here at `until`; the socket alone would wait for each byte anew."""

    def __init__(self, sock: Any, *given: Any, timeout: float, until: float, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp: Any = io.BufferedReader(_Bounded(self.fp.detach(), sock, timeout, until))


class _Bounded(io.RawIOBase):
    """What a socket receives until then."""

    def __init__(self, inner: Any, sock: Any, timeout: float, until: float) -> None:
        self._inner, self._sock = inner, sock
        self._timeout, self._until = timeout, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        self._sock.settimeout(min(self._timeout, _left(self._until)))
        return self._inner.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def _left(until: float) -> float:
    """Seconds that a call may still take."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call took longer than it may")
    return left


def _pause(failure: ClientError, attempt: int) -> float:
    """Seconds before the next attempt: what the server says, else twice as long each time, by
    chance between half and all of it, so that callers do not come back together.
    """
    told = failure.retry_after if isinstance(failure, Problem) else None
    if told is not None:
        return told
    return float(min(LONGEST_PAUSE, PAUSE * 2**attempt) * random.uniform(0.5, 1.0))


def _problem(status: int, content: bytes, retry_after: float | None) -> Problem:
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    kind = KINDS.get(status, ServerFailed if status >= 500 else BadRequest)
    return kind(status, body if isinstance(body, dict) else {}, retry_after)


def _plain(value: Any) -> Any:
    """What JSON can hold, without what was left out."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def _as(kind: Any, value: Any) -> Any:
    """A value of JSON as what it stands for; fields that this file does not know are left out."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return value if value is None or len(kinds) > 1 else _as(kinds[0], value)
    if get_origin(kind) is tuple:
        return tuple(_as(get_args(kind)[0], each) for each in value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _as(hints[name], value[name]) for name in hints if name in value})  # type: ignore[operator]
    return value
