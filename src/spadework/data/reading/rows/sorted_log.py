"""Rows of a reading to a sorted log: exact duplicates are left out, and returns are taken off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Array, Codes, Floats, Mask
from spadework.data.interactions import Interactions
from spadework.data.ordering import by_user_time_arrival
from spadework.data.reading.rows.duplicates import find_repeats
from spadework.data.reading.rows.event_types import event_type_codes
from spadework.data.reading.rows.returned_rows import Left
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.clocks import Clock
from spadework.data.reading.values.numbers import compact
from spadework.data.vocabulary import Vocabulary

EXACT_DUPLICATE = "exact duplicate"


class Rows(Protocol):
    """Columns of equal length, from which a log is made."""

    users: pl.Series
    items: pl.Series
    clock: Clock | None
    weights: Floats | None
    baskets: pl.Series | None
    events: pl.Series | None


def sorted_log(
    columns: Rows,
    ledger: Ledger,
    weight: str,
    *,
    keep_duplicates: bool,
    guests: str | None = None,
    weight_type: type[np.floating[Any]] | None = None,
) -> tuple[Interactions, dict[str, NDArray[np.int64]]]:
    """The log, and by reason the positions of the rows that were left out of it. `weight` is the
    name of the column of weights, `guests` that of a user of several columns. One sort.

    Weights that are all equal are left out, and the others are in single precision where that
    loses nothing. For a part of a log the whole decides: with `weight_type` they stay, in it.
    """
    weights = _varied(columns.weights, weight, ledger, weight_type)
    user_vocabulary, users = Vocabulary.build(columns.users)
    item_vocabulary, items = Vocabulary.build(columns.items)
    clock = columns.clock
    finest = None if clock is None else clock.seconds if clock.fine is None else clock.fine
    order = by_user_time_arrival(users, finest, len(user_vocabulary))

    def sort(column: Array | None) -> Array | None:
        return None if column is None else order.take(column)

    event_types, event_type_names = event_type_codes(columns.events)
    arrays: dict[str, Array | None] = {
        "users": order.users,
        "items": sort(items),
        "times": None
        if clock is None
        else order.times
        if clock.fine is None
        else sort(clock.seconds),
        "weights": sort(weights),
        "baskets": sort(_basket_codes(columns.baskets)),
        "event_types": sort(event_types),
    }
    own_names = {
        "user_vocabulary": user_vocabulary,
        "item_vocabulary": item_vocabulary,
        "event_type_names": event_type_names,
    }
    fine = None if clock is None else sort(clock.fine)
    repeats = None
    if clock is not None and clock.calendar:
        repeats = repeats_of(arrays, fine, keep_duplicates, ledger)
    has_returns = weights is not None and float(weights.min(initial=0)) < 0
    if repeats is None and not has_returns:
        return Interactions(**own_names, **arrays), {}  # type: ignore[arg-type]
    rows = np.arange(len(users)) if order.rows is None else order.rows
    aside: dict[str, NDArray[np.int64]] = {}
    if repeats is not None:
        aside[EXACT_DUPLICATE], rows = rows[repeats], rows[~repeats]
        arrays = {
            name: None if column is None else column[~repeats] for name, column in arrays.items()
        }
        fine = None if fine is None else fine[~repeats]
    if not has_returns:
        return Interactions(**own_names, **arrays), aside  # type: ignore[arg-type]
    left = Left.of(arrays, fine, event_type_names)
    left.tell(weight, ledger)
    if guests is not None:
        left.tell_strangers(guests, ledger)
    aside |= {reason: rows[mask] for reason, mask in left.aside().items()}
    return left.log(own_names, _varied(left.weights(), weight, ledger, weight_type)), aside


def _varied(
    weights: Floats | None, name: str, ledger: Ledger, weight_type: type[np.floating[Any]] | None
) -> Floats | None:
    if weights is None:
        return None
    if len(weights) and float(weights.min()) < 0:
        return weights  # of purchases and returns, which are yet to be netted
    if weight_type is not None:
        return weights.astype(weight_type, copy=False)
    if len(weights) == 0:
        return None
    if float(weights.min()) == float(weights.max()):
        ledger.remark(all_equal(name, float(weights[0])))
        return None
    return compact(weights.astype(np.float64, copy=False))


def all_equal(name: str, weight: float) -> str:
    """What is said of weights that are the same in all rows."""
    return f"All weights in {name!r} are {weight:g}, so they are not used."


def _basket_codes(baskets: pl.Series | None) -> Codes | None:
    if baskets is None:
        return None
    missing = baskets.is_null()
    if not missing.any():
        return Vocabulary.build(baskets)[1]
    codes = np.empty(len(baskets), np.int32)
    is_present = (~missing).to_numpy()
    vocabulary, known = Vocabulary.build(baskets.drop_nulls())
    codes[is_present] = known
    codes[~is_present] = len(vocabulary) + np.arange(len(baskets) - len(known))
    return codes


def repeats_of(
    arrays: Mapping[str, Array | None], fine: Array | None, keep: bool, ledger: Ledger
) -> Mask | None:
    """Mask over rows sorted by (user, time, arrival) of the exact duplicates that are to be left
    out; None where there are none. `fine` is a finer clock than their times, where there is one.
    """
    users, times, weights = (
        arrays["users"],
        arrays["times"] if fine is None else fine,
        arrays["weights"],
    )
    assert users is not None
    assert times is not None
    others = {
        "item": arrays["items"],
        "basket": arrays["baskets"],
        "event": arrays["event_types"],
        "return": None if weights is None else weights < 0,  # no purchase with another weight
    }
    repeats, two_weights = find_repeats(
        users,
        times,
        {name: column for name, column in others.items() if column is not None},
        weights,
    )
    if two_weights:
        ledger.tell(
            "events with two weights",
            {"rows": two_weights},
            lambda facts: [
                "Kept, though they repeat an event of the same user, item and time with another "
                f"weight: {formatting.count(facts['rows'], 'row')}."
            ],
            lambda facts: {"same_event_two_weights": facts["rows"]},
        )
    if repeats is None or not keep:
        return repeats
    ledger.tell(
        "exact duplicates",
        {"rows": int(repeats.sum())},
        lambda facts: [
            f"Exact duplicates, kept as requested: {formatting.count(facts['rows'], 'row')}."
        ],
        lambda facts: {"exact_duplicates_kept": facts["rows"]},
    )
    return None
