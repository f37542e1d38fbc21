"""Lists of requests that arrive at the same time, made together: asking the store and the model has
a price for each call, which they share. One request alone waits for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from spadework.serving import answering_requests as answers
from spadework.serving import answering_together
from spadework.serving.answering_requests import Answer
from spadework.serving.request_bodies import RecommendBody
from spadework.serving.served_release import Served
from spadework.serving.stores.store import History, Store

SLOW = 0.003
"""Seconds of an answer from which on it is made in a thread, so that others need not wait."""
LONG = 0.01
"""Seconds that lists made together may take before they are made in a thread."""
MOST = 16
"""Lists that are made together at most, since all of them wait for the last."""


class Asked:
    """One request whose list is to be made."""

    __slots__ = "answered", "body", "stored"

    def __init__(
        self, body: RecommendBody, stored: History | None, answered: asyncio.Future[Answer]
    ) -> None:
        self.body = body
        self.stored = stored  # what the store knows of its user; None: to be read
        self.answered = answered


class Together:
    """The lists of one worker."""

    def __init__(
        self,
        store: Store,
        threads: ThreadPoolExecutor,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store, self._threads, self._failed = store, threads, failed
        self._count = 0
        self._waiting: dict[tuple[Served, int, str | None], list[Asked]] = {}

    def begin(self, served: Served, body: RecommendBody, stored: History | None) -> Asked:
        """Make the list for a request soon, as `answering_requests.recommend` makes it. Where what
        the store knows of the user is not given, it is read just before.
        """
        loop = asyncio.get_running_loop()
        asked = Asked(body, stored, loop.create_future())
        if not self._waiting:  # others that are there already have their turn first
            loop.call_soon(self._gather, 0)
        self._count += 1
        group = (
            (served, body.n, body.repeats)
            if answering_together.is_plain(body)
            else (served, -1, None)
        )
        self._waiting.setdefault(group, []).append(asked)
        return asked

    def _gather(self, before: int) -> None:
        """Make the lists, unless more requests have come since the last turn."""
        if before < self._count < MOST:
            asyncio.get_running_loop().call_soon(self._gather, self._count)
        else:
            self._make()

    def _make(self) -> None:
        self._count = 0
        groups, self._waiting = self._waiting, {}
        for (served, length, _), waiting in groups.items():
            size = 1 if length < 0 else MOST
            for at in range(0, len(waiting), size):
                self._start(served, waiting[at : at + size])

    def _start(self, served: Served, waiting: list[Asked]) -> None:
        if served.seconds <= SLOW and served.seconds * len(waiting) <= LONG:
            _tell(waiting, self._lists(served, waiting))
            return
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._lists, served, waiting)
        running.add_done_callback(lambda found: _tell(waiting, _results(found, len(waiting))))

    def _lists(self, served: Served, waiting: list[Asked]) -> list[Answer | BaseException]:
        """An answer to each, or why there is none."""
        if len(waiting) > 1:
            try:
                self._read([each for each in waiting if each.stored is None])
                asked = [(each.body, each.stored or History()) for each in waiting]
                return [*answering_together.recommend_together(served, asked, self._failed)]
            except Exception:  # whichever it was, the others have their answer
                pass
        return [self._list(served, each) for each in waiting]

    def _list(self, served: Served, asked: Asked) -> Answer | BaseException:
        try:
            if asked.stored is None:
                self._read([asked])
            return answers.recommend(served, asked.body, asked.stored or History(), self._failed)
        except Exception as error:
            return error

    def _read(self, waiting: list[Asked]) -> None:
        """What the store knows of their users."""
        known = [each for each in waiting if each.body.user is not None]
        found = self._store.histories([each.body.user or "" for each in known]) if known else ()
        for each, history in zip(known, found, strict=True):
            each.stored = history


def _results(
    found: asyncio.Future[list[Answer | BaseException]], count: int
) -> list[Answer | BaseException]:
    """What a thread found; where it was not even begun, why."""
    if found.cancelled():
        return [asyncio.CancelledError()] * count
    error = found.exception()
    return found.result() if error is None else [error] * count


def _tell(waiting: list[Asked], found: list[Answer | BaseException]) -> None:
    for asked, answer in zip(waiting, found, strict=True):
        if asked.answered.done():  # its caller may have gone
            continue
        if isinstance(answer, BaseException):
            asked.answered.set_exception(answer)
        else:
            asked.answered.set_result(answer)
