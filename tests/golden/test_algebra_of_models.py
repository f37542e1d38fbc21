"""Each co-occurrence model against its definition in plain Python: loops over pairs of events, on
random small logs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import spadework as sw
from makers import START, content_of, make_log, random_rows
from spadework.models.content_neighbours import content_table
from spadework.models.cooccurrence.mixed_content import CONTENT
from spadework.models.cooccurrence.operator import CoOccurrence

HOUR = 3600
USERS, ITEMS = 5, 6


class Event(NamedTuple):
    user: int
    item: int
    time: int
    weight: float
    basket: int
    step: int  # timestamps of the user before it


# ---- logs, and their events in the order of the log


def logged(rows):
    """A log of rows (user, item, hour, weight, basket); all items of the catalogue are known."""
    return make_log(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [START + row[2] * HOUR for row in rows],
        weights=[row[3] for row in rows],
        baskets=[row[4] for row in rows],
    )


def events_of(log) -> list[Event]:
    events: list[Event] = []
    step, previous = 0, (-1, -1)
    for row in range(len(log)):
        user, time = int(log.users[row]), int(log.times[row])
        step = 0 if user != previous[0] else step + (time != previous[1])
        events.append(
            Event(
                user,
                int(log.items[row]),
                time,
                float(log.weights[row]),
                int(log.baskets[row]),
                step,
            )
        )
        previous = (user, time)
    return events


def groups_of(events: list[Event], group: str, gap: float) -> list[list[Event]]:
    found: dict[Any, list[Event]] = defaultdict(list)
    session = 0
    for at, event in enumerate(events):
        if at and (event.user != events[at - 1].user or event.time - events[at - 1].time > gap):
            session += 1
        found[
            {"user": event.user, "session": session, "basket": (event.user, event.basket)}[group]
        ].append(event)
    return list(found.values())


logs = st.lists(
    st.tuples(
        st.integers(0, USERS - 1),
        st.integers(0, ITEMS - 1),
        st.integers(0, 30),
        st.sampled_from([0.5, 1.0, 2.0, 3.0]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=24,
).map(logged)


# ---- the definition


def kernel(distance: int, shape: str, decay: float, window: int | None) -> float:
    if window is not None and distance > window:
        return 0.0
    if distance == 0:
        return 1.0
    return {
        "same": 1.0,
        "inverse": 1 / distance,
        "log": 1 / math.log10(distance + 1.7),
        "geometric": decay**distance,
    }[shape]


def seconds(text: str | None) -> float:
    return (
        math.inf
        if text is None
        else float(text[:-1]) * {"m": 60, "h": HOUR, "d": 24 * HOUR}[text[-1]]
    )


def entry_weight(
    name: str,
    one: Any,
    group: list[Event],
    item: int,
    groups: list[list[Event]],
    items: int,
    now: int,
) -> float:
    own = [event for event in group if event.item == item]
    count = len(own)
    size = len({event.item for event in group})
    known = len({event.item for group in groups for event in group})
    idf = max(math.log(known / (1 + size)), 0.0)
    if name == "bm25":
        holders = sum(any(event.item == item for event in other) for other in groups)
        mean = sum(len({event.item for event in other}) for other in groups) / known
        return (
            count
            * (one.bm25_k1 + 1)
            / (one.bm25_k1 * (1 - one.bm25_b + one.bm25_b * holders / mean) + count)
            * idf
        )
    return {
        "binary": 1.0,
        "count": count,
        "root": math.sqrt(count),
        "log": 1 + math.log(count),
        "tfidf": math.sqrt(count) * idf,
        "value": sum(event.weight for event in own),
        "recency": 2 ** (-(now - max(event.time for event in own)) / seconds(one.entry_half_life)),
    }[name]


def counted(one: Any, log) -> tuple[np.ndarray, np.ndarray, int]:
    """Counts [items, items], sizes [items] and the number of groups, pair by pair."""
    events = events_of(log)
    now = max(event.time for event in events)
    ordered = (
        one.distance != "same"
        or one.backward != 1
        or one.max_distance is not None
        or one.gap_half_life is not None
    )
    groups = groups_of(events, one.group, seconds(one.session_gap))
    if one.max_length is not None and ordered:
        groups = [group[-one.max_length :] for group in groups]
    counts, sizes = np.zeros((log.item_count, log.item_count)), np.zeros(log.item_count)
    for group in groups:
        newest = {event.item: event for event in group}
        weights = {
            item: entry_weight(one.entry, one, group, item, groups, log.item_count, now)
            for item in newest
        }
        members = group if ordered else list(newest.values())
        for item in newest:
            sizes[item] += weights[item] ** 2
        for a, first in enumerate(members):
            for b, second in enumerate(members):
                if a == b or first.item == second.item:
                    continue
                distance = second.step - first.step
                share = kernel(
                    abs(distance), one.distance, one.distance_decay, one.max_distance
                ) * (one.backward if distance < 0 else 1.0)
                share *= 2 ** (-abs(second.time - first.time) / seconds(one.gap_half_life))
                share *= 2 ** (-(now - max(first.time, second.time)) / seconds(one.age_half_life))
                share *= (
                    len(members) ** -one.group_power * weights[first.item] * weights[second.item]
                )
                counts[first.item, second.item] += share
    return counts, sizes, len(groups)


def similarity(one: Any, joint: float, left: float, right: float, groups: int) -> float:
    if joint < max(one.support, 1e-30):
        return 0.0
    if one.llr and surprise(joint, left, right, groups) < one.llr:
        return 0.0
    a, b, s = one.left_power, one.right_power, one.shrink
    return {
        "raw": joint * joint / (joint + s),
        "cosine": joint / (math.sqrt(left * right) + s),
        "confidence": joint / (left + s),
        "jaccard": joint / (max(left + right - joint, joint) + s),
        "lift": joint * groups / (left * right + s),
        "power": joint / (left**a * right**b + s),
    }[one.weight]


def surprise(joint: float, left: float, right: float, groups: int) -> float:
    """Log-likelihood ratio of the four cells, below zero where the two occur together less
    often than by chance.
    """
    cells = [joint, left - joint, right - joint, groups - left - right + joint]
    by_chance = [
        left * right,
        left * (groups - right),
        (groups - left) * right,
        (groups - left) * (groups - right),
    ]
    total = 2 * sum(
        cell * math.log(cell * groups / chance)
        for cell, chance in zip(cells, by_chance, strict=True)
        if cell > 0
    )
    return total if joint * groups > left * right else -total


def defined(one: Any, log) -> np.ndarray:
    """The complete table before pruning."""
    counts, sizes, groups = counted(one, log)
    sizes = np.maximum(sizes, 1e-12)
    values = np.zeros_like(counts)
    for i in range(log.item_count):
        for j in range(log.item_count):
            if i != j and counts[i, j] > 0:
                values[i, j] = similarity(one, counts[i, j], sizes[i], sizes[j], groups)
    return values


def table(one, log, content=None) -> np.ndarray:
    state = one.fit(log, content).state
    dense = np.zeros((log.item_count, log.item_count))
    rows = np.repeat(np.arange(log.item_count), np.diff(state["starts"]))
    dense[rows, state["columns"]] = state["values"]
    return dense


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7)


def cooccurrence(**params: Any):
    return sw.model("cooccurrence", **params)


# ---- the settings of the operator


half_lives = st.sampled_from([None, "2h", "50h"])
channels = st.fixed_dictionaries(
    {},
    optional={
        "group": st.sampled_from(["user", "session", "basket"]),
        "session_gap": st.sampled_from(["1h", "5h"]),
        "max_distance": st.sampled_from([None, 1, 2]),
        "distance": st.sampled_from(["same", "inverse", "log", "geometric"]),
        "distance_decay": st.sampled_from([0.5, 0.9]),
        "backward": st.sampled_from([0.0, 0.3, 1.0]),
        "gap_half_life": half_lives,
        "age_half_life": half_lives,
        "group_power": st.sampled_from([0.0, 0.5, 1.0]),
        "entry": st.sampled_from(
            ["binary", "count", "root", "log", "tfidf", "bm25", "value", "recency"]
        ),
        "bm25_k1": st.sampled_from([0.5, 100.0]),
        "bm25_b": st.sampled_from([0.0, 0.8]),
        "entry_half_life": st.sampled_from(["3h", "100h"]),
    },
)
weights = st.fixed_dictionaries(
    {"weight": st.sampled_from(["raw", "cosine", "confidence", "jaccard", "lift", "power"])},
    optional={
        "left_power": st.sampled_from([0.3, 0.7]),
        "right_power": st.sampled_from([0.0, 0.4]),
        "shrink": st.sampled_from([0.0, 3.0]),
    },
)


@settings(max_examples=150)
@given(logs, channels, weights)
def test_every_way_to_count_is_its_double_loop(log, channel, weight):
    one = cooccurrence(**channel, **weight)
    expected = defined(one, log)
    found = table(one, log)
    # sums in float32 lose what is far below their largest part
    smallest = 1e-9 * max(expected.max(initial=0), 1.0)
    same(np.where(found > smallest, found, 0), np.where(expected > smallest, expected, 0))


@given(logs, st.sampled_from(["user", "session", "basket"]), st.sampled_from([2, 3]))
def test_the_newest_events_of_a_group_are_counted_and_the_older_ones_are_not(
    log, group, max_length
):
    one = cooccurrence(
        group=group,
        session_gap="5h",
        max_length=max_length,
        weight="raw",
        distance="inverse",
        backward=0.5,
    )
    same(table(one, log), defined(one, log))


@given(logs, st.sampled_from([1.0, 2.0, 3.0]))
def test_pairs_below_the_support_are_left_out(log, support):
    one = cooccurrence(support=support, weight="cosine")
    same(table(one, log), defined(one, log))


@given(logs, st.sampled_from([0.5, 2.0]))
def test_pairs_that_chance_explains_are_left_out(log, least):
    one = cooccurrence(llr=least, weight="cosine")
    counts, sizes, groups = counted(one, log)
    ratios = [
        surprise(counts[i, j], sizes[i], sizes[j], groups) for i, j in np.argwhere(counts > 0)
    ]
    if all(abs(ratio - least) > 1e-3 for ratio in ratios):
        same(table(one, log), defined(one, log))


@given(logs, st.integers(1, 4))
def test_keep_leaves_the_largest_of_each_row(log, keep):
    one = cooccurrence(weight="confidence", keep=keep)
    found, unpruned = table(one, log), defined(one, log)
    for row, full in zip(found, unpruned, strict=True):
        kept = np.flatnonzero(row)
        np.testing.assert_allclose(row[kept], full[kept], rtol=2e-5)
        np.testing.assert_allclose(
            np.sort(row[kept]), np.sort(full[full > 0])[::-1][:keep][::-1], rtol=2e-5
        )


@given(logs, st.integers(1, 4))
def test_keep_columns_leaves_the_largest_of_each_column_after_the_rows(log, most):
    rows = table(cooccurrence(weight="confidence", keep=4), log)
    found = table(cooccurrence(weight="confidence", keep=4, keep_columns=most), log)
    for column, full in zip(found.T, rows.T, strict=True):
        best = sorted((i for i in range(len(full)) if full[i] > 0), key=lambda i: (-full[i], i))[
            :most
        ]
        assert np.flatnonzero(column).tolist() == sorted(best)
        np.testing.assert_array_equal(column[best], full[best])


@given(logs, st.integers(1, 4))
def test_normalise_makes_rows_sum_to_one_after_pruning(log, most):
    pruned = table(cooccurrence(weight="jaccard", keep_columns=most), log)
    sums = pruned.sum(axis=1, keepdims=True)
    same(
        table(cooccurrence(weight="jaccard", keep_columns=most, normalise=True), log),
        pruned / np.where(sums > 0, sums, 1),
    )


# ---- models fitted together


@settings(max_examples=80)
@given(
    logs,
    st.lists(
        st.tuples(
            channels,
            weights,
            st.sampled_from(
                [{}, {"keep": 2}, {"normalise": True}, {"history": 0.5}, {"max_length": 2}]
            ),
        ),
        max_size=12,
    ),
)
def test_models_fitted_together_are_those_fitted_alone(log, settings_of_models):
    models = [
        cooccurrence(**channel, **weight, **reading)
        for channel, weight, reading in settings_of_models
    ]
    twins = [cooccurrence(**one.params).fit(log) for one in models]
    fitted_together = [one for batch in CoOccurrence.fit_together(models, log) for one in batch]
    assert sorted(one.label for one in fitted_together) == sorted(one.label for one in models), (
        "each model comes once"
    )
    by_label = {twin.label: twin for twin in twins}
    for one in fitted_together:
        twin = by_label[one.label]
        for name in twin.state:
            np.testing.assert_array_equal(
                one.state[name], twin.state[name], err_msg=f"{name} of {one.label}"
            )


# ---- named models


@given(logs)
def test_half_powers_without_direction_and_distance_are_the_cosine_of_columns(log):
    x = (log.matrix().toarray() > 0).astype(float)
    gram = x.T @ x
    norms = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    np.fill_diagonal(gram, 0)
    same(
        table(
            cooccurrence(
                weight="power", left_power=0.5, right_power=0.5, backward=1.0, distance="same"
            ),
            log,
        ),
        gram / np.outer(norms, norms),
    )


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.7, 0.4), (1.4, 0.8)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walks_of_three_steps(seed, alpha, beta):
    """P3α: chances item → user → item, each to the power α. RP3β: columns over c^β, rows to one."""
    log = make_log(*random_rows(seed))
    x = (log.matrix().toarray() > 0).astype(float)
    to_items = (x / x.sum(axis=1, keepdims=True)) ** alpha
    to_users = (x.T / x.sum(axis=0)[:, None]) ** alpha
    walk = to_users @ to_items
    np.fill_diagonal(walk, 0)
    same(table(sw.model("p3alpha", left_power=alpha, group_power=alpha), log), walk)
    walk = walk / x.sum(axis=0) ** beta
    walk /= walk.sum(axis=1, keepdims=True)
    same(
        table(sw.model("rp3beta", left_power=alpha, group_power=alpha, right_power=beta), log), walk
    )


def bm25(counts: np.ndarray, k1: float, b: float) -> np.ndarray:
    """Rows are items, columns users, as implicit weighs them."""
    items = counts.shape[0]
    idf = np.log(items / (1.0 + (counts > 0).sum(axis=0)))
    sizes = (counts > 0).sum(axis=1)
    norm = (1 - b) + b * sizes / sizes.mean()
    return counts * (k1 + 1) / (k1 * norm[:, None] + counts) * np.maximum(idf, 0)


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (100.0, 0.8), (0.3, 0.0)])
def test_bm25_is_not_normalised_and_tfidf_is_a_cosine(k1, b):
    log = make_log(*random_rows(5))
    counts = log.matrix().toarray().T.astype(float)
    weighted = bm25(counts, k1, b)
    gram = weighted @ weighted.T
    np.fill_diagonal(gram, 0)
    same(table(sw.model("item-knn-bm25", bm25_k1=k1, bm25_b=b), log), gram)
    weighted = np.sqrt(counts) * np.maximum(
        np.log(len(counts) / (1.0 + (counts > 0).sum(axis=0))), 0
    )
    weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-12)
    gram = weighted @ weighted.T
    np.fill_diagonal(gram, 0)
    same(table(sw.model("item-knn-tfidf"), log), gram)


def scores_of(one, log, user: int) -> np.ndarray:
    lists = one.recommend_codes(log, log.item_count, users=np.asarray([user], np.int32), fill=False)
    scores = np.zeros(log.item_count)
    found = lists.items[0] >= 0
    scores[lists.items[0][found]] = lists.scores[0][found]
    return scores


@given(logs)
def test_sequential_rules_count_what_follows_within_ten_steps(log):
    events = events_of(log)
    rules = np.zeros((log.item_count, log.item_count))
    for first in events:
        for second in events:
            distance = second.step - first.step
            if first.user == second.user and first.item != second.item and 0 <= distance <= 10:
                rules[first.item, second.item] += 1 / max(distance, 1)
    one = sw.model("sequential-rules")
    same(table(one, log), rules)
    for user in np.unique(log.users):
        own = [event for event in events if event.user == user]
        # among equally new ones the lower code
        last = min(event.item for event in own if event.step == own[-1].step)
        same(scores_of(one, log, int(user)), rules[last])


@given(logs)
def test_sar_is_affinity_times_jaccard(log):
    events = events_of(log)
    users_of_item = [
        {event.user for event in events if event.item == item} for item in range(log.item_count)
    ]
    one = sw.model("sar", history_half_life="20h").fit(log)
    for user in np.unique(log.users):
        own = [event for event in events if event.user == user]
        affinity = np.zeros(log.item_count)
        for event in own:
            affinity[event.item] += event.weight * 2 ** (-(own[-1].time - event.time) / (20 * HOUR))
        expected = np.zeros(log.item_count)
        for i in range(log.item_count):
            for j in range(log.item_count):
                if i != j:
                    expected[j] += (
                        affinity[i]
                        * len(users_of_item[i] & users_of_item[j])
                        / max(len(users_of_item[i] | users_of_item[j]), 1)
                    )
        same(scores_of(one, log, int(user)), expected)


@given(
    logs,
    st.sampled_from(["max", "noisy-or", "sum"]),
    st.sampled_from([1.0, 0.6]),
    st.sampled_from(["once", "count"]),
)
def test_contributions_of_a_history_join_as_set(log, aggregate, history, repeated):
    one = cooccurrence(
        weight="jaccard", aggregate=aggregate, history=history, repeated=repeated
    ).fit(log)
    unpruned = defined(one, log)
    events = events_of(log)
    for user in np.unique(log.users):
        own = [event for event in events if event.user == user]
        contributions: list[list[float]] = [[] for _ in range(log.item_count)]
        for item in {event.item for event in own}:
            times = [event for event in own if event.item == item]
            weight = history ** (own[-1].step - times[-1].step) * (
                len(times) if repeated == "count" else 1
            )
            for other in np.flatnonzero(unpruned[item]):
                contributions[other].append(weight * unpruned[item, other])
        if aggregate == "noisy-or" and any(
            contribution > 0.999 for cell in contributions for contribution in cell
        ):
            continue  # contributions of one are limited to just below it
        join = {
            "sum": sum,
            "max": max,
            "noisy-or": lambda cell: -sum(math.log(1 - contribution) for contribution in cell),
        }[aggregate]
        same(
            scores_of(one, log, int(user)),
            np.array([join(cell) if cell else 0.0 for cell in contributions]),
        )


@given(logs, st.sampled_from([0.5, 4.0]), st.sampled_from([0.0, 0.3]))
def test_items_of_few_events_use_their_content(log, cold, share):
    texts = content_of(log)
    starts, columns, values = content_table(texts, **CONTENT)
    by_content = np.zeros((log.item_count, log.item_count))
    by_content[np.repeat(np.arange(log.item_count), np.diff(starts)), columns] = values
    plain = table(cooccurrence(), log)

    def scaled(dense):
        largest = dense.max(axis=1, initial=0)
        return dense / largest[largest > 0].mean() if (largest > 0).any() else dense

    cold_share = cold / (cold + log.item_counts)
    theta = share + (1 - share) * cold_share
    expected = np.where(
        plain.any(axis=1)[:, None],
        (1 - theta) * scaled(plain) + theta * scaled(by_content),
        scaled(by_content),
    )
    same(table(cooccurrence(content_cold=cold, content_share=share), log, texts), expected)


@example(hours=0)
@given(st.integers(0, 40))
def test_a_pair_is_as_old_as_its_later_event(hours):
    log = make_log(
        ["a", "a", "b"], ["p", "q", "r"], [START, START + hours * HOUR, START + 50 * HOUR]
    )
    found = table(cooccurrence(weight="raw", age_half_life="10h"), log)
    assert found[0, 1] == pytest.approx(2 ** (-(50 - hours) / 10), rel=1e-5)
    assert found[0, 1] == found[1, 0]
    assert found[2].sum() == 0


@given(logs, st.sampled_from(["confidence", "cosine", "inclusion", "jaccard", "dice"]), half_lives)
def test_shares_are_at_most_one_however_old_the_log(log, weight, half_life):
    for group_power in (0.0, 0.5):
        found = table(
            cooccurrence(weight=weight, age_half_life=half_life, group_power=group_power), log
        )
        assert found.max(initial=0) <= 1 + 1e-5
