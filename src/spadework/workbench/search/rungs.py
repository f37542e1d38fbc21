"""Rungs: nested samples of the users with held-out items. Hundreds of users tell most settings
apart; finalists need all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol
from spadework.randomness import generator

FIRST_USERS = 1000
"""Users of the first rung at least; else a quarter of all, up to `MOST_USERS`."""
MOST_USERS = 2000


@dataclass(frozen=True, eq=False)
class Rung:
    """Users that settings are judged on."""

    index: int  # 0 for the smallest sample
    rows: Array  # rows of the whole truth
    protocol: Protocol  # of these users, with the deciding metric only
    # the same for items that they had not had before, where items of the history may come back
    novel: Protocol | None


def rungs(protocol: Protocol) -> list[Rung]:
    """The rungs of a protocol: nested samples of its judged users, the last one all of them."""
    made = []
    novel = None
    if protocol.repeats == "allow" and protocol.split.repeat_share > 0:
        novel = replace(protocol, repeats="forbid", novel=True)
    for index, rows in enumerate(rungs_of(np.flatnonzero(protocol.judged), protocol.seed)):
        novel_here = None
        if novel is not None:
            truth = novel.truth
            able = (
                np.isin(truth.users, protocol.truth.users[rows])
                & truth.has_history
                & (truth.sizes > 0)
            )
            novel_here = novel.among(np.flatnonzero(able)) if able.any() else None
        made.append(Rung(index, rows, protocol.among(rows), novel_here))
    return made


def rungs_of(rows: Array, seed: int) -> list[Array]:
    """Nested samples of users [rows]: one or two small ones, the second four times the first, then
    all; only the sample of all where users are few.
    """
    drawn = generator(seed, "sweep users").permutation(rows)
    size = int(np.clip(len(rows) // 4, FIRST_USERS, MOST_USERS))
    if len(rows) <= 2 * size:
        return [np.sort(drawn)]
    sizes = [size, *([4 * size] if len(rows) > 8 * size else []), len(rows)]
    return [np.sort(drawn[:count]) for count in sizes]
