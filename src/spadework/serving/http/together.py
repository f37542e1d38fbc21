"""Lists of requests that arrive at the same time, made together: reading histories and asking the
model has a price for each call, which they share. One request alone waits for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from spadework.serving import answering_requests as answers
from spadework.serving.answering_requests import Answer
from spadework.serving.request_bodies import RecommendBody
from spadework.serving.served_release import Served
from spadework.serving.stores.store import History

SLOW = 0.003
"""Seconds of an answer from which on it is made in a thread, so that others need not wait."""
MOST = 16
"""Lists that are made together at most, since all of them wait for the last."""
_Asked = tuple[RecommendBody, History]
_Waiting = tuple[_Asked, asyncio.Future[Answer]]


class Together:
    """The lists of one worker."""

    def __init__(
        self, threads: ThreadPoolExecutor, failed: Callable[[BaseException], None]
    ) -> None:
        self._threads, self._failed = threads, failed
        self._waiting: dict[tuple[Served, int, str | None], list[_Waiting]] = {}

    async def recommend(self, served: Served, body: RecommendBody, stored: History) -> Answer:
        """The list for a request, as `answering_requests.recommend` makes it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()
        if not self._waiting:  # others that are there already have their turn first
            loop.call_soon(self._make)
        group = (served, body.n, body.repeats) if answers.is_plain(body) else (served, -1, None)
        self._waiting.setdefault(group, []).append(((body, stored), done))
        return await done

    def _make(self) -> None:
        groups, self._waiting = self._waiting, {}
        for (served, length, _), waiting in groups.items():
            size = 1 if length < 0 else MOST
            for at in range(0, len(waiting), size):
                self._start(served, waiting[at : at + size])

    def _start(self, served: Served, waiting: list[_Waiting]) -> None:
        asked = [each[0] for each in waiting]
        if served.seconds <= SLOW:
            _tell(waiting, self._lists(served, asked))
            return
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._lists, served, asked)
        running.add_done_callback(lambda found: _tell(waiting, _results(found, len(waiting))))

    def _lists(self, served: Served, asked: list[_Asked]) -> list[Answer | BaseException]:
        """An answer to each, or why there is none."""
        if len(asked) > 1:
            try:
                return [*answers.recommend_together(served, asked, self._failed)]
            except Exception:  # whichever it was, the others have their answer
                pass
        return [self._list(served, *each) for each in asked]

    def _list(self, served: Served, body: RecommendBody, stored: History) -> Answer | BaseException:
        try:
            return answers.recommend(served, body, stored, self._failed)
        except Exception as error:
            return error


def _results(
    found: asyncio.Future[list[Answer | BaseException]], count: int
) -> list[Answer | BaseException]:
    """What a thread found; where it was not even begun, why."""
    if found.cancelled():
        return [asyncio.CancelledError()] * count
    error = found.exception()
    return found.result() if error is None else [error] * count


def _tell(waiting: list[_Waiting], found: list[Answer | BaseException]) -> None:
    for (_, done), answer in zip(waiting, found, strict=True):
        if done.done():  # its caller may have gone
            continue
        if isinstance(answer, BaseException):
            done.set_exception(answer)
        else:
            done.set_result(answer)
