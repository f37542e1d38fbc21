"""Returns taken off part by part, each of whole users: what is left, what was taken back, and which
ids still occur.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.mapped.column_files import ColumnWriter
from spadework.data.reading.rows.returned_rows import Left, Types
from spadework.data.reading.rows.sorted_log import all_equal
from spadework.data.reading.set_aside import Ledger
from spadework.data.returns import Returns

_ARRAYS = tuple(each.name for each in fields(Returns))


@dataclass(eq=False, kw_only=True)
class NettedParts:
    """Parts of a log with returns among its rows, in order of users."""

    weight: str  # name of the column
    type_names: Sequence[str]
    types: Types | None  # of all rows
    items_used: Mask  # [items] those with a row or a step so far
    types_used: Mask  # [types]
    aside: dict[str, list[Array]] = field(default_factory=dict)  # numbers of rows by reason
    _rows: int = 0
    _users: int = 0
    _steps: list[Returns] = field(default_factory=list)
    # ids of users, codes of items and times of what was brought back for good
    _emptied: list[tuple[pl.Series, Codes, Array | None]] = field(default_factory=list)
    _lightest: float = np.inf
    _heaviest: float = -np.inf
    _are_single: bool = True

    def take(
        self,
        arrays: Mapping[str, Array | None],
        fine: Array | None,
        ids: pl.Series,
        rows: Array,
        ledger: Ledger,
    ) -> tuple[pl.Series, dict[str, Array | None]]:
        """What is left of the sorted rows of further users: their ids and columns. `rows` are the
        numbers of the rows in the source, `ids` are those of the codes of users.
        """
        left = Left.of(arrays, fine, self.type_names, self.types)
        left.tell(self.weight, ledger)
        for reason, mask in left.aside().items():
            self.aside.setdefault(reason, []).append(rows[mask])
        kept, weights = left.kept(), left.weights()
        self._note_weights(weights)
        kept["weights"] = weights[: int(left.netted.kept.sum())]
        users, items = arrays["users"], arrays["items"]
        assert users is not None
        assert items is not None
        times, empty = arrays["times"], left.netted.emptied
        self._emptied.append(
            (ids.gather(users[empty]), items[empty], None if times is None else times[empty])
        )
        steps = left.steps(left.netted.before)
        used = np.zeros(len(ids), np.bool_)
        for each in (kept, {} if steps is None else steps.columns()):
            if "users" in each:
                used[each["users"]] = True
                self.items_used[each["items"]] = True
                if each.get("event_types") is not None:
                    self.types_used[each["event_types"]] = True
        codes = (np.cumsum(used) - 1).astype(np.int32)
        own_users = kept["users"]
        assert own_users is not None
        kept["users"] = codes[own_users]
        if steps is not None:
            users_of_steps = codes[steps.users] + np.int32(self._users)
            places = steps.places + self._rows
            self._steps.append(replace(steps, users=users_of_steps, places=places))
        self._rows += len(own_users)
        self._users += int(used.sum())
        return ids.filter(pl.Series(used)), kept

    def _note_weights(self, weights: Array) -> None:
        if len(weights):
            self._lightest = min(self._lightest, float(weights.min()))
            self._heaviest = max(self._heaviest, float(weights.max()))
            with np.errstate(over="ignore"):
                self._are_single &= bool((weights.astype(np.float32) == weights).all())

    def set_aside(self) -> list[tuple[str, Array]]:
        """The numbers of the rows that are not in the log, ascending, by reason."""
        return [
            (reason, np.sort(np.concatenate(rows)))
            for reason, rows in self.aside.items()
            if any(map(len, rows))
        ]

    def settle(self, columns: ColumnWriter, ledger: Ledger) -> None:
        """Make the columns what they are in a log that was read at once: weights in single
        precision where that loses nothing, none where all are equal, and codes without gaps.
        """
        if self._lightest == self._heaviest:
            ledger.remark(all_equal(self.weight, self._lightest))
            columns.drop("weights")
        elif self._are_single:
            columns.convert("weights", np.dtype(np.float32), lambda piece: piece)
        if not self.items_used.all():
            self._recode(columns, "items", self.items_used)
        if "event_types" in columns.dtypes and not self.types_used.all():
            if self.types_used.sum() < 2:  # a single type does not distinguish rows
                columns.drop("event_types")
            else:
                self._recode(columns, "event_types", self.types_used)

    def _recode(self, columns: ColumnWriter, name: str, used: Mask) -> None:
        codes = (np.cumsum(used) - 1).astype(np.int32)
        columns.convert(name, np.dtype(np.int32), lambda piece: codes[piece])

    def kept_names(self) -> tuple[str, ...]:
        """The event types that still occur."""
        if len(self.type_names) < 2:
            return tuple(self.type_names)
        pairs = zip(self.type_names, self.types_used, strict=True)
        return tuple(name for name, used in pairs if used)

    def with_returns(self, log: Interactions, items: pl.Series) -> Interactions:
        """The log with what cuts need to undo returns, and with what users brought back for good as
        unwanted. `items` are the ids of all items that were read.
        """
        times = [each for _, _, each in self._emptied if each is not None]
        codes = np.concatenate([each for _, each, _ in self._emptied])
        log = log.with_unwanted(
            pl.concat([users for users, _, _ in self._emptied]).cast(log.user_vocabulary.ids.dtype),
            items.gather(codes),
            np.concatenate(times) if times else None,
        )
        if not self._steps:
            return log
        found = {
            name: np.concatenate([getattr(each, name) for each in self._steps])
            for name in _ARRAYS
            if getattr(self._steps[0], name) is not None
        }
        found["items"] = (np.cumsum(self.items_used) - 1).astype(np.int32)[found["items"]]
        if log.event_types is None:
            found.pop("event_types", None)
        elif "event_types" in found:
            types = (np.cumsum(self.types_used) - 1).astype(np.int32)
            found["event_types"] = types[found["event_types"]]
        if log.weights is not None:
            found["weights"] = found["weights"].astype(log.weights.dtype)
        return replace(log, returns=Returns(**found))
