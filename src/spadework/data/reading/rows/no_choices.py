"""Rows that are no choices: of items that are no products, and those that say a dislike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.interactions import Interactions
from spadework.data.joins import join
from spadework.data.reading.set_aside import Facts, Ledger
from spadework.data.reading.values.conditions import Condition, holding
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest

EXCLUDED, DISLIKED = "excluded item", "disliked: "
"""Reasons of the row account begin with these."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ExcludedItems:
    """Ids of items that are no products."""

    ids: pl.Series
    # the rule by which they were found; None where they were named, so that unknown ones are told
    rule: str | None = None


@dataclass(frozen=True)
class Dislike:
    """What makes a row a dislike: its event type, or a rule."""

    event_type: str | None = None
    # each with the frame's name of its column; all have to hold
    rule: tuple[tuple[Condition, str], ...] = ()

    def __str__(self) -> str:
        if self.event_type is not None:
            return f"event {self.event_type!r}"
        return " and ".join(str(condition) for condition, _ in self.rule)


def set_aside_excluded(
    items: pl.Series, excluded: Sequence[ExcludedItems], ledger: Ledger, *, in_part: bool = False
) -> tuple[int | str, ...]:
    """Set aside the rows of excluded items, and return the ids of those that are there. Named ids
    that are not are told, but not of a part of a source: `tell_excluded` follows.
    """
    if not excluded:
        return ()
    vocabulary = Vocabulary(items.drop_nulls().unique().sort())
    found: list[pl.Series] = []
    for each in excluded:
        known = _known(each, vocabulary, Ledger(0) if in_part else ledger)
        reason = EXCLUDED if each.rule is None else f"{EXCLUDED}: {each.rule}"
        ledger.set_aside(items.is_in(known.implode()).fill_null(False), reason)
        found.append(known)
    return tuple(pl.concat(found).unique().sort().to_list())


def tell_excluded(items: pl.Series, excluded: Sequence[ExcludedItems], ledger: Ledger) -> None:
    """Tell what is odd about excluded items, once all items of a source are known: distinct."""
    vocabulary = Vocabulary(items.sort())
    for each in excluded:
        _known(each, vocabulary, ledger)


def _known(each: ExcludedItems, vocabulary: Vocabulary, ledger: Ledger) -> pl.Series:
    """The ids of a vocabulary that are excluded."""
    try:
        joined = join(each.ids, vocabulary, what="item", here="exclude_items", there="the log")
    except BadData as error:
        if each.rule is None:
            ledger.remark(f"{error.message} {error.hint}")
        return vocabulary.ids.clear()
    if each.rule is None:
        for remark in joined.remarks:
            ledger.remark(remark)
    return vocabulary.take(np.unique(joined.codes[joined.codes >= 0]))


def set_aside_dislikes(
    frame: pl.DataFrame, dislikes: Sequence[Dislike], names: Mapping[str, str], ledger: Ledger
) -> Mask | None:
    """Set aside the rows that say a dislike, and return which they are, of those that were not set
    aside before: [rows]. None where no dislikes are named. `names` are the columns by role.
    """
    if not dislikes:
        return None
    free = ledger.used()
    found = np.zeros(frame.height, np.bool_)
    for each in dislikes:
        says = _says_type(frame, each.event_type, names) if each.event_type is not None else None
        for condition, column in each.rule:
            as_text = column in ("user", "item", "basket")
            holds, missing = holding(condition, frame[column], ledger, as_text=as_text)
            says = (holds & ~missing) if says is None else says & holds & ~missing
        assert says is not None
        ledger.tell(
            f"dislikes by {each}",
            {"rows": int(says.sum()), "types": _types_of(frame, each)},
            partial(_absent_in_words, each),
        )
        ledger.set_aside(says, f"{DISLIKED}{each}")
        found |= says
    return found if free is None else found & free


def _says_type(frame: pl.DataFrame, event_type: str, names: Mapping[str, str]) -> Mask:
    if "event" not in names:
        raise BadRequest(
            f"The dislike {event_type!r} is an event type, but there is no event column.",
            "Name it with --event, or give a rule, such as: rating <= 2",
        )
    same = frame["event"].cast(pl.String).fill_null("") == event_type
    return np.asarray(same.to_numpy(), np.bool_)


def _types_of(frame: pl.DataFrame, each: Dislike) -> dict[str, int]:
    """The rows of each event type, where the dislike is one."""
    if each.event_type is None:
        return {}
    counts = frame["event"].cast(pl.String).drop_nulls().value_counts(sort=True, name="rows")
    return dict(counts.iter_rows())


def _absent_in_words(each: Dislike, facts: Facts) -> list[str]:
    if facts["rows"]:
        return []
    by_rows = sorted(facts["types"], key=lambda name: -facts["types"][name])
    known = ", ".join(map(repr, by_rows[:10]))
    types = "" if each.event_type is None else f" The event types are {known}."
    return [f"No row says a dislike by {each}.{types}"]


def with_dislikes(
    log: Interactions, users: pl.Series, items: pl.Series, times: Array | None, ledger: Ledger
) -> Interactions:
    """The log with the dislikes as unwanted items, which are told; `times` are their seconds."""
    if not len(users):
        return log
    ledger.remark(
        f"Dislikes, which are no choices: {formatting.count(len(users), 'row')} of "
        f"{formatting.count(users.n_unique(), 'user')} with "
        f"{formatting.count(items.n_unique(), 'item')}. These items are not recommended to "
        "these users, unless they chose them later."
    )
    return log.with_unwanted(users, items, times)
