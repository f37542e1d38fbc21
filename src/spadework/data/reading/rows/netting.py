"""Returns taken off what was bought: a row with a weight below zero takes its amount back from the
latest earlier purchases of the same user and item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spadework.arrays import Array, Codes, Mask

_LARGEST_SUM = 2.0**62
_MOST_DECIMALS = 9


@dataclass(frozen=True, eq=False)
class Netted:
    """What is left of sorted rows, and each step on the way, by purchase and then by time."""

    weights: NDArray[np.float64]  # [rows] what is left; rows of returns keep their own
    is_return: Mask  # [rows]
    matched: Mask  # [rows] returns that took something back
    unspent: Mask  # [rows] those of them of which something found no purchase
    # [rows] returns after which the user has nothing of the item, as far as the rows know; those
    # that took nothing back are among them
    emptied: Mask
    purchases: Array  # [steps] row of the purchase
    returns: Array  # [steps] row of the return
    before: NDArray[np.float64]  # [steps] what the purchase weighed until then

    @property
    def gone(self) -> Mask:
        """Purchases of which nothing is left. Shape [rows]."""
        return np.asarray(~self.is_return & (self.weights == 0))

    @property
    def kept(self) -> Mask:
        """Rows that stay in the log. Shape [rows]."""
        return np.asarray(~self.is_return & (self.weights != 0))


class _Pieces(NamedTuple):
    """What each return took from each purchase, as whole numbers: positions in the sequence."""

    purchases: Array
    returns: Array
    amounts: Array


def net(users: Codes, items: Codes, times: Array | None, weights: NDArray[np.float64]) -> Netted:
    """Net rows that are sorted by (user, time, arrival). Of one time, purchases come before
    returns; without times, all of them do, and the last in the file is the latest. A later row
    never changes what an earlier one took. O(rows + k log² k) with the k rows of users and items
    that have a return.
    """
    is_return = weights < 0
    pairs = users.astype(np.int64) * (int(items.max(initial=0)) + 1) + items
    rows = np.flatnonzero(np.isin(pairs, pairs[is_return]))
    keys = [is_return[rows], pairs[rows]]
    if times is not None:
        keys.insert(1, times[rows])
    rows = rows[np.lexsort(keys)]
    scale = _scale(weights[rows])
    amounts = np.rint(np.abs(weights[rows]) * scale).astype(np.int64)
    taken = _matched(pairs[rows], is_return[rows], amounts)
    order = np.lexsort((taken.returns, rows[taken.purchases]))
    purchases, returns, pieces = (column[order] for column in taken)
    # what each step left of its purchase: its amount less all pieces up to the step
    first = np.concatenate(([True], purchases[1:] != purchases[:-1]))[: len(purchases)]
    sums = np.cumsum(pieces)
    of_purchase = sums - np.repeat(
        (sums - pieces)[first], np.diff(np.append(np.flatnonzero(first), len(pieces)))
    )
    left = (amounts[purchases] - of_purchase) / scale
    bought = rows[purchases]
    before = np.where(first, weights[bought], np.concatenate(([0.0], left[:-1]))[: len(left)])
    net_weights = weights.copy()
    net_weights[bought] = left  # of several steps the last one stays
    spent = np.zeros(len(rows), np.int64)  # of returns
    np.add.at(spent, returns, pieces)
    in_hand = np.cumsum(np.where(is_return[rows], -spent, amounts))
    begins = np.flatnonzero(np.concatenate(([True], np.diff(pairs[rows]) != 0))[: len(rows)])
    in_hand -= np.repeat(np.append(0, in_hand)[begins], np.diff(np.append(begins, len(rows))))

    def of_rows(mask: Mask) -> Mask:
        found = np.zeros(len(weights), np.bool_)
        found[rows] = mask
        return found

    return Netted(
        weights=net_weights,
        is_return=is_return,
        matched=of_rows(spent > 0),
        unspent=of_rows((spent > 0) & (spent < amounts) & is_return[rows]),
        emptied=of_rows((in_hand == 0) & is_return[rows]),
        purchases=bought,
        returns=rows[returns],
        before=before,
    )


def _scale(weights: NDArray[np.float64]) -> float:
    """The power of ten that makes whole numbers of all weights, so that 0.3 less 0.1 and 0.2 is
    nothing; the largest that their sum allows, where there is none.
    """
    total = float(np.abs(weights).sum())
    room = int(np.floor(np.log10(_LARGEST_SUM / total))) if total else 0
    for decimals in range(min(room, _MOST_DECIMALS)):
        scaled = weights * 10.0**decimals
        if (np.abs(scaled - np.rint(scaled)) <= 1e-6 + 1e-12 * np.abs(scaled)).all():
            return 10.0**decimals
    return float(10.0 ** min(room, _MOST_DECIMALS))


def _matched(groups: Array, is_return: Mask, amounts: Array) -> _Pieces:
    """What is taken from what, in a sequence of purchases and returns whose groups stand together.

    In a round, each stretch of purchases is matched with the stretch of returns behind it: the
    latest purchase with the first return, and on from there, until one of the two is used up. So
    half of the stretches are gone after a round, and a round costs one sort.
    """
    found = [_Pieces(*(np.zeros(0, np.int64) for _ in range(3)))]
    at, left = np.arange(len(groups)), amounts.copy()
    while True:
        at = at[left[at] > 0]
        at = at[_can_meet(groups[at], is_return[at])]
        if not len(at):
            break
        pieces = _one_round(at, is_return[at], left[at])
        np.subtract.at(left, pieces.purchases, pieces.amounts)
        np.subtract.at(left, pieces.returns, pieces.amounts)
        found.append(pieces)
    return _Pieces(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _can_meet(groups: Array, is_return: Mask) -> Mask:
    """Returns that have a purchase before them, and purchases that have a return behind them."""
    numbers = np.cumsum(np.concatenate(([True], groups[1:] != groups[:-1]))[: len(groups)]) - 1
    count = int(numbers[-1]) + 1 if len(numbers) else 0
    at = np.arange(len(groups))
    first_purchase, last_return = np.full(count, len(groups)), np.full(count, -1)
    np.minimum.at(first_purchase, numbers[~is_return], at[~is_return])
    np.maximum.at(last_return, numbers[is_return], at[is_return])
    return np.asarray(
        np.where(is_return, first_purchase[numbers] < at, at < last_return[numbers]), np.bool_
    )


def _one_round(at: Array, is_return: Mask, left: Array) -> _Pieces:
    """Match each stretch of purchases with the returns right behind it. Every group begins with a
    purchase and ends with a return.
    """
    begins = ~is_return & np.concatenate(([True], is_return[:-1]))
    number, starts = np.cumsum(begins) - 1, np.flatnonzero(begins)
    sums = np.cumsum(left) - left
    bought = np.add.reduceat(np.where(is_return, 0, left), starts)
    brought = np.add.reduceat(np.where(is_return, left, 0), starts)
    within = sums - sums[starts][number]  # before each row, in its stretch
    # amounts from the place where the purchases end and the returns begin, in both directions
    ends = np.where(is_return, within - bought[number] + left, bought[number] - within)
    most = np.minimum(bought, brought)
    base = (np.cumsum(most) - most)[number]
    used = ends - left < most[number]
    ends = base + np.minimum(ends, most[number])
    purchases = np.flatnonzero(used & ~is_return)
    purchases = purchases[np.argsort(ends[purchases])]
    returns = np.flatnonzero(used & is_return)
    marks = np.union1d(ends[purchases], ends[returns])
    return _Pieces(
        at[purchases[np.searchsorted(ends[purchases], marks)]],
        at[returns[np.searchsorted(ends[returns], marks)]],
        np.diff(marks, prepend=0),
    )
