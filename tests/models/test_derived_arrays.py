"""What scorers derive from learned arrays: made once, shared, counted, and freed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from spadework.kernels import parallel
from spadework.kernels.ranking import top_k
from spadework.models.common_list import CommonList, SameForAll
from spadework.models.labels import model
from spadework.models.once import Once


def in_threads(call, count=8):
    """What each of several threads gets that begin together."""
    begin, got = threading.Barrier(count), []

    def run():
        begin.wait()
        got.append(call())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_a_value_is_made_once_by_all_threads():
    made = []
    once = Once(lambda: made.append(1) or len(made))
    assert once.made is None
    assert in_threads(once.get) == [1] * 8
    assert once.made == 1


def test_a_common_list_is_ranked_once_for_all_threads_and_masks(monkeypatch):
    ranked, order_of = [], top_k.order_of
    monkeypatch.setattr(top_k, "order_of", lambda scores: ranked.append(1) or order_of(scores))
    among, taken = CommonList.among, []
    monkeypatch.setattr(
        CommonList, "among", lambda self, mask: taken.append(1) or among(self, mask)
    )
    scorer = SameForAll(np.asarray([1, 3, 2], np.float32))
    one, two = np.asarray([True, False, True]), np.asarray([True, True, False])
    for mask in (None, one, two, one, None, two):
        lists = in_threads(lambda mask=mask: scorer.rankings.of(mask))
        assert all(other is lists[0] for other in lists)
        wanted = CommonList.of(scorer.common, mask)
        assert lists[0].order.tolist() == wanted.order.tolist()
        assert lists[0].scores.tobytes() == wanted.scores.tobytes()
        ranked.pop()  # of what is wanted
    assert len(ranked) == 1
    assert len(taken) == 2, "once for each mask"
    del lists, mask, one, wanted
    assert len(scorer.rankings._of_masks) == 1, "a list of some items goes with its mask"
    assert [array.nbytes for array in scorer.derived()] == [12, 12], "the scores and their order"


def test_settings_of_a_mixture_share_its_parts_and_what_these_derived(shop):
    one = model("blend", parts="tifu-knn + popular").fit(shop)
    assert len(one.scorer.derived()) == 1, "the scores of popular items"
    one.recommend(shop, 3)
    other = one.sharing(weights="0.2, 0.8")
    assert other.pool.parts == one.pool.parts
    assert all(a is b for a, b in zip(other.pool.parts, one.pool.parts, strict=True))
    made = one.pool.parts[0].scorer.index.made
    assert made is not None
    addresses = {id(array) for array in other.scorer.derived()}
    assert {id(array) for array in made} < addresses
    fresh = model("blend", parts="tifu-knn + popular", weights="0.2, 0.8").fit(shop)
    assert other.recommend(shop, 5).frame().equals(fresh.recommend(shop, 5).frame())


def test_the_threads_of_products_are_limited_once_a_request_of_a_mixture(monkeypatch, shop):
    one = model("blend", parts="elsa(epochs=1) + ials(epochs=1)").fit(shop)
    expected = one.recommend(shop, 5)
    limited, limit = [], parallel._limit
    monkeypatch.setattr(parallel, "_limit", lambda *a: limited.append(1) or limit(*a))
    assert one.recommend(shop, 5).frame().equals(expected.frame())
    assert len(limited) == 1


def test_vectors_of_the_learned_items_count_where_they_were_copied(shop):
    one = model("elsa", epochs=1).fit(shop)
    assert not one.scorer.derived()
    one.recommend(shop, 3)
    assert any(array is one.scorer.items.kept for array in one.scorer.derived())


@pytest.mark.slow
def test_a_network_that_was_built_counts(shop):
    pytest.importorskip("torch")
    one = model("transformer", epochs=1).fit(shop)
    assert not one.scorer.derived()
    one.recommend(shop, 3)
    network = sum(array.nbytes for name, array in one.state.items() if name.startswith("network/"))
    assert sum(array.nbytes for array in one.scorer.derived()) >= network > 0
