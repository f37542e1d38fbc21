"""Where a split cuts in time: its first second, from a duration or a share of the rows."""

from __future__ import annotations

import numpy as np

from spadework import durations
from spadework.arrays import Mask, Seconds
from spadework.data import cuts
from spadework.data.cuts import Split
from spadework.data.interactions import Interactions
from spadework.data.spans import CALENDAR
from spadework.errors import BadRequest, Unsuitable


def first_second(log: Interactions, tested: Mask) -> int | None:
    """The first second that is tested, where no other row is later; None where some are."""
    if log.times is None or not tested.any():
        return None
    first = int(log.times[tested].min())
    return first if int(log.times[~tested].max(initial=first)) <= first else None


def cut_at(log: Interactions, start: int, name: str, description: str, target: str | None) -> Split:
    """The split of a log with times: what is at `start` or later is expected."""
    assert log.times is not None
    tested = log.times >= start
    hint = "Choose a shorter test span, such as test='7d' or test=0.1."
    if tested.all() or not tested.any():
        side = "nothing before" if tested.all() else "nothing from"
        raise Unsuitable(f"The cut at {cuts.day(start)} leaves {side} it.", hint)
    result = cuts.cut(log, tested, name, description, target=target, start=start)
    if not len(result.expected):
        raise Unsuitable(
            f"The cut at {cuts.day(start)} leaves no event of the type {target!r} from it.",
            "Choose a longer test span.",
        )
    return result


def times_of(log: Interactions, name: str) -> Seconds:
    """The times of the log's rows. Raises `Unsuitable`, naming the split, where it has none."""
    if log.times is None:
        raise Unsuitable(
            f"The split {name!r} needs times, and the log has none.",
            "Name the time column, or use the split 'random'.",
        )
    return log.times


def calendar_of(log: Interactions, name: str) -> Seconds:
    """The times of the log's rows, as seconds of a calendar. Raises `Unsuitable` where they are
    positions.
    """
    times = times_of(log, name)
    if not len(times):
        raise Unsuitable(f"The split {name!r} needs rows, and the log has none.")
    if int(times.max()) < CALENDAR:
        raise Unsuitable(
            (
                f"The split {name!r} needs a calendar, but the times are positions (largest "
                f"{int(times.max())})."
            ),
            "Use the split 'last_item'.",
        )
    return times


def boundary(log: Interactions, span: str | float, what: str) -> int:
    """The first second of the last `span` of a log with times: a duration or a share of its
    rows.
    """
    assert log.times is not None
    if isinstance(span, str):
        return round(log.end + 1 - durations.seconds(span, f"{what} span"))
    check_share(span, what)
    times = log.times
    return int(np.partition(times, int(len(times) * (1 - span)))[int(len(times) * (1 - span))])


def validation_length(train: Interactions, start: int, last: int, share: float) -> int:
    """As long as the test span, unless the log thins out so much that less than half of the train
    rows would remain.
    """
    assert train.times is not None
    length = last + 1 - start
    if int((train.times < start - length).sum()) >= len(train) / 2:
        return length
    return start - boundary(train, share, "valid")


def check_share(value: float, what: str) -> None:
    """Raises `BadRequest` for what is no share of a whole."""
    if not 0 < value < 1:
        raise BadRequest(
            f"The share {what}={value} is not between 0 and 1.",
            "Give a share such as 0.1, or a duration such as '7d'.",
        )
