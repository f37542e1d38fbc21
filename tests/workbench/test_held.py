"""Fitted models that wait: found by what they learned, within a limit of memory, and exactly what a
fit would have made.
"""

from __future__ import annotations

import numpy as np
import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol, trial
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.workbench.search import held
from spadework.workbench.search.held import Held


def test_what_learns_the_same_is_found(shop):
    kept = Held()
    assert kept.find(model("cosine")) is None
    kept.hold(model("cosine").fit(shop))
    assert kept.find(model("cosine", history=0.5)) is not None, "only answers otherwise"
    assert kept.find(model("cosine", shrink=5.0)) is None
    kept.let_go()
    assert kept.find(model("cosine")) is None


@pytest.mark.parametrize("kind", ["blend", "boosted"])
def test_a_mixture_of_kept_parts_is_the_one_that_fits_them_itself(kind, world):
    """Also where a part draws at random: mixtures of a kind draw alike."""
    split = splitting.by_time(world("order").log, test=0.2)
    protocol = Protocol.of(split, metrics=["ndcg@10"], seed=3)
    kept = Held()
    first = model(kind, parts="elsa + cosine")
    assert kept.parts(first) == []
    trial(first, protocol, rng=3)
    kept.hold_parts(first)
    wanted = model(kind, parts="cosine + popular + elsa")
    ready = kept.parts(wanted)
    assert [part.label for part in ready] == ["cosine", "elsa"]
    taken, alone = (
        trial(one, protocol, rng=3, ready=parts)
        for one, parts in ((wanted, ready), (wanted.sharing(), []))
    )
    assert taken.state == alone.state == "done"
    assert np.array_equal(taken.values["ndcg@10"], alone.values["ndcg@10"])
    other = model(
        "prior" if kind == "blend" else "blend",
        parts="elsa" if kind == "blend" else "elsa + cosine",
    )
    assert kept.parts(other) == [], "another kind draws otherwise"


def test_what_was_not_used_for_longest_goes_first(shop, monkeypatch):
    one, two, three = (model("cosine", shrink=float(shrink)).fit(shop) for shrink in (1, 2, 3))
    size = held._bytes([one])
    monkeypatch.setattr(held, "MOST_BYTES", int(2.5 * size))
    kept = Held()
    kept.hold(one)
    kept.hold(two)
    assert kept.find(bare(one)) is one
    kept.hold(three)
    assert kept.find(bare(two)) is None
    assert kept.find(bare(one)) is one
    assert kept.find(bare(three)) is three


def test_an_array_that_models_share_counts_once(shop):
    one = model("cosine").fit(shop)
    assert held._bytes([one, one.sharing(history=0.5)]) == held._bytes([one])


def bare(one: Recommender) -> Recommender:
    return type(one)(**one.params)
