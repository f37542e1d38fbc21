"""The span that holds the events: a few stray rows move neither its end nor its beginning."""

from __future__ import annotations

import numpy as np
import pytest

from makers import DAY, START, make_log
from spadework.data import spans, splitting
from spadework.data.spans import end_of_days, span_of
from spadework.errors import BadRequest
from spadework.models.cooccurrence.counts import count
from spadework.models.labels import model
from spadework.models.newest_span import in_window

HUNDRED = START + np.sort(np.random.default_rng(0).integers(0, 100 * DAY, 4_000))
FIRST, LAST = int(HUNDRED[0]), int(HUNDRED[-1])


@pytest.mark.parametrize(
    ("strays", "span"),
    [
        ([], (FIRST, LAST)),
        ([LAST + 70 * DAY], (FIRST, LAST)),
        ([LAST + 20 * DAY, LAST + 21 * DAY, LAST + 400 * DAY], (FIRST, LAST)),
        ([946_684_800], (FIRST, LAST)),
        ([946_684_800, LAST + 70 * DAY], (FIRST, LAST)),
        ([LAST + DAY // 2], (FIRST, LAST + DAY // 2)),
        ([FIRST - 2 * DAY], (FIRST - 2 * DAY, LAST)),
        ([LAST + (70 + n) * DAY for n in range(5)], (FIRST, LAST + 74 * DAY)),
    ],
    ids=["none", "one late", "three late", "2000-01-01", "both", "near", "early", "too many"],
)
def test_rows_far_from_all_others_do_not_count(strays, span):
    assert span_of(np.concatenate((HUNDRED, np.asarray(strays, np.int64)))) == span


@pytest.mark.parametrize("seed", range(40))
def test_the_end_is_found_from_days(seed):
    """The first and last time and the rows of each day say where the log ends."""
    rng = np.random.default_rng(seed)
    times = START + rng.integers(0, rng.integers(1, 200) * DAY, rng.integers(1, 3_000))
    gaps = np.cumsum(rng.choice([0, 0, 0, 5, 40], 4)) * DAY * rng.integers(0, 3)
    few = START + 200 * DAY + gaps + rng.integers(0, DAY, 4)
    times = np.sort(np.concatenate([times, few[: rng.integers(0, 5)]]))
    days, first, rows = np.unique(times // DAY, return_index=True, return_counts=True)
    assert end_of_days(rows, times[first], times[first + rows - 1]) == span_of(times)[1]
    assert len(days) == len(rows)


def test_a_long_pause_within_the_log_is_no_end():
    paused = np.where(HUNDRED > START + 50 * DAY, HUNDRED + 40 * DAY, HUNDRED)
    assert span_of(paused) == (int(paused[0]), int(paused[-1]))
    last = int(paused[-1])
    assert span_of(np.append(paused, last + 60 * DAY)) == (FIRST, last + 60 * DAY), (
        "a pause of sixty days is no longer than three times another one"
    )
    assert span_of(np.append(paused, last + 130 * DAY))[1] == last


@pytest.mark.parametrize("times", [[], [5], [3, 1], list(range(300)), [START] * 300])
def test_other_times_have_the_span_of_the_smallest_and_the_largest(times):
    times = np.asarray(times, np.int64)
    assert span_of(times) == ((int(times.min()), int(times.max())) if len(times) else (0, 0))


@pytest.mark.parametrize("seed", range(6))
def test_the_glance_at_days_agrees_with_sorting(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    body = START + rng.integers(0, 40 * DAY, 600)
    cases = [
        np.concatenate((body, [START + 40 * DAY + late], [START - early]))
        for late in (1, 2 * DAY, 3 * DAY - 1, 3 * DAY + 2, 4 * DAY, 30 * DAY)
        for early in (1, 2 * DAY, 3 * DAY + 1, 20 * DAY)
    ]
    found = [span_of(times) for times in cases]
    monkeypatch.setattr(spans, "_has_no_pause", lambda times, first, last: False)
    assert found == [span_of(times) for times in cases]


def test_a_log_without_a_pause_is_not_sorted(monkeypatch):
    times = np.append(HUNDRED, START + 101 * DAY + DAY // 2)  # the last day has one row
    monkeypatch.setattr(np, "sort", lambda times: pytest.fail("sorted"))
    assert span_of(times) == (FIRST, int(times[-1]))


def stray_log(extra):
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 80, len(HUNDRED)), rng.integers(0, 40, len(HUNDRED))
    # what is popular changes every twenty days
    items = items + 40 * ((HUNDRED - START) // (20 * DAY))
    return make_log([*users, *[0] * len(extra)], [*items, *[999] * len(extra)],
                    [*HUNDRED, *extra])  # fmt: skip


@pytest.mark.parametrize("label", ["popular(window=7d)", "popular(half_life=7d)",
    "cooccurrence(age_half_life=7d)", "forward-ridge(age_half_life=7d)"])  # fmt: skip
def test_models_of_the_last_days_learn_the_same_with_a_stray_row(label):
    clean, stray = stray_log([]), stray_log([LAST + 70 * DAY])
    known = clean.of_user_codes(clean.active_users[1:20])
    lists = [
        model(label).fit(log, rng=0).recommend(known, 5).frame()["item_id"].to_list()
        for log in (clean, stray)
    ]
    assert lists[0] == lists[1]
    assert 999 not in lists[1]


def test_the_last_days_end_where_the_log_does():
    clean, stray = stray_log([]), stray_log([LAST + 70 * DAY])
    newest = in_window(stray, "2d")
    assert len(newest) < 200, "too few for any row to be stray"
    assert newest.end == stray.end == LAST
    assert newest.span == in_window(clean, "2d").span
    assert in_window(stray, "900d").span == stray.span


def test_counts_of_a_part_with_the_stray_row_have_the_end_of_the_whole():
    log, decayed = stray_log([LAST + 70 * DAY]), model("cosine(age_half_life=7d)")
    odd = (np.arange(log.user_count) % 2 == 1)[log.users]
    parts = [log.where(odd), log.where(~odd).where(log.where(~odd).times > LAST - DAY)]
    assert parts[1].end > log.end, "there it is not stray"
    for part in parts:
        assert count(decayed, part, now=log.end).now == log.end
    with pytest.raises(BadRequest, match="and the log has events up to"):
        count(decayed, log, now=log.end - 3 * DAY)


def test_a_test_span_in_days_ends_where_the_log_does():
    clean, stray = (
        splitting.by_time(stray_log(extra), test="7d", valid="7d")
        for extra in ([], [LAST + 70 * DAY])
    )
    assert len(stray.expected) == len(clean.expected) + 1
    assert len(stray.train) == len(clean.train)
    assert stray.description == clean.description
    assert len(stray.valid.expected) == len(clean.valid.expected)
