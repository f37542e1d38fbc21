"""Events that are held out of a training, so that its epochs can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds

USERS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Users whose latest events are held out."""

    users: Codes  # [chosen] ascending
    counts: Array  # [chosen] how many of the latest events of each, int64

    def before(self, first: int, ends: Offsets) -> Offsets:
        """Where histories end for the training, given where they `ends` in the log; of the users
        from the code `first` on.
        """
        begin, stop = np.searchsorted(self.users, [first, first + len(ends)])
        cut = ends.astype(np.int64)
        cut[self.users[begin:stop] - first] -= self.counts[begin:stop]
        return cut


def hold_out_for_validation(
    times: Seconds | None, firsts: Offsets, ends: Offsets, most: int, rng: np.random.Generator
) -> HeldOut:
    """The latest timestamp of some users: of at most `most`, and of a tenth of those with two
    events before it. Without times, the last event of each.

    `firsts` and `ends` [users] are where histories begin and end. O(users) time, 8 bytes a user.
    """
    usable = np.concatenate(
        [np.zeros(0, np.int32)]
        + [
            _usable(times, firsts[part : part + USERS_AT_ONCE], ends[part : part + USERS_AT_ONCE])
            + np.int32(part)
            for part in range(0, len(firsts), USERS_AT_ONCE)
        ]
    )
    users = np.sort(rng.permutation(usable)[: min(most, len(usable) // 10)])
    counts = np.ones(len(users), np.int64)
    if times is not None:
        for number, user in enumerate(users):
            own = times[firsts[user] : ends[user]]
            counts[number] = len(own) - np.searchsorted(own, own[-1])
    return HeldOut(users, counts)


def _usable(times: Seconds | None, firsts: Offsets, ends: Offsets) -> Codes:
    """Which histories have two events before their latest timestamp."""
    long = np.flatnonzero(ends - firsts >= 3)
    if times is not None:
        long = long[times[firsts[long] + 1] < times[ends[long] - 1]]
    return long.astype(np.int32)
