"""What models need of the data, and what fitting costs: checked before work starts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal, TypeAlias

from spadework import forks, formatting
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, OutOfMemory, Unsuitable, nearest
from spadework.formatting import clip
from spadework.limits import available_bytes

Repeats: TypeAlias = Literal["forbid", "allow", "only"]
REPEATS_MATTER = 0.1
"""Share of repeats among the held-out events from which on items of the history may be
recommended.
"""
REPEATS: tuple[Repeats, ...] = ("forbid", "allow", "only")
Need: TypeAlias = Literal["times", "baskets", "content", "categories", "events"]


MOST = 10_000
"""The longest list that is made of any catalogue; of a larger one, as many items as there are."""
MANY = 2**22
"""Slots of lists from which on their memory is looked at."""


@dataclass(frozen=True)
class Cost:
    """What fitting will take, estimated before it starts."""

    bytes: int
    seconds: float


_NEED_HINTS: dict[Need, str] = {
    "times": "Name the time column, or leave this model out.",
    "baskets": "Name the basket column, or leave this model out.",
    "content": "Give an item table, or leave this model out.",
    "categories": "Give an item table with a category column, or leave this model out.",
    "events": "Name the event column, or leave this model out.",
}


def check(
    label: str, needed: frozenset[Need], train: Interactions, content: ItemContent | None
) -> None:
    """Refuse data that lack what a model needs, and item tables of another log."""
    check_log(train, f"What {label!r} is to learn from")
    if not len(train):
        raise Unsuitable(
            f"The model {label!r} cannot learn from an empty log.",
            "Give a log with at least one row.",
        )
    if content is not None and not isinstance(content, ItemContent):
        raise BadRequest(
            f"The item table is a {type(content).__name__}.",
            "Read it first: sw.read_content(table, log).",
        )
    present = {
        "times": train.times is not None,
        "baskets": train.baskets is not None,
        "content": content is not None,
        "categories": content is not None and bool(content.categories),
        "events": train.event_types is not None,
    }
    for need in sorted(needed):
        if not present[need]:
            types = " of different types" if need == "events" else ""
            raise Unsuitable(
                f"The model {label!r} needs {need}, and there are none{types}.", _NEED_HINTS[need]
            )
    if content is not None and content.item_vocabulary != train.item_vocabulary:
        raise BadRequest(
            "The item table was read for another log: its items are in another order.",
            "Read it with sw.read_content(table, log).",
        )


def check_group(label: str, group: str, train: Interactions) -> None:
    """Refuse to count by basket of a log without baskets and times."""
    if group == "basket" and train.baskets is None and train.times is None:
        raise Unsuitable(
            f"The model {label!r} counts by basket, and the log has neither baskets nor times.",
            "Name the basket or the time column, or count by user (group='user').",
        )


def check_room(label: str, need: int, room: int, instead: str) -> None:
    """Refuse a need of memory, in bytes, that is more than what is free, before the machine runs
    out of it.
    """
    if need > room:
        raise OutOfMemory(
            (
                f"{label} would hold about {need / 2**30:.1f} GiB, and "
                f"{max(room, 0) / 2**30:.1f} GiB are free."
            ),
            instead,
        )


def check_lists(k: int, rows: int) -> None:
    """Refuse so many lists that they do not fit into memory; of few nothing is asked, which takes
    longer than to answer one user.
    """
    if k * rows > MANY:
        label = f"{formatting.count(rows, 'list')} of {formatting.count(k, 'item')}"
        check_room(label, 16 * k * rows, available_bytes(), "Ask for fewer at once.")


def check_log(given: object, what: str) -> None:
    """Refuse what is no log, such as a path, a frame or a list of items; and any log in a process
    that could only wait.
    """
    forks.check()
    if not isinstance(given, Interactions):
        raise BadRequest(
            f"{what} is a {type(given).__name__}, not a log.",
            "Read it first: log = spadework.read_interactions(…).",
        )


def check_repeats(repeats: str) -> None:
    """Refuse an unknown policy of repeats."""
    if repeats not in REPEATS:
        if repeats == "novel":
            raise BadRequest(
                "repeats is 'novel', which is a way to judge.",
                "For lists of new items choose forbid.",
            )
        near = nearest(str(repeats), REPEATS)
        raise BadRequest(
            f"repeats is {repeats!r}.",
            f"{f'Did you mean {near!r}? ' if near else ''}Choices: {', '.join(REPEATS)}.",
        )


def check_k(k: int, items: int | None = None) -> None:
    """Refuse a length of lists that is no whole number above zero, or that no list of so many items
    can have; None where their number is not known yet.
    """
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
        # not even written out, since its digits may be without end
        shown = (
            "a number below zero" if isinstance(k, Integral) and k < -MOST else clip(repr(k), 40)
        )
        raise BadRequest(
            f"k is {shown}, which is not a whole number above zero.", "Ask for at least one item."
        )
    if items is not None and k > max(MOST, items):
        raise BadRequest(
            f"k is larger than {MOST:,} and than the {formatting.count(items, 'item')} there are.",
            f"Ask for {items:,} to have them all.",
        )
