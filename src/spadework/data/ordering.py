"""The one sort of a log: by user, then time, then arrival."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes


def by_user_time_arrival(users: Codes, times: Array | None, user_count: int) -> Array | None:
    """Permutation that sorts rows by (user, time, arrival), or None when they stand so already.

    Users are grouped by counting (O(n)); then, if the times need it, one sort of packed 64-bit keys (user, time, place among the
    user's rows). Falls back to numpy's lexsort where the three do not fit into 63 bits.
    """
    n = len(users)
    if n < 2 or _ascending(users, times):
        return None
    grouped, moments = _group(users, times, user_count)
    if moments is None:
        return grouped
    counts = np.bincount(users, minlength=user_count)
    owners = np.repeat(np.arange(user_count), counts)
    if _ascending(owners, moments):
        return grouped
    low = int(moments.min())
    place_bits = max(int(counts.max()) - 1, 1).bit_length()
    time_bits = max(int(moments.max()) - low, 1).bit_length()
    if (user_count - 1).bit_length() + time_bits + place_bits > 63:
        return np.lexsort((np.arange(n), times, users))
    begin = np.repeat(np.cumsum(counts) - counts, counts)
    keys = owners << np.int64(time_bits)
    keys |= moments - low
    keys <<= np.int64(place_bits)
    keys |= np.arange(n) - begin
    keys.sort()
    keys &= np.int64((1 << place_bits) - 1)
    keys += begin  # users stay in their own ranges, so `begin` still fits
    order: Array = grouped[keys]
    return order


def taken(column: Array, order: Array) -> Array:
    """`column[order]`, read-only. Polars gathers with all threads, which takes a third of numpy's time on millions of rows."""
    rows = pl.Series(order).cast(pl.get_index_type())
    return pl.Series(column).gather(rows).to_numpy()


def _ascending(users: Array, times: Array | None) -> bool:
    earlier, later = users[:-1], users[1:]
    if times is None:
        return bool((earlier <= later).all())
    return bool(((earlier < later) | ((earlier == later) & (times[:-1] <= times[1:]))).all())


def _group(users: Codes, times: Array | None, user_count: int) -> tuple[Array, Array | None]:
    """Stable order by user, and the times in that order. scipy's coordinate-to-row conversion is a counting sort that moves both at once."""
    n = len(users)
    if n >= np.iinfo(np.int32).max:
        order = np.argsort(users, kind="stable")
        return order, None if times is None else times[order]
    arrival = np.arange(n, dtype=np.int32)
    matrix = csr_array((np.ones(n, np.int8) if times is None else times, (users, arrival)), shape=(user_count, n))
    return matrix.indices, None if times is None else matrix.data
