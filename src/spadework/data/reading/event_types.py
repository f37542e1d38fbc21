"""What kind of event each row is: a view, a purchase."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from spadework.arrays import Codes
from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData


def read_kinds(
    column: pl.Series, name: str, wanted: Sequence[str] | None, ledger: Ledger
) -> pl.Series:
    """The kind of each row as text, empty where it is missing; rows of kinds that are not wanted
    are set aside.
    """
    kinds = column.cast(pl.String).fill_null("")
    counts = dict(kinds.value_counts(sort=True, name="rows").iter_rows())
    if wanted is None:
        shown = ", ".join(
            f"{count:,} {kind or '(empty)'}" for kind, count in list(counts.items())[:6]
        )
        more = f" and {len(counts) - 6} more kinds" if len(counts) > 6 else ""
        ledger.remark(f"All kinds of events in {name!r} are used: {shown}{more}.")
        return kinds
    unknown = [event for event in wanted if event not in counts]
    if unknown:
        known = ", ".join(repr(kind) for kind in list(counts)[:10])
        raise BadData(
            f"No row has the event {unknown[0]!r} in {name!r}.", f"Its events are {known}."
        )
    for kind in counts:
        if kind not in wanted:
            ledger.set_aside(
                kinds == kind, f"event {kind!r} not asked for" if kind else "event missing"
            )
    return kinds


def kind_codes(events: pl.Series | None) -> tuple[Codes | None, tuple[str, ...]]:
    """Kinds of events as positions in their names, ascending. One kind tells no row from another,
    so it is kept as a name alone.
    """
    if events is None or not len(events):
        return None, ()
    names = tuple(sorted(events.unique().to_list()))
    if len(names) == 1:
        return None, names
    return events.cast(pl.Enum(names)).to_physical().cast(pl.Int32).to_numpy(), names
