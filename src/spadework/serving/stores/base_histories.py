"""The histories that come before all events: as text, in parts, and together with events."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from spadework.serving.stores.store import (
    MOST_HISTORY,
    MOST_OLDER,
    Event,
    History,
    Older,
)

_PART = 500


def encoded(history: History) -> str:
    """A user's base as text, without what every event repeats."""
    events = [event[1:-1] for event in history.events[-MOST_HISTORY:]]
    older = newest(history.older, last_times(history.events[:-MOST_HISTORY]))
    rows = [[*what, at] for what, at in older.items()]
    return json.dumps([events, history.unwanted, rows], ensure_ascii=False)


def decoded(user: str, text: str) -> History:
    """What `encoded` wrote."""
    events, unwanted, older = json.loads(text)
    return History(
        events_from(user, events),
        unwanted,
        older={(item, event_type): at for item, event_type, at in older},
    )


def events_from(user: str, rows: Iterable[Sequence[Any]]) -> list[Event]:
    """The events of a user, of rows as `encoded` keeps them."""
    made = tuple.__new__  # a named tuple's own constructor takes twice as long
    return [made(Event, (user, *row, None)) for row in rows]


def last_times(events: Sequence[Event]) -> Older:
    """What events in order of time were of."""
    return {(event.item, event.event_type): event.time for event in events}


def read_older(rows: Iterable[Sequence[Any]]) -> Older:
    """What stores keep of older events: an item and a type of event as JSON, and a time."""
    found = {}
    for text, at in rows:
        item, event_type = json.loads(text)
        found[item, event_type] = int(at)
    return found


def newest(*parts: Older) -> Older:
    """Those of all parts together that were last."""
    if sum(map(bool, parts)) == 1 and len(found := max(parts, key=len)) <= MOST_OLDER:
        return found
    merged: dict[tuple[str, str | None], int] = {}
    for part in parts:
        for what, at in part.items():
            merged[what] = max(at, merged.get(what, at))
    if len(merged) <= MOST_OLDER:
        return merged
    return dict(heapq.nlargest(MOST_OLDER, merged.items(), key=lambda each: each[1]))


def events_of(text: str | None) -> int:
    """How many events a base has as text."""
    return 0 if text is None else len(json.loads(text)[0])


def together(user: str, base: str | None, events: list[Event], older: Older) -> History:
    """The history of a base, as text, and of the newest events, in order, with what the `older`
    ones were of.
    """
    if base is None:
        return History(events, appended=events, older=older)
    before = decoded(user, base)
    if not events:
        return before
    # equal times: the base was there first
    merged = sorted([*before.events, *events], key=lambda event: event.time)
    return History(
        merged[-MOST_HISTORY:],
        before.unwanted,
        events,
        newest(older, before.older, last_times(merged[:-MOST_HISTORY])),
    )


def kept(history: History, forgotten_at: int | None) -> str | None:
    """What may be kept of a base, as text; None where nothing is. What was before its user was
    forgotten is left out.
    """
    if forgotten_at is None:
        return encoded(history)
    later = [event for event in history.events if event.time > forgotten_at]
    older = {what: at for what, at in history.older.items() if at > forgotten_at}
    return encoded(History(later, older=older)) if later else None


def parts(histories: Iterable[tuple[str, History]]) -> Iterator[list[tuple[str, History]]]:
    """Some hundred histories at a time."""
    rest = iter(histories)
    while part := list(islice(rest, _PART)):
        yield part
