"""What was bought and later taken back: a log holds what is left, and a cut asks what was left at
its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spadework.arrays import Array, Codes, Floats, Mask, Seconds, frozen
from spadework.copies import by_constructor
from spadework.data.vocabulary import digest

if TYPE_CHECKING:
    from spadework.data.interactions import Interactions


@dataclass(frozen=True, eq=False, kw_only=True)
class Returns:
    """The purchases of a log of which something was taken back, in the log's order: a step for each
    time that something was, in order of time.

    The rows of the log hold what is left at its end; a purchase of which nothing is left is no row.
    """

    # [steps] the row of the purchase; where nothing of it is left, how many rows stand before it
    places: Array
    gone: Mask  # [steps] whether nothing of the purchase is left
    first: Mask  # [steps] whether this is the purchase's first step
    users: Codes  # [steps]
    items: Codes  # [steps]
    weights: Floats  # [steps] what the purchase weighed until then
    times: Seconds  # [steps] when it was bought
    returned: Seconds  # [steps] when something of it was taken back
    baskets: Codes | None = None  # [steps]
    event_types: Codes | None = None  # [steps]

    def __post_init__(self) -> None:
        for name, column in self.columns().items():
            object.__setattr__(self, name, frozen(column))

    def __reduce__(self) -> tuple[Any, ...]:
        return by_constructor(self)

    def __len__(self) -> int:
        return len(self.users)

    def columns(self) -> dict[str, Array]:
        """The columns that are there, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in found.items() if column is not None}

    @property
    def fingerprint(self) -> str:
        """A digest of the steps, but for the numbers of their baskets, which mean nothing."""
        return digest(*(array for name, array in self.columns().items() if name != "baskets"))

    @property
    def purchases(self) -> Array:
        """The number of each step's purchase. Shape [steps]."""
        return np.cumsum(self.first) - 1

    def of_users(self, chosen: Mask, mask: Mask) -> Returns | None:
        """The steps of these users [users], whose rows of the log are those of a mask [rows]."""
        return replace(self, places=_rows_before(mask)[self.places])._take(chosen[self.users])

    def where(self, mask: Mask, log: Interactions) -> Returns | None:
        """The steps where the log's rows are those of a mask [rows]. A purchase of which nothing is
        left follows its user, its item and its event type: it stays unless one of them has lost all
        rows.
        """
        lost = _lost(log.users, mask, log.user_count)[self.users]
        lost |= _lost(log.items, mask, log.item_count)[self.items]
        if self.event_types is not None and log.event_types is not None:
            types = len(log.event_type_names)
            lost |= _lost(log.event_types, mask, types)[self.event_types]
        stays = np.where(self.gone, ~lost, np.append(mask, False)[self.places])
        return replace(self, places=_rows_before(mask)[self.places])._take(stays)

    def recoded(
        self, log: Interactions, mask: Mask, users: Codes, items: Codes, starts: Array
    ) -> Returns | None:
        """The steps under other codes: `users` and `items` are the new ones by the old ones, −1
        where there is none. Of the log the rows of `mask` are left, and a user's rows begin at
        `starts` from now on.
        """
        kept = self._take((users[self.users] >= 0) & (items[self.items] >= 0))
        if kept is None:
            return None
        before, new_users = _rows_before(mask), users[kept.users]
        within = before[kept.places] - before[log.starts[kept.users]]
        moved = replace(
            kept, users=new_users, items=items[kept.items], places=starts[new_users] + within
        )
        return moved._take(np.argsort(new_users, kind="stable"))  # within a user nothing moves

    def of_whole_users(self, users: Codes, before: Array, now: Array) -> Returns | None:
        """The steps of some users under other codes: `users` are the new ones by the old ones, −1
        where there is none, in the same order. Their rows are all there; they began at `before`
        and begin at `now`. O(steps).
        """
        kept = self._take(users[self.users] >= 0)
        if kept is None:
            return None
        new = users[kept.users]
        return replace(kept, users=new, places=now[new] + kept.places - before[kept.users])

    def _take(self, which: Array) -> Returns | None:
        found = {name: column[which] for name, column in self.columns().items()}
        return Returns(**found) if len(found["users"]) else None


def known_before(
    log: Interactions, known: Mask, limits: Array, apart: Mask | None = None
) -> Interactions:
    """The rows of a log where `known` [rows] holds, as they were before each user's time `limits`
    [users]: what was taken back at that time or later is still there. It is as if the log had been
    read without what came after.

    Purchases of which nothing is left in the log come back but for users `apart` [users].
    O(rows + steps).
    """
    steps = log.returns
    if steps is None:
        return log.where(known)
    limit, is_known = limits[steps.users], np.append(known, False)[steps.places]
    later = steps.returned >= limit
    # the first later step of a purchase tells what it weighed before
    undone = later & (steps.first | ~np.concatenate(([False], later[:-1])))
    may_come_back = steps.gone & (steps.times < limit)
    if apart is not None:
        may_come_back &= ~apart[steps.users]
    back = undone & may_come_back  # purchases that are rows again
    heavier = undone & is_known & ~steps.gone & (steps.times <= limit)  # rows that weigh more again
    before = _rows_before(known)
    arrays: dict[str, Array | None] = {}
    for name in ("users", "items", "times", "weights", "baskets", "event_types"):
        own, of_steps = getattr(log, name), getattr(steps, name)
        if own is not None:
            if name == "weights":
                own = own.copy()
                own[steps.places[heavier]] = of_steps[heavier]
            own = np.insert(own[known], before[steps.places[back]], of_steps[back])
        arrays[name] = own
    is_back = np.zeros(int(steps.first.sum()), np.bool_)  # [purchases]
    is_back[steps.purchases[back]] = True
    kept = np.where(steps.gone, may_come_back, is_known) & (~later | (steps.times > limit))
    remaining = replace(
        steps,
        places=before[steps.places] + (np.cumsum(is_back) - is_back)[steps.purchases],
        gone=steps.gone & ~is_back[steps.purchases],
    )
    return replace(log, **arrays, returns=remaining._take(kept), account=None)  # type: ignore[arg-type]


def _rows_before(mask: Mask) -> Array:
    """How many rows of a mask stand before each place. Shape [rows + 1]."""
    return np.concatenate(([0], np.cumsum(mask)))


def _lost(codes: Codes, mask: Mask, count: int) -> Mask:
    """Which of `count` codes have rows, but none where the mask holds."""
    had, has = np.bincount(codes, minlength=count), np.bincount(codes[mask], minlength=count)
    return np.asarray((had > 0) & (has == 0))
