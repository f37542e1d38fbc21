"""Events as callers send them, checked one by one."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pydantic import ValidationError

from spadework.errors import BadRequest
from spadework.serving.request_bodies import NewEvent, in_words
from spadework.serving.stores.store import Event
from spadework.timestamps import milliseconds

AHEAD = 300
"""Seconds that the clock of a caller may be ahead of this machine's."""


def checked(given: Mapping[str, object]) -> Event | str:
    """The event, or the reason why it is refused. Its time is between 1970 and now, or a little
    ahead, in milliseconds, however it is written.
    """
    try:
        event = NewEvent.model_validate(given)
    except ValidationError as error:
        return in_words(error.errors(include_url=False, include_input=False), "the event")
    now = time.time()
    try:
        at = int(now * 1000) if event.time is None else milliseconds(event.time)
    except BadRequest as error:
        return f"{error.message} {error.hint}"
    if at > (now + AHEAD) * 1000:
        return "The time is in the future. Check the clock and the unit; seconds are wanted."
    return Event(
        event.user, event.item, at, event.event, event.weight, event.basket, event.event_id
    )


def is_same(event: Event, first: Event | None, has_time: bool) -> bool:
    """Whether an event says what the one says that was kept under its id. One without a time was
    given another when it came again. None: the first was forgotten meanwhile.
    """
    if first is None:
        return True
    return event == (first if has_time else first._replace(time=event.time))
