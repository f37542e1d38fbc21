"""Held fitted models: found by what they learned, within a memory limit, and equal to a new fit."""

from __future__ import annotations

import numpy as np
import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol, trial
from spadework.models.base import Recommender
from spadework.models.base import models as catalogue_models
from spadework.models.labels import model
from spadework.workbench.search import held
from spadework.workbench.search.held import Held


def test_what_learns_the_same_is_found(shop):
    kept = Held()
    assert kept.find(model("cosine")) is None
    kept.hold(model("cosine").fit(shop))
    assert kept.find(model("cosine", history=0.5)) is not None, "it differs only in answering"
    assert kept.find(model("cosine", shrink=5.0)) is None
    kept.let_go()
    assert kept.find(model("cosine")) is None


@pytest.mark.parametrize("name", ["blend", "boosted"])
def test_a_mixture_of_kept_parts_is_the_one_that_fits_them_itself(name, world):
    """Also where a part draws at random: mixtures of one model draw the same numbers."""
    split = splitting.by_time(world("order").log, test=0.2)
    protocol = Protocol.of(split, metrics=["ndcg@10"], seed=3)
    kept = Held()
    first = model(name, parts="elsa + cosine")
    assert kept.parts(first) == []
    trial(first, protocol, rng=3)
    kept.hold_parts(first)
    wanted = model(name, parts="cosine + popular + elsa")
    ready = kept.parts(wanted)
    assert [part.label for part in ready] == ["cosine", "elsa"]
    reused, alone = (
        trial(mixture, protocol, rng=3, ready=parts)
        for mixture, parts in ((wanted, ready), (wanted.sharing(), []))
    )
    assert reused.state == alone.state == "done"
    assert np.array_equal(reused.values["ndcg@10"], alone.values["ndcg@10"])
    other = model(
        "prior" if name == "blend" else "blend",
        parts="elsa" if name == "blend" else "elsa + cosine",
    )
    drawn = [part.label for part in kept.parts(other) if part.label == "elsa"]
    assert drawn == [], "another mixture model draws other numbers"


def test_the_least_recently_used_goes_first(shop, monkeypatch):
    first, second, third = (model("cosine", shrink=float(shrink)).fit(shop) for shrink in (1, 2, 3))
    size = held._bytes([first])
    monkeypatch.setattr(held, "MOST_BYTES", int(2.5 * size))
    kept = Held()
    kept.hold(first)
    kept.hold(second)
    assert kept.find(bare(first)) is first
    kept.hold(third)
    assert kept.find(bare(second)) is None
    assert kept.find(bare(first)) is first
    assert kept.find(bare(third)) is third


def test_an_array_that_models_share_counts_once(shop):
    fitted = model("cosine").fit(shop)
    assert held._bytes([fitted, fitted.sharing(history=0.5)]) == held._bytes([fitted])


def bare(fitted: Recommender) -> Recommender:
    return type(fitted)(**fitted.params)


def test_an_index_counts_as_memory_of_its_model(shop, monkeypatch):
    fitted, kept = model("tifu-knn").fit(shop), Held()
    learned = sum(array.nbytes for array in fitted.state.values())
    monkeypatch.setattr(held, "MOST_BYTES", int(1.2 * learned))
    kept.hold(fitted)
    assert kept.find(fitted) is fitted
    fitted.recommend(shop, 3)  # builds the index, which is as large as what was learned
    kept.hold(fitted)
    assert kept.find(fitted) is None


def test_what_was_fitted_alone_is_a_part_of_any_mixture_if_it_draws_nothing(shop):
    kept = Held()
    kept.hold(model("tifu-knn").fit(shop, rng=1))
    kept.hold(model("elsa", epochs=1).fit(shop, rng=1))
    mixture = model('blend(parts="tifu-knn(own_share=0.5) + elsa(epochs=1) + popular")')
    assert [part.label for part in kept.parts(mixture)] == ["tifu-knn(own_share=0.5)"]
    again = model('blend(parts="tifu-knn(own_share=0.5) + elsa(epochs=1) + popular")')
    again.fit_over(kept.parts(mixture), shop, rng=3)
    assert again == mixture.fit(shop, rng=3)


def test_models_that_draw_nothing_learn_the_same_from_any_seed(shop, shelves):
    for name, kind in catalogue_models.items():
        if issubclass(kind, held.DRAW_NOTHING):
            assert model(name).fit(shop, shelves, rng=1) == model(name).fit(shop, shelves, rng=2)
