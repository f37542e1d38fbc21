"""Names for the arrays that pass between packages; their users document shape and unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.int32]
"""Positions in a vocabulary; −1 is "none"."""

Seconds: TypeAlias = NDArray[np.int64]
"""Seconds since 1970-01-01 UTC."""

Offsets: TypeAlias = NDArray[np.int64]
"""Row starts, one more than there are rows."""

Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = NDArray[Any]


Column: TypeAlias = Callable[[int, Any], Array]
"""Gives an array of so many entries of a type, of any content: `numpy.empty`, or one in a file."""


def frozen(array: Array) -> Array:
    """The same memory as a read-only array; the caller's own array keeps its flag."""
    view = array.view()
    view.flags.writeable = False
    return view


COUNTED_AT_ONCE = 1 << 22
"""Codes that are counted together: numpy copies them to int64 first."""


def counts_of(codes: Codes | Array, length: int) -> Array:
    """How often each code from 0 to `length` occurs: [length] int64. O(codes), and the memory of
    one part of them.
    """
    counts = np.zeros(length, np.int64)
    for begin in range(0, len(codes), COUNTED_AT_ONCE):
        counts += np.bincount(codes[begin : begin + COUNTED_AT_ONCE], minlength=length)
    return counts


def members(values: Array, known: Array) -> Mask:
    """Which values are among `known`, both ascending: one search each, where numpy's `isin` sorts
    anew.
    """
    if not len(known):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[at] == values)


def distinct(array: Array) -> Array:
    """The distinct values, ascending. One sort: numpy's own `unique` hashes, which takes six times
    as long on millions of keys.
    """
    ordered = np.sort(array)
    if not len(ordered):
        return ordered
    return np.asarray(ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))])
