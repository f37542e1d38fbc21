"""Histories are what a loop over each user's events says, and exclusion sees all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import DAY, START, make_log
from spadework.errors import BadRequest
from spadework.models.base import Recommender, models
from spadework.models.histories import DistinctItems, Histories
from spadework.models.scorer import ByFunction

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 9), st.integers(0, 6), st.sampled_from([0.5, 1.0, 3.0])
    ),
    min_size=1,
    max_size=120,
)


def by_loops(
    log, user: int, half_life: float | None = None
) -> dict[int, tuple[int, int, int, float]]:
    """Item → age in steps, age in seconds, events, Σ of decayed weights."""
    rows = range(log.starts[user], log.starts[user + 1])
    times = [0 if log.times is None else int(log.times[row]) for row in rows]
    timestamps = sorted(set(times), reverse=True)
    found: dict[int, tuple[int, int, int, float]] = {}
    for row, time in zip(rows, times, strict=True):
        ago = timestamps[0] - time
        weight = (1.0 if log.weights is None else float(log.weights[row])) * (
            0.5 ** (ago / half_life) if half_life else 1.0
        )
        _, _, events, total = found.get(int(log.items[row]), (0, 0, 0, 0.0))
        found[int(log.items[row])] = timestamps.index(time), ago, events + 1, total + weight
    return found


def entries_of(histories: Histories, row: int) -> dict[int, tuple[int, int, int, float]]:
    entries = slice(histories.starts[row], histories.starts[row + 1])
    columns = (
        histories.items,
        histories.ages,
        histories.seconds,
        histories.counts,
        histories.values,
    )
    return {
        int(i): (int(a), int(s), int(c), float(v))
        for i, a, s, c, v in zip(*(column[entries] for column in columns), strict=True)
    }


def close(found, expected) -> None:
    assert list(found) == sorted(expected), "each item once, codes ascending"
    for item, (*rest, value) in expected.items():
        assert list(found[item][:3]) == rest
        assert found[item][3] == pytest.approx(value, rel=1e-6)


@given(EVENTS, st.booleans(), st.booleans(), st.sampled_from([None, 3.0, 86_400.0]))
def test_histories_are_what_loops_over_events_give(events, timed, weighted, half_life):
    users, items, times, weights = zip(*events, strict=True)
    seconds = [START + time * DAY for time in times] if timed else None
    log = make_log(users, items, seconds, weights=weights if weighted else None)
    users_of_rows = np.asarray([*reversed(range(log.user_count)), 0], np.int32)
    histories = Histories.of(log, users_of_rows, half_life=half_life)
    assert len(histories) == len(users_of_rows)
    for row, user in enumerate(users_of_rows):
        close(entries_of(histories, row), by_loops(log, user, half_life))


def test_long_histories_are_gathered_in_the_same_way():
    rng = np.random.default_rng(0)
    log = make_log(
        ["one"] * 5000, rng.integers(0, 700, 5000), (START + rng.integers(0, 1000, 5000)).tolist()
    )
    close(entries_of(Histories.of(log, np.asarray([0])), 0), by_loops(log, 0))


def test_ages_are_distances_of_positions(shop):
    histories = Histories.of(shop, shop.active_users)
    steps = shop.steps
    for row, user in enumerate(shop.active_users):
        events = np.arange(shop.starts[user], shop.starts[user + 1])
        for item, (age, _, _, _) in entries_of(histories, row).items():
            assert age == steps[events[-1]] - steps[events[shop.items[events] == item]].max()


def test_users_without_events_have_empty_histories(shop):
    empty = shop.where(np.zeros(len(shop), np.bool_))
    histories = Histories.of(empty, np.asarray([0, 3]))
    assert histories.starts.tolist() == [0, 0, 0]
    assert len(histories.latest(2).items) == 0
    assert len(Histories.of(shop, np.zeros(0, np.int32))) == 0


@given(EVENTS, st.integers(1, 12))
def test_latest_keeps_the_newest_items_and_of_equals_the_lower_codes(events, count):
    users, items, times, _ = zip(*events, strict=True)
    log = make_log(users, items, [START + time for time in times])
    histories = Histories.of(log, log.active_users)
    cut = histories.latest(count)
    for row in range(len(histories)):
        entries = entries_of(histories, row)
        best = sorted(entries, key=lambda item: (entries[item][0], item))[:count]
        assert entries_of(cut, row) == {item: entries[item] for item in sorted(best)}


def test_rows_can_be_taken_in_any_order(shop):
    histories = Histories.of(shop, shop.active_users)
    chosen = histories.take(np.asarray([4, 0, 4]))
    assert [entries_of(chosen, row) for row in range(3)] == [
        entries_of(histories, row) for row in (4, 0, 4)
    ]


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_no_time_is_refused(shop, half_life):
    with pytest.raises(BadRequest, match="The half life is"):
        Histories.of(shop, shop.active_users, half_life=half_life)


def test_the_latest_of_nothing_are_refused(shop):
    with pytest.raises(BadRequest, match="The newest 0 items are asked for"):
        Histories.of(shop, shop.active_users).latest(0)


@pytest.fixture
def last_only():
    """A model that reads affinities and scores by the newest item only; it leaves the registry with
    the test.
    """

    class LastOnly(Recommender):
        """Every item by how near its code is to the newest item's."""

        name = "last_only"

        def _fit(self, train, content, rng):
            return {}

        def _serve(self, state):
            return ByFunction(self._score, len(state["popularity"]), DistinctItems(60.0))

        def _score(self, histories):
            assert (histories.values <= histories.counts).all()
            last = histories.latest(1).items
            return -np.abs(np.arange(len(self.item_vocabulary)) - last[:, None]).astype(np.float32)

    yield LastOnly
    del models._entries["last_only"]


def test_a_model_may_read_affinities_and_all_items_stay_excluded(last_only):
    log = make_log(["a"] * 3 + ["b"] * 4, [1, 2, 5, 0, 3, 4, 6], [START + n * 60 for n in range(7)])
    lists = last_only().fit(log).recommend(log, 7, repeats="forbid", fill=False)
    for user, items in enumerate(lists.items):
        assert not set(items.tolist()) & set(
            log.items[log.starts[user] : log.starts[user + 1]].tolist()
        )
    assert last_only().fit(log).recommend(log, 1).items.tolist() == [[5], [6]]


def test_lists_do_not_depend_on_how_users_are_cut_into_blocks(last_only, monkeypatch):
    rng = np.random.default_rng(1)
    log = make_log(
        rng.integers(0, 900, 4000),
        rng.integers(0, 50, 4000),
        (START + rng.permutation(4000)).tolist(),
    )
    one = last_only().fit(log)
    uncut = one.recommend(log, 5)
    monkeypatch.setattr("spadework.models.requests.BLOCK_CELLS", 50)
    assert one.recommend(log, 5).frame().equals(uncut.frame())
