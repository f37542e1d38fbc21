"""The family of co-occurrence models is one operator: its corners are the named models."""

from __future__ import annotations

import numpy as np
import pytest

from makers import START, make_log, random_rows
from spadework.errors import BadRequest, Unsuitable
from spadework.models import popular
from spadework.models.catalogue import catalogue
from spadework.models.histories import Histories
from spadework.models.labels import model


def table(one, log):
    state = one.fit(log).state
    dense = np.zeros((log.item_count, log.item_count))
    for row in range(log.item_count):
        cells = slice(state["starts"][row], state["starts"][row + 1])
        dense[row, state["columns"][cells]] = state["values"][cells]
    return dense


def without_duplicates():
    """A log in which no user has an item twice."""
    rows = {(u, i): t for u, i, t in zip(*random_rows(3), strict=True)}
    return make_log([u for u, _ in rows], [i for _, i in rows], list(rows.values()))


def test_power_with_half_and_half_is_cosine(shop):
    powered = model("cooccurrence", weight="power", left_power=0.5, right_power=0.5)
    np.testing.assert_allclose(table(powered, shop), table(model("cosine"), shop), rtol=1e-6)


def test_power_with_one_and_zero_is_confidence(shop):
    powered = model("cooccurrence", weight="power", left_power=1.0, right_power=0.0)
    np.testing.assert_allclose(table(powered, shop), table(model("confidence"), shop), rtol=1e-6)


def test_forward_without_direction_and_distance_counts_like_a_bag():
    log = without_duplicates()
    forward = model("forward", backward=1.0, distance="same", weight="raw")
    np.testing.assert_allclose(table(forward, log), table(model("raw"), log), rtol=1e-6)


def test_forward_and_backward_halves_add_up_to_the_symmetric_count():
    log = without_duplicates()
    ahead = table(model("forward", weight="raw", backward=0.0), log)
    both = table(model("forward", weight="raw", backward=1.0), log)
    np.testing.assert_allclose(ahead + ahead.T, both, rtol=1e-5)


@pytest.mark.parametrize("name", ["raw", "cosine", "jaccard", "lift"])
def test_symmetric_weights_give_symmetric_tables(name, shop):
    dense = table(model(name), shop)
    np.testing.assert_allclose(dense, dense.T, rtol=1e-6)


def test_cosine_is_the_cosine_of_binary_columns(shop):
    x = (shop.matrix().toarray() > 0).astype(float)
    gram = x.T @ x
    sizes = np.sqrt(np.diag(gram))
    expected = gram / np.outer(sizes, sizes)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(table(model("cosine"), shop), expected, rtol=1e-5)


def test_tfidf_is_the_cosine_of_weighted_columns(shop):
    x = shop.matrix().toarray()
    size = (x > 0).sum(axis=1, keepdims=True)
    x = np.sqrt(x) * np.maximum(np.log(shop.item_count / (1 + size)), 0)
    gram = x.T @ x
    sizes = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    expected = gram / np.outer(sizes, sizes)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(table(model("item-knn-tfidf"), shop), expected, rtol=1e-4, atol=1e-6)


def test_keep_leaves_the_largest_of_each_row(shop):
    unpruned, cut = table(model("cosine"), shop), table(model("cosine", keep=3), shop)
    assert ((cut > 0).sum(axis=1) <= 3).all()
    for row in range(shop.item_count):
        kept = set(np.flatnonzero(cut[row]).tolist())
        best = np.argsort(-unpruned[row], kind="stable")[:3]
        assert kept == {int(c) for c in best if unpruned[row, c] > 0}


def test_the_score_is_the_sum_over_the_history_with_the_newest_first(shop):
    one = model("cosine", history=0.5).fit(shop)
    dense = table(model("cosine"), shop)
    user = 4
    events = range(int(shop.starts[user]), int(shop.starts[user + 1]))
    # the last time of each item counts
    ages = {int(shop.items[e]): len(events) - 1 - n for n, e in enumerate(events)}
    expected = sum(0.5**age * dense[item] for item, age in ages.items())
    lists = one.recommend_codes(shop, shop.item_count, users=np.asarray([user]), fill=False)
    for item, score in zip(lists.items[0], lists.scores[0], strict=True):
        if item >= 0:
            assert score == pytest.approx(expected[item], rel=1e-5)


def test_explanations_add_up_to_the_score(shop):
    one = model("forward").fit(shop)
    lists = one.recommend_codes(shop, 1, users=np.asarray([2]))
    best = shop.item_vocabulary.ids[int(lists.items[0, 0])]
    parts = one.explain(shop, best, user=shop.user_vocabulary.ids[2])
    assert parts["contribution"].sum() == pytest.approx(float(lists.scores[0, 0]), rel=1e-5)
    assert parts["contribution"].is_sorted(descending=True)
    with pytest.raises(BadRequest, match="Item 'nosuch' is not in the log"):
        one.explain(shop, "nosuch")


def test_similar_items_are_the_row_of_the_table(shop):
    one = model("cosine").fit(shop)
    dense = table(model("cosine"), shop)
    found = one.similar_items(["i001"], 3)
    code = int(shop.item_vocabulary.codes(["i001"])[0])
    assert found.items[0].tolist() == np.argsort(-dense[code], kind="stable")[:3].tolist()
    assert found.frame()["target_item_id"].to_list() == ["i001"] * 3
    assert found.of("i001").columns == ["item_id", "score", "rank"]
    assert "target_item_id" in found._repr_html_()
    with pytest.raises(BadRequest, match="Item 7 is not in the log"):
        one.similar_items([7])
    with pytest.raises(Unsuitable, match="The model 'popular' has no similarity of items"):
        model("popular").fit(shop).similar_items(["i001"])
    with pytest.raises(Unsuitable, match="The model 'popular' has no parts to explain"):
        model("popular").fit(shop).explain(shop, "i001")


def test_models_that_differ_in_answers_only_share_what_they_learned(shop):
    one = model("cosine").fit(shop)
    shared = one.sharing(history=0.5)
    assert shared.state["values"] is not None
    assert shared == model("cosine", history=0.5).fit(shop)
    np.testing.assert_array_equal(
        shared.recommend(shop, 4).items,
        model("cosine", history=0.5).fit(shop).recommend(shop, 4).items,
    )
    assert not one.sharing(keep=3).is_fitted, (
        "a parameter that changes what is learned shares nothing"
    )


def test_popularity_by_hand():
    day = 86_400
    log = make_log(
        ["a", "b", "c", "a", "b"],
        ["x", "x", "x", "y", "y"],
        [START, START, START, START + 10 * day, START + 10 * day],
    )
    assert model("popular").fit(log).state["scores"].tolist() == [3, 2]
    assert model("popular", window="7d").fit(log).state["scores"].tolist() == [0, 2]
    assert model("popular", half_life="10d").fit(log).state["scores"].tolist() == [1.5, 2]
    assert (
        model("popular", window="7d").fit(log).recommend(log, 2, fill=False).items.tolist()
        == [[1, -1]] * 3
    )


@pytest.mark.parametrize("settings", [{}, {"window": "7d"}, {"half_life": "3d"}])
def test_the_parts_of_a_log_change_no_bit_of_what_is_popular(settings, monkeypatch):
    users, items, times = random_rows(3, rows=200)
    log = make_log(users, items, times)
    whole = model("popular", **settings).fit(log)
    monkeypatch.setattr(popular, "_PART", 7)
    assert model("popular", **settings).fit(log) == whole


def test_positions_are_counted_in_distinct_timestamps():
    log = make_log(
        ["a"] * 4 + ["b"] * 2,
        ["p", "q", "r", "s", "p", "q"],
        [START, START, START + 5, START + 9, START + 7, START + 7],
    )
    assert log.steps.tolist() == [0, 0, 1, 2, 0, 0]
    assert make_log(["a", "a"], ["p", "q"]).steps.tolist() == [0, 0]
    assert log.steps is log.steps, "worked out once a log"


def test_histories_hold_distinct_items_with_counts_and_the_age_of_the_last_time():
    log = make_log(
        ["a"] * 4 + ["c"],
        ["q", "p", "q", "r", "p"],
        [START, START + 1, START + 2, START + 3, START],
    )
    block = Histories.of(log, np.asarray([0, 1], np.int32))
    assert block.starts.tolist() == [0, 3, 4]
    assert block.items.tolist() == [0, 1, 2, 0]
    assert block.ages.tolist() == [2, 1, 0, 0]
    assert block.counts.tolist() == [1, 2, 1, 1]
    assert block.take(np.asarray([1])).items.tolist() == [0]


def test_a_class_of_the_package_is_an_attribute_of_it():
    from spadework import models

    for cls in catalogue().values():
        assert getattr(models, cls.__name__) is cls
    with pytest.raises(AttributeError, match="There is no model class 'Nope'"):
        models.Nope  # noqa: B018
