"""What one worker holds: the live release, the store, keys, counts."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from spadework.serving.answering_requests import Answer
from spadework.serving.http.event_writer import EventWriter
from spadework.serving.http.lists_together import SLOW
from spadework.serving.http.measures import Measures
from spadework.serving.http.settings import Settings
from spadework.serving.keys import Keys
from spadework.serving.releases import Releases
from spadework.serving.served_release import Served
from spadework.serving.stores.store import History, Store
from spadework.serving.stores.store_addresses import open_store

T = TypeVar("T")

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
    threads: ThreadPoolExecutor  # for slow answers
    readers: ThreadPoolExecutor  # for stores on other machines
    background: ThreadPoolExecutor  # for what nobody's list waits for
    ready: bool = False

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
            readers=ThreadPoolExecutor(16, "reads"),
            background=ThreadPoolExecutor(2, "background"),
        )

    async def history(self, user: str | None) -> History:
        """What the store knows of a user."""
        if user is None:
            return History()
        if self.store.remote:
            return await in_thread(self.readers, lambda: self.store.history(user))
        return self.store.history(user)

    async def answer(self, served: Served, make: Callable[[], T]) -> T:
        """What `make` gives, in a thread where this release takes long."""
        return await in_thread(self.threads, make) if served.seconds > SLOW else make()

    async def aside(self, make: Callable[[], T]) -> T:
        """What `make` gives, in a thread of its own that no list waits for."""
        return await in_thread(self.background, make)

    def close(self) -> None:
        """Let go of everything."""
        for pool in (self.threads, self.readers, self.background):
            pool.shutdown(cancel_futures=True)
        self.store.close()

    def failed(self, error: BaseException) -> None:
        """A model failed: counted and logged, without what it was asked for."""
        self.measures.failure()
        log.error("the model failed: %s", type(error).__name__)

    def counted(self, answer: Answer) -> None:
        """Count where the items of an answer come from."""
        self.measures.answer(
            [item.source for item in answer.items],
            answer.history.get("events", 0),
            answer.history.get("unknown", 0),
        )


async def in_thread(pool: ThreadPoolExecutor, make: Callable[[], T]) -> T:
    """What `make` gives in one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(pool, make)


async def follow(server: Server) -> None:
    """Follow live.json, which another worker or command may change."""
    while True:
        await asyncio.sleep(FOLLOW)
        try:
            refused = await server.aside(server.releases.follow)
        except Exception as error:  # it must go on looking
            refused = type(error).__name__
        if refused is not None:
            log.error("the live release is not taken over: %s", refused)
        starter = multiprocessing.parent_process()  # of one of several workers
        if starter is not None and not starter.is_alive():
            os.kill(os.getpid(), signal.SIGTERM)  # it was killed, and cannot end its workers
