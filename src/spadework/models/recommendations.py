"""Lists for users, with the caller's own ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spadework import formatting, notebook_tables
from spadework.arrays import Array, Codes, frozen
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest


@dataclass(frozen=True, eq=False, repr=False)
class Recommendations:
    """Best items first for each user, or for each item of `similar_items`. Padding comes only
    after real items: code −1, score −∞.
    """

    users: Codes  # [rows] positions in user_vocabulary
    items: Codes  # [rows, k] positions in item_vocabulary, −1 is padding
    scores: Array  # [rows, k] float32, descending
    user_vocabulary: Vocabulary
    item_vocabulary: Vocabulary
    filled: int = 0  # slots the model had no evidence for, filled with popular items
    key: str = "user_id"  # the column of the users or items that lists are for

    def __post_init__(self) -> None:
        for name in ("users", "items", "scores"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.users)

    def __repr__(self) -> str:
        lists = formatting.count(len(self), "list")
        return f"Recommendations({lists} of {self.k})\n{self.frame().head()}"

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.items.shape[1])

    def frame(self) -> pl.DataFrame:
        """Long table `user_id, item_id, score, rank`; rank 1 is the best. Of similar items the
        first column is `target_item_id`.
        """
        rows, slots = np.nonzero(self.items >= 0)
        return pl.DataFrame(
            {
                self.key: self.user_vocabulary.take(self.users[rows]),
                "item_id": self.item_vocabulary.take(self.items[rows, slots]),
                "score": pl.Series(self.scores[rows, slots], dtype=pl.Float32),
                "rank": pl.Series(slots + 1, dtype=pl.Int32),
            }
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of `frame` for all that read Arrow: `pyarrow.table(lists)`, `duckdb`,
        `pandas.DataFrame.from_arrow(lists)`, polars.
        """
        return self.frame().__arrow_c_stream__(requested_schema)

    def of(self, user_id: int | str) -> pl.DataFrame:
        """One user's list: item_id, score, rank."""
        code = int(self.user_vocabulary.codes([user_id])[0])
        if code < 0 or code not in self.users:
            raise BadRequest(
                f"There is no list for user {user_id!r}.",
                "Ask for a user that was in the histories.",
            )
        return self.frame().filter(pl.col(self.key) == user_id).drop(self.key)

    def _repr_html_(self) -> str:
        note = f"<p>{formatting.count(len(self), 'list')} of {self.k}; the first rows</p>"
        return note + notebook_tables.as_html(*self._first_rows())

    def _repr_markdown_(self) -> str:
        return notebook_tables.as_markdown(*self._first_rows())

    def _first_rows(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of a short table."""
        rows = [
            [str(user), str(rank), str(item), formatting.number(score, 4)]
            for user, item, score, rank in self.frame().head(20).iter_rows()
        ]
        return [self.key, "#rank", "item_id", "#score"], rows
