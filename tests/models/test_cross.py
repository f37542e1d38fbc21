"""Cross-occurrence: counts against plain matrices, event types by name, and the world in which
no other model helps.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import START, make_log, random_rows
from spadework import events
from spadework.artifacts import artifact
from spadework.data import splitting
from spadework.errors import BadRequest, Unsuitable
from spadework.evaluation import statistics
from spadework.evaluation.scoreboard import scoreboard
from spadework.kernels.similarity.pair_weights import association
from spadework.kernels.similarity.pairs import Pairs
from spadework.models.catalogue import catalogue
from spadework.models.labels import model

EVENT_TYPES = ["view", "buy", "cart"]
COUNTS = {"weight": "raw", "keep": 1000}


def log_of_event_types(seed=1, rows=300):
    """The small shop, in which one row in six is a purchase."""
    users, items, times = random_rows(seed, rows=rows)
    types = np.random.default_rng(seed).choice(EVENT_TYPES, rows, p=[0.6, 0.15, 0.25])
    return make_log(users, items, times, event_types=types.tolist())


def dense(fitted):
    """The table [event types · items, items]."""
    state, items = fitted.state, len(fitted.item_vocabulary)
    table = np.zeros((len(state["starts"]) - 1, items))
    table[np.repeat(np.arange(len(table)), np.diff(state["starts"])), state["columns"]] = state[
        "values"
    ]
    return table


def by_matrices(log, names):
    """Users × items of each event type, of the users who have the first one; and the counts, all by
    plain matrices.
    """
    done = np.zeros((len(names), log.user_count, log.item_count))
    for user, item, event_type in zip(log.users, log.items, log.event_types, strict=True):
        done[names.index(log.event_type_names[event_type]), user, item] = 1
    done = done[:, done[0].any(axis=1)]
    counts = np.concatenate([event_type.T @ done[0] for event_type in done])
    np.fill_diagonal(counts, 0)  # the first block is that of the primary type
    return done, counts


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 200))
def test_counts_are_those_of_matrices(seed, rows):
    log = log_of_event_types(seed, rows)
    fitted = model("cross-occurrence", **COUNTS).fit(log)
    counts = log.event_type_counts
    assert set(fitted.event_type_names) == {name for name, count in counts.items() if count}
    np.testing.assert_array_equal(dense(fitted), by_matrices(log, list(fitted.event_type_names))[1])


def test_a_dense_log_is_counted_in_the_same_way():
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((300, 12)) < 0.6)
    log = make_log(
        users.tolist(),
        items.tolist(),
        event_types=rng.choice(EVENT_TYPES, len(users), p=[0.6, 0.15, 0.25]).tolist(),
    )
    fitted = model("cross-occurrence", **COUNTS).fit(log)
    np.testing.assert_array_equal(dense(fitted), by_matrices(log, list(fitted.event_type_names))[1])


def test_the_log_likelihood_ratio_is_over_users_of_the_primary_type():
    log = log_of_event_types()
    fitted = model("cross-occurrence", keep=1000).fit(log)
    done, counts = by_matrices(log, list(fitted.event_type_names))
    sizes = np.maximum(done.sum(axis=1), 1e-12)
    pair = Pairs(counts, sizes.reshape(-1, 1), sizes[0][None, :], done.shape[1])
    expected = np.where(counts > 0, np.maximum(association(pair), 0), 0)
    np.testing.assert_allclose(dense(fitted), expected, rtol=1e-3, atol=1e-3)
    kept = dense(model("cross-occurrence", keep=1000, llr=2.0).fit(log))
    clear = np.abs(expected - 2.0) > 0.01
    np.testing.assert_array_equal((kept > 0)[clear], (expected >= 2.0)[clear])


def test_by_hand():
    """Two buy x after looking at y, one buys y after looking at x; who never buys does not
    count.
    """
    rows = [
        ("a", "y", "view"),
        ("a", "x", "buy"),
        ("b", "y", "view"),
        ("b", "x", "buy"),
        ("c", "x", "view"),
        ("c", "y", "buy"),
    ]
    rows += [("d", "x", "view"), ("d", "y", "view"), ("c", "y", "view")]
    log = make_log(
        *([row[column] for row in rows] for column in (0, 1)),
        [START + n for n in range(9)],
        event_types=[row[2] for row in rows],
    )
    fitted = model("cross-occurrence", **COUNTS).fit(log)
    assert fitted.event_type_names == ("buy", "view")
    assert dense(fitted).tolist() == [[0, 0], [0, 0], [0, 1], [2, 1]], (
        "rows: bought x, y; looked at x, y; columns: bought x, y"
    )
    newcomer = make_log(["e"], ["y"], [START], event_types=["view"])
    assert fitted.recommend(newcomer, 2, fill=False).frame()["item_id"].to_list() == ["x", "y"], (
        "what was looked at may be bought"
    )
    assert fitted.recommend(newcomer, 2, fill=False, repeats="forbid").frame()[
        "item_id"
    ].to_list() == ["x"]
    assert fitted.recommend(newcomer, 2, fill=False, repeats="only").frame()[
        "item_id"
    ].to_list() == ["y"]


# ---- event types by name


def test_the_primary_event_type_is_the_rarest_or_the_one_named():
    log = log_of_event_types()
    assert log.event_type_counts["buy"] == min(log.event_type_counts.values())
    assert model("cross-occurrence").fit(log).event_type_names == ("buy", "cart", "view")
    of_views = model("cross-occurrence", primary="view").fit(log)
    assert of_views.event_type_names == ("view", "buy", "cart")
    with pytest.raises(
        BadRequest, match="has no event of the type 'vew', which is the primary one of"
    ) as caught:
        model("cross-occurrence", primary="vew").fit(log)
    assert caught.value.hint.startswith("Did you mean 'view'? Event types: buy (")
    unbought = log.where(~log.is_event_type("buy"))
    with pytest.raises(BadRequest, match="no event of the type 'buy'"):
        model("cross-occurrence", primary="buy").fit(unbought)


def test_a_log_without_event_types_is_refused(shop):
    with pytest.raises(Unsuitable, match="needs events, and there are none of different types"):
        model("cross-occurrence").fit(shop)


def test_event_types_of_histories_are_matched_by_name():
    fitted = model("cross-occurrence", **COUNTS).fit(log_of_event_types())
    viewed = make_log(["a"], ["i001"], [START], event_types=["view"])
    other_codes = make_log(
        ["a", "b", "b"], ["i001", "i002", "i003"], [START] * 3, event_types=["view", "click", "buy"]
    )
    assert viewed.event_types[0] != other_codes.event_types[0]
    expected = fitted.recommend(viewed, 5)
    np.testing.assert_array_equal(
        fitted.recommend_codes(other_codes, 5, users=np.asarray([0])).items, expected.items
    )
    row = dense(fitted)[
        fitted.event_type_names.index("view") * len(fitted.item_vocabulary)
        + int(fitted.item_vocabulary.codes(["i001"])[0])
    ]
    assert expected.scores[0].tolist() == np.sort(row)[::-1][:5].tolist()


def test_a_history_without_event_types_counts_as_the_primary_type():
    fitted = model("cross-occurrence", **COUNTS).fit(log_of_event_types())
    without_types, bought = (
        make_log(["a"], ["i001"], [START]),
        make_log(["a"], ["i001"], [START], event_types=["buy"]),
    )
    np.testing.assert_array_equal(
        fitted.recommend(without_types, 5).scores, fitted.recommend(bought, 5).scores
    )


def test_unknown_event_types_are_ignored_and_noted():
    class NoteListener:
        def __init__(self):
            self.notes = []

        def step(self, label, done, total):
            assert done >= 0

        def note(self, message):
            self.notes.append(message)

    fitted = model("cross-occurrence", **COUNTS).fit(log_of_event_types())
    mixed = make_log(
        ["a", "a"], ["i001", "i002"], [START, START + 5], event_types=["view", "click"]
    )
    plain = make_log(["a"], ["i001"], [START], event_types=["view"])
    listener = NoteListener()
    with events.listening(listener):
        lists = fitted.recommend(mixed, 5, fill=False)
    assert listener.notes == [
        f"The model {fitted.label!r} learned from no such events, so it ignores them: 1 click."
    ]
    np.testing.assert_array_equal(lists.scores, fitted.recommend(plain, 5, fill=False).scores)


# ---- parameters


def test_the_secondary_weight_multiplies_contributions_of_other_types():
    log = log_of_event_types()
    fitted = model("cross-occurrence").fit(log)
    half = fitted.sharing(secondary=0.5)
    assert half == model("cross-occurrence", secondary=0.5).fit(log)
    table, items = dense(fitted), log.item_count
    weights = np.where(np.arange(len(table)) < items, 1.0, 0.5)
    user = int(log.users[0])
    rows_of_user = slice(log.starts[user], log.starts[user + 1])
    types = np.asarray([fitted.event_type_names.index(name) for name in log.event_type_names])[
        log.event_types[rows_of_user]
    ]
    actions = np.unique(types * items + log.items[rows_of_user])
    expected = (weights[actions, None] * table[actions]).sum(axis=0)
    lists = half.recommend_codes(log, items, users=np.asarray([user]), fill=False)
    shown = lists.items[0][lists.items[0] >= 0]
    np.testing.assert_allclose(lists.scores[0][: len(shown)], expected[shown], rtol=1e-4)
    assert set(np.flatnonzero(expected > 0)) == set(shown.tolist())


def test_only_the_newest_items_of_each_event_type_are_counted():
    users, items = ["a"] * 6 + ["b"] * 2, ["p", "q", "r", "p", "x", "y", "q", "x"]
    log = make_log(
        users,
        items,
        [START + n for n in range(8)],
        event_types=["view"] * 4 + ["buy", "buy", "view", "buy"],
    )
    uncut, cut = (model("cross-occurrence", max_length=n, **COUNTS).fit(log) for n in (500, 2))
    row_of_view = {item: 5 + int(log.item_vocabulary.codes([item])[0]) for item in "pqr"}
    assert dense(uncut)[row_of_view["q"]].sum() == 3
    assert dense(cut)[row_of_view["q"]].sum() == 1, "of a, the newest two views are r and p"
    assert dense(cut)[row_of_view["p"]].sum() == 2


def test_explanations_name_the_event_type_and_add_up():
    log = log_of_event_types()
    fitted = model("cross-occurrence", secondary=0.5, history=0.9).fit(log)
    lists = fitted.recommend_codes(log, 1, users=np.asarray([2]))
    parts = fitted.explain(
        log, log.item_vocabulary.ids[int(lists.items[0, 0])], user=log.user_vocabulary.ids[2]
    )
    assert parts.columns == ["item_id", "event", "contribution"]
    assert set(parts["event"]) <= set(EVENT_TYPES)
    assert parts["contribution"].sum() == pytest.approx(float(lists.scores[0, 0]), rel=1e-5)


def test_similar_items_are_those_of_the_primary_type():
    fitted = model("cross-occurrence").fit(log_of_event_types())
    found = fitted.similar_items(["i000"], 3)
    assert found.items[0].tolist() == np.argsort(-dense(fitted)[0], kind="stable")[:3].tolist()


# ---- state


def test_event_types_are_saved_and_loaded(tmp_path):
    log = log_of_event_types()
    fitted = model("cross-occurrence").fit(log)
    loaded = artifact.load(artifact.save(fitted, tmp_path / "model"))
    assert loaded.event_type_names == fitted.event_type_names
    np.testing.assert_array_equal(loaded.recommend(log, 5).scores, fitted.recommend(log, 5).scores)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"kinds": np.asarray([255], np.uint8)}, "are no text"),
        ({"kinds": np.frombuffer(b"buy", np.uint8)}, "row starts do not fit"),
        (
            {"columns": np.asarray([99], np.int32), "values": np.ones(1, np.float32)},
            "items that are not there",
        ),
    ],
)
def test_damaged_state_is_named(broken, message):
    fitted = model("cross-occurrence").fit(log_of_event_types())
    items = len(fitted.item_vocabulary)
    if "columns" in broken:
        broken = broken | {"starts": np.asarray([0] * (3 * items) + [1], np.int64)}
    assert fitted.check_state(fitted.state, items) is None
    assert message in fitted.check_state({**fitted.state, **broken}, items)


# ---- the world in which views lead to purchases


def test_only_cross_occurrence_finds_what_views_lead_to(world):
    crossed = world("crossed")
    split = splitting.by_time(crossed.log, test="30d", target=crossed.target)
    others = [
        name
        for name, cls in catalogue().items()
        if name != "cross-occurrence" and not cls.needs & {"content", "categories"}
    ]
    board = scoreboard(
        [model("cross-occurrence"), *(model(name) for name in others)], split, metrics=["recall@10"]
    )
    assert not [score.reason for score in board.scores if score.state == "failed"]
    rows = board.protocol.truth.has_history
    values = np.column_stack([score.values["recall@10"][rows] for score in board.done])
    labels = [score.label for score in board.done]
    own = labels.index("cross-occurrence")
    assert values[:, own].mean() > 0.25
    for label, found in zip(labels, statistics.differences(values, own, seed=0), strict=True):
        assert label == "cross-occurrence" or found.high < 0, f"{label} is not behind"
