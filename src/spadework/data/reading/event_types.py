"""The event type of each row: a view, a purchase."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from spadework.arrays import Codes
from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData


def read_event_types(
    column: pl.Series, name: str, wanted: Sequence[str] | None, ledger: Ledger
) -> pl.Series:
    """The event type of each row as text, empty where it is missing; rows of types that are not
    wanted are set aside.
    """
    event_types = column.cast(pl.String).fill_null("")
    counts = dict(event_types.value_counts(sort=True, name="rows").iter_rows())
    if wanted is None:
        shown = ", ".join(
            f"{count:,} {event_type or '(empty)'}" for event_type, count in list(counts.items())[:6]
        )
        more = f" and {len(counts) - 6} more types" if len(counts) > 6 else ""
        ledger.remark(f"All event types in {name!r} are used: {shown}{more}.")
        return event_types
    unknown = [event for event in wanted if event not in counts]
    if unknown:
        known = ", ".join(repr(event_type) for event_type in list(counts)[:10])
        raise BadData(
            f"No row has the event {unknown[0]!r} in {name!r}.", f"Its events are {known}."
        )
    for event_type in counts:
        if event_type not in wanted:
            ledger.set_aside(
                event_types == event_type,
                f"event {event_type!r} not asked for" if event_type else "event missing",
            )
    return event_types


def event_type_codes(events: pl.Series | None) -> tuple[Codes | None, tuple[str, ...]]:
    """Event types as positions in their names, ascending. A single type does not distinguish rows,
    so only its name is kept.
    """
    if events is None or not len(events):
        return None, ()
    names = tuple(sorted(events.unique().to_list()))
    if len(names) == 1:
        return None, names
    return events.cast(pl.Enum(names)).to_physical().cast(pl.Int32).to_numpy(), names
