"""Can the timestamps be trusted? Absent, equal, tied, in batches, in two zones, in the future. A
shelf: one function, one check.
"""

from __future__ import annotations

import time

import numpy as np

from spadework.data.content import ItemContent
from spadework.data.cuts import has_calendar
from spadework.data.interactions import Interactions
from spadework.diagnosis.controls import tied_share
from spadework.diagnosis.finding import Finding, check

DAY, HOUR = 86_400, 3_600
ONLY_DAYS = 0.95
BATCH, BATCH_USERS = 0.01, 20
"""Share of the events and number of users from which on one second is called a batch."""
ZONES, FEWEST_REPEATED = 0.2, 50
"""Share of the repeated pairs that lie whole hours apart, above what chance gives, and how many
pairs must be repeated.
"""
MOST_ROWS = 2_000_000
"""Rows that are looked at for pairs that come again: the first users'."""


@check("INT-5")
def no_times(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The log has no times, or only positions in each user's sequence.

    Without a calendar no split by time can be made, so results may flatter; trends and decay cannot
    be seen at all.
    """
    if log.times is None:
        return Finding(
            code="INT-5",
            level="strong",
            says="The log has no times: nothing about order or trends can be learned or judged."
            + (
                " Baskets count as older or newer by their place in the file."
                if log.baskets is not None
                else ""
            ),
            advice="Name the time column, or export it.",
        )
    if log.account is not None and log.account.counts.get("time_is_position", 0):
        return Finding(
            code="INT-5",
            level="weak",
            says="The times are positions in a sequence: order is known, the calendar is not.",
            advice="Judge with the split last_item, and export real times if you can.",
            command="spadework dig SOURCE --set split=last_item",
        )
    return None


@check("INT-6")
def all_equal(log: Interactions, content: ItemContent | None) -> Finding | None:
    """All events carry the same time, so there is no order.

    Usually an export stamped its own time on every row. Models that need order are useless on such
    a log.
    """
    if log.times is None or len(log) < 2 or log.times.min() != log.times.max():
        return None
    return Finding(
        code="INT-6",
        level="blocker",
        says="All events have the same time, so order and trends cannot be judged.",
        advice="Export the real times; until then use the split 'random'.",
    )


@check("INT-7")
def ties(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Events of one user share a timestamp, so their order is the order of the file.

    Models of order may learn the file instead of people. Baskets explain it; otherwise ask for
    finer times.
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
            "they are treated as one moment."
        ),
        effect=share,
        advice="Fine for baskets. Else export finer times before trusting models of order.",
    )


@check("INT-12")
def batches(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Many people share one second, or all times are at the same second of the day: the clock is
    that of an import, or shows days alone.

    Then order within a day is the order of the file, and sessions cannot be told. Export the
    moments of the events themselves. It errs where a real event, such as a live sale, brings many
    people at one second.
    """
    if not has_calendar(log) or len(log) < 2:
        return None
    assert log.times is not None
    days = log.times % DAY
    usual = int(np.bincount(days).argmax())
    share = float((days == usual).mean())
    if share >= ONLY_DAYS and log.times.min() != log.times.max():
        return Finding(
            code="INT-12",
            level="note",
            says=(
                f"{share:.0%} of the times are at {usual // HOUR:02d}:{usual % HOUR // 60:02d}: "
                "the clock shows days and no more."
            ),
            effect=share,
            advice=(
                "Fine for trends and baskets. Export the time of day before you trust sessions "
                "or order within a day."
            ),
        )
    moments, counts = np.unique(log.times, return_counts=True)
    crowded = moments[counts >= max(BATCH * len(log), BATCH_USERS)]
    crowded = (
        crowded[
            [len(np.unique(log.users[log.times == moment])) >= BATCH_USERS for moment in crowded]
        ]
        if len(crowded)
        else crowded
    )
    if not len(crowded) or len(moments) == 1:
        return None
    share = float(np.isin(log.times, crowded).mean())
    return Finding(
        code="INT-12",
        level="weak",
        says=(
            f"{share:.0%} of the events stand at {len(crowded):,} moments that many people "
            "share to the second: an import stamped them."
        ),
        effect=share,
        advice="Export the time of the event, not that of the import.",
    )


@check("INT-13")
def two_zones(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The same user and item stand in the log again, whole hours later to the second: one event in
    two time zones.

    Two exports were joined whose clocks differ, so events count twice and order is wrong for a part
    of them. Bring both to UTC and read again. It errs where people do something at fixed hours.
    """
    if not has_calendar(log):
        return None
    assert log.times is not None
    # whole users
    some = slice(
        0,
        int(log.starts[np.searchsorted(log.starts, MOST_ROWS)])
        if len(log) > MOST_ROWS
        else len(log),
    )
    order = np.lexsort((log.times[some], log.items[some], log.users[some]))
    users, items, times = (column[some][order] for column in (log.users, log.items, log.times))
    again = (users[1:] == users[:-1]) & (items[1:] == items[:-1]) & (times[1:] > times[:-1])
    gaps = np.diff(times)[again]
    near = gaps[gaps <= 14 * HOUR]
    if len(near) < FEWEST_REPEATED or float((log.times % HOUR == 0).mean()) > 0.5:
        return None
    share = float((near % HOUR == 0).mean())
    if share < ZONES:
        return None
    hours = int(np.bincount(near[near % HOUR == 0] // HOUR).argmax())
    return Finding(
        code="INT-13",
        level="strong",
        says=f"{share:.0%} of the pairs that come again within fourteen hours do so after whole "
        f"hours, to the second, most of them after {hours}: "
        "one event in two time zones.",
        effect=share,
        advice="Bring all clocks to UTC, drop what is double, and read again.",
    )


@check("INT-14")
def future(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Events lie in the future of this machine's clock.

    Usually a plan, a delivery date or a wrong century was exported in place of the event's time.
    Splits by time would judge on them. Files and frames are read without such rows, so this speaks
    of logs that a program made. It errs where this machine's clock is wrong.
    """
    if not has_calendar(log):
        return None
    assert log.times is not None
    share = float((log.times > time.time() + DAY).mean())
    if not share:
        return None
    return Finding(
        code="INT-14",
        level="strong",
        says=f"{share:.1%} of the events lie in the future.",
        effect=share,
        advice="Export when it happened, not when it is due; set such rows aside.",
    )
