"""New events joined to a log: from a file or a store, no event twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Mask
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import IN_MEMORY, RowRoom, pieces
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, Unsuitable
from spadework.serving import history_reading
from spadework.serving.history_reading import LogForm, basket_of
from spadework.serving.stores.store import Event, Store
from spadework.workbench.updating.kept_log import KeptLog, Place
from spadework.workbench.updating.merged_rows import Rows, merged

_OPTIONAL = ("times", "weights", "baskets", "event_types")


@dataclass(frozen=True)
class Joined:
    """A log with new events, and what became of each of these."""

    kept: KeptLog
    added: int
    known: int = 0  # that the log had, all columns alike
    unread: int = 0  # of the store: of a type, an id or an item that the log does not count
    forgotten: int = 0  # rows and dislikes of users who were forgotten

    @property
    def changed(self) -> bool:
        """Whether the log is another than before."""
        return bool(self.added or self.forgotten)


def join(
    kept: KeptLog,
    new: Interactions,
    generation: int,
    *,
    from_store: bool,
    keep_known: bool = False,
    room: RowRoom = IN_MEMORY,
) -> Joined:
    """The rows of both, sorted, block by block of users. Rows that equal one of the log in user,
    item, time, type and weight are left out, unless `keep_known`. Raises `Unsuitable` for a file
    without what the log has. Beside the result the memory of the new rows, of a block of users and
    of a few bytes a row.
    """
    log = kept.log
    new = _as_in(log, new)
    known, there = _equal(log, new)
    if keep_known:
        known[:] = False
    in_store = kept.from_store | there if from_store else kept.from_store
    fresh = new.where(~known)
    count = len(fresh)
    users = _union(log.user_vocabulary, fresh.user_vocabulary, fresh.users)
    items = _union(log.item_vocabulary, fresh.item_vocabulary, fresh.items)
    names = [name for name in _OPTIONAL if getattr(log, name) is not None]
    parts = (
        (log, {"added_in": kept.added_in, "from_store": in_store}),
        (
            fresh,
            {
                "added_in": np.full(count, generation, np.int32),
                "from_store": np.full(count, from_store, np.bool_),
            },
        ),
    )
    old_rows, new_rows = (
        Rows.of(one, {name: getattr(one, name) for name in names} | own, users, items)
        for one, own in parts
    )
    columns: dict[str, Any] = merged(old_rows, new_rows, room)
    added_in, in_store = columns.pop("added_in"), columns.pop("from_store")
    unwanted = log.unwanted
    if new.unwanted is not None:
        unwanted = new.unwanted.and_also(unwanted)
    joined = Interactions(
        **columns,
        event_type_names=log.event_type_names,
        user_vocabulary=users,
        item_vocabulary=items,
        now=log.now,
        unwanted=unwanted,
    )
    return Joined(KeptLog(joined, added_in, in_store, kept.place), count, int(known.sum()))


def join_store(
    kept: KeptLog,
    store: Store,
    generation: int,
    excluded: Collection[str] = (),
    dislikes: Collection[str] = (),
    room: RowRoom = IN_MEMORY,
) -> Joined:
    """The log with the events that the store accepted since it was last read; with all of them
    where it is another store, or one that was put back. What the log has is not added again. Events
    of items that are excluded do not count; those of types that are dislikes say what a user must
    not be shown.
    """
    why = _why_anew(kept.place, store)
    if why is not None:
        if kept.place.position and store.after(0, 1).events:
            events.note(
                f"{why}: it is read from its beginning, and what the log has is not added again."
            )
        kept = replace(kept, from_store=np.zeros(len(kept.log), np.bool_), place=Place(store.name))
    batches = list(store.all_after(kept.place.position))
    place = kept.place
    if batches:
        last = batches[-1]
        place = Place(store.name, last.position, last.events[-1].time)
    found = [event for batch in batches for event in batch.events if event.item not in excluded]
    skipped = sum(len(batch.events) for batch in batches) - len(found)
    disliked = [event for event in found if event.event_type in dislikes]
    found = [event for event in found if event.event_type not in dislikes]
    new, unread = of_events(kept.log, found)
    new = replace(new, unwanted=_disliked(kept.log, disliked))
    joined = join(kept, new, generation, from_store=True, room=room)
    return replace(joined, kept=replace(joined.kept, place=place), unread=unread + skipped)


def _why_anew(place: Place, store: Store) -> str | None:
    """Why a store has to be read from its beginning; None where it has the events that were read,
    so that new ones come behind them.
    """
    if place.store != store.name:
        return "This is another store than the one that was read before"
    if not place.position:
        return None
    found = store.after(place.position - 1, 1)
    times = [event.time for event in found.events]
    if found.position == place.position and times == [place.time]:
        return None
    return "The store has no longer the event up to which it was read, as when a backup is put back"


def base_of(kept: KeptLog, store: Store) -> Interactions:
    """The log without what the store has as events: the histories that come before these."""
    there = kept.from_store
    if _why_anew(kept.place, store) is not None:
        there = np.zeros(len(kept.log), np.bool_)
        for batch in store.all_after():
            new, _ = of_events(kept.log, batch.events)
            there |= _equal(kept.log, _as_in(kept.log, new))[1]
    return kept.log.where(~there) if there.any() else kept.log


def of_events(log: Interactions, found: Sequence[Event]) -> tuple[Interactions, int]:
    """Events of a store as a log with the columns of this one, and how many do not count in it."""
    form = LogForm.of(log)
    frame = pl.DataFrame(
        {
            "user": _ids([event.user for event in found], log.user_vocabulary),
            "item": _ids([event.item for event in found], log.item_vocabulary),
            "time": history_reading.seconds(found),
            "type": history_reading.event_types(found, form)
            if form.event_type_names
            else np.zeros(len(found), np.int32),
            "weight": history_reading.weights(found),
            "basket": pl.Series([basket_of(event) for event in found], dtype=pl.String),
        }
    )
    kept = frame.drop_nulls().filter(pl.col("type") >= 0)
    users, user_codes = Vocabulary.build(kept["user"])
    items, item_codes = Vocabulary.build(kept["item"])
    first = 0 if log.baskets is None else int(log.baskets.max(initial=-1)) + 1
    baskets = kept.select(pl.struct("user", "basket").rank("dense")).to_series().cast(pl.Int32)
    made = Interactions.from_codes(
        user_codes,
        item_codes,
        user_vocabulary=users,
        item_vocabulary=items,
        times=None if log.times is None else kept["time"].to_numpy(),
        weights=None if log.weights is None else kept["weight"].to_numpy(),
        baskets=None if log.baskets is None else baskets.to_numpy() + np.int32(first),
        event_types=None if log.event_types is None else kept["type"].to_numpy(),
        event_type_names=log.event_type_names,
    )
    return made, len(frame) - len(kept)


def _disliked(log: Interactions, events: Sequence[Event]) -> Unwanted | None:
    frame = pl.DataFrame(
        {
            "user": _ids([event.user for event in events], log.user_vocabulary),
            "item": _ids([event.item for event in events], log.item_vocabulary),
            "time": history_reading.seconds(events),
        }
    ).drop_nulls()
    if not len(frame):
        return None
    times = None if log.times is None else frame["time"].to_numpy()
    return Unwanted.of(frame["user"], frame["item"], times)


def _as_in(log: Interactions, new: Interactions) -> Interactions:
    """The new rows with the columns and types of events of the log."""
    for name in ("times", "baskets"):
        if getattr(log, name) is not None and getattr(new, name) is None and len(new):
            raise Unsuitable(
                f"The log of the run has {name}, and the new events have none.",
                f"Give new events with the same columns as the log: {name} are missing.",
            )
    new = _with_numbers(log, new)
    for what in ("user", "item"):
        own, other = (getattr(each, f"{what}_vocabulary").ids for each in (log, new))
        if len(other) and own.dtype.is_integer() != other.dtype.is_integer():
            raise BadData(
                f"The ids of {what}s are {other.dtype} in the new events, {own.dtype} in the log.",
                "Write them as in the log of the run: 7 is another id than 007 or A7.",
            )
        if (
            len(other)
            and other.dtype != own.dtype
            and other.cast(own.dtype, strict=False).has_nulls()
        ):
            raise BadData(
                f"An id of the {what}s in the new events does not fit into {own.dtype}, as the log "
                "has them.",
                "Write such ids as in the log of the run, or dig again with all events.",
            )
    changes: dict[str, Any] = {}
    if log.weights is not None and new.weights is None:
        changes["weights"] = np.ones(len(new), np.float32)
    if log.event_types is not None:
        new, types = _types_as_in(log, new)
        changes = {name: column[types >= 0] for name, column in changes.items()}
        changes["event_types"] = types[types >= 0]
        new = new.where(types >= 0)
    else:
        changes["event_types"] = None
    if log.baskets is not None and new.baskets is not None and len(log):
        first = int(log.baskets.max(initial=-1)) + 1
        changes["baskets"] = np.asarray(new.baskets + np.int32(first), np.int32)
    changes["event_type_names"] = log.event_type_names
    changes |= {name: None for name in _OPTIONAL if getattr(log, name) is None}
    return replace(new, **changes, returns=None, account=None)


def _with_numbers(log: Interactions, new: Interactions) -> Interactions:
    """The new rows with whole numbers as ids where the log has these and all new ids are such as
    text, which a file of csv has.
    """
    found: dict[str, pl.Series] = {}
    for what in ("user", "item"):
        own, other = (getattr(each, f"{what}_vocabulary").ids for each in (log, new))
        if own.dtype.is_integer() and other.dtype == pl.String:
            numbers = other.cast(own.dtype, strict=False)
            if (numbers.cast(pl.String) == other).fill_null(False).all():
                found[what] = numbers
    if not found:
        return new
    users, items = (
        found.get(what, getattr(new, f"{what}_vocabulary").ids) for what in ("user", "item")
    )
    unwanted = new.unwanted
    if unwanted is not None:
        unwanted = Unwanted.of(
            unwanted.users.cast(users.dtype), unwanted.items.cast(items.dtype), unwanted.times
        )
    bare = replace(
        new,
        user_vocabulary=Vocabulary(users),
        item_vocabulary=Vocabulary(items),
        unwanted=unwanted,
        returns=None,
    )
    return bare.recoded(Vocabulary(users.sort()), Vocabulary(items.sort()))


def _types_as_in(log: Interactions, new: Interactions) -> tuple[Interactions, Array]:
    names = new.event_type_names
    if new.event_types is None:
        only = (
            log.event_type_names.index(names[0])
            if names and names[0] in log.event_type_names
            else 0
        )
        return new, np.full(len(new), only, np.int32)
    table = np.asarray(
        [
            log.event_type_names.index(name) if name in log.event_type_names else -1
            for name in names
        ],
        np.int32,
    )
    types = table[new.event_types]
    lost = int((types < 0).sum())
    if lost:
        events.note(f"Of types that the log does not count: {formatting.count(lost, 'new event')}.")
    return new, types


def _equal(log: Interactions, new: Interactions) -> tuple[Mask, Mask]:
    """Which new rows the log has already, and which rows of the log these are. Shapes [new rows],
    [rows].
    """
    known, there = np.zeros(len(new), np.bool_), np.zeros(len(log), np.bool_)
    if not len(new) or not len(log):
        return known, there
    users = log.user_vocabulary.codes(new.user_vocabulary.ids)[new.users]
    items = log.item_vocabulary.codes(new.item_vocabulary.ids)[new.items]
    columns = [
        name for name in ("times", "weights", "event_types") if getattr(log, name) is not None
    ]
    frame = pl.DataFrame(
        {"row": np.arange(len(new)), "user": users, "item": items}
        | {name: getattr(new, name) for name in columns}
    )
    keys = ["user", "item", *columns]
    is_user = np.zeros(log.user_count, np.bool_)
    is_user[users[users >= 0]] = True
    earliest = None if new.times is None or log.times is None else int(new.times.min())
    for part in pieces(len(log)):
        near = is_user[log.users[part]]
        if earliest is not None and log.times is not None:
            near &= log.times[part] >= earliest
        if not near.any():
            continue
        old = pl.DataFrame(
            {"row": np.flatnonzero(near) + part.start}
            | {"user": log.users[part][near], "item": log.items[part][near]}
            | {name: getattr(log, name)[part][near] for name in columns}
        )
        for mask, own, other in ((known, frame, old), (there, old, frame)):
            mask[own.join(other, on=keys, how="semi")["row"].to_numpy()] = True
    return known, there


def _union(own: Vocabulary, other: Vocabulary, codes: Array) -> Vocabulary:
    """The ids of the log, and those that new rows have."""
    used = other.take(np.unique(codes)).cast(own.ids.dtype)
    new = used.filter(pl.Series(own.codes(used) < 0))
    if not len(new):
        return own
    return Vocabulary(pl.concat([own.ids, new.alias(own.ids.name)]).sort())


def _ids(texts: list[str], vocabulary: Vocabulary) -> pl.Series:
    """Ids in the type of the log; null where a text is no such number."""
    ids = pl.Series("id", texts, dtype=pl.String)
    if not vocabulary.ids.dtype.is_integer():
        return ids
    numbers = ids.cast(vocabulary.ids.dtype, strict=False)
    # 007 is no id of a log of numbers
    return pl.select(
        pl.when(numbers.cast(pl.String) == ids).then(numbers).otherwise(None).alias("id")
    ).to_series()
