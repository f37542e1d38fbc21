"""Which models take new events as they are, and what is kept for that; the others are fitted again.

A model is additive where what it learned is made of sums over users: the users with new events are
taken out of the sums and counted with all that they did. The rest of the log is not read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Groups
from spadework.models.base import Recommender
from spadework.models.baskets.basket_neighbours import VECTORS, TifuKnn, UserPopularity
from spadework.models.baskets.personal import Personal, PersonalTop
from spadework.models.baskets.purchases import purchases_by_block
from spadework.models.baskets.repurchase_gaps import GapSums, gaps_of
from spadework.models.cooccurrence import kept_counts, standing
from spadework.models.cooccurrence.kept_counts import Standing
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import count_pass
from spadework.models.counting.kept_groups import ChangedGroups, KeptGroups, rows_of_users
from spadework.models.popular import Popular, PopularByCategory
from spadework.ragged import cells_of_rows, offsets_of


@dataclass(frozen=True, eq=False)
class Statistics:
    """What is kept for one model: arrays, and the ids that they are of."""

    arrays: Mapping[str, Array]
    items: pl.Series
    users: pl.Series


@dataclass(frozen=True, eq=False)
class Change:
    """A log that became another: `before` and `after` are all rows of the users with new events,
    then and now, with the ids of `log`.
    """

    log: Interactions  # as it is now
    before: Interactions
    after: Interactions
    groups: KeptGroups | None  # the items of all users as they were once, if they are kept

    @classmethod
    def of(
        cls,
        was: Interactions,
        log: Interactions,
        groups: KeptGroups | None = None,
    ) -> Change:
        """From the log that it was, whose rows are all in the new one. O(rows)."""
        more = np.diff(log.starts)
        codes = log.user_vocabulary.codes(was.user_vocabulary.ids)
        more[codes] -= np.diff(was.starts)
        changed = more != 0
        # the old rows of these few users, under the new ids
        before = rows_of_users(was, np.flatnonzero(changed[codes])).recoded(
            log.user_vocabulary, log.item_vocabulary
        )
        return cls(log, before, rows_of_users(log, np.flatnonzero(changed)), groups)


@dataclass(frozen=True, eq=False)
class Learned:
    """A fitted model, what is kept for its next update, and how it was made, in words."""

    model: Recommender
    statistics: Statistics | None
    says: str


class Additive(ABC):
    """How models of one kind take new events."""

    arrays: ClassVar[frozenset[str]]
    """What must have been kept; where another version kept others, a model is learned anew."""

    @abstractmethod
    def learn(self, model: Recommender, log: Interactions, content: ItemContent | None) -> Learned:
        """Fit on a whole log, and keep what an update needs."""

    @abstractmethod
    def update(
        self, model: Recommender, kept: Statistics, change: Change, content: ItemContent | None
    ) -> Learned:
        """The model of the log as it is now."""


def way_of(model: Recommender) -> Additive | str:
    """How a model takes new events; for one that is fitted again, why."""
    if isinstance(model, CoOccurrence):
        return standing.why_not(model) or _Pairs()
    if isinstance(model, Popular):
        if model.window or model.half_life:
            return "its span ends with the log, so what is in it changes with time"
        return _Items(lambda counts, _: {"scores": counts.astype(np.float64)})
    if isinstance(model, PopularByCategory):
        if model.window or model.half_life:
            return "its span ends with the log, so what is in it changes with time"
        return _Items(partial(_by_category, model))
    if isinstance(model, PersonalTop):
        return _Items(lambda *_: {})
    if isinstance(model, Personal):
        if model.popularity_window:
            return "its span of popularity ends with the log, so what is in it changes with time"
        return _Gaps()
    if model.composed:
        return "it learns how to mix its parts from all of the log"
    if isinstance(model, TifuKnn | UserPopularity):
        return _Vectors()
    if model.family == "session neighbours":
        return "what it learns is the log itself, in another order, which is written anew"
    return "what it learned is not made of sums over users"


def made(
    model: Recommender,
    kept: Statistics | None,
    change: Change | None,
    log: Interactions,
    content: ItemContent | None,
    seed: int,
) -> Learned:
    """The model of this log, by the shortest way: from what was kept, where there is such, else by
    a fit.
    """
    way = way_of(model)
    with events.within(model.label):
        if isinstance(way, str):
            fitted = model.sharing().fit(log, content, rng=seed)
            return Learned(fitted, None, f"fitted again: {way}")
        model.check_needs(log, content)
        if kept is None or change is None or set(kept.arrays) != way.arrays:
            return way.learn(model, log, content)
        return way.update(model, kept, change, content)


# ---- the kinds


class _Pairs(Additive):
    """Co-occurrence: see `standing`."""

    arrays = frozenset(kept_counts.ARRAYS)

    def learn(self, model: Recommender, log: Interactions, content: ItemContent | None) -> Learned:
        assert isinstance(model, CoOccurrence)
        kept, fitted = standing.learn(model, log)
        return Learned(fitted, _of_standing(kept), "counted, and its counts are kept from now on")

    def update(
        self, model: Recommender, kept: Statistics, change: Change, content: ItemContent | None
    ) -> Learned:
        assert isinstance(model, CoOccurrence)
        known = Standing(item_vocabulary=Vocabulary(kept.items), **kept.arrays)
        recount = _Recount(model.channel, change)
        found = standing.update(model, known, change.before, change.after, recount)
        return Learned(
            found.model,
            _of_standing(found.standing),
            f"took the new events: {formatting.count(found.changed, 'pair')} changed, "
            f"{formatting.count(found.recounted, 'row')} counted again, of "
            f"{len(change.log.item_vocabulary):,}",
        )


def _of_standing(kept: Standing) -> Statistics:
    return Statistics(kept.arrays, kept.item_vocabulary.ids, _no_ids(kept.item_vocabulary))


@dataclass(frozen=True, eq=False)
class _Recount:
    """What is counted again: from kept groups where there are such, else from the log."""

    channel: Channel
    change: Change

    def rows(self, wanted: Mask) -> tuple[Counter, Groups]:
        """What counts the pairs of these items [items]."""
        if (groups := self._groups) is not None:
            return groups.counter(wanted)
        with events.aside():
            counted = count_pass(self.change.log, (self.channel,), wanted=wanted)
        return counted.counter, counted.groups

    def pairs(self, left: Array, right: Array) -> Array | None:
        """The counts of single pairs of items; None where only rows can be counted."""
        return None if (groups := self._groups) is None else groups.joint(left, right)

    @cached_property
    def _groups(self) -> ChangedGroups | None:
        groups = self.change.groups
        if groups is None or not suits(groups, self.channel):
            return None
        return groups.in_log(self.change.log, self.channel)


@dataclass(frozen=True)
class _Items(Additive):
    """What is made of the number of events of each item."""

    state: Callable[[Array, ItemContent | None], Mapping[str, Array]]
    arrays = frozenset({"counts"})

    def learn(self, model: Recommender, log: Interactions, content: ItemContent | None) -> Learned:
        state = self.state(log.item_counts, content)
        return _of_items(model, state, log.item_counts, log.item_vocabulary, "counted")

    def update(
        self, model: Recommender, kept: Statistics, change: Change, content: ItemContent | None
    ) -> Learned:
        items = change.log.item_vocabulary
        counts = _spread(kept.arrays["counts"], kept.items, items)
        counts = counts + change.after.item_counts - change.before.item_counts
        more = formatting.count(len(change.after) - len(change.before), "row")
        says = f"took the new events: the log has {more} more than before"
        return _of_items(model, self.state(counts, content), counts, items, says)


def _of_items(
    model: Recommender, state: Mapping[str, Array], counts: Array, items: Vocabulary, says: str
) -> Learned:
    fitted = type(model)(**model.params)
    fitted._restore({**state, "popularity": counts}, items)
    return Learned(fitted, Statistics({"counts": counts}, items.ids, _no_ids(items)), says)


def _by_category(
    model: PopularByCategory, counts: Array, content: ItemContent | None
) -> Mapping[str, Array]:
    assert content is not None, "it was asked for"
    return model.state_of(counts.astype(np.float64), content)


class _Vectors(Additive):
    """Users near to a user: a vector for each user, made of what that user did."""

    arrays = frozenset({*VECTORS, "popularity"})

    def learn(self, model: Recommender, log: Interactions, content: ItemContent | None) -> Learned:
        fitted = model.sharing().fit(log)
        users = log.user_vocabulary.take(log.active_users)
        kept = Statistics(dict(fitted.state), log.item_vocabulary.ids, users)
        return Learned(fitted, kept, "a vector was made for each user")

    def update(
        self, model: Recommender, kept: Statistics, change: Change, content: ItemContent | None
    ) -> Learned:
        log, after = change.log, change.after
        new = model.sharing().fit(after).state
        codes = log.user_vocabulary.codes(kept.users)
        is_changed = np.zeros(log.user_count, np.bool_)
        is_changed[after.active_users] = True
        stays = np.flatnonzero(~is_changed[codes])
        old = kept.arrays
        items = log.item_vocabulary.codes(kept.items)[old["items"]]
        cells, _ = cells_of_rows(old["starts"], stays)
        owners = np.concatenate([codes[stays], after.active_users])
        lengths = np.concatenate([np.diff(old["starts"])[stays], np.diff(new["starts"])])
        order = np.argsort(owners)
        places, starts = cells_of_rows(offsets_of(lengths), order)
        counts = _spread(old["popularity"], kept.items, log.item_vocabulary)
        state = {
            "starts": starts,
            "items": np.concatenate([items[cells], new["items"]])[places],
            "values": np.concatenate([old["values"][cells], new["values"]])[places],
            "popularity": counts + after.item_counts - change.before.item_counts,
        }
        fitted = type(model)(**model.params)
        fitted._restore(state, log.item_vocabulary)
        users = log.user_vocabulary.take(owners[order])
        says = f"took the new events of {formatting.count(len(after.active_users), 'user')}"
        return Learned(fitted, Statistics(state, log.item_vocabulary.ids, users), says)


class _Gaps(Additive):
    """Personal frequency: popularity, the gaps between two purchases of an item, and the usual
    pause of each user.
    """

    arrays = frozenset({*GapSums._fields, "counts", "pauses"})

    def learn(self, model: Recommender, log: Interactions, content: ItemContent | None) -> Learned:
        sums, pauses = _gaps(log)
        users = log.user_vocabulary.take(log.active_users)
        arrays = {"counts": log.item_counts, **sums._asdict(), "pauses": pauses}
        return _personal(model, arrays, log, users, "counted")

    def update(
        self, model: Recommender, kept: Statistics, change: Change, content: ItemContent | None
    ) -> Learned:
        items = change.log.item_vocabulary
        less, _ = _gaps(change.before)
        more, pauses = _gaps(change.after)
        arrays = {name: _spread(kept.arrays[name], kept.items, items) for name in GapSums._fields}
        for name in GapSums._fields:
            arrays[name] = arrays[name] + getattr(more, name) - getattr(less, name)
        counts = _spread(kept.arrays["counts"], kept.items, items)
        arrays["counts"] = counts + change.after.item_counts - change.before.item_counts
        changed = change.log.user_vocabulary.take(change.after.active_users)
        stays = Vocabulary(changed).codes(kept.users) < 0
        users = pl.concat([kept.users.filter(pl.Series(stays)), changed.alias(kept.users.name)])
        both = np.concatenate([kept.arrays["pauses"][stays], pauses])
        order = users.arg_sort()
        arrays["pauses"] = both[order.to_numpy()]
        says = f"took the new events of {formatting.count(len(changed), 'user')}"
        return _personal(model, arrays, change.log, users.gather(order), says)


def _personal(
    model: Recommender, arrays: Mapping[str, Array], log: Interactions, users: pl.Series, says: str
) -> Learned:
    assert isinstance(model, Personal)
    sums = GapSums(*(arrays[name] for name in GapSums._fields))
    fitted = type(model)(**model.params)
    state = model.state_of(
        arrays["counts"].astype(np.float64), sums, arrays["pauses"], timed=log.times is not None
    )
    fitted._restore({**state, "popularity": arrays["counts"]}, log.item_vocabulary)
    return Learned(fitted, Statistics(arrays, log.item_vocabulary.ids, users), says)


def _gaps(log: Interactions) -> tuple[GapSums, Array]:
    """Sums of the gaps of a log, and the pause of each of its users."""
    sums, pauses = GapSums.none(log.item_count), [np.zeros(0)]
    for purchases in purchases_by_block(log.as_of(None), log.active_users):
        pauses.append(purchases.elapsed)
        sums = sums.plus(*gaps_of(purchases, timed=log.times is not None))
    return sums, np.concatenate(pauses)


def _spread(array: Array, ids: pl.Series, vocabulary: Vocabulary) -> Array:
    """Values of items under a vocabulary that holds more items."""
    out = np.zeros(len(vocabulary), array.dtype)
    out[vocabulary.codes(ids)] = array
    return out


def _no_ids(items: Vocabulary) -> pl.Series:
    return items.ids.head(0)


def suits(groups: KeptGroups, channel: Channel) -> bool:
    """Whether groups that were kept are those that this channel counts."""
    return channel.plain and channel.group == "user" and groups.most == channel.max_length
