"""Which column is the time, and whether a time of day stands beside it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from spadework.data.reading.columns.column_values import Look
from spadework.data.reading.synonyms import POSITIONS, TIMES_OF_DAY, hits_by_line, plain_name
from spadework.data.reading.values.readings import TimeChoice
from spadework.errors import Undecided


def time_by_name(columns: list[str], look: Look, remarks: list[str]) -> str | None:
    """The time by its name. Names whose values are no times, or only times of day, lose to others.

    Raises Undecided where two are equally good, or where there are only numbers such as 930.
    """
    lines = hits_by_line("time", columns)
    unfit: list[str] = []
    for hits in lines:
        fit = [hit for hit in hits if look.could_be_time(hit)]
        if set(map(plain_name, hits)) <= POSITIONS and any(map(look.is_calendar, columns)):
            continue  # the line of an order, or a place in a list, beside dates
        calendars = [hit for hit in fit if look.is_calendar(hit)]
        if len(fit) > 1 and len(calendars) == 1:
            fit = calendars
        if len(fit) > 1:
            raise _ask(fit)
        if fit:
            for column in unfit:
                if not look.is_time_of_day(column):
                    remarks.append(
                        f"The column {column!r} holds no times, such as {look.example(column)}, so "
                        f"{fit[0]!r} is the time."
                    )
            return fit[0]
        unfit += hits
    if not unfit or any(look.is_calendar(column) for column in columns):
        return None
    if look.is_time_of_day(unfit[0]) and look.holds_numbers(unfit[0]):
        raise Undecided(
            f"The column {unfit[0]!r} holds times of day, such as {look.example(unfit[0])}, and "
            "there is no column of dates beside it.",
            f"Name the date, too: --time {shlex.quote(f'DATE+{unfit[0]}')}. --time "
            f"{shlex.quote(f'{unfit[0]}:position')} takes the numbers as positions; --time - reads "
            "none.",
        )
    return unfit[0]


def time_by_values(columns: Sequence[str], look: Look, remarks: list[str]) -> str | None:
    """The only column that holds times throughout."""
    clocks = [column for column in columns if look.is_calendar(column)]
    if len(clocks) > 1:
        raise _ask(clocks)
    if not clocks:
        return None
    remarks.append(f"The column {clocks[0]!r} holds times throughout, so it is the time.")
    return clocks[0]


def join_time_of_day(
    column: str, others: Sequence[str], look: Look, remarks: list[str]
) -> TimeChoice:
    """The time with the time of day that stands in another column, where there is just one."""
    clocks = [
        other
        for other in others
        if plain_name(other) in TIMES_OF_DAY and look.is_time_of_day(other)
    ]
    if len(clocks) != 1 or not look.holds_days(column):
        return TimeChoice((column,))
    choice = TimeChoice((column, clocks[0]))
    remarks.append(
        f"The time is the date in {column!r} with the time of day in {clocks[0]!r} "
        f"(--time {shlex.quote(choice.name)}); --time {shlex.quote(column)} reads days alone."
    )
    return choice


def check_named_time(time: TimeChoice, look: Look, others: Sequence[str]) -> None:
    """Ask where the column that the user named holds times of day as numbers, and dates stand in
    another.
    """
    if time.reading is not None or len(time.columns) != 1:
        return
    column = time.columns[0]
    if look.is_empty(column) or not look.is_time_of_day(column):
        return
    dates = [other for other in others if look.holds_days(other)]
    if dates:
        raise Undecided(
            f"The column {column!r} holds times of day, such as {look.example(column)}, without a "
            "date.",
            "Name both: "
            + " or ".join(f"--time {shlex.quote(f'{date}+{column}')}" for date in dates)
            + f". --time {shlex.quote(f'{column}:position')} takes the numbers as positions.",
        )


def _ask(columns: Sequence[str]) -> Undecided:
    return Undecided(
        f"The columns {' and '.join(repr(column) for column in columns)} could each be the time.",
        "Say which: --time "
        + " or --time ".join(map(shlex.quote, columns))
        + "; --time - reads none.",
    )
