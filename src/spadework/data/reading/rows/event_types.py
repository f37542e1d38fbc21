"""The event type of each row: a view, a purchase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from spadework import formatting
from spadework.arrays import Codes
from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData

MOST_KINDS = 1_000
"""A column with more kinds holds no kinds of events: texts, perhaps, or ids."""

_SHOWN = 6  # kinds that a remark lists
_REASONS = 20  # kinds that were not asked for with a reason each


def read_event_types(
    column: pl.Series,
    name: str,
    wanted: Sequence[str] | None,
    is_named: bool,
    ledger: Ledger,
    *,
    but_for: Sequence[str | None] = (),
) -> pl.Series | None:
    """The event type of each row as text, empty where it is missing; rows of types that are not
    wanted are set aside. Rows of the types `but_for` were set aside before and are not told.

    With more than MOST_KINDS kinds and none wanted, the column is left out (None), or refused where
    the user named it. O(rows log kinds).
    """
    event_types = column.cast(pl.String).fill_null("")
    counts = dict(event_types.value_counts(sort=True, name="rows").iter_rows())
    counts = {event_type: rows for event_type, rows in counts.items() if event_type not in but_for}
    if wanted is None:
        if len(counts) > MOST_KINDS:
            _refuse_many(len(counts), name, is_named, ledger)
            return None
        more = f" and {len(counts) - _SHOWN} more types" if len(counts) > _SHOWN else ""
        ledger.remark(f"All event types in {name!r} are used: {_listed(counts)}{more}.")
        _tell_twins(counts, name, ledger)
        return event_types
    unknown = [event for event in wanted if event not in counts]
    if unknown:
        known = ", ".join(repr(event_type) for event_type in list(counts)[:10])
        raise BadData(
            f"No row has the event {unknown[0]!r} in {name!r}.", f"Its events are {known}."
        )
    _tell_unwanted_twins(counts, wanted, ledger)
    unwanted = [event_type for event_type in counts if event_type not in wanted]
    for event_type in unwanted[:_REASONS]:
        ledger.set_aside(
            event_types == event_type,
            f"event {event_type!r} not asked for" if event_type else "event missing",
        )
    if len(unwanted) > _REASONS:
        rest = pl.Series(unwanted[_REASONS:], dtype=pl.String)
        ledger.set_aside(
            event_types.is_in(rest.implode()), f"event of {len(rest):,} further types not asked for"
        )
    return event_types


def _refuse_many(kinds: int, name: str, is_named: bool, ledger: Ledger) -> None:
    if is_named:
        raise BadData(
            f"The event column {name!r} holds {formatting.count(kinds, 'kind')} of events; "
            f"{MOST_KINDS:,} are read.",
            "Choose some with --events, name another column, or read none: --event -.",
        )
    ledger.remark(
        f"The column {name!r} holds {formatting.count(kinds, 'kind')}, too many for events, and is "
        "not used."
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count:,} {event_type or '(empty)'}"
        for event_type, count in list(counts.items())[:_SHOWN]
    )


def plain_type(event_type: str) -> str:
    """An event type without case, blanks and signs between its words."""
    return "".join(letter for letter in event_type.casefold() if letter.isalnum())


def how_twins_differ(names: Sequence[str]) -> str:
    """In what event types differ that are one: case or blanks, and signs."""
    bare = {" ".join(name.casefold().split()) for name in names}
    return "case or blanks" if len(bare) == 1 else "case, blanks or signs"


def _tell_twins(counts: Mapping[str, int], name: str, ledger: Ledger) -> None:
    """Tell kinds that are one but for case or blanks, and kinds without a name."""
    twins: dict[str, list[str]] = {}
    for event_type in counts:
        twins.setdefault(plain_type(event_type), []).append(event_type)
    groups = [group for plain, group in twins.items() if len(group) > 1 and plain]
    blanks = twins.get("", [])
    if groups:
        ledger.counts["event_types_that_differ_by_case_or_blanks"] = sum(map(len, groups))
        shown = "; ".join(
            " and ".join(f"{event_type!r} ({counts[event_type]:,})" for event_type in group)
            for group in groups[:_SHOWN]
        )
        ledger.remark(
            f"Event types in {name!r} that differ by "
            f"{how_twins_differ([each for group in groups for each in group])} only are counted "
            f"apart: {shown}."
        )
    if blanks:
        ledger.counts["rows_without_event_type"] = sum(counts[blank] for blank in blanks)
        ledger.remark(
            f"Rows without an event type in {name!r}, which are a type of their own: "
            f"{ledger.counts['rows_without_event_type']:,}."
        )


def _tell_unwanted_twins(counts: Mapping[str, int], wanted: Sequence[str], ledger: Ledger) -> None:
    plain = {plain_type(event_type): event_type for event_type in wanted}
    for event_type, count in counts.items():
        twin = plain.get(plain_type(event_type))
        if twin is not None and event_type not in wanted and plain_type(event_type):
            ledger.remark(
                f"{event_type!r} ({formatting.count(count, 'row')}) differs from {twin!r} by "
                f"{how_twins_differ([event_type, twin])} only and was not asked for."
            )


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
