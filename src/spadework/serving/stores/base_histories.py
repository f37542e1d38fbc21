"""The histories that come before all events: as text, in parts, and together with events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from spadework.serving.stores.store import MOST_HISTORY, Event, History

_PART = 500


def encoded(history: History) -> str:
    """A user's base as text, without what every event repeats."""
    events = [event[1:-1] for event in history.events[-MOST_HISTORY:]]
    return json.dumps([events, history.unwanted], ensure_ascii=False)


def decoded(user: str, text: str) -> History:
    """What `encoded` wrote."""
    events, unwanted = json.loads(text)
    return History([Event(user, *event) for event in events], unwanted)


def events_of(text: str | None) -> int:
    """How many events a base has as text."""
    return 0 if text is None else len(json.loads(text)[0])


def together(user: str, base: str | None, events: list[Event]) -> History:
    """The history of a base, as text, and of the newest events, in order."""
    if base is None:
        return History(events, appended=events)
    before = decoded(user, base)
    if not events:
        return before
    # equal times: the base was there first
    merged = sorted([*before.events, *events], key=lambda event: event.time)
    return History(merged[-MOST_HISTORY:], before.unwanted, events)


def kept(history: History, forgotten_at: int | None) -> str | None:
    """What may be kept of a base, as text; None where nothing is. What was before its user was
    forgotten is left out.
    """
    if forgotten_at is None:
        return encoded(history)
    later = [event for event in history.events if event.time > forgotten_at]
    return encoded(History(later)) if later else None


def parts(histories: Iterable[tuple[str, History]]) -> Iterator[list[tuple[str, History]]]:
    """Some hundred histories at a time."""
    rest = iter(histories)
    while part := list(islice(rest, _PART)):
        yield part
