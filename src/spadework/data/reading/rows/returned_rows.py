"""Sorted rows with returns among them, to a log of what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.reading.rows.event_types import plain_type
from spadework.data.reading.rows.netting import Netted, net
from spadework.data.reading.set_aside import Facts, Ledger
from spadework.data.reading.synonyms import PURCHASES
from spadework.data.returns import Returns
from spadework.data.vocabulary import Vocabulary

OnReturns: TypeAlias = Literal["net", "set aside"]
Columns: TypeAlias = Mapping[str, Array | None]
A_RETURN, IN_FULL = "a return", "returned in full"
OF_NOTHING = "a return of nothing bought before"
"""Reasons of the row account: rows below zero that took something back, purchases of which nothing
is left, and rows below zero that found nothing.
"""


@dataclass(frozen=True, eq=False)
class Types:
    """Event types of the rows of a source."""

    returned: Array  # codes of those with weights below zero
    taken: Array  # and above


@dataclass(frozen=True, eq=False)
class Left:
    """What is left of sorted rows once returns are taken off."""

    netted: Netted
    columns: Columns  # of all rows, by name, with the weights that they had

    @classmethod
    def of(
        cls,
        columns: Columns,
        fine: Array | None,
        type_names: Sequence[str],
        types: Types | None = None,
    ) -> Left:
        """What is left of rows sorted by (user, time, arrival); `fine` is a finer clock than their
        times, where there is one, and `type_names` are those of their event types. `types` are
        those of all rows of a source, where these are a part of them.
        """
        users, items, weights = (columns[name] for name in ("users", "items", "weights"))
        assert users is not None
        assert items is not None
        assert weights is not None
        own = columns["event_types"]
        if types is None and own is not None:
            types = Types(np.unique(own[weights < 0]), np.unique(own[weights > 0]))
        what = (
            items
            if own is None or types is None
            else _of_types(items, own, type_names, weights, types)
        )
        return cls(net(users, what, columns["times"] if fine is None else fine, weights), columns)

    def aside(self) -> dict[str, Mask]:
        """The rows that are not in the log, by reason. Shape [rows]."""
        netted = self.netted
        return {
            A_RETURN: netted.matched,
            OF_NOTHING: netted.is_return & ~netted.matched,
            IN_FULL: netted.gone,
        }

    def kept(self) -> dict[str, Array | None]:
        """The columns of the rows that stay, but for their weights."""
        return {
            name: None if column is None or name == "weights" else column[self.netted.kept]
            for name, column in self.columns.items()
        }

    def weights(self) -> NDArray[np.float64]:
        """What the rows weigh that stay, and then, where a cut may ask, what each purchase weighed
        before each step: where none of these vary, no cut can find weights that do.
        """
        left, before = self.netted.weights[self.netted.kept], self.netted.before
        return left if self.columns["times"] is None else np.concatenate((left, before))

    def log(self, names: Mapping[str, object], weights: Array | None) -> Interactions:
        """The log, with what a cut needs to undo returns, and what users brought back for good as
        unwanted items. `weights` are those of `weights()`, or None; `names` are the vocabularies.
        """
        netted, kept = self.netted, self.kept()
        rows = int(netted.kept.sum())
        log = Interactions(
            **names,  # type: ignore[arg-type]
            **{**kept, "weights": None if weights is None else weights[:rows]},  # type: ignore[arg-type]
        )
        users, items, times = (self.columns[name] for name in ("users", "items", "times"))
        assert users is not None
        assert items is not None
        empty = netted.emptied
        log = log.with_unwanted(
            log.user_vocabulary.take(users[empty]),
            log.item_vocabulary.take(items[empty]),
            None if times is None else times[empty],
        )
        of_steps = netted.before if weights is None else weights[rows:]
        return _without_unused(replace(log, returns=self.steps(of_steps)))

    def steps(self, weights: Array) -> Returns | None:
        """The steps, of which `weights` are what each purchase weighed before. None without times,
        since no cut is made between them then.
        """
        netted, at = self.netted, self.netted.purchases
        times = self.columns["times"]
        if times is None or not len(at):
            return None
        columns = {
            name: column[at]
            for name, column in self.columns.items()
            if column is not None and name != "weights"
        }
        return Returns(
            **columns,
            places=(np.cumsum(netted.kept) - netted.kept)[at],
            gone=netted.gone[at],
            first=np.concatenate(([True], at[1:] != at[:-1])),
            returned=times[netted.returns],
            weights=weights,
        )

    def tell(self, name: str, ledger: Ledger) -> None:
        """Say how many returns found their purchase, and count them for the checks."""
        netted = self.netted
        facts = {
            what: int(mask.sum())
            for what, mask in (
                ("returns", netted.is_return),
                ("matched", netted.matched),
                ("gone", netted.gone),
                ("unspent", netted.unspent),
            )
        }
        facts["in part"] = len(np.unique(netted.purchases)) - facts["gone"]
        ledger.tell(
            "returns",
            facts,
            lambda facts: _in_words(facts, name),
            lambda facts: {
                "returns": facts["returns"],
                "returns_of_nothing": facts["returns"] - facts["matched"],
            },
        )

    def tell_strangers(self, user: str, ledger: Ledger) -> None:
        """Say how many returns are of users who bought nothing, where the `user` is taken from
        several columns: an order of a guest is not found by one that takes it back under another
        number.
        """
        users = self.columns["users"]
        assert users is not None
        bought = np.zeros(int(users.max(initial=-1)) + 1, np.bool_)
        bought[users[~self.netted.is_return]] = True
        strangers = users[self.netted.is_return & ~bought[users]]
        if len(strangers):
            ledger.remark(
                f"Of users in {user!r} who bought nothing: "
                f"{formatting.count(len(strangers), 'return')}, "
                f"{formatting.count(len(np.unique(strangers)), 'user')}. An order of a guest that "
                "was taken back under another number stays as it was."
            )


def _in_words(facts: Facts, name: str) -> list[str]:
    unspent = facts["unspent"]
    more = f" ({unspent:,} of them for less than they took back)" if unspent else ""
    return [
        f"Rows of {name!r} below zero are returns, taken off the latest earlier purchases of the "
        f"same user and item: {facts['matched']:,} of "
        f"{formatting.count(facts['returns'], 'row')} found one{more}; "
        f"{formatting.count(facts['gone'], 'purchase')} returned in full, {facts['in part']:,} in "
        "part. What came back is not recommended to who returned it. --returns 'set aside' leaves "
        "purchases as they were."
    ]


def _of_types(
    items: Codes, own: Codes, names: Sequence[str], weights: Array, types: Types
) -> Array:
    """What a return may be taken off, so that a view is not what comes back: the item and its own
    event type, where each type of a return is also one of purchases; else the item and what is
    called a purchase; else the item alone. Shape [rows].
    """
    if np.isin(types.returned, types.taken).all():
        return items.astype(np.int64) * len(names) + own
    bought = [at for at in types.taken if plain_type(names[at]) in PURCHASES]
    if not bought:
        return items
    others = (weights > 0) & ~np.isin(own, bought)
    return items.astype(np.int64) * 2 + others


def _without_unused(log: Interactions) -> Interactions:
    """The log without ids and event types of rows that are neither in it nor were returned."""
    steps = log.returns
    users, user_codes = _used(log.user_count, log.users, None if steps is None else steps.users)
    items, item_codes = _used(log.item_count, log.items, None if steps is None else steps.items)
    if not (users.all() and items.all()):
        log = replace(
            log,
            users=user_codes[log.users],
            items=item_codes[log.items],
            user_vocabulary=Vocabulary(log.user_vocabulary.ids.filter(pl.Series(users))),
            item_vocabulary=Vocabulary(log.item_vocabulary.ids.filter(pl.Series(items))),
        )
        if steps is not None:
            steps = replace(steps, users=user_codes[steps.users], items=item_codes[steps.items])
    if log.event_types is None:
        return replace(log, returns=steps)
    of_steps = None if steps is None else steps.event_types
    types, type_codes = _used(len(log.event_type_names), log.event_types, of_steps)
    names = tuple(name for name, used in zip(log.event_type_names, types, strict=True) if used)
    if len(names) < 2:  # a single type does not distinguish rows
        steps = None if steps is None else replace(steps, event_types=None)
        return replace(log, event_type_names=names, event_types=None, returns=steps)
    if steps is not None and of_steps is not None:
        steps = replace(steps, event_types=type_codes[of_steps])
    return replace(
        log, event_type_names=names, event_types=type_codes[log.event_types], returns=steps
    )


def _used(count: int, *codes: Codes | None) -> tuple[Mask, Codes]:
    """Which of `count` codes occur, and the new code of each."""
    found = np.zeros(count, np.bool_)
    for each in codes:
        if each is not None:
            found[each] = True
    return found, (np.cumsum(found) - 1).astype(np.int32)
