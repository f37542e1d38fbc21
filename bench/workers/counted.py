"""What the co-occurrence workers share: pairs from a folder, two processors, neighbours written out
for comparison. Needs only numpy.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
THREADS = 2
KEEP = 100
COMPARED = KEEP - 1  # implicit spends one of its places on the item itself
_ROWS = 4096


def two_processors() -> None:
    """Whoever counts processors from here on finds two."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def loaded(folder: Path) -> tuple[Array, Array, int]:
    """Starts [users + 1], items [pairs] and the number of items."""
    shape = json.loads((folder / "shape.json").read_text(encoding="utf-8"))
    return np.load(folder / "starts.npy"), np.load(folder / "items.npy"), int(shape["items"])


def first_users(starts: Array, items: Array, users: int = 100) -> tuple[Array, Array]:
    """A slice to warm up with."""
    cut = starts[: users + 1]
    return cut, items[: cut[-1]]


def write_similarities(file: BinaryIO, starts: Array, columns: Array, values: Array) -> None:
    """The largest similarities of each item to others, descending, padded with 0: float32 [items,
    COMPARED]. By parts, for little memory.
    """
    for first in range(0, len(starts) - 1, _ROWS):
        last = min(first + _ROWS, len(starts) - 1)
        cells = slice(int(starts[first]), int(starts[last]))
        lengths = np.diff(starts[first : last + 1])
        owners = np.repeat(np.arange(last - first), lengths)
        kept = np.where(columns[cells] == owners + first, 0, values[cells])
        order = np.lexsort((-kept, owners))
        place = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        table = np.zeros((last - first, COMPARED), np.float32)
        inside = place < COMPARED
        table[owners[inside], place[inside]] = kept[order][inside]
        file.write(table.tobytes())
