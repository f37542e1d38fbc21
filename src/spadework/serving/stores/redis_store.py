"""Events in Redis: for several machines, with histories in its memory.

Everything that changes more than one key is a script (`redis_scripts`), which Redis runs alone and
keeps whole or not at all. An accepted event survives the end of Redis only where it writes each
command to its append-only file before it answers; this is asked for at opening.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from spadework import broken_pipes
from spadework import events as remarks
from spadework.errors import StoreFailed
from spadework.serving.stores import base_histories, redis_scripts, store_words
from spadework.serving.stores.redis_target import FORM, name_of, secrets_of, target_of
from spadework.serving.stores.store import (
    MOST_HISTORY,
    MOST_OLDER,
    Batch,
    Event,
    History,
    Store,
)

T = TypeVar("T")
FORMAT = 2
CONNECT, ANSWER = 3, 5
"""Seconds that are waited for a connection, and for an answer."""
_PREFIX = "spadework:"
_REMEMBERED = 60
"""Seconds for which Redis knows what it answered to events, should they be sent again."""
_LARGEST = 2**53
"""Redis orders by numbers of 53 bits."""
_PART = 5000
_QUICK = 64 << 20
"""Size of an append-only file that is written anew whenever a user is forgotten."""


class RedisStore(Store):
    """See `Store`. Its keys begin with `spadework:`, or with the `prefix` of the address."""

    remote = True

    def __init__(self, address: str) -> None:
        target = target_of(address)
        broken_pipes.raise_errors()  # a server that is away is said, and ends nothing
        self._prefix = str(target.pop("prefix", _PREFIX))
        self._durable = target.pop("durable", "yes") != "no"
        self._name = name_of(target)
        self._closed = False
        self._secrets = secrets_of(target)
        try:
            pool = redis.ConnectionPool(
                **{
                    "socket_connect_timeout": CONNECT,
                    "socket_timeout": ANSWER,
                    "socket_keepalive": True,
                    # it is tried again here, at once; the default waits for many seconds
                    "retry": Retry(NoBackoff(), 0),
                    **target,
                }
            )
            self._redis: Any = redis.Redis(connection_pool=pool)
            self._scripts = {
                name: self._redis.register_script(getattr(redis_scripts, name))
                for name in (
                    *("OPEN", "APPEND", "OF_IDS", "HISTORY", "AFTER", "FORGET"),
                    *("BEGIN_BASE", "ADD_TO_BASE", "END_BASE"),
                )
            }
            self._do("opened", self._check_settings)
        except TypeError:  # an option that redis-py does not know
            raise store_words.unread("Redis", FORM) from None
        found, salt = self._run("opened", "OPEN", ["facts"], [FORMAT, secrets.token_hex(16)])
        if found != str(FORMAT).encode():
            self.close()
            raise store_words.other_format(
                self._name, found.decode(), FORMAT, "another ?prefix= in the address"
            )
        self._salt = salt.decode()
        self.name = store_words.name_of(self._salt)

    def append(self, events: Sequence[Event]) -> list[bool]:
        if not events:
            return []
        sent: list[Any] = [*(_REMEMBERED, self._key("user:"), self._key("older:"), MOST_HISTORY)]
        for event in events:
            if abs(event.time) > _LARGEST:
                raise store_words.unkept()
            has_id = event.event_id is not None
            text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            sent += (event.user, event.time, int(has_id), event.event_id or "", text)
        keys = ["facts", "events", "ids", f"done:{secrets.token_hex(16)}"]
        return [verdict == ord("1") for verdict in self._run("written", "APPEND", keys, sent)]

    def of_ids(self, event_ids: Sequence[str]) -> dict[str, Event]:
        texts = self._run("read", "OF_IDS", ["events", "ids"], event_ids)
        found = [Event._make(json.loads(text)) for text in texts]
        return {event.event_id: event for event in found if event.event_id is not None}

    def history(self, user: str) -> History:
        base, texts, older = self._run(
            "read",
            "HISTORY",
            ["facts", "events", f"user:{user}", f"older:{user}"],
            [MOST_HISTORY, self._key("base:"), user, MOST_OLDER],
        )
        newest = [Event._make(json.loads(text)) for text in reversed(texts)]
        return base_histories.together(
            user,
            None if base is None else base.decode(),
            newest,
            base_histories.read_older(zip(older[::2], older[1::2], strict=True)),
        )

    def forget(self, user: str) -> int:
        number, base = self._run(
            "written",
            "FORGET",
            ["facts", "events", "ids", f"user:{user}", "forgotten", "bases", f"older:{user}"],
            [
                self._key("base:"),
                user,
                store_words.mark(self._salt, user),
                self.time_of_forgetting(user),
            ],
        )
        self._tidy(_QUICK)
        return int(number) + base_histories.events_of(None if base is None else base.decode())

    def forgotten_at(self, users: Sequence[str]) -> list[int | None]:
        key = self._key("forgotten")
        if not self._do("read", lambda: self._redis.exists(key)):
            return [None] * len(users)
        marks = [store_words.mark(self._salt, user) for user in users]
        found: list[Any] = []
        for start in range(0, len(marks), _PART):
            part = marks[start : start + _PART]
            found += self._do("read", partial(self._redis.hmget, key, part))
        return [None if at is None else int(at) for at in found]

    def set_base(self, name: str, histories: Iterable[tuple[str, History]]) -> None:
        # in parts, since Redis does nothing else while a script runs
        prefix = self._key("base:")
        number = self._run("written", "BEGIN_BASE", ["facts", "bases"], [prefix]).decode()
        for part in base_histories.parts(histories):
            self._check(self._add(number, part))
        self._check(
            self._run("written", "END_BASE", ["facts", "bases"], [prefix, number, name]).decode()
        )

    def base(self) -> str | None:
        found = self._do("read", lambda: self._redis.hget(self._key("facts"), "base"))
        return None if found is None else str(found.decode())

    def after(self, position: int, most: int = 10_000) -> Batch:
        more = True
        while more:
            at, more, texts = self._run("read", "AFTER", ["facts", "events"], [position, most])
            position = max(position, int(at))
            if texts:
                return Batch([Event._make(json.loads(text)) for text in texts], position)
        return Batch([], position)

    def count(self) -> int:
        return int(self._do("read", lambda: self._redis.hlen(self._key("events"))))

    def tidy(self) -> None:
        self._tidy(None)

    def _tidy(self, most: int | None) -> None:
        """Have the append-only file written anew, in the background, if it has at most so many
        bytes: the commands that wrote what was removed are in it until then.
        """
        ends = time.monotonic() + ANSWER
        try:
            found = self._do("read", lambda: self._redis.info("persistence"))
            if not found.get("aof_enabled") or found.get("aof_current_size", 0) > (
                most or float("inf")
            ):
                return
            while not self._is_being_written_anew() and time.monotonic() < ends:
                time.sleep(0.02)  # the one under way began before
        except StoreFailed:  # it may not be asked for
            return

    def _is_being_written_anew(self) -> bool:
        try:
            self._do("written", self._redis.bgrewriteaof)
        except StoreFailed as refused:
            if "in progress" in refused.message:
                return False
            raise
        return True

    def close(self) -> None:
        self._closed = True
        self._redis.close()
        self._redis.connection_pool.disconnect()

    def _check_settings(self) -> None:
        """Refuse a Redis that forgets accepted events, unless the address allows it."""
        try:
            found = self._redis.config_get("appendonly", "appendfsync", "maxmemory*")
        except exceptions.ResponseError:  # services often forbid it
            on = self._redis.info("persistence").get("aof_enabled")
            found = {"appendonly": "yes" if on else "no"}
            if on:
                remarks.note(
                    f"{self._name} does not say when it writes to its disk: an accepted event is "
                    "safe with appendfsync always."
                )
        lost = None
        if found.get("appendonly") != "yes":
            lost = "it ends: its setting appendonly is no", "CONFIG SET appendonly yes"
        elif found.get("appendfsync", "always") != "always":
            lost = (
                f"its machine stops: its setting appendfsync is {found['appendfsync']}",
                "CONFIG SET appendfsync always",
            )
        elif found.get("maxmemory", "0") != "0" and found.get(
            "maxmemory-policy", "noeviction"
        ).startswith("allkeys"):
            lost = (
                f"its memory is full: its setting maxmemory-policy is {found['maxmemory-policy']}",
                "CONFIG SET maxmemory-policy noeviction",
            )
        if lost is None:
            return
        says = f"{self._name} may lose accepted events when {lost[0]}."
        if self._durable:
            raise StoreFailed(
                says,
                f"Send it {lost[1]} and keep that in its file of settings, or add ?durable=no to "
                "the address if you can bear the loss.",
            )
        remarks.note(says)

    def _add(self, number: str, part: Sequence[tuple[str, History]]) -> str:
        """Add to a base, again where a user was forgotten between reading marks and adding."""
        while True:
            forgotten = self._do(
                "read", lambda: self._redis.hget(self._key("facts"), "times forgotten")
            )
            at = self.forgotten_at([user for user, _ in part])
            sent: list[Any] = [number, forgotten or "0"]
            for (user, history), when in zip(part, at, strict=True):
                text = base_histories.kept(history, when)
                if text is not None:
                    sent += (user, text)
            done = self._run("written", "ADD_TO_BASE", ["facts", f"base:{number}"], sent)
            if done != b"again":
                return str(done.decode())

    def _check(self, done: str) -> None:
        if done == "replaced":
            raise store_words.replaced(self._name)

    def _run(self, done: str, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        names = [self._key(key) for key in keys]
        return self._do(done, lambda: self._scripts[script](names, values))

    def _do(self, done: str, work: Callable[[], T]) -> T:
        """What `work` gives; on a new connection where Redis has closed the one that waited, as it
        does when it starts again. Events that are sent again are known by their key.
        """
        if self._closed:
            raise store_words.closed()
        for is_last in (False, True):
            try:
                return work()
            except UnicodeEncodeError:
                raise store_words.unkept() from None
            except exceptions.TimeoutError:
                raise store_words.silent(self._name, done, ANSWER) from None
            except exceptions.RedisError as error:
                told = (exceptions.AuthenticationError, exceptions.BusyLoadingError)
                lost = isinstance(error, exceptions.ConnectionError) and not isinstance(error, told)
                if is_last or not lost:
                    raise self._failed(done, error) from None
                self._redis.connection_pool.disconnect(inuse_connections=False)
        raise AssertionError

    def _failed(self, done: str, error: exceptions.RedisError) -> StoreFailed:
        says = str(error).splitlines()[0].split(" script: ")[0].strip().rstrip(".")
        for secret in self._secrets:
            says = says.replace(secret, "…")
        hint = store_words.ASK_AGAIN
        if isinstance(error, exceptions.OutOfMemoryError):
            hint = "Give it more memory; nothing of this request was kept."
        return StoreFailed(f"{self._name} cannot be {done}: {says}.", hint)

    def _key(self, name: str) -> str:
        return self._prefix + name
