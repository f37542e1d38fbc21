"""The EASE family against its equations in dense float64, and its errors for data that it cannot
learn from.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import START, content_of, make_log, random_rows
from spadework import events
from spadework.errors import BadRequest, OutOfMemory, Unsuitable
from spadework.models.content_neighbours import content_features
from spadework.models.labels import model


@pytest.fixture(scope="module")
def log():
    return make_log(*random_rows(4, users=40, items=25, rows=400))


def binary(log) -> np.ndarray:
    return (log.matrix().toarray() > 0).astype(np.float64)


def weights_of(fitted) -> np.ndarray:
    """The weights from each history item to all items, row by row, the item itself included."""
    scorer = fitted.scorer
    return scorer.left.astype(np.float64)[:, None] * scorer.matrix * scorer.right


def without_diagonal(matrix: np.ndarray) -> np.ndarray:
    return matrix - np.diag(np.diag(matrix))


# ---- equations


@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_the_defaults_are_ease_of_the_paper(log, l2):
    x = binary(log)
    p = np.linalg.inv(x.T @ x + l2 * np.eye(log.item_count))
    expected = without_diagonal(-p / np.diag(p))
    np.testing.assert_allclose(weights_of(model("ease", l2=l2).fit(log)), expected, atol=2e-5)


def test_edlae_is_ease_with_dropout(log):
    np.testing.assert_array_equal(
        weights_of(model("edlae").fit(log)), weights_of(model("ease", dropout=0.3).fit(log))
    )
    assert model("edlae").family == model("ease").family


def test_each_column_is_the_ridge_regression_on_all_other_items(log):
    x, found = binary(log), weights_of(model("ease", l2=3.0, dropout=0.0).fit(log))
    for item in range(0, log.item_count, 7):
        others = np.arange(log.item_count) != item
        solved = np.linalg.solve(
            x[:, others].T @ x[:, others] + 3.0 * np.eye(others.sum()), x[:, others].T @ x[:, item]
        )
        np.testing.assert_allclose(found[others, item], solved, atol=2e-5)


@pytest.mark.parametrize(("dropout", "relaxation"), [(0.5, 0.0), (0.3, 0.4), (0.6, 1.0)])
def test_dropout_and_relaxation_follow_their_papers(log, dropout, relaxation):
    x = binary(log)
    gram = x.T @ x
    ridge = 2.0 + dropout / (1 - dropout) * np.diag(gram)
    p = np.linalg.inv(gram + np.diag(ridge))
    mu = np.maximum(0, (1 - relaxation) / np.diag(p) - ridge)
    expected = without_diagonal(-p * (ridge + mu))
    found = weights_of(model("ease", l2=2.0, dropout=dropout, relaxation=relaxation).fit(log))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    if relaxation == 1.0:  # nothing constrains the diagonal: the denoising autoencoder
        np.testing.assert_allclose(found, without_diagonal(np.eye(len(p)) - p * ridge), atol=2e-5)


def test_heavy_users_and_popular_items_are_normalised(log):
    x = binary(log)
    gram = x.T @ (x * x.sum(axis=1, keepdims=True) ** -0.4)
    ridge = 5.0 + 0.5 / 0.5 * np.diag(gram)
    p = np.linalg.inv(gram + np.diag(ridge))
    sizes = x.sum(axis=0) ** 0.3
    expected = sizes[:, None] * without_diagonal(-p / np.diag(p)) / sizes
    found = weights_of(model("ease", l2=5.0, dropout=0.5, group_power=0.4, item_power=0.3).fit(log))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_old_events_decay_by_half_a_half_life():
    log = make_log(
        ["a", "a", "b", "b"], ["x", "y", "x", "y"], [START, START, START + 86_400, START + 86_400]
    )
    found = weights_of(model("ease", l2=1.0, dropout=0.0, age_half_life="1d").fit(log))
    p = np.linalg.inv(np.full((2, 2), 1.5) + np.eye(2))
    np.testing.assert_allclose(found[0, 1], -p[0, 1] / p[1, 1], rtol=1e-5)


def test_a_window_looks_at_the_last_span_only():
    users, items, times = random_rows(8, users=30, items=15, rows=300)
    log = make_log(users, items, times)
    last = log.where(log.times > log.times.max() - 40 * 86_400)
    assert 0 < len(last) < len(log)
    windowed = model("ease", window="40d").fit(log).state["matrix"]
    np.testing.assert_array_equal(windowed, model("ease").fit(last).state["matrix"])


def test_entries_may_be_weighed_and_groups_be_baskets():
    log = make_log(
        *random_rows(4, users=20, items=12, rows=200), baskets=[n // 4 for n in range(200)]
    )
    counts = model("edlae", entry="count").fit(log).state["matrix"]
    x = log.matrix().toarray().astype(np.float64)
    gram = x.T @ x
    p = np.linalg.inv(gram + np.diag(100.0 + 0.3 / 0.7 * np.diag(gram)))
    np.testing.assert_allclose(counts, without_diagonal(p), atol=1e-6)
    assert not np.array_equal(
        model("ease", group="basket").fit(log).state["matrix"],
        model("ease").fit(log).state["matrix"],
    )


# ---- answering


def test_everything_but_the_inverse_is_free(log):
    base = model("ease", l2=3.0).fit(log)
    for params in (
        {"relaxation": 0.5},
        {"item_power": 0.4},
        {"keep": 5},
        {"history": 0.5, "keep": 3, "relaxation": 0.2},
    ):
        shared, fresh = base.sharing(**params), model("ease", l2=3.0, **params).fit(log)
        assert shared == fresh
        assert "keep" in params or np.shares_memory(shared.state["matrix"], base.state["matrix"])


def test_a_pruned_table_does_not_answer_with_other_scales(log):
    pruned = model("ease", keep=5).fit(log)
    assert pruned.sharing(history=0.5).is_fitted
    assert not pruned.sharing(relaxation=0.5).is_fitted
    assert not pruned.sharing(l2=5.0).is_fitted


def test_pruning_keeps_the_largest_weights_of_each_column(log):
    full = weights_of(model("ease", item_power=0.2).fit(log))
    state = model("ease", item_power=0.2, keep=4).fit(log).state
    table = np.zeros_like(full)
    for row in range(log.item_count):
        cells = slice(state["starts"][row], state["starts"][row + 1])
        table[row, state["columns"][cells]] = state["values"][cells]
    assert ((table != 0).sum(axis=0) == 4).all()
    for column in range(log.item_count):
        kept = table[:, column] != 0
        np.testing.assert_allclose(table[kept, column], full[kept, column], rtol=1e-6)
        assert np.abs(full[kept, column]).min() >= np.abs(full[~kept, column]).max()


@pytest.mark.parametrize(
    "params", [{}, {"keep": 6}, {"history": 0.6, "item_power": 0.3, "relaxation": 0.2}]
)
@pytest.mark.parametrize("name", ["ease", "forward-ridge"])
def test_contributions_sum_to_the_score(log, name, params):
    fitted = model(
        name, **{key: value for key, value in params.items() if key in model(name).params}
    ).fit(log)
    lists = fitted.recommend_codes(log, 3, users=np.asarray([2]), fill=False)
    for item, score in zip(lists.items[0], lists.scores[0], strict=True):
        parts = fitted.explain(
            log, log.item_vocabulary.ids[int(item)], user=log.user_vocabulary.ids[2]
        )
        assert parts["contribution"].sum() == pytest.approx(float(score), rel=1e-4)


def test_similar_items_are_the_largest_weights_of_the_row(log):
    fitted = model("ease").fit(log)
    row = weights_of(fitted)[3]
    row[3] = -np.inf
    found = fitted.similar_items([log.item_vocabulary.ids[3]], 5)
    np.testing.assert_array_equal(found.items[0], np.argsort(-row, kind="stable")[:5])


# ---- content


def test_collective_ease_stacks_the_item_table_below_the_log(log):
    content = content_of(log)
    sparse, dense = content_features(
        content, text=1.0, categories=0.3, vectors=1.0, components=None
    )
    features = np.hstack([sparse.toarray(), dense])
    x = binary(log)
    gram = x.T @ x + 7.0 * features @ features.T
    p = np.linalg.inv(gram + np.diag(4.0 + 0.3 / 0.7 * np.diag(gram)))
    found = weights_of(model("cease", l2=4.0, content_weight=7.0).fit(log, content))
    np.testing.assert_allclose(found, without_diagonal(-p / np.diag(p)), atol=2e-5)


def test_add_ease_adds_two_regressions(log):
    content = content_of(log)
    sparse, dense = content_features(
        content, text=1.0, categories=0.3, vectors=1.0, components=None
    )
    features = np.hstack([sparse.toarray(), dense])
    q = np.linalg.inv(features @ features.T + 2.0 * np.eye(log.item_count))
    expected = 0.6 * weights_of(model("edlae", l2=4.0).fit(log)) + 0.4 * without_diagonal(
        -q / np.diag(q)
    )
    found = weights_of(
        model("add-ease", l2=4.0, content_share=0.4, content_l2=2.0).fit(log, content)
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("name", ["cease", "add-ease"])
def test_items_without_users_can_be_recommended(name, world):
    cold_world = world("content")
    cold = int(np.argmax(cold_world.log.item_counts))
    rest = cold_world.log.where(cold_world.log.items != cold)
    assert rest.item_counts[cold] == 0
    fitted = model(name).fit(rest, cold_world.content)
    lists = fitted.recommend(rest, 200, repeats="forbid", fill=False)
    assert (lists.items == cold).any(), "content alone must be able to bring it up"
    assert not (
        model("ease").fit(rest).recommend(rest, 200, repeats="forbid", fill=False).items == cold
    ).any()


# ---- data that are no good


def test_items_of_the_same_users_need_a_penalty():
    log = make_log(["a", "b", "c", "a", "b", "c"], ["x", "x", "x", "y", "y", "y"])
    with pytest.raises(Unsuitable, match="cannot be inverted") as caught:
        model("ease", l2=0.0, dropout=0.0).fit(log)
    assert "larger l2" in caught.value.hint
    lists = model("ease", l2=1.0).fit(log).recommend(log, 2)
    assert np.isfinite(lists.scores).all()


def test_an_item_without_users_needs_a_penalty_and_is_never_recommended_by_evidence():
    log = make_log(["a", "a", "b", "b", "c"], ["x", "y", "x", "z", "w"])
    rest = log.where(log.items != 3)
    with pytest.raises(Unsuitable, match="1 item without events that count"):
        model("ease", l2=0.0).fit(rest)
    lists = model("ease", l2=1.0).fit(rest).recommend(rest, 4, fill=False)
    assert 3 not in lists.items


@pytest.mark.parametrize("name", ["ease", "forward-ridge"])
def test_what_does_not_fit_into_memory_is_refused_with_its_size_and_what_would(name, monkeypatch):
    log = make_log(*random_rows(4))
    monkeypatch.setattr("spadework.models.base.available_bytes", lambda: 1000)
    with pytest.raises(
        OutOfMemory, match=rf"{name} would hold about 0\.0 GiB, and 0\.0 GiB are free"
    ) as caught:
        model(name).fit(log)
    assert "'mrf'" in caught.value.hint
    assert "square of the items" in caught.value.hint


def test_weights_that_are_no_numbers_are_refused():
    log = make_log(["a", "a", "b"], ["x", "y", "x"], weights=[1.0, np.inf, 2.0])
    with pytest.raises(Unsuitable, match="entry weight that is no finite number"):
        model("ease", entry="value").fit(log)


def test_candidates_outside_the_vocabulary_are_refused_or_noted(log):
    fitted, notes = model("ease").fit(log), []
    with pytest.raises(BadRequest, match="None of the item ids of the candidates is in the log"):
        fitted.recommend(log, 3, candidates=pl.Series(["nothing of ours"]))

    class NoteListener:
        def step(self, label, done, total):
            return None

        def note(self, message):
            notes.append(message)

    known = log.item_vocabulary.ids[0]
    with events.listening(NoteListener()):
        lists = fitted.recommend(log, 3, candidates=[known, "nothing of ours"])
    assert set(lists.items[lists.items >= 0].tolist()) <= {0}
    assert notes == [
        (
            "Item ids of the candidates that are not in the log that the model learned from: 1 of "
            "2, such as 'nothing of ours'."
        )
    ]


@pytest.mark.parametrize("users", [[-1], [0, 99_999]])
def test_users_that_are_not_there_are_refused(log, users):
    with pytest.raises(BadRequest, match="There is no user with the code"):
        model("ease").fit(log).recommend_codes(log, 3, users=np.asarray(users))


def test_a_path_is_no_item_table(log):
    with pytest.raises(BadRequest, match="item table is a str"):
        model("cease").fit(log, content="items.csv")


@pytest.mark.parametrize("name", ["cease", "add-ease", "content"])
def test_items_of_the_table_that_are_in_no_event_can_be_served(name):
    log = make_log(["u", "u", "v", "v", "w"], ["tea", "cup", "tea", "pot", "pot"], [0, 1, 0, 1, 0])
    table = pl.DataFrame(
        {
            "item": ["tea", "cup", "pot", "mug"],
            "title": ["green tea", "white cup", "green pot", "white cup green"],
        }
    )
    larger = log.with_items(table["item"])
    fitted = model(name).fit(larger, sw.read_content(table, larger, item="item"))
    assert (
        "mug" in fitted.recommend(log, 4, repeats="forbid", fill=False).frame()["item_id"].to_list()
    )
    assert "mug" in fitted.similar_items(["cup"], 3).frame()["item_id"].to_list()
    with pytest.raises(BadRequest, match="ids of new items"):
        log.with_items([1, 2])
