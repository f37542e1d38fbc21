"""The inner hold-out that mixtures learn from: part of the train log is held out, and the parts are
fitted on the rest.

The parts see none of the held-out events: they are fitted on the rest, and the histories hold the
rest of each user. So nothing leaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from spadework import events
from spadework.arrays import Array, Codes
from spadework.data import splitting
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.spans import CALENDAR
from spadework.data.splitting import Split
from spadework.errors import SpadeworkError, Stopped, Unsuitable
from spadework.kernels import parallel
from spadework.kernels.ranking.candidate_union import located
from spadework.models.base import Recommender
from spadework.models.ensemble.pool import Pool, PooledHistories, Proposals
from spadework.models.histories import Histories
from spadework.models.needs import REPEATS_MATTER, Repeats
from spadework.models.requests import BLOCK_CELLS
from spadework.randomness import generator

Cut: TypeAlias = Literal["auto", "time", "last", "random"]
T = TypeVar("T")

HELD_OUT = 0.1
"""Share of the log that is held out by time."""
USERS_AT_ONCE = 256
"""Users that are scored together, where their scores fit into a block."""
FEW_USERS, FEW_SHARE = 200, 1 / 20
"""With fewer users than this, and than this share of all, in the last tenth of the time, the last
timestamp of each user is held out.
"""


@dataclass(frozen=True, eq=False)
class InnerHoldout:
    """Parts fitted on the inner train, and the users with held-out events."""

    pool: Pool
    split: Split
    users: Codes
    repeats: Repeats

    def each(
        self, function: Callable[[PooledHistories, Proposals, Array], T], label: str
    ) -> list[T]:
        """Call a function for blocks of users with their histories, the proposals, and which of
        these are held-out items of the user: bool [cells].
        """

        def block(users: Codes) -> T:
            histories = self.pool.read(self.split.given, users)
            proposals = self.pool.propose(histories, 1, self.repeats, None)
            expected = Histories.of(self.split.expected, users)
            return function(
                histories,
                proposals,
                located(proposals.starts, proposals.items, expected.starts, expected.items) >= 0,
            )

        rows = max(
            1, min(USERS_AT_ONCE, BLOCK_CELLS // self.pool.row_cells(1) // parallel.threads())
        )
        blocks = [self.users[at : at + rows] for at in range(0, len(self.users), rows)]
        with self.pool.while_answering():
            return parallel.share(block, blocks, label)


def make_inner_holdout(
    models: Sequence[Recommender],
    train: Interactions,
    content: ItemContent | None,
    *,
    cut: Cut,
    candidates: int,
    users: int,
    seed: int,
    label: str,
    repeats: Repeats | None = None,
) -> InnerHoldout | None:
    """Cut the log, fit copies of the models on the inner train, and draw at most `users` users with
    a history and a held-out event.

    Without `repeats`, items of the history are proposed where enough of the held-out events are
    repeats. None, with a note, where the log cannot be cut or a part cannot learn from what
    remains.
    """
    try:
        split = inner_cut(train, cut, seed)
        eligible = np.setdiff1d(split.users, split.users_without_history).astype(np.int32)
        if not len(eligible):
            raise Unsuitable("no user has both a history and a held-out event")
        fitted = tuple(part.sharing().fit(split.train, content, rng=seed) for part in models)
    except Stopped:
        raise
    except SpadeworkError as error:
        events.note(
            f"{label} cannot learn from an inner hold-out of this log, so its parts weigh the "
            f"same: {error.message}"
        )
        return None
    chosen = np.sort(generator(seed, "practice").permutation(eligible)[:users])
    by_log: Repeats = "allow" if split.repeat_share >= REPEATS_MATTER else "forbid"
    return InnerHoldout(Pool(fitted, candidates), split, chosen, repeats or by_log)


def inner_cut(train: Interactions, cut: Cut, seed: int) -> Split:
    """Hold out a part of the log, as the evaluation does: by time, or the last timestamp of each
    user, or at random.
    """
    if cut == "random" or (train.times is None and cut == "auto" and train.baskets is None):
        return splitting.random(train, test=0.2, rng=seed)
    if cut == "last":
        return splitting.last_basket(train)
    if cut == "time":
        return splitting.by_time(train, test=HELD_OUT)
    if train.times is not None and int(train.times.max()) >= CALENDAR:
        try:
            made = splitting.by_time(train, test=HELD_OUT)
        except Unsuitable:  # all events are in one second
            return splitting.last_basket(train)
        if len(made.users) - len(made.users_without_history) >= min(
            FEW_SHARE * len(train.active_users), FEW_USERS
        ):
            return made
    return splitting.last_basket(train)
