"""What one worker holds: the live release, the store, keys, counts."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from spadework.serving.answering_requests import Answer
from spadework.serving.http.event_writer import EventWriter
from spadework.serving.http.measures import Measures
from spadework.serving.http.settings import Settings
from spadework.serving.keys import Keys
from spadework.serving.releases import Releases
from spadework.serving.served_release import Served
from spadework.serving.stores.store import History, Store
from spadework.serving.stores.store_addresses import open_store

T = TypeVar("T")

SLOW = 0.003
"""Seconds of an answer from which on it is made in a thread, so that others need not wait."""
FOLLOW = 0.5
"""Seconds between two looks at which release is live."""
log = logging.getLogger("spadework.serving")


@dataclass(eq=False)
class Server:
    """What one worker holds."""

    settings: Settings
    releases: Releases
    store: Store
    keys: Keys
    measures: Measures
    writer: EventWriter
    threads: ThreadPoolExecutor
    ready: bool = False
    waiting: Callable[[], int] = lambda: 0  # requests that were received and not answered

    @classmethod
    def of(cls, settings: Settings) -> Server:
        """Load the live release and open the store."""
        folder = Path(settings.folder)
        releases = Releases(folder)
        store = open_store(settings.store)
        return cls(
            settings=settings,
            releases=releases,
            store=store,
            keys=Keys(folder),
            measures=Measures(),
            writer=EventWriter(store),
            threads=ThreadPoolExecutor(2, "answers"),
        )

    async def history(self, user: str | None) -> History:
        """What the store knows of a user."""
        if user is None:
            return History()
        if self.store.remote:
            return await self.in_thread(lambda: self.store.history(user))
        return self.store.history(user)

    async def answer(self, served: Served, make: Callable[[], T]) -> T:
        """What `make` gives, in a thread where this release takes long."""
        return await self.in_thread(make) if served.seconds > SLOW else make()

    async def in_thread(self, make: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, make)

    def failed(self, error: BaseException) -> None:
        """A model failed: counted and logged, without what it was asked for."""
        self.measures.failure()
        log.error("the model failed: %s", type(error).__name__)

    def counted(self, answer: Answer) -> None:
        """Count where the items of an answer come from."""
        self.measures.answer(
            Counter(item.source for item in answer.items),
            answer.history.get("events", 0),
            answer.history.get("unknown", 0),
        )


async def follow(server: Server) -> None:
    """Follow live.json, which another worker or command may change."""
    while True:
        await asyncio.sleep(FOLLOW)
        refused = await server.in_thread(server.releases.follow)
        if refused is not None:
            log.error("the live release is not taken over: %s", refused)
