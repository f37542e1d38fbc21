"""Rungs: nested samples of the users of whom something is expected. Most settings need hundreds of
them to be told apart, finalists all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol
from spadework.randomness import generator

FIRST_USERS = 1000
"""Users of the first rung, at least; a quarter of all up to `MOST_USERS`."""
MOST_USERS = 2000


@dataclass(frozen=True, eq=False)
class Rung:
    """Users that settings are judged on."""

    place: int  # 0 for the smallest sample
    rows: Array  # of the whole truth
    protocol: Protocol  # of these users, by the metric that decides alone
    # the same of what they had not had before, where items of the history may come back
    novel: Protocol | None


def rungs(protocol: Protocol) -> list[Rung]:
    """The rungs of a protocol: nested samples of its judged users, the last one all of them."""
    made = []
    novel = None
    if protocol.repeats == "allow" and protocol.split.repeat_share > 0:
        novel = replace(protocol, repeats="forbid", novel=True)
    for place, rows in enumerate(rungs_of(np.flatnonzero(protocol.judged), protocol.seed)):
        beside = None
        if novel is not None:
            truth = novel.truth
            able = (
                np.isin(truth.users, protocol.truth.users[rows])
                & truth.has_history
                & (truth.sizes > 0)
            )
            beside = novel.among(np.flatnonzero(able)) if able.any() else None
        made.append(Rung(place, rows, protocol.among(rows), beside))
    return made


def rungs_of(rows: Array, seed: int) -> list[Array]:
    """Nested samples of users, each four times the one before up to ten thousand, then all; one of
    all where there are few.
    """
    drawn = generator(seed, "sweep users").permutation(rows)
    size = int(np.clip(len(rows) // 4, FIRST_USERS, MOST_USERS))
    if len(rows) <= 2 * size:
        return [np.sort(drawn)]
    sizes = [size, *([4 * size] if len(rows) > 8 * size else []), len(rows)]
    return [np.sort(drawn[:count]) for count in sizes]
