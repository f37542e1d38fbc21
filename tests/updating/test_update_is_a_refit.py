"""The law of updates: a model that took new events is the model of the whole log, to 1e-6."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from makers import DAY, START, content_of, make_log, random_rows
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import SpadeworkError
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence import standing
from spadework.models.counting.kept_groups import KeptGroups
from spadework.models.labels import model
from spadework.workbench.updating.additive_models import Change, Statistics, made, way_of

CLOSE = 1e-6
PAIRS = (
    "cosine", "raw", "confidence", "forward", "p3alpha", "rp3beta", "sequential-rules",
    "association-rules",
)  # fmt: skip
SETTINGS = [
    *({"model": name, "keep": keep} for name in PAIRS for keep in (3, 1000)),
    {"model": "cosine", "keep": 4, "max_length": 5},
    {"model": "cosine", "keep": 4, "group": "basket"},
    {"model": "cosine", "keep": 4, "group": "session", "session_gap": "3d"},
    {"model": "cosine", "keep": 4, "entry": "log"},
    {"model": "cosine", "keep": 4, "keep_columns": 6, "normalise": True},
    {"model": "cosine(weight=asymmetric, left_power=0.7, keep=4)"},
    {"model": "forward", "keep": 4, "gap_half_life": "3d", "max_distance": 4},
    *({"model": name, "keep": keep} for name in ("jaccard", "lift", "sar") for keep in (3, 1000)),
    *({"model": "cosine", "keep": 3, "weight": name} for name in ("dice", "inclusion")),
    *(
        {"model": "cosine", "keep": 3, "weight": name, "shrink": 2.0}
        for name in ("cosine", "lift", "jaccard", "confidence", "discounted", "power")
    ),
    {"model": "jaccard", "keep": 3, "max_length": 4},
    {"model": "popular"},
    {"model": "p-topfreq"},
    {"model": "gp-topfreq"},
    {"model": "personal"},
    {"model": "tifu-knn"},
    {"model": "tifu-knn", "form": "code", "within": 0.8},
    {"model": "up-cf", "max_baskets": 3},
    {"model": "popular_by_category"},
    {"model": "personal", "interval": 0.5, "shrinkage": 0.0},
]


def log_of(seed: int, rows: int = 400) -> Interactions:
    users, items, times = random_rows(seed, rows=rows, items=25)
    rng = np.random.default_rng(seed)
    return make_log(
        users,
        items,
        times,
        weights=rng.integers(1, 20, rows) / 4,
        baskets=(np.asarray(times) // (7 * DAY)).tolist(),
    )


def own_ids(log: Interactions) -> Interactions:
    users, items = (
        Vocabulary(vocabulary.take(np.unique(codes)))
        for vocabulary, codes in (
            (log.user_vocabulary, log.users),
            (log.item_vocabulary, log.items),
        )
    )
    return log.recoded(users, items)


def until(log: Interactions, day: float) -> Interactions:
    assert log.times is not None
    return own_ids(log.where(log.times < START + day * DAY))


def is_the_same(one: Recommender, other: Recommender) -> None:
    assert one.item_vocabulary == other.item_vocabulary
    assert one.state.keys() == other.state.keys()
    np.testing.assert_array_equal(one.state["popularity"], other.state["popularity"])
    names = set(one.state) - {"popularity"}
    if {"starts", "columns", "values"} <= names:
        same_table(one, other)
        names -= {"starts", "columns", "values"}
    for name in names:
        np.testing.assert_allclose(one.state[name], other.state[name], rtol=CLOSE, atol=CLOSE)


def same_table(one: Recommender, other: Recommender) -> None:
    """Equal rows; among equal values at the end of a row either may stay."""
    items = len(one.item_vocabulary)
    rows = [
        csr_array(
            (found.state["values"], found.state["columns"], found.state["starts"]), (items, items)
        ).toarray()
        for found in (one, other)
    ]
    np.testing.assert_allclose(
        *(-np.sort(-dense, axis=1) for dense in rows), rtol=CLOSE, atol=CLOSE
    )
    differ = ~np.isclose(*rows, rtol=1e-5, atol=1e-6)
    for row in np.flatnonzero(differ.any(axis=1)):
        tied = np.concatenate([dense[row][differ[row]] for dense in rows])
        assert np.ptp(tied[tied > 0]) <= 1e-5 * tied.max()


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@given(seed=st.integers(0, 10_000), day=st.floats(60, 99))
@settings(max_examples=10, deadline=None)
def test_an_update_is_a_fit_of_the_whole_log(setting, seed, day):
    chosen = dict(setting)
    one = model(chosen.pop("model"), **chosen)
    assert not isinstance(way_of(one), str)
    spare = standing.LEAST_SPARE, standing.SPARE
    standing.LEAST_SPARE, standing.SPARE = 1, 0.0  # so that bounds decide
    try:
        log = log_of(seed)
        was = until(log, day)
        learned = made(one, None, None, was, content_of(was), 0)
        is_the_same(learned.model, model(one.label).fit(was, content_of(was)))
        groups = None
        if getattr(one, "channel", None) is not None and one.channel.plain:
            groups = KeptGroups.of(was, one.channel)
        for later in (0.5 * (day + 100), 101):  # twice, from what the first left
            now = until(log, later)
            change = Change.of(was, now, groups)
            learned = made(one, learned.statistics, change, now, content_of(now), 0)
            is_the_same(learned.model, model(one.label).fit(now, content_of(now)))
            was = now
    finally:
        standing.LEAST_SPARE, standing.SPARE = spare


def test_every_model_says_how_it_takes_new_events():
    log = log_of(3)
    was = until(log, 90)
    change = Change.of(was, own_ids(log))
    for name, cls in catalogue().items():
        if cls.neural or cls.composed:
            assert isinstance(way_of(cls()), str)
            continue
        try:
            fitted = model(name).fit(own_ids(log), None, rng=0)
        except SpadeworkError:
            continue  # it needs content
        first = made(model(name), None, None, was, None, 0)
        found = made(model(name), first.statistics, change, own_ids(log), None, 0)
        assert found.says
        assert found.says.startswith("fitted again: ") == isinstance(way_of(fitted), str)
        if isinstance(way_of(fitted), str):
            assert found.model == fitted
        else:
            is_the_same(found.model, fitted)


def test_a_weight_that_grows_with_its_partner_is_fitted_again():
    """A bound on pairs of which nothing new is known says nothing of them then."""
    one = model("cosine", weight="asymmetric", left_power=1.5, keep=2)
    assert way_of(one) == "the weight 'asymmetric' grows with the size of an item here"


def test_what_was_kept_survives_a_disk(tmp_path):
    from spadework.workbench.updating import generations

    log, one = log_of(5), model("cosine", keep=3)
    was = until(log, 90)
    kept = made(one, None, None, was, None, 0).statistics
    generations.write_statistics(tmp_path, {"cosine": kept})
    generations.write_groups(tmp_path, KeptGroups.of(was, one.channel))
    (tmp_path / "made.json").write_text('{"statistics": {"cosine": "0"}}')
    found = generations.Generation(tmp_path, 1)
    again = found.statistics("cosine")
    assert isinstance(again, Statistics)
    change = Change.of(was, own_ids(log), found.groups())
    updated = made(one, again, change, own_ids(log), None, 0)
    is_the_same(updated.model, model("cosine", keep=3).fit(own_ids(log)))


def test_a_row_whose_pairs_fall_far_is_counted_again():
    """A bound is never trusted beyond what it says: a new event of many users lifts a pair that was
    not kept.
    """
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(400), 6)
    items = rng.integers(0, 300, len(users))
    times = START + rng.integers(0, 50 * DAY, len(users))
    late = np.arange(0, 400)
    log = make_log(
        np.concatenate([users, late, late]).tolist(),
        np.concatenate([items, np.full(400, 7), np.full(400, 11)]).tolist(),
        np.concatenate([times, np.full(400, START + 90 * DAY), np.full(400, START + 91 * DAY)]),
    )
    was = until(log, 60)
    one = model("cosine", keep=20)
    kept = made(one, None, None, was, None, 0).statistics
    change = Change.of(was, own_ids(log), KeptGroups.of(was, one.channel))
    found = made(one, kept, change, own_ids(log), None, 0)
    is_the_same(found.model, model("cosine", keep=20).fit(own_ids(log)))
    assert "counted again, of" in found.says
