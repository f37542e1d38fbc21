"""Facts and series of a log, by hand and in any size."""

from __future__ import annotations

import json

import pytest

from makers import DAY, START, make_log
from spadework.data.worlds.worlds import worlds
from spadework.diagnosis.portrait import POINTS, facts, portrait


def test_facts_by_hand():
    log = make_log(
        ["a", "a", "a", "b"],
        ["x", "x", "y", "x"],
        [START, START + DAY, START + DAY, START + 2 * DAY],
        baskets=[1, 2, 2, 3],
    )
    assert facts(log) == {
        "users": 2,
        "items": 2,
        "rows": 4,
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-01-03T00:00:00Z",
        "median_history": 2.0,
        "mean_history": 2.0,
        "density": 3 / 4,
        "repeat_share": 1 / 4,
        "gini_items": 0.25,
        "head_share": 3 / 4,
        "baskets": 3,
        "median_basket": 1.0,
    }


def test_bins_double():
    log = make_log(
        [f"u{n}" for n in range(6) for _ in range(n + 1)],
        list(range(21)),
        [START + n * 3600 for n in range(21)],
    )
    series = portrait(log)["history_lengths"]
    assert series == {"from": [1, 2, 3, 5], "to": [1, 2, 4, 8], "users": [1, 1, 2, 2]}


@pytest.mark.parametrize("name", list(worlds))
def test_series_add_up_and_stay_short(name, world):
    log = world(name).log
    series = portrait(log)
    assert sum(series["events_over_time"]["rows"]) == len(log)
    assert sum(series["history_lengths"]["users"]) == len(log.active_users)
    assert len(series["popularity"]["rank"]) == len(series["popularity"]["rows"]) <= POINTS
    assert series["popularity"]["rows"] == sorted(series["popularity"]["rows"], reverse=True)
    assert all(0 <= share <= 1 for share in series["drift"]["overlap"])
    assert len(json.dumps(series)) < 20_000


def test_fashion_drifts_and_a_ring_does_not(world):
    def mean(name):
        overlap = portrait(world(name).log)["drift"]["overlap"]
        return sum(overlap) / len(overlap)

    assert mean("popularity") > mean("trend") + 0.2


@pytest.mark.parametrize(
    "log",
    [
        make_log(["a"], ["x"]), make_log(["a"], ["x"], [START]),
        make_log(["a", "b"], ["x", "x"], [0, 1]),
        make_log(["a"], ["x"], [START]).where(make_log(["a"], ["x"]).users < 0),
    ],
    ids=["no times", "one event", "positions", "no rows"],
)  # fmt: skip
def test_the_smallest_logs_have_a_portrait(log):
    series = portrait(log)
    assert json.dumps([facts(log), series], allow_nan=False)
    assert series["drift"] is None
