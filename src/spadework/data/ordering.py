"""The one sort of a log: by user, then time, then arrival."""

from __future__ import annotations

import numpy as np
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
    grouped = _group(users, user_count)
    if times is None:
        return grouped
    if _ascending(users[grouped], times[grouped]):
        return grouped
    starts = np.zeros(user_count + 1, np.int64)
    np.cumsum(np.bincount(users, minlength=user_count), out=starts[1:])
    low = int(times.min())
    place_bits = max(int(np.diff(starts).max()) - 1, 1).bit_length()
    time_bits = max(int(times.max()) - low, 1).bit_length()
    if (user_count - 1).bit_length() + time_bits + place_bits > 63:
        return np.lexsort((np.arange(n), times, users))
    sorted_users = users[grouped].astype(np.int64)
    begin = starts[sorted_users]
    keys = sorted_users << np.int64(time_bits)
    keys |= times[grouped] - low
    keys <<= np.int64(place_bits)
    keys |= np.arange(n) - begin
    keys.sort()
    keys &= np.int64((1 << place_bits) - 1)
    keys += begin  # users stay in their own ranges, so `begin` still fits
    order: Array = grouped[keys]
    return order


def _ascending(users: Codes, times: Array | None) -> bool:
    earlier, later = users[:-1], users[1:]
    if times is None:
        return bool((earlier <= later).all())
    return bool(((earlier < later) | ((earlier == later) & (times[:-1] <= times[1:]))).all())


def _group(users: Codes, user_count: int) -> Array:
    """Stable order by user. The row index of scipy's coordinate-to-row conversion is a counting sort."""
    n = len(users)
    if n >= np.iinfo(np.int32).max:
        return np.argsort(users, kind="stable")
    arrival = np.arange(n, dtype=np.int32)
    matrix = csr_array((np.ones(n, np.int8), (users, arrival)), shape=(user_count, n))
    indices: Array = matrix.indices
    return indices
