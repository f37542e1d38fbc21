"""Answers that are stored with a release, and held against what it answers when it is loaded: that
warms it up, and finds arrays that are sound in form and wrong in content.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spadework.errors import BadRequest
from spadework.json_values import as_list, as_text, numbers
from spadework.models.needs import Repeats
from spadework.models.single_lists import SingleLists
from spadework.serving.history_reading import LogForm, read
from spadework.serving.item_ids import ItemIds
from spadework.serving.served_release import Served
from spadework.serving.stores.store import Event

LENGTH = 10
COUNT = 50
"""Histories that are stored."""
_WARM = 3
"""Items and answers that warm up what has no stored history."""
_TOLERANCE = 1e-4
"""Of scores, relative: another processor adds in another order."""


def stored(
    lists: SingleLists,
    ids: ItemIds,
    form: LogForm,
    repeats: Repeats,
    histories: Iterable[Sequence[Event]],
) -> list[dict[str, Any]]:
    """Histories with the lists that are answered to them, to be stored."""
    found = []
    for events in histories:
        items, scores = _answer(lists, ids, form, repeats, events)
        found.append(
            {"history": [list(event) for event in events], "items": items, "scores": scores}
        )
    return found


def check(served: Served) -> float:
    """Answer the stored histories; the seconds that one usually takes. Raises `BadRequest` where a
    list has other scores than when the release was made.
    """
    seconds = []
    for row in served.release.checks():
        events = [_event(each) for each in as_list(row.get("history"))]
        began = time.perf_counter()
        items, scores = _answer(served.lists, served.ids, served.form, served.repeats, events)
        seconds.append(time.perf_counter() - began)
        wanted = np.asarray(numbers(row.get("scores")), np.float64)
        if (
            len(items) != len(as_list(row.get("items")))
            or len(wanted) != len(scores)
            # items of nearly equal scores may change places
            or not np.allclose(scores, wanted, rtol=_TOLERANCE, atol=1e-6)
        ):
            raise BadRequest(
                f"The release {served.id} does not answer as it did when it was made.",
                "It is damaged, or this machine computes in another way; publish the run again.",
            )
    return statistics.median(seconds) if seconds else _warm(served)


def _warm(served: Served) -> float:
    """The seconds of an answer to a history of best sellers, where none is stored."""
    texts = served.ids.texts(served.best[:_WARM])
    events = [Event("", text, 1000 * at) for at, text in enumerate(texts)]
    seconds = 0.0
    for _ in range(_WARM):
        began = time.perf_counter()
        _answer(served.lists, served.ids, served.form, served.repeats, events)
        seconds = time.perf_counter() - began
    return seconds


def _answer(
    lists: SingleLists, ids: ItemIds, form: LogForm, repeats: Repeats, events: Sequence[Event]
) -> tuple[list[str], list[float]]:
    reading = read(events, ids, lists.model.item_vocabulary, form, None)
    found = lists.of_history(reading.log, min(LENGTH, len(ids)), repeats)
    return ids.texts(found.items), [float(score) for score in found.scores]


def _event(row: Any) -> Event:
    cells = as_list(row)
    if len(cells) != len(Event._fields) or not isinstance(cells[2], int):
        raise BadRequest("A stored history of the release is damaged.", "Publish the run again.")
    return Event(as_text(cells[0]), as_text(cells[1]), cells[2], *cells[3:])
