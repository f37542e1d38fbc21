"""People with tastes, made from a seed: what each took, and who of them are most alike. Needs only
numpy and scipy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[Any]
ITEMS, TASTES, SHARE = 50_000, 200, 0.6
ASKED, NEAR = 1000, 100


def crowd(users: int) -> csr_array:
    """Ones where a user [users] took an item [ITEMS]; three in five of them after the user's taste,
    the rest after popularity. Float32.
    """
    rng = np.random.default_rng(0)
    chances = 1 / (np.arange(ITEMS) + 20) ** 0.9
    sizes = np.clip(rng.lognormal(2.7, 0.9, users).astype(np.int64), 1, 400)
    # of one item there are many people who took it alone, all equally near
    sizes[:ASKED] = np.maximum(sizes[:ASKED], 10)
    owners = np.repeat(np.arange(users), sizes)
    ranks = np.searchsorted(np.cumsum(chances / chances.sum()), rng.random(len(owners))).clip(
        0, ITEMS - 1
    )
    liked = np.stack([rng.permutation(ITEMS) for _ in range(TASTES)])
    tasteful = rng.random(len(owners)) < SHARE
    items = np.where(tasteful, liked[rng.integers(0, TASTES, users)[owners], ranks], ranks)
    pairs = np.unique(owners * ITEMS + items)
    owners, items = pairs // ITEMS, pairs % ITEMS
    starts = np.searchsorted(owners, np.arange(users + 1))
    return csr_array(
        (np.ones(len(pairs), np.float32), items.astype(np.int32), starts.astype(np.int32)),
        shape=(users, ITEMS),
    )


def recall(table: csr_array, found: Array) -> float:
    """Share of the NEAR users of largest cosine that are among those found [ASKED, …], for the
    first ASKED users; ties count as found.
    """
    norms = np.sqrt(np.diff(table.indptr))
    total = 0.0
    for user in range(ASKED):
        cosines = np.asarray((table @ table[[user]].T.toarray()).ravel() / (norms * norms[user]))
        cosines[user] = -1
        near = min(NEAR, int((cosines > 0).sum()))  # who has nothing in common is not alike
        least = np.partition(cosines, -near)[-near]
        chosen = found[user][(found[user] >= 0) & (found[user] != user)][:near]
        total += min((cosines[chosen] >= least - 1e-6).sum() / near, 1.0)
    return total / ASKED
