"""Session neighbours: past sessions that share items with the current one contribute to the scores
of their items.

Both models read the `sample` latest sessions that share an item with the last steps of the history,
and add up the contributions of the most similar. A step is all events of one timestamp. Where the
reference implementations go wrong, these differ: linear weights fall over the steps that are used,
so that none is zero or negative, however long the session; each neighbour has its own match weight,
none is left over from the neighbour before; recency is the order in which sessions ended, not a
clock outside the log. An item that occurs twice counts once, at its latest step.

Items of the current session are scored like any other; the policy of repeats decides whether they
are listed. The current session's own copy in the train log is a neighbour too: it contributes to
items of the history only. The current session starts `last` steps back, not at a gap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from spadework import durations
from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.users import nearest_sessions
from spadework.kernels.users.nearest_sessions import Queries, Sessions
from spadework.models.base import Recommender
from spadework.models.checks import (
    ITEM_STARTS,
    ITEMS,
    Form,
    Forms,
    are_codes,
    are_numbers,
    are_starts,
)
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Need
from spadework.models.parameters import Doc, Duration, Range
from spadework.models.scorer import AllScores, Contributions, Scorer
from spadework.ragged import offsets_of

Decay = Literal["linear", "inverse", "same"]


class SessionNeighbours(Recommender):
    """What the session models learn: an index of past sessions, latest first. The nearest ones
    contribute.

    The current session is the last steps of the history; similarity(n) = Σ over shared items of
    π(age) / |n|^length_power, and S(j) = w_j · Σ over neighbours n that hold j of similarity(n) ·
    λ(age of the latest shared item).
    """

    family: ClassVar[str] = "session neighbours"
    # whether similarities are divided by the number of items that are used
    over_size: ClassVar[bool] = False

    sample: Annotated[
        int, Range(1, 1_000_000), Doc("Latest sessions sharing an item that are read.")
    ] = 500
    neighbours: Annotated[
        int, Range(1, 1_000_000), Doc("Most similar sessions that contribute.")
    ] = 100
    last: Annotated[
        int,
        Range(1, 10_000),
        Doc(
            "Latest steps of the history that are used; a step is an event, or a basket "
            "of one time."
        ),
    ] = 5
    position: Annotated[
        Decay,
        Doc(
            "Weight of a shared item n steps before the latest: 1 − n/used steps "
            "(linear), 1/(n+1) (inverse) or 1 (same)."
        ),
    ] = "linear"
    match: Annotated[
        Decay,
        Doc(
            "Weight of a neighbour by the age of its latest shared item; the choices are "
            "those of position."
        ),
    ] = "linear"
    length_power: Annotated[
        float,
        Range(0.0, 1.0),
        Doc(
            "Similarity is divided by the neighbour's number of items to this power; 0.5 is "
            "as in a cosine."
        ),
    ] = 0.0
    session_gap: Annotated[
        str | None,
        Duration(),
        Doc(
            "A longer pause, such as 30m, begins a new session; without one each user is "
            "one session."
        ),
    ] = None

    answering: ClassVar[frozenset[str]] = frozenset(
        {"neighbours", "last", "position", "match", "length_power", "idf"}
    )

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        default = {name: cls.parameters()[name].default for name in ("neighbours", "last")}
        grid = [
            {"neighbours": near, "last": last} for near in (50, 100, 500) for last in (1, 5, 20)
        ]
        return [{}, {"length_power": 0.5}, *(point for point in grid if point != default)]

    def required(self) -> frozenset[Need]:
        ordered = self.session_gap is not None or self.position != "same" or self.match != "same"
        return frozenset({"times"}) if ordered else frozenset()

    def cost(self, train: Interactions) -> Cost:
        sizes = 48 * len(train) + 24 * (train.user_count + train.item_count)
        return Cost(bytes=sizes, seconds=3e-7 * len(train) + 1e-6)

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        numbers, count = _newest_first(train, self.session_gap)
        index = Sessions.build(numbers, train.items, (count, train.item_count), self.sample)
        holding = np.maximum(np.bincount(index.items, minlength=train.item_count), 1)
        return {
            "session_starts": index.starts,
            "session_items": index.items,
            "posting_starts": index.posting_starts,
            "postings": index.postings,
            "rarity": np.log(count / holding),
        }

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {
            "session_starts": Form("int64", ("sessions + 1",)),
            "session_items": Form("int32", ("held",)),
            "posting_starts": Form("int64", (ITEM_STARTS,)),
            "postings": Form("int32", ("posted",)),
            "rarity": Form("float64", (ITEMS,)),
        }

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        index = Sessions(
            state["session_starts"],
            state["session_items"],
            state["posting_starts"],
            state["postings"],
        )
        return SessionScorer(
            index,
            self._item_weights(state["rarity"]),
            sample=self.sample,
            neighbours=self.neighbours,
            length_power=self.length_power,
            last=self.last,
            position=self.position,
            match=self.match,
            over_size=self.over_size,
        )

    @abstractmethod
    def _item_weights(self, rarity: Array) -> Array:
        """Weight of contributions to each item by its rarity, ln(sessions / sessions that hold it).
        Shape [items], float64.
        """


@dataclass(frozen=True, eq=False)
class SessionScorer(AllScores):
    """All scores of a block, from the sessions nearest to the last steps of each history."""

    index: Sessions
    item_weights: Array  # [items] float64
    sample: int
    neighbours: int
    length_power: float
    last: int
    position: Decay
    match: Decay
    over_size: bool  # whether similarities are divided by the number of items that are used

    @property
    def items(self) -> int:
        return len(self.item_weights)

    def scores(self, histories: Histories) -> Array:
        scores = np.empty((len(histories), len(self.item_weights)), np.float32)
        nearest_sessions.score(
            self.index,
            self._queries(histories),
            sample=self.sample,
            neighbours=self.neighbours,
            length_power=self.length_power,
            item_weights=self.item_weights,
            scores=scores,
        )
        return scores

    def contributions(self, histories: Histories, code: int) -> Contributions:
        parts = dict.fromkeys(histories.items.tolist(), 0.0)
        index, queries = self.index, self._queries(histories)
        found, _, matches = nearest_sessions.nearest(
            index,
            queries,
            0,
            sample=self.sample,
            neighbours=self.neighbours,
            length_power=self.length_power,
        )
        lengths = np.diff(index.starts)[found]
        contributions = matches * self.item_weights[code] / lengths**self.length_power
        for session, contribution in zip(found, contributions, strict=True):
            held = index.items[index.starts[session] : index.starts[session + 1]]
            if code in held:
                shared = np.isin(queries.items, held)
                for source, weight in zip(
                    queries.items[shared].tolist(), queries.weights[shared], strict=True
                ):
                    parts[source] += float(weight * contribution)
        return Contributions(histories.items, np.asarray(list(parts.values()), np.float64))

    def wrong(self, items: int) -> str | None:
        index = self.index
        tables = (
            ("session_starts", index.starts, "session_items", index.items, items),
            (
                "posting_starts",
                index.posting_starts,
                "postings",
                index.postings,
                len(index.starts) - 1,
            ),
        )
        for starts, edges, values, codes, limit in tables:
            if not are_starts(edges, len(codes)):
                return f"{starts} do not fit {values}"
            if not are_codes(codes, limit):
                return f"{values} name what is not there"
        if (np.diff(index.starts)[index.postings] < 1).any():
            return "postings name a session without items"
        fits = len(index.posting_starts) == items + 1 and are_numbers(self.item_weights, (items,))
        return None if fits else "the index of sessions does not fit the items"

    def _queries(self, histories: Histories) -> Queries:
        """The last steps of each history, latest first, with the weights of their items."""
        rows = histories.owners
        used = np.flatnonzero(histories.ages < self.last)
        order = used[np.lexsort((histories.ages[used], rows[used]))]
        ages, owners = histories.ages[order], rows[order]
        sizes = np.bincount(owners, minlength=len(histories))
        steps = np.zeros(len(histories), np.int64)
        np.maximum.at(steps, owners, ages + 1)
        matches = _decayed(self.match, ages, steps[owners])
        weights = _decayed(self.position, ages, steps[owners])
        if self.over_size:
            weights = weights / np.maximum(sizes, 1)[owners]
        return Queries(
            offsets_of(sizes),
            histories.items[order],
            weights,
            matches,
        )


class VSknn(SessionNeighbours):
    """Vector session neighbours: similarity is the weight of shared items over the number of items
    used; rare items may count more.

    Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018. O(used
    items · sample) a request.
    """

    name = "v-sknn"
    over_size: ClassVar[bool] = True
    match = "inverse"
    idf: Annotated[
        float,
        Range(0.0, 100.0),
        Doc(
            "Contributions to an item are times 1 + idf · ln(sessions / sessions that hold it); "
            "0 leaves them alone."
        ),
    ] = 1.0

    def _item_weights(self, rarity: Array) -> Array:
        return np.asarray(1 + self.idf * rarity)


class VmisKnn(SessionNeighbours):
    """Session neighbours of the Serenade system: rare items count in full, by ln(sessions /
    sessions that hold the item).

    Kersbergen et al., "Serenade: low-latency session-based recommendation in e-commerce at scale",
    SIGMOD 2022. Its index finds the same neighbours as `v-sknn`; the weights of contributions
    differ. O(used items · sample) a request.
    """

    name = "vmis-knn"
    idf: Annotated[
        float,
        Range(0.0, 10.0),
        Doc(
            "Contributions to an item are times ln(sessions / sessions that hold it) to this "
            "power; 0 leaves them alone."
        ),
    ] = 1.0

    def _item_weights(self, rarity: Array) -> Array:
        return rarity if self.idf == 1 else np.asarray(rarity**self.idf)


def _decayed(decay: Decay, ages: Codes, steps: Array) -> Array:
    """Weights above zero of entries `ages` steps old, of `steps` that are used. Shape [entries],
    float64.
    """
    if decay == "linear":
        return np.asarray((steps - ages) / steps)
    if decay == "inverse":
        return np.asarray(1 / (ages + 1.0))
    return np.ones(len(ages))


def _newest_first(train: Interactions, gap: str | None) -> tuple[Codes, int]:
    """Number of the session of each row and the number of sessions; 0 is the session that ended
    last, ties go to the lower user code.
    """
    new = np.ones(len(train), np.bool_)
    new[1:] = train.users[1:] != train.users[:-1]
    if gap is not None and train.times is not None:
        new[1:] |= np.diff(train.times) > durations.seconds(gap, "session_gap")
    found = np.cumsum(new) - 1
    count = int(found[-1]) + 1
    numbers = np.arange(count, dtype=np.int32)
    if train.times is not None:
        ends = train.times[np.flatnonzero(np.concatenate((new[1:], [True])))]
        numbers[np.argsort(-ends, kind="stable")] = np.arange(count, dtype=np.int32)
    return numbers[found], count
