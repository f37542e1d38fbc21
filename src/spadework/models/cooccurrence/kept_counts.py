"""What is kept of the counts of a co-occurrence model, so that it can take new events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.data.vocabulary import Vocabulary
from spadework.ragged import SparseRows, offsets_of

LEAST = 1e-12
"""The least size of an item, as in a count of the whole log."""
ARRAYS = ("starts", "columns", "joint", "bound", "groups", "sizes", "entries", "popularity")


@dataclass(frozen=True, eq=False, kw_only=True)
class Standing:
    """What is kept of a model's counts. Rows are history items."""

    item_vocabulary: Vocabulary
    starts: Offsets  # [items + 1]
    columns: Codes  # [pairs] ascending in a row
    joint: Array  # [pairs] float64; float32 where counts are whole numbers that it holds
    bound: Array  # [items] float64: no other pair has a larger value; 0: there is none
    groups: Array  # [1] float64: groups in all
    sizes: Array  # [items] float64
    entries: Array  # [items] int64: entries or events that were counted
    popularity: Array  # [items] int64: rows of the log

    @property
    def arrays(self) -> dict[str, Array]:
        """What is written to disk, with the ids of the items."""
        return {name: getattr(self, name) for name in ARRAYS}

    @property
    def rows(self) -> SparseRows:
        """The pairs that are kept, with their counts."""
        return SparseRows(self.starts, self.columns, self.joint)


def recoded(standing: Standing, vocabulary: Vocabulary) -> Standing:
    """The same under a vocabulary that holds more items."""
    if standing.item_vocabulary == vocabulary:
        return standing
    codes = vocabulary.codes(standing.item_vocabulary.ids)
    lengths = np.zeros(len(vocabulary), np.int64)
    lengths[codes] = np.diff(standing.starts)

    def spread(array: Array) -> Array:
        out = np.zeros(len(vocabulary), array.dtype)
        out[codes] = array
        return out

    return Standing(
        item_vocabulary=vocabulary,
        starts=offsets_of(lengths),
        columns=codes[standing.columns],
        joint=standing.joint,
        bound=spread(standing.bound),
        groups=standing.groups,
        sizes=spread(standing.sizes),
        entries=spread(standing.entries),
        popularity=spread(standing.popularity),
    )
