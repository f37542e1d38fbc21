"""Keys of Redis: one for each user, with a list as JSON. Needs the package redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import polars as pl
import redis

from spadework import broken_pipes
from spadework.errors import BadRequest, OutputExists
from spadework.serving.stores.redis_target import secrets_of, target_of
from spadework.workbench.sinks.list_columns import other_process
from spadework.workbench.sinks.sink import FORMS, BatchState, Sink, unreadable

PATIENCE = 10.0
"""Seconds in which the server must answer."""
AT_ONCE = 1000
"""Lists that are sent at once; others of the server wait meanwhile."""
STATE, DONE = "state", "done"
"""Fields of the key that has the prefix's own name."""


class RedisSink(Sink):
    """Each list replaces that user's in one step. `seconds`: so long a list is kept; without it,
    that of a user who is in no later batch stays.
    """

    def __init__(
        self, name: str, address: str, prefix: str, *, seconds: int | None, force: bool
    ) -> None:
        self.name = name
        self._prefix, self._seconds = prefix, seconds
        target = target_of(address, FORMS["Redis"])
        if "db" not in target:
            raise unreadable("Redis")
        self._secrets = secrets_of(target)
        broken_pipes.raise_errors()  # a server that is away is said, and ends nothing
        try:
            with self._told():
                self._client: Any = redis.Redis.from_url(
                    address,
                    socket_timeout=PATIENCE,
                    socket_connect_timeout=PATIENCE,
                    decode_responses=True,
                )
                kind = self._client.type(prefix)
                is_done = kind == "hash" and self._client.hexists(prefix, DONE)
        except (TypeError, ValueError):  # an option or a host that redis-py does not know
            raise unreadable("Redis") from None
        if kind not in ("none", "hash"):
            self.close()
            raise BadRequest(f"{name} is a key of another program.", "Choose another prefix.")
        if is_done and not force:
            self.close()
            raise OutputExists(
                f"{name} holds lists already.",
                "Choose another prefix, or replace them with --force.",
            )

    def state(self) -> str | None:
        with self._told():
            found = self._client.hget(self._prefix, STATE)
        return None if found is None else str(found)

    def begin(self, state: str) -> None:
        with self._told():
            self._client.hset(self._prefix, STATE, state)

    def write(self, part: int, frame: pl.DataFrame, before: str, after: str) -> None:
        # a list that is written twice is the same list, so the state alone needs a transaction
        lists = lists_as_json(frame)
        with self._told():
            self._check(self._client.hget(self._prefix, STATE), before)
            while some := list(islice(lists, AT_ONCE)):
                with self._client.pipeline(transaction=False) as pipe:
                    for user, text in some:
                        pipe.set(f"{self._prefix}:{user or ''}", text, ex=self._seconds)
                    pipe.execute()
            with self._client.pipeline(transaction=True) as pipe:
                pipe.watch(self._prefix)
                self._check(pipe.hget(self._prefix, STATE), before)
                pipe.multi()
                pipe.hset(self._prefix, STATE, after)
                try:
                    pipe.execute()
                except redis.WatchError:
                    raise other_process(self.name) from None

    def _check(self, found: str | None, expected: str) -> None:
        """Refuse to go on where another process has changed the state."""
        if found != expected:
            raise other_process(self.name)

    def finish(self, parts: int) -> None:
        with self._told(), self._client.pipeline(transaction=True) as pipe:
            found = BatchState.of(self._client.hget(self._prefix, STATE))
            told = {} if found is None else {"lists": found.lists, "rows": found.rows}
            pipe.hset(self._prefix, DONE, json.dumps(told))
            pipe.hdel(self._prefix, STATE)
            pipe.execute()

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever Redis refuses is said in one sentence."""
        try:
            yield
        except redis.RedisError as error:
            says = str(error).strip().rstrip(".")
            for secret in self._secrets:
                says = says.replace(secret, "…")
            raise BadRequest(
                f"{self.name} cannot be written: {says}.",
                "Check the address and the memory of the server; the same command goes on.",
            ) from None


def lists_as_json(frame: pl.DataFrame) -> Iterator[tuple[str | None, str]]:
    """Each user and the list as a JSON array, best first: item_id as text, score, and title and
    `for` where they are there.
    """
    fields = [name for name in frame.columns if name not in ("user_id", "rank")]
    entries = frame.select(
        pl.col("user_id").cast(pl.String),
        pl.struct(
            pl.col("item_id").cast(pl.String), *(name for name in fields if name != "item_id")
        )
        .struct.json_encode()
        .alias("entry"),
    )
    joined = entries.group_by("user_id", maintain_order=True).agg(pl.col("entry").str.join(","))
    for user, text in joined.iter_rows():
        yield user, f"[{text}]"
