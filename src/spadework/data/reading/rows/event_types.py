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
_REASONS_IN_PART, _RARE = 60, "event of further types not asked for"


def read_event_types(
    column: pl.Series,
    name: str,
    wanted: Sequence[str] | None,
    is_named: bool,
    ledger: Ledger,
    *,
    but_for: Sequence[str | None] = (),
    in_part: bool = False,
) -> pl.Series | None:
    """The event type of each row as text, empty where it is missing; rows of types that are not
    wanted are set aside. Rows of the types `but_for` were set aside before and are not told.

    With more than MOST_KINDS kinds and none wanted, the column is left out (None), or refused where
    the user named it. `in_part`, of a part of a source, neither is decided, and each type that is
    not wanted is a reason, but for rare ones: `check_kinds` and `merged_reasons` follow once all
    rows are known. O(rows log kinds).
    """
    event_types = column.cast(pl.String).fill_null("")
    counts = dict(event_types.value_counts(sort=True, name="rows").iter_rows())
    counts = {event_type: rows for event_type, rows in counts.items() if event_type not in but_for}
    ledger.tell(
        KINDS,
        {"rows": counts},
        lambda facts: _in_words(facts["rows"], name, wanted),
        lambda facts: {} if wanted is not None else _twin_counts(facts["rows"]),
    )
    if not in_part and not check_kinds(counts, name, wanted, is_named):
        return None
    if wanted is None:
        return event_types
    unwanted = [each for each in counts if each not in wanted]
    reasons = {each: _reason(each) for each in unwanted}
    if in_part:
        reasons |= dict.fromkeys(unwanted[_REASONS_IN_PART:], _RARE)
    else:
        reasons |= further_reasons(counts, wanted)
    for reason in dict.fromkeys(reasons.values()):
        of_reason = [each for each, given in reasons.items() if given == reason]
        ledger.set_aside(
            event_types == of_reason[0]
            if len(of_reason) == 1
            else event_types.is_in(pl.Series(of_reason, dtype=pl.String).implode()),
            reason,
        )
    return event_types


KINDS = "event types"
"""The facts of a ledger about the rows of each event type."""


def check_kinds(
    counts: Mapping[str, int], name: str, wanted: Sequence[str] | None, is_named: bool
) -> bool:
    """Whether a column holds kinds of events; `counts` are the rows of each, most frequent first.
    Raises BadData where the user named a column with too many, or a wanted event that no row has.
    """
    if wanted is None:
        if len(counts) > MOST_KINDS and is_named:
            raise BadData(
                f"The event column {name!r} holds {formatting.count(len(counts), 'kind')} of "
                f"events; {MOST_KINDS:,} are read.",
                "Choose some with --events, name another column, or read none: --event -.",
            )
        return len(counts) <= MOST_KINDS
    unknown = [event for event in wanted if event not in counts]
    if unknown:
        known = ", ".join(repr(event_type) for event_type in list(counts)[:10])
        raise BadData(
            f"No row has the event {unknown[0]!r} in {name!r}.", f"Its events are {known}."
        )
    return True


def further_reasons(counts: Mapping[str, int], wanted: Sequence[str]) -> dict[str, str]:
    """The one reason of all event types beyond the most frequent that were not asked for."""
    rest = [event_type for event_type in counts if event_type not in wanted][_REASONS:]
    return dict.fromkeys(rest, f"event of {len(rest):,} further types not asked for")


def merged_reasons(counts: Mapping[str, int], wanted: Sequence[str]) -> dict[str, str]:
    """The reasons that parts of a source give, to those that all rows have."""
    further = further_reasons(counts, wanted)
    found = {_reason(each): reason for each, reason in further.items()}
    return found | dict.fromkeys([_RARE] if further else [], next(iter(further.values()), ""))


def _reason(event_type: str) -> str:
    return f"event {event_type!r} not asked for" if event_type else "event missing"


def _in_words(counts: Mapping[str, int], name: str, wanted: Sequence[str] | None) -> list[str]:
    if wanted is not None:
        return _unwanted_twins_in_words(counts, wanted)
    if len(counts) > MOST_KINDS:
        return [
            f"The column {name!r} holds {formatting.count(len(counts), 'kind')}, too many for "
            "events, and is not used."
        ]
    more = f" and {len(counts) - _SHOWN} more types" if len(counts) > _SHOWN else ""
    return [
        f"All event types in {name!r} are used: {_listed(counts)}{more}.",
        *_twins_in_words(counts, name),
    ]


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


def _twins(counts: Mapping[str, int]) -> tuple[list[list[str]], list[str]]:
    """Kinds that are one but for case, blanks or signs, and kinds without a name."""
    twins: dict[str, list[str]] = {}
    for event_type in counts:
        twins.setdefault(plain_type(event_type), []).append(event_type)
    groups = [group for plain, group in twins.items() if len(group) > 1 and plain]
    return groups, twins.get("", [])


def _twin_counts(counts: Mapping[str, int]) -> dict[str, int]:
    if len(counts) > MOST_KINDS:
        return {}
    groups, blanks = _twins(counts)
    found = {}
    if groups:
        found["event_types_that_differ_by_case_or_blanks"] = sum(map(len, groups))
    if blanks:
        found["rows_without_event_type"] = sum(counts[blank] for blank in blanks)
    return found


def _twins_in_words(counts: Mapping[str, int], name: str) -> list[str]:
    groups, blanks = _twins(counts)
    said = []
    if groups:
        shown = "; ".join(
            " and ".join(f"{event_type!r} ({counts[event_type]:,})" for event_type in group)
            for group in groups[:_SHOWN]
        )
        said.append(
            f"Event types in {name!r} that differ by "
            f"{how_twins_differ([each for group in groups for each in group])} only are counted "
            f"apart: {shown}."
        )
    if blanks:
        said.append(
            f"Rows without an event type in {name!r}, which are a type of their own: "
            f"{sum(counts[blank] for blank in blanks):,}."
        )
    return said


def _unwanted_twins_in_words(counts: Mapping[str, int], wanted: Sequence[str]) -> list[str]:
    plain = {plain_type(event_type): event_type for event_type in wanted}
    said = []
    for event_type, count in counts.items():
        twin = plain.get(plain_type(event_type))
        if twin is not None and event_type not in wanted and plain_type(event_type):
            said.append(
                f"{event_type!r} ({formatting.count(count, 'row')}) differs from {twin!r} by "
                f"{how_twins_differ([event_type, twin])} only and was not asked for."
            )
    return said


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
