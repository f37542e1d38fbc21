"""Where counts are whole numbers, a model that took new events has the bits of a fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makers import DAY, START, make_log, random_rows
from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.cooccurrence import standing
from spadework.models.counting.kept_groups import KeptGroups
from spadework.models.labels import model
from spadework.workbench.updating.additive_models import Change, Learned, made

DIVIDED = ("cosine", "raw", "confidence", "cosine(weight=asymmetric, left_power=0.7)")
"""Weights whose rows are divided at the end: they are weighed and divided in one pass."""
WHOLE = ("jaccard", "lift", "cosine(shrink=2)")
"""Weights with the size of the row's own item in them."""
FINISHED = ("cosine(keep_columns=6)", "cosine(normalise=True)")


@pytest.fixture(params=[True, False], ids=["bounds decide", "all pairs kept"])
def bounds_decide(request, monkeypatch):
    """Whether so few pairs are kept that a bound decides, as in long rows."""
    if request.param:
        monkeypatch.setattr(standing, "LEAST_SPARE", 1)
        monkeypatch.setattr(standing, "SPARE", 0.0)
    return request.param


def of(label: str, keep: int) -> Recommender:
    one = model(label)
    return type(one)(**{**one.params, "keep": keep})


def learned(one: Recommender, was: Interactions) -> Learned:
    return made(one, None, None, was, None, 0)


def updated(one: Recommender, kept: Learned, was: Interactions, now: Interactions) -> Learned:
    change = Change.of(was, now, KeptGroups.of(was, one.channel))
    return made(one, kept.statistics, change, now, None, 0)


def has_the_bits_of(found: Recommender, fitted: Recommender, ties: bool = False) -> None:
    """Whether all arrays are equal; with `ties`, others of the least value of a row may be listed:
    a row that is counted again has no order among equal ones.
    """
    assert found.item_vocabulary == fitted.item_vocabulary
    assert found.state.keys() == fitted.state.keys()
    for name, array in fitted.state.items():
        assert found.state[name].dtype == array.dtype
        if not (ties and name in ("columns", "values")):
            np.testing.assert_array_equal(found.state[name], array, err_msg=name)
    starts = fitted.state["starts"]
    for cells in map(slice, starts[:-1], starts[1:]):
        (columns, values), (others, expected) = (
            (one.state["columns"][cells], one.state["values"][cells]) for one in (found, fitted)
        )
        np.testing.assert_array_equal(np.sort(values), np.sort(expected))
        above = values > values.min(initial=np.inf), expected > expected.min(initial=np.inf)
        np.testing.assert_array_equal(columns[above[0]], others[above[1]])
        np.testing.assert_array_equal(values[above[0]], expected[above[1]])


def row(one: Recommender, item: object) -> dict[object, float]:
    """The neighbours of an item, by id."""
    at = one.item_vocabulary.codes(one.item_vocabulary.ids.filter(one.item_vocabulary.ids == item))
    begin, end = one.state["starts"][int(at[0]) :][:2]
    ids = one.item_vocabulary.ids.gather(one.state["columns"][begin:end])
    return dict(zip(ids.to_list(), one.state["values"][begin:end].tolist(), strict=True))


def two_logs(before: dict[str, str], new: dict[str, str]) -> tuple[Interactions, Interactions]:
    """A log and the log a day later: user → items, a letter each."""
    rows = [(user, item, START) for user, items in before.items() for item in items]
    more = [(user, item, START + DAY) for user, items in new.items() for item in items]
    was, now = (make_log(*map(list, zip(*part, strict=True))) for part in (rows, rows + more))
    return was, now


HISTORY = {"u": "abc", "v": "abd", "w": "acd", "x": "bce", "y": "abe", "z": "f"}
DAYS = {
    "new items": {"u": "gh", "new user": "gab"},
    "an item that no one had beside another": {"z": "ab"},
    "new users alone": {"k": "ab", "l": "acf"},
    "an event that was there": {"u": "a"},
    "many more of one item": dict.fromkeys(("u", "v", "w", "k", "l", "m", "n"), "e"),
    "an empty day": {},
}


@pytest.mark.parametrize("label", [*DIVIDED, *WHOLE, *FINISHED])
@pytest.mark.parametrize("keep", [1, 2, 1000])
@pytest.mark.parametrize("day", DAYS)
def test_a_day(label, keep, day, bounds_decide):
    one = of(label, keep)
    was, now = two_logs(HISTORY, DAYS[day])
    found = updated(one, learned(one, was), was, now)
    assert found.says.startswith("took the new events")
    if label not in FINISHED or not bounds_decide:  # finishing depends on which of ties are there
        has_the_bits_of(found.model, of(label, keep).fit(now), ties=bounds_decide)


@pytest.mark.parametrize("label", ["cosine", "jaccard"])
def test_a_row_without_news_changes_where_its_partner_grew(label):
    """No one who has `a` did anything; `b` became common, so `c` is nearer to `a` by now."""
    was, now = two_logs(
        {"u": "ab", "v": "ab", "w": "ac", "x": "c"}, dict.fromkeys("klmnopqrst", "b")
    )
    one = of(label, 1)
    first = learned(one, was)
    assert row(first.model, "a").keys() == {"b"}
    found = updated(one, first, was, now)
    assert row(found.model, "a").keys() == {"c"}
    has_the_bits_of(found.model, of(label, 1).fit(now))


@pytest.mark.parametrize("label", ["cosine", "jaccard"])
def test_an_item_without_events_gets_them(label):
    """The vocabulary held it already: it is that of the whole log."""
    _, now = two_logs(HISTORY, {"u": "g", "new user": "ga"})
    assert now.times is not None
    was = now.where(now.times < START + DAY)
    assert was.item_vocabulary == now.item_vocabulary
    one = of(label, 3)
    found = updated(one, learned(one, was), was, now)
    assert row(found.model, "g").keys() <= set("abc")
    has_the_bits_of(found.model, of(label, 3).fit(now))


@pytest.mark.parametrize("label", [*DIVIDED, *WHOLE])
@pytest.mark.parametrize("keep", [2, 6])
def test_days_one_after_the_other(label, keep, bounds_decide):
    @given(seed=st.integers(0, 10_000), day=st.floats(50, 99))
    @settings(max_examples=15)
    def law(seed, day):
        users, items, times = random_rows(seed, rows=400, items=25)
        log = make_log(users, items, times)
        assert log.times is not None
        one, was = of(label, keep), log.where(log.times < START + day * DAY)
        found = learned(one, was)
        has_the_bits_of(found.model, of(label, keep).fit(was), ties=bounds_decide)
        for later in (0.5 * (day + 100), 101):
            now = log.where(log.times < START + later * DAY)
            found = updated(one, found, was, now)
            has_the_bits_of(found.model, of(label, keep).fit(now), ties=bounds_decide)
            was = now

    law()
