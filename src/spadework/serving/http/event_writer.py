"""Events of many requests, kept together: while one commit waits for the disk, the next gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from spadework.serving.stores.store import Event, Store

SOON = 400
"""Events that the loop itself writes at most, which takes some 3 ms; the thread writes more."""
_Waiting = tuple[Sequence[Event], asyncio.Future[list[bool]]]


class EventWriter:
    """One thread that writes; a request waits until its own events are kept.

    The loop hears once of each commit, and then hands the next over: with a task that waits for the
    thread, a request would wait for two more turns of everybody else.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._writing: list[_Waiting] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, "events")

    async def append(self, events: Sequence[Event]) -> list[bool]:
        """As `Store.append`. Raises `StoreFailed`, then none of these is kept."""
        if not events:
            return []
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[bool]] = loop.create_future()
        self._waiting.append((events, done))
        if not self._writing:
            self._begin(loop)
        return await done

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits, and let the thread wait for the disk."""
        self._writing, self._waiting = self._waiting, []
        self._idle.clear()
        together = [event for events, _ in self._writing for event in events]
        try:
            begun = self._store.append_soon(together) if len(together) <= SOON else None
        except Exception as error:
            loop.call_soon(self._end, error, loop)
            return
        if begun is None:
            self._thread.submit(self._wait, partial(self._store.append, together), loop)
        else:
            self._thread.submit(self._wait, partial(_settled, *begun), loop)

    def _wait(self, wait: Callable[[], list[bool]], loop: asyncio.AbstractEventLoop) -> None:
        kept: list[bool] | Exception
        try:
            kept = wait()
        except Exception as error:
            kept = error
        with suppress(RuntimeError):  # the loop ended, and nobody waits
            loop.call_soon_threadsafe(self._end, kept, loop)

    def _end(self, kept: list[bool] | Exception, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the requests whose events were kept, or were not, and go on with the next."""
        written, self._writing = self._writing, []
        if self._waiting:
            self._begin(loop)
        else:
            self._idle.set()
        at = 0
        for events, done in written:
            if not done.done():  # its caller may have gone
                if isinstance(kept, Exception):
                    done.set_exception(kept)
                else:
                    done.set_result(kept[at : at + len(events)])
            at += len(events)

    async def close(self) -> None:
        """Wait for what is being written."""
        await self._idle.wait()
        self._thread.shutdown()


def _settled(kept: list[bool], settle: Callable[[], None]) -> list[bool]:
    settle()
    return kept
