"""What a user did, as the log of one history that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.data.ready_logs import ready_log
from spadework.data.vocabulary import Vocabulary
from spadework.ragged import offsets_of, row_of_cells
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.store import Event, History, Older


@dataclass(frozen=True)
class LogForm:
    """Which columns the log had that a model learned from: histories have the same."""

    times: bool
    weights: bool
    baskets: bool
    event_type_names: tuple[str, ...]  # of the types that counted; empty where there were none
    usual_type: str | None = None  # that of events without one: the most frequent in the log
    dislikes: tuple[str, ...] = ()  # event types that say a dislike

    @classmethod
    def of(cls, log: Interactions, dislikes: Sequence[str] = ()) -> LogForm:
        """That of a log."""
        counts = log.event_type_counts
        return cls(
            times=log.times is not None,
            weights=log.weights is not None,
            baskets=log.baskets is not None,
            event_type_names=log.event_type_names,
            usual_type=max(counts, key=counts.__getitem__) if counts else None,
            dislikes=tuple(dislikes),
        )


class Reading(NamedTuple):
    """A history in the codes of a model."""

    log: Interactions
    events: int  # that count
    unknown: int  # whose item the model does not know
    unread: int  # of event types that did not count when the model learned


class Readings(NamedTuple):
    """Several histories in the codes of a model: user u of the log is that of history u. The counts
    are those of `Reading`.
    """

    log: Interactions
    events: list[int]
    unknown: list[int]
    unread: list[int]


def read(
    events: Sequence[Event], ids: ItemIds, items: Vocabulary, form: LogForm, now: int | None
) -> Reading:
    """The history of events in order of time. `now` is the time for which models recommend, in
    epoch seconds; None: after the user's usual pause.
    """
    found = read_all([events], ids, items, form, now)
    return Reading(found.log, found.events[0], found.unknown[0], found.unread[0])


def read_all(
    histories: Sequence[Sequence[Event]],
    ids: ItemIds,
    items: Vocabulary,
    form: LogForm,
    now: int | None = None,
) -> Readings:
    """Histories as `read` reads each."""
    lengths = [len(history) for history in histories]
    unknown = unread = [0] * len(lengths)
    events = histories[0] if len(histories) == 1 else list(chain.from_iterable(histories))
    codes = ids.codes([event.item for event in events])
    types = event_types(events, form)
    if (codes < 0).any() or (types is not None and (types < 0).any()):
        known = codes >= 0
        read = known if types is None else known & (types >= 0)
        owners = np.repeat(np.arange(len(lengths)), lengths)
        unknown, unread, lengths = (
            np.bincount(owners[some], minlength=len(lengths)).tolist()
            for some in (~known, known & ~read, read)
        )
        codes, types = codes[read], None if types is None else types[read]
        events = [event for event, is_read in zip(events, read.tolist(), strict=True) if is_read]
    starts = offsets_of(lengths)
    log = ready_log(
        starts,
        codes,
        times=seconds(events) if form.times else None,
        weights=weights(events) if form.weights else None,
        baskets=_baskets(events, starts) if form.baskets else None,
        event_types=types if len(form.event_type_names) > 1 else None,
        event_type_names=form.event_type_names,
        user_vocabulary=_users(len(lengths)),
        item_vocabulary=items,
        now=now,
    )
    return Readings(log, lengths, unknown, unread)


@cache
def _users(count: int) -> Vocabulary:
    """Names for the users of a log, which no answer shows."""
    return Vocabulary(pl.Series(range(count)))


def _baskets(events: Sequence[Event], starts: Offsets) -> Codes:
    """Numbers of baskets; no two users share one."""
    numbers: dict[tuple[int, str], int] = {}
    owners = row_of_cells(starts).tolist()
    return np.asarray(
        [
            numbers.setdefault((owner, basket_of(event)), len(numbers))
            for owner, event in zip(owners, events, strict=True)
        ],
        np.int32,
    )


def basket_of(event: Event) -> str:
    """What the events of one basket of a user have in common; an event without a basket is in that
    of its second, as in logs.
    """
    return f"at {event.time // 1000}" if event.basket is None else f"in {event.basket}"


def seconds(events: Sequence[Event]) -> Seconds:
    """The time of each, as logs have it."""
    return np.array([event.time // 1000 for event in events], np.int64)


def weights(events: Sequence[Event]) -> Array:
    """The weight of each; 1 where none was sent."""
    return np.asarray(
        [1.0 if event.weight is None else event.weight for event in events], np.float32
    )


def event_types(events: Sequence[Event], form: LogForm) -> Codes | None:
    """Codes of the event types, −1 for one that did not count; an event without one has the usual
    type. None where the log had no types.
    """
    if not form.event_type_names:
        return None
    code = {name: at for at, name in enumerate(form.event_type_names)}
    usual = code.get(form.usual_type or "", 0)
    return np.asarray(
        [usual if event.event_type is None else code.get(event.event_type, -1) for event in events],
        np.int32,
    )


def older_items(older: Older, form: LogForm) -> list[str]:
    """Items of older events, of the types that count."""
    names = form.event_type_names
    return [item for item, each in older if not names or each is None or each in names]


def unwanted_items(history: History, further: Sequence[Event], form: LogForm) -> list[str]:
    """Items that the user must not be shown: those of the base and those that were disliked since,
    but for what the user chose afterwards. `further` events come with a request.
    """
    if not history.unwanted and not form.dislikes:
        return []
    refused = dict.fromkeys(history.unwanted, True)
    for event in (*history.appended, *further):
        if event.event_type in form.dislikes:
            refused[event.item] = True
        elif not form.event_type_names or event.event_type in (None, *form.event_type_names):
            refused[event.item] = False
    return [item for item, is_refused in refused.items() if is_refused]
