"""The steps of a dig on tiny logs: a process that runs them has compiled every kernel for the types
that a dig calls it with.

Models are exercised and not kernels, so that a new kernel, or a new type, needs no line here. Parts
run in parallel processes: models of one family, which share kernels, are in one part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data import splitting
from spadework.data.addresses import read_content
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.probe import ask_all
from spadework.errors import SpadeworkError
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.kernels.counting.weighted_counts import WIDTHS
from spadework.kernels.ranking.top_k import SHORT
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.item_item import ItemItem
from spadework.models.labels import model
from spadework.workbench.search.blending import mixtures
from spadework.workbench.search.board_parts import repetition_of, slices_of
from spadework.workbench.search.design import design

PARTS = 2
"""Processes that share the work; more would compile their common kernels several times."""
KEEP = 10
"""Neighbours that are kept of rows in large logs: few compared with the length of a row, so that
bounds are worth it.
"""
PARTS_OF_MIXTURES = (
    "cosine + ease + sansa + ials + vmis-knn + tifu-knn + up-cf + personal + popular(window=7d)"
)
WORD = 2**16
"""From so many items on, or so many users of one item, kernels use larger integer types."""
DAY, START = 86_400, 1_704_067_200
Exercise = tuple[str, Callable[[], object]]


def exercises(part: int) -> list[Exercise]:
    """The steps of one part: a name to show, and a function. They take a few seconds where
    everything is compiled.
    """
    return list((_of_pairs, _of_others)[part]())


# ---- logs


def shop(*, timed: bool = True) -> tuple[Interactions, ItemContent | None]:
    """A log of a hundred users and sixty items with every column that a log can have, and an item
    table; with `timed` false users and items only.
    """
    random = np.random.default_rng(0)
    user_count, each, item_count = 100, 24, 60
    items = np.minimum(random.geometric(0.06, user_count * each), item_count) - 1
    users = np.repeat(np.arange(user_count), each)
    if not timed:
        return _log(users, items, item_count), None
    times = (
        START
        + np.sort(random.integers(0, 100, (user_count, each // 3)), axis=1)
        .repeat(3, axis=1)
        .ravel()
        * DAY
    )
    log = _log(
        users,
        items,
        item_count,
        times=times,
        weights=random.integers(1, 6, len(users)).astype(np.float32),
        baskets=(np.arange(len(users)) // 3).astype(np.int32),
        event_types=random.integers(0, 2, len(users)).astype(np.int32),
        event_type_names=("buy", "view"),
    )
    ids = log.item_vocabulary.ids
    table = {
        "item_id": ids,
        "category": [f"c{code % 5}" for code in range(item_count)],
        "title": [f"thing {code % 7} of {code}" for code in range(item_count)],
    }
    return log, read_content(pl.DataFrame(table), log)


def _log(users: Array, items: Array, item_count: int, **columns: Any) -> Interactions:
    """A log of numbered users and items."""
    all_items = Vocabulary(pl.Series("item", np.arange(item_count)))
    all_users = Vocabulary(pl.Series("user", np.arange(int(users.max()) + 1)))
    return Interactions.from_codes(
        users.astype(np.int32),
        items.astype(np.int32),
        user_vocabulary=all_users,
        item_vocabulary=all_items,
        **columns,
    )


def large_logs() -> Iterator[Interactions]:
    """Logs whose codes or counts need larger types: many items, many users of one item, both."""
    random = np.random.default_rng(0)
    users, each = 300, 250
    items = random.integers(0, WORD + 8, (users, each))
    items[:, 0] = 0
    yield _log(
        np.repeat(np.arange(users), each),
        items.ravel(),
        WORD + 8,
        times=START + np.tile(np.arange(each), users),
    )
    for item_count in (40, WORD + 8):
        users = WORD + 8
        items = np.stack([np.zeros(users, np.int64), random.integers(1, item_count, users)], axis=1)
        yield _log(
            np.repeat(np.arange(users), 2),
            items.ravel(),
            item_count,
            times=START + np.arange(2 * users),
        )


# ---- steps


class _Stage:
    """A log with a split and its protocols: one for each policy of repeats."""

    def __init__(self, *, timed: bool) -> None:
        self.log, self.content = shop(timed=timed)
        cut = (
            splitting.by_time(self.log, test=0.2, valid=0.2)
            if timed
            else splitting.random(self.log, valid=True, rng=0)
        )
        assert cut.valid is not None
        self.split = cut.valid
        self.protocols = {
            repeats: Protocol.of(self.split, repeats=repeats)
            for repeats in ("allow", "forbid", "only", "novel")
        }

    def go_through(self, setting: Recommender) -> Score:
        """Fit a model, and judge its lists in every way."""
        lists: list[Array] = []
        fitted = setting.sharing()
        score = trial(fitted, self.protocols["allow"], self.content, lists=lists)
        if score.state != "done":
            return score
        for repeats in ("forbid", "only", "novel"):
            trial(fitted, self.protocols[repeats], self.content, fitted=True)
        given, users = self.split.given, self.split.users
        ids = self.log.item_vocabulary.ids
        with suppress(SpadeworkError):
            fitted.recommend_codes(given, 10, users=users, candidates=ids[: len(ids) // 2])
            fitted.recommend_codes(given, SHORT + 10, users=users[:3])
            fitted.similar_items(ids[:3].to_list(), 5)
        return score


def _of_pairs() -> Iterator[Exercise]:
    """Co-occurrence: the settings of a sweep, larger types, models with tables of items, probes."""
    stage, plain = _Stage(timed=True), _Stage(timed=False)
    yield "large logs", _large
    for log_stage in (stage, plain):
        yield "a sweep", partial(_together, log_stage)
    yield from _each(_names(inside=True), stage, plain, [])
    yield "probes", partial(_probes, stage)


def _of_others() -> Iterator[Exercise]:
    """All other models, mixtures of them, and the board."""
    stage, plain = _Stage(timed=True), _Stage(timed=False)
    found: list[Score] = []
    yield from _each(_names(inside=False), stage, plain, found)
    yield "mixtures", partial(_mixtures, stage, found)
    yield "the board", partial(_board, stage, found)


def _names(*, inside: bool) -> list[str]:
    """Names of models that answer from tables of items, or of all others; without networks and
    mixtures.
    """
    return [
        name
        for name, cls in catalogue().items()
        if not (cls.neural or cls.composed) and issubclass(cls, ItemItem) == inside
    ]


def _each(
    names: Sequence[str], stage: _Stage, plain: _Stage, found: list[Score]
) -> Iterator[Exercise]:
    """Each model as a dig tries it, variant by variant, and on a log with few columns; scores are
    appended to `found`.
    """

    def step(name: str) -> None:
        for params in catalogue()[name].variants():
            found.append(stage.go_through(model(name, **params)))
        plain.go_through(model(name))

    for name in names:
        yield name, partial(step, name)


def _together(stage: _Stage) -> None:
    """Every setting of a sweep."""
    train, content = stage.split.train, stage.content
    made = design(train, content)
    able = []
    for setting in [*made.core(), *made.others()]:
        assert isinstance(setting, CoOccurrence)
        with suppress(SpadeworkError):
            setting.check_needs(train, content)
            able.append(setting)
    for rows in (None, np.arange(train.item_count) % 2 == 0):
        for batch in CoOccurrence.fit_together(able, train, content, rows=rows):
            for fitted in batch:
                fitted.recommend(stage.split.given, 10, repeats="forbid")


def _probes(stage: _Stage) -> None:
    diagnose(stage.log, stage.content, stage.split)
    for repeats in ("allow", "forbid"):
        protocol = stage.protocols[repeats]
        ask_all(Evidence(protocol, stage.content, np.flatnonzero(protocol.judged)))


def _large() -> None:
    """Counts of one, two, four and eight channels, rows short and long, all items and some."""
    for log in large_logs():
        some = np.arange(log.item_count) % 2 == 0
        for width in WIDTHS:
            ordered = [
                model(
                    "cooccurrence", keep=KEEP, distance="geometric", distance_decay=0.9 - lane / 100
                )
                for lane in range(width)
            ]
            for settings in (ordered, [model("cooccurrence", keep=KEEP)] if width == 1 else []):
                counted = [setting for setting in settings if isinstance(setting, CoOccurrence)]
                for rows in (None, some):
                    for batch in CoOccurrence.fit_together(counted, log, rows=rows):
                        batch.clear()


def _mixtures(stage: _Stage, found: Sequence[Score]) -> None:
    """The mixtures of a dig, and one of all families: as parts, models score single items."""
    for mixture in mixtures(found, stage.protocols["allow"]):
        stage.go_through(mixture)
    stage.go_through(model("blend", parts=PARTS_OF_MIXTURES, candidates=10))
    stage.go_through(model("boosted", parts=PARTS_OF_MIXTURES, positives=1, candidates=10))


def _board(stage: _Stage, found: Sequence[Score]) -> None:
    """The board, its slices and its repeats."""
    protocol = stage.protocols["allow"]
    board = Scoreboard(protocol, tuple(found))
    board.entries  # noqa: B018  (reading it computes it)
    lists = {
        "popular": model("popular")
        .fit(stage.split.train)
        .recommend_codes(stage.split.given, protocol.k, users=protocol.truth.users)
        .items
    }
    slices_of(protocol, lists)
    repetition_of(protocol, lists, {}, "")
