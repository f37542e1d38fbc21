"""Events of many requests, kept together: while one commit waits for the disk, the next gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from spadework.serving.stores.store import Event, Store


class EventWriter:
    """One thread that writes; a request waits until its own events are kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[Event], asyncio.Future[list[bool]]]] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "events")

    async def append(self, events: Sequence[Event]) -> list[bool]:
        """As `Store.append`. Raises `StoreFailed`, then none of these is kept."""
        if not events:
            return []
        done: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            together = [event for events, _ in batch for event in events]
            loop = asyncio.get_running_loop()
            try:
                kept = await loop.run_in_executor(self._thread, self._store.append, together)
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            at = 0
            for events, done in batch:
                if not done.done():  # its caller may have gone
                    done.set_result(kept[at : at + len(events)])
                at += len(events)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()
