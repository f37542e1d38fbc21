"""Can the timestamps be trusted? Absent, equal, tied, in batches, in two zones, in the future. One
registered function is one check.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from spadework import formatting
from spadework.arrays import Array, distinct, members
from spadework.data.content import ItemContent
from spadework.data.cuts import dates, day, has_calendar
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import common_values, slices
from spadework.data.mapped.user_blocks import user_blocks
from spadework.diagnosis.controls import tied_share
from spadework.diagnosis.finding import Finding, check

DAY, HOUR = 86_400, 3_600
ONLY_DAYS = 0.95
BATCH, BATCH_USERS = 0.01, 20
"""Least share of the events and number of users at one second that make it a batch."""
ZONES, FEWEST_REPEATED = 0.2, 50
"""Least share of the repeated pairs that lie whole hours apart, far above chance, and fewest
repeated pairs.
"""
MOST_ROWS = 2_000_000
"""Rows of the first users in which repeated pairs are searched."""


@check("INT-5")
def no_times(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The log has no times, or only positions in each user's sequence.

    Without dates no split by time can be made, so results may look too good; trends and decay
    cannot be seen at all.
    """
    if log.times is None:
        return Finding(
            code="INT-5",
            level="strong",
            says="The log has no times, so nothing about order or trends can be learned or tested."
            + (
                " The order of baskets is their order in the file."
                if log.baskets is not None
                else ""
            ),
            advice="Name the time column, or export it.",
        )
    if log.account is not None and log.account.counts.get("time_is_position", 0):
        return Finding(
            code="INT-5",
            level="weak",
            says="The times are only positions in a sequence: order is known, dates are not.",
            advice="Use the split last_item. Export real times if you can.",
            command="spadework dig SOURCE --set split=last_item",
        )
    return None


@check("INT-6")
def all_equal(log: Interactions, content: ItemContent | None) -> Finding | None:
    """All events have the same time, so there is no order.

    Usually an export wrote its own time into every row. Models that need order are useless on such
    a log.
    """
    if log.times is None or len(log) < 2 or log.times.min() != log.times.max():
        return None
    return Finding(
        code="INT-6",
        level="strong",
        says="All events have the same time, so order and trends cannot be tested.",
        advice="Export the real times. Until then the split is random.",
    )


@check("INT-7")
def ties(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Events of one user share a timestamp, so their order is the order of the file.

    Models of order may learn the file instead of the users. Baskets are a harmless cause; otherwise
    export finer times.
    """
    if log.times is None or len(log) < 2 or log.times.min() == log.times.max():
        return None
    share = tied_share(log)
    if share < 0.01:
        return None
    return Finding(
        code="INT-7",
        level="note",
        says=(
            f"{share:.0%} of the events share their timestamp with another of the same user; "
            "they are treated as simultaneous."
        ),
        effect=share,
        advice=(
            "This is fine for baskets. Else export finer times before you trust models of order."
        ),
    )


@check("INT-12")
def batches(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Many users share one second, or all times are at the same second of the day: the clock is
    that of an import, or has days only.

    Then order within a day is the order of the file, and sessions cannot be recognised. Export the
    times of the events themselves. It errs where a real event, such as a live sale, brings many
    users at one second.
    """
    if not has_calendar(log) or len(log) < 2:
        return None
    assert log.times is not None
    seconds = np.zeros(DAY, np.int64)
    for piece in slices(log.times):
        seconds += np.bincount(piece % DAY, minlength=DAY)
    usual = int(seconds.argmax())
    share = float(seconds[usual] / len(log))
    if share >= ONLY_DAYS and log.times.min() != log.times.max():
        return Finding(
            code="INT-12",
            level="note",
            says=(
                f"{share:.0%} of the times are at {usual // HOUR:02d}:{usual % HOUR // 60:02d}: "
                "the clock has days only."
            ),
            effect=share,
            advice=(
                "This is fine for trends and baskets. Export the time of day before you trust "
                "sessions or order within a day."
            ),
        )
    least = max(int(np.ceil(BATCH * len(log))), BATCH_USERS)
    shared, rows = common_values(log.times, least)
    by_many = _users_at(log, shared) >= BATCH_USERS
    batched = shared[by_many]
    if not len(batched) or log.times.min() == log.times.max():
        return None
    share = float(rows[by_many].sum() / len(log))
    return Finding(
        code="INT-12",
        level="weak",
        says=(
            f"{share:.0%} of the events are at {formatting.count(len(batched), 'time')} that many "
            "users share to the second. These are probably the times of an import."
        ),
        effect=share,
        advice="Export the time of the event, not that of the import.",
    )


def _users_at(log: Interactions, times: Array) -> Array:
    """How many users have events at each of some times, ascending. Shape [times]."""
    found = np.zeros(len(times), np.int64)
    if not len(times):
        return found
    for block in user_blocks(log):
        own = block.log.times
        assert own is not None
        at = np.flatnonzero(members(own, times))
        places = np.searchsorted(times, own[at])
        pairs = distinct(block.log.users[at] * np.int64(len(times)) + places)
        found += np.bincount(pairs % len(times), minlength=len(times))
    return found


@check("INT-13")
def two_zones(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The same user and item are in the log again, whole hours later to the second: one event in
    two time zones.

    Two exports with different clocks were joined, so events count twice and the order of some is
    wrong. Convert both to UTC and read again. It errs where users act at fixed hours.
    """
    if not has_calendar(log):
        return None
    assert log.times is not None
    # whole users
    first_users = slice(
        0,
        int(log.starts[np.searchsorted(log.starts, MOST_ROWS)])
        if len(log) > MOST_ROWS
        else len(log),
    )
    order = np.lexsort((log.times[first_users], log.items[first_users], log.users[first_users]))
    users, items, times = (
        column[first_users][order] for column in (log.users, log.items, log.times)
    )
    again = (users[1:] == users[:-1]) & (items[1:] == items[:-1]) & (times[1:] > times[:-1])
    gaps = np.diff(times)[again]
    short_gaps = gaps[gaps <= 14 * HOUR]
    if (
        len(short_gaps) < FEWEST_REPEATED
        or _share(log.times, lambda times: times % HOUR == 0) > 0.5
    ):
        return None
    share = float((short_gaps % HOUR == 0).mean())
    if share < ZONES:
        return None
    hours = int(np.bincount(short_gaps[short_gaps % HOUR == 0] // HOUR).argmax())
    return Finding(
        code="INT-13",
        level="strong",
        says=f"{share:.0%} of the user-item pairs that repeat within fourteen hours do so after "
        f"whole hours, to the second, most of them after {hours}: "
        "one event in two time zones.",
        effect=share,
        advice="Convert all times to UTC, drop duplicates, and read again.",
    )


@check("INT-14")
def future(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Events lie in the future of this machine's clock.

    Usually a plan, a delivery date or a wrong century was exported in place of the event's time.
    Splits by time would test on them. Files and frames are read without such rows, so this concerns
    logs that a program made. It errs where this machine's clock is wrong.
    """
    if not has_calendar(log):
        return None
    assert log.times is not None
    tomorrow = time.time() + DAY
    share = _share(log.times, lambda times: times > tomorrow)
    if not share:
        return None
    return Finding(
        code="INT-14",
        level="strong",
        says=f"{share:.1%} of the events lie in the future.",
        effect=share,
        advice="Export when an event happened, not when it is due. Leave such rows out.",
    )


@check("INT-21")
def strays(log: Interactions, content: ItemContent | None) -> Finding | None:
    """A few rows lie far from all others in time, such as one row seventy days after the end.

    Usually they are wrong dates or test orders. Windows and half-lives count from the end of the
    other rows, but strays after it are in the test span. Set them aside with `--until` or
    `--since`. At most one row in a thousand can be stray, behind a pause of more than three days
    that is three times as long as any other. It errs where the log went on after a long pause and
    has just begun again.
    """
    if not has_calendar(log):
        return None
    assert log.times is not None
    begin, end = log.span
    late = np.concatenate([piece[piece > end] for piece in slices(log.times)])
    early = np.concatenate([piece[piece < begin] for piece in slices(log.times)])
    if not len(late) + len(early):
        return None
    parts, options = [], []
    if len(late):
        days = formatting.count(round((int(late.min()) - end) / DAY), "day")
        parts.append(f"{_rows(late)} {days} after all others ({dates(late)})")
        options.append(f"--until {day(end)}")
    if len(early):
        days = formatting.count(round((begin - int(early.max())) / DAY), "day")
        parts.append(f"{_rows(early)} {days} before all others ({dates(early)})")
        options.append(f"--since {day(begin)}")
    return Finding(
        code="INT-21",
        level="weak",
        says=f"{' and '.join(parts)}. The span of the log is taken to be {day(begin)} … "
        f"{day(end)}.",
        effect=(len(late) + len(early)) / len(log),
        advice="Look at these rows. If their dates are wrong, set them aside.",
        command=f"spadework dig SOURCE {' '.join(options)}",
    )


def _share(times: Array, holds: Callable[[Array], Array]) -> float:
    return sum(int(holds(piece).sum()) for piece in slices(times)) / len(times)


def _rows(times: Array) -> str:
    return f"{formatting.count(len(times), 'row')} {'lies' if len(times) == 1 else 'lie'}"
