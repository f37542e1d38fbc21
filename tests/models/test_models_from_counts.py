"""Models that learn from counts are those that learn from the log; all others are refused."""

from __future__ import annotations

import numpy as np
import pytest

import spadework as sw
from makers import DAY, START, make_log, random_rows
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, Unsuitable
from spadework.models.base import Recommender
from spadework.models.cooccurrence.counts import channel_of, count, fit, merge
from spadework.models.counting.learning_from_counts import FromCounts

SETTINGS = sorted(
    {
        sw.model(name, **params).label
        for name, of in sw.catalogue().items()
        for params in of.variants()
    }
)
LEARNS = (
    "cooccurrence",
    "raw",
    "cosine",
    "forward",
    "sar",
    "ease",
    "edlae",
    "mrf",
    "slim",
    "sansa",
)


def shop(rows: int = 700, seed: int = 5) -> Interactions:
    """A log with weights and baskets."""
    users, items, times = random_rows(seed, rows=rows)
    rng = np.random.default_rng(seed)
    return make_log(
        users,
        items,
        times,
        weights=rng.integers(1, 20, rows) / 4,
        baskets=(np.asarray(times) // (7 * DAY)).tolist(),
    )


def from_parts(model: Recommender, log: Interactions, parts: int = 3) -> Recommender:
    return fit(model, merge(*(count(model, log, part=(k, parts)) for k in range(parts))))


def alike(fitted: Recommender, expected: Recommender, log: Interactions) -> None:
    """Equal arrays where counts are whole; else equal scores of all items, in their order."""
    if channel_of(expected).plain:
        assert fitted == expected
        assert all(
            fitted.state[name].dtype == array.dtype for name, array in expected.state.items()
        )
        return
    mine, yours = (one.recommend(log, log.item_count) for one in (fitted, expected))
    np.testing.assert_allclose(mine.scores, yours.scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("label", SETTINGS)
def test_a_setting_learns_from_counts_or_is_refused(label):
    log, model = shop(), sw.model(label)
    learns = isinstance(model, FromCounts) and "content" not in model.required()
    if not learns or model.counted.entry in ("tfidf", "bm25"):
        with pytest.raises(Unsuitable, match=r"from counts|reads content|with every user") as told:
            count(model, log)
        assert told.value.hint
        return
    alike(from_parts(sw.model(label), log), sw.model(label).fit(log), log)


def test_the_models_of_pairs_and_of_the_gram_matrix_learn_from_counts():
    for name in LEARNS:
        assert isinstance(sw.model(name), FromCounts)
        assert channel_of(sw.model(name))
    for name in ("cease", "add-ease", "forward-ridge", "popular", "ials", "cross-occurrence"):
        with pytest.raises(Unsuitable, match=r"does not learn from counts|reads content"):
            channel_of(sw.model(name))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ease", {"l2": 3.0}),
        ("ease", {"group": "basket", "relaxation": 0.3, "item_power": 0.3}),
        ("ease", {"group": "session", "keep": 5}),
        ("ease", {"entry": "value", "group_power": 0.5}),
        ("ease", {"age_half_life": "20d"}),
        ("ease", {"max_length": 3}),
        ("edlae", {"entry": "count", "group": "basket", "group_power": 1.0}),
        ("mrf", {"group_power": 0.0, "item_power": 0.3}),
        ("mrf", {"group_power": 0.0, "max_length": 3, "neighbours": 5}),
        ("mrf", {"age_half_life": "20d", "share": 0.5, "pair_power": 0.0}),
        ("slim", {"group_power": 0.0, "keep": 6}),
        ("slim", {"group_power": 1.0, "scale_power": 0.5}),
        ("sansa", {"group_power": 0.0, "ordering": "rare", "least": 4}),
        ("sansa", {"age_half_life": "40d"}),
    ],
)
def test_a_gram_matrix_from_counts_is_that_of_the_log(name, params):
    log = shop(1500)
    alike(from_parts(sw.model(name, **params), log), sw.model(name, **params).fit(log), log)


def test_one_count_fits_many_models():
    """Users by pairs of items are the same for cosine, EASE and a sparse model of whole users."""
    log = shop()
    counts = count(sw.model("cosine"), log)
    for name, params in (
        ("jaccard", {}),
        ("ease", {}),
        ("edlae", {}),
        ("slim", {"group_power": 0}),
    ):
        model = fit(sw.model(name, **params), counts)
        assert model == sw.model(name, **params).fit(log)


def test_what_counts_do_not_tell_is_refused_by_name():
    log = shop()
    for name in ("ease", "slim"):
        with pytest.raises(Unsuitable, match="learns from the last span of a log"):
            count(sw.model(name, window="30d"), log)
    with pytest.raises(Unsuitable, match="entries of weight 'log' fade with their age"):
        count(sw.model("ease", entry="log", age_half_life="30d"), log)
    with pytest.raises(BadRequest, match=r"made with group_power 0.0, and 'mrf' has 0.3"):
        fit(sw.model("mrf"), count(sw.model("ease"), log))
    nobody = make_log(["a"], ["x"], [START]).with_items(["y"])
    with pytest.raises(Unsuitable, match="with l2=0 the matrix of the items cannot be inverted"):
        fit(sw.model("ease", l2=0.0), count(sw.model("ease"), nobody))
