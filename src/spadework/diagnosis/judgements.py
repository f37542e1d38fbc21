"""Ratings, likes and returns: are numbers read for what they are? One registered function is one
check.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.account import UnreadColumn
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import rows_where_by_user, values_and_rows
from spadework.data.reading.columns.second_look import (
    AMOUNT,
    DISLIKE,
    JUDGEMENT,
    RATINGS,
    RETURN,
    YES_OR_NO,
)
from spadework.data.reading.synonyms import plain_name
from spadework.data.reading.values.conditions import Condition
from spadework.diagnosis.change import few_users_remark
from spadework.diagnosis.finding import Finding, check
from spadework.evaluation import statistics

MANY_LOW, FEW_LOW = 0.3, 0.02
MOST_RATED = 0.85
"""Where less of the rows have a value in a column, the other rows are choices, too."""
MOST_LEVELS = 21
MOST_POINTS = 100
_RATED = re.compile(r"^(user|book|movie|review|my)?(rating|stars|bewertung|评分)$")
"""Ratings in many steps, such as 0 to 100, by the names of columns that hold nothing else."""
LOW, HIGH = 0.4, 0.7
"""Parts of the highest rating: rated so or lower is disliked, from there on liked."""
HALF = 0.5
"""Less than this part of a film or track that was played is no liking."""
_DISLIKED = re.compile(
    r"dislike|unlike|thumbs?down|downvote|notinterested|unfollow|^hide|^skip(ped)?$|^negative$"
)
_TAKEN_BACK = re.compile(r"^remove|refund|^return(ed|s)?$|cancel")
"""Plain names of event types that say no, and of those that take back what was said."""


@dataclass(frozen=True)
class Scale:
    """How a column of judgements is read: up to `low` is disliked; `rule` is what is liked."""

    low: float
    words: str  # follows "are", such as: rated 2 or lower
    rule: str


@check("INT-20")
def judgements(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The log holds judgements, such as ratings or likes, and much of what users judged they
    disliked.

    Every row counts as a choice, so models learn to recommend what was disliked, and are judged by
    that. Say what counts: `--positive "rating >= 4"` sets the other rows aside. Event types that
    say no are named as what they are: `--dislikes skip` reads them as dislikes, which are never
    predicted, and keeps these items from the lists of those who said so; it takes rules, too, such
    as `--dislikes "rating <= 2"`, which is proposed where many rows have no rating. It is
    recognised by the name of the column and by its few values. It errs where a low number is no
    dislike.
    """
    if not len(log):
        return None
    if found := _of_events(log):
        return found
    name = None if log.account is None else log.account.columns.get("weight")
    if log.weights is not None and name is not None:
        scale = scale_of(name, log.weights)
        return None if scale is None else _of_weights(log, name, scale)
    for column in () if log.account is None else log.account.unread:
        if DISLIKE.search(plain_name(column.name)):
            share = float((column.values != 0).mean()) if len(column.values) else 0.0
            if FEW_LOW <= share < 1:
                return _of_unread(column, _marks(column.name), share)
            continue
        scale = scale_of(column.name, column.values)
        if scale is not None and _is_judgement(plain_name(column.name), column.values):
            share = float((column.values <= scale.low).mean())
            if share >= FEW_LOW:
                return _of_unread(column, scale, share)
    return None


def _marks(name: str) -> Scale:
    """Marks of what was disliked."""
    return Scale(0.0, "not 0", str(Condition(name, "==", "0")))


def _is_judgement(plain: str, values: Array) -> bool:
    return JUDGEMENT.search(plain) is not None or (
        YES_OR_NO.search(plain) is not None and bool(np.isin(values, (0, 1)).all())
    )


def _of_events(log: Interactions) -> Finding | None:
    """Event types such as dislike or remove_from_cart, where they count like all others."""
    disliked, taken_back = (
        [name for name in log.event_type_names if words.search(plain_name(name))]
        for words in (_DISLIKED, _TAKEN_BACK)
    )
    names = sorted({*disliked, *taken_back})
    if not names or log.event_types is None or len(names) == len(log.event_type_names):
        return None
    column = "event" if log.account is None else log.account.columns.get("event", "event")

    def are_low(block: Interactions) -> Mask:
        return np.asarray(np.logical_or.reduce([block.is_event_type(name) for name in names]))

    share, interval, users = mean_share(log, are_low)
    if share < FEW_LOW:
        return None
    rule = " and ".join(
        str(Condition(column, "!=", name)) for name in taken_back if name not in disliked
    )
    told = shlex.quote(json.dumps(disliked, ensure_ascii=False)) if disliked else ""
    return _finding(
        Scale(0.0, "", rule),
        share,
        f"{share:.0%} of a user's rows are of the event types {', '.join(map(repr, names))}, and "
        "count as choices like all others.",
        interval=interval,
        measured=f"mean over {formatting.count(users, 'user')}{few_users_remark(users)}",
        options=f" --dislikes {told}" if told else "",
    )


def mean_share(
    log: Interactions, low: Callable[[Interactions], Mask]
) -> tuple[float, tuple[float, float], int]:
    """The share of a user's rows that are `low`, its mean over users and the interval; how many
    users. What is low is asked of blocks of whole users, and told by row.
    """
    sizes, sums = np.diff(log.starts), rows_where_by_user(log, low)
    shares = sums[sizes > 0] / sizes[sizes > 0]
    ends = statistics.interval(statistics.bootstrap(shares[:, None], 0))
    return float(shares.mean()), (float(ends[0][0]), float(ends[1][0])), len(shares)


def _of_weights(log: Interactions, name: str, scale: Scale) -> Finding | None:

    def are_low(block: Interactions) -> Mask:
        assert block.weights is not None
        return np.asarray(block.weights <= scale.low)

    share, interval, users = mean_share(log, are_low)
    if share < FEW_LOW:
        return None
    unrated = 0 if log.account is None else int(log.account.set_aside.get("weight zero", 0))
    zero = (
        f" {formatting.count(unrated, 'row')} with 0, which often means not rated, "
        f"{'is' if unrated == 1 else 'are'} set aside; --weight - reads them as choices."
        if unrated
        else ""
    )
    return _finding(
        scale,
        share,
        f"{share:.0%} of a user's rows, and so of what would be predicted, are {scale.words} "
        f"in {name!r}.{zero}",
        interval=interval,
        measured=f"mean over {formatting.count(users, 'user')}{few_users_remark(users)}",
    )


def _of_unread(column: UnreadColumn, scale: Scale, share: float) -> Finding:
    options = ""
    if len(column.values) < MOST_RATED * column.rows and not DISLIKE.search(
        plain_name(column.name)
    ):
        # a rule about what is liked would set aside all rows without a judgement, too
        exact = float(f"{scale.low:g}") == scale.low
        below = Condition(column.name, "<=" if exact else "<", f"{scale.low:g}")
        scale, options = replace(scale, rule=""), f" --dislikes {shlex.quote(str(below))}"
    return _finding(
        scale,
        share,
        f"The column {column.name!r} is not read, and {share:.0%} of its first "
        f"{formatting.count(len(column.values), 'value')} are {scale.words}. Such rows count like "
        "all others.",
        measured=f"the first {formatting.count(column.rows, 'row')}",
        options=options,
    )


def _finding(
    scale: Scale,
    share: float,
    says: str,
    measured: str,
    interval: tuple[float, float] | None = None,
    options: str = "",
) -> Finding:
    positive = f" --positive {shlex.quote(scale.rule)}" if scale.rule else ""
    return Finding(
        code="INT-20",
        level="strong" if share >= MANY_LOW else "weak",
        says=says,
        effect=share,
        interval=interval,
        means="Models learn to recommend what was disliked, and are judged by it.",
        measured=measured,
        advice="Say what counts as a choice; the other rows are then set aside."
        + (" Disliked items are kept from the lists of those who said so." if options else ""),
        command=f"spadework dig SOURCE{options}{positive}",
    )


def scale_of(name: str, values: Array) -> Scale | None:
    """How a column of this name and these values is read as judgements; None where it holds amounts
    or too few different values.
    """
    plain = plain_name(name)
    levels, rows = values_and_rows(values)
    named = _is_judgement(plain, levels) or plain in RATINGS
    if not len(values) or (AMOUNT.search(plain) and not named):
        return None
    if len(levels) < 2:
        return None
    top = float(levels[-1])
    if _RATED.search(plain) and len(levels) > MOST_LEVELS and HALF < top <= MOST_POINTS:
        below = levels[levels <= LOW * top]
        if not len(below):
            return None
        words = f"rated {below[-1]:g} or lower"
        return Scale(float(below[-1]), words, str(Condition(name, ">=", f"{HIGH * top:g}")))
    if named and len(levels) > MOST_LEVELS:
        if not any(word in plain for word in ("ratio", "completion")):
            return None
        return Scale(
            np.nextafter(HALF, 0), f"below {HALF:g}", str(Condition(name, ">=", f"{HALF:g}"))
        )
    if (
        len(levels) > MOST_LEVELS
        or top > 10
        or not np.array_equal(levels * 2, np.round(levels * 2))
    ):
        return None
    if not named and not _like_stars(levels, rows):
        return None
    if levels[0] < 0:
        return Scale(float(levels[levels < 0][-1]), "below zero", str(Condition(name, ">", "0")))
    disliked = levels[levels <= LOW * top]
    if not len(disliked):  # only what is liked is left
        return None
    low = float(disliked[-1])
    if len(levels) == 2:
        return Scale(low, f"{low:g}", str(Condition(name, "==", f"{top:g}")))
    high = float(np.ceil(HIGH * top))
    return Scale(low, f"rated {low:g} or lower", str(Condition(name, ">=", f"{high:g}")))


def _like_stars(levels: Array, rows: Array) -> bool:
    """Whether values of a column without a telling name are stars: up to 5 or 10, and, unlike
    amounts, not fewer the larger they are.
    """
    return bool(len(levels) >= 4 and levels[-1] in (5, 10) and levels[int(rows.argmax())] >= 3)


@check("INT-27")
def unread_amounts(log: Interactions, content: ItemContent | None) -> Finding | None:
    """A column that is not read holds amounts below zero, or marks returns.

    Such a row is a purchase that was taken back, and counts like a purchase. Leave it out with a
    rule, such as `--positive "product_qty > 0"`. It errs where the sign has another meaning.
    """
    for column in () if log.account is None else log.account.unread:
        plain, values = plain_name(column.name), column.values
        marks = RETURN.search(plain) is not None
        back = values != 0 if marks else values < 0
        share = float(back.mean())
        if not 0 < share < 1 or not (marks or AMOUNT.search(plain)):
            continue
        rule = Condition(column.name, "==" if marks else ">", "0")
        return Finding(
            code="INT-27",
            level="weak",
            says=f"The column {column.name!r} is not read, and {int(back.sum()):,} of its first "
            f"{formatting.count(len(values), 'value')} are {'not 0' if marks else 'below zero'}. "
            "Rows of returns count like purchases.",
            effect=share,
            measured=f"the first {formatting.count(column.rows, 'row')}",
            advice="If these are returns, leave them out."
            if column.are_numbers
            else "If these are returns, leave them out: write the amounts as plain numbers, and a "
            f"rule such as {rule} compares them.",
            command=f"spadework dig SOURCE --positive {shlex.quote(str(rule))}"
            if column.are_numbers
            else "spadework look SOURCE",
        )
    return None
