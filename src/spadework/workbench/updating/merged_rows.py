"""The rows of two logs, merged by user and time, block by block of users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Offsets
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import PIECE, RowRoom
from spadework.data.mapped.user_blocks import user_ranges
from spadework.data.ordering import by_user_time_arrival
from spadework.data.vocabulary import Vocabulary
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a log under vocabularies that hold its own, with further columns."""

    columns: Mapping[str, Array]  # [rows] all but users and items
    items: Array  # [rows] own codes
    item_codes: Array  # [own items] the code of each among all
    starts: Offsets  # [all users + 1]

    @classmethod
    def of(
        cls,
        log: Interactions,
        columns: Mapping[str, Array],
        users: Vocabulary,
        items: Vocabulary,
    ) -> Rows:
        """Those of a log. Ids ascend in every vocabulary, so its users keep their order."""
        own = np.diff(log.starts)
        has_rows = own > 0
        lengths = np.zeros(len(users), np.int64)
        lengths[users.codes(log.user_vocabulary.ids)[has_rows]] = own[has_rows]
        item_codes = items.codes(log.item_vocabulary.ids)
        return cls(columns, log.items, item_codes, offsets_of(lengths))

    def block(self, first: int, last: int) -> tuple[Array, dict[str, Array]]:
        """Users, counted from 0, and the other columns of the rows of a range of users."""
        starts = self.starts[first : last + 1]
        part = slice(int(starts[0]), int(starts[-1]))
        users = np.repeat(np.arange(last - first, dtype=np.int32), np.diff(starts))
        own = {name: column[part] for name, column in self.columns.items()}
        return users, own | {"items": self.item_codes[self.items[part]]}


def merged(old: Rows, new: Rows, room: RowRoom) -> dict[str, Array]:
    """The columns of the rows of both, with users; at one time those of `old` come first. O(rows
    log rows), and beside the result the memory of a block.
    """
    starts = old.starts + new.starts
    rows = int(starts[-1])
    dtypes = {name: np.result_type(old.columns[name], new.columns[name]) for name in old.columns}
    dtypes |= {"users": np.dtype(np.int32), "items": np.dtype(np.int32)}
    found = {name: room.column(rows, dtype) for name, dtype in dtypes.items()}
    for first, last in user_ranges(starts[1:], PIECE):
        at = slice(int(starts[first]), int(starts[last]))
        (old_users, before), (new_users, after) = (each.block(first, last) for each in (old, new))
        columns = {name: np.concatenate([before[name], after[name]]) for name in before}
        users = np.concatenate([old_users, new_users])
        order = by_user_time_arrival(users, columns.get("times"), last - first)
        found["users"][at] = order.users + np.int32(first)
        for name, column in columns.items():
            found[name][at] = order.take(column)
    return found
