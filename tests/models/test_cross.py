"""Cross-occurrence: counts against a plain twin, kinds by name, and the world in which nothing else
helps.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import START, make_log, random_rows
from spadework import events
from spadework.data import splitting
from spadework.errors import BadRequest, Unsuitable
from spadework.evaluation import statistics
from spadework.evaluation.scoreboard import scoreboard
from spadework.kernels.similarity.pair_weights import association
from spadework.kernels.similarity.pairs import Pairs
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.workbench.storage import artifact

KINDS = ["view", "buy", "cart"]
COUNTS = {"weight": "raw", "keep": 1000}


def log_of_kinds(seed=1, rows=300):
    """The small shop, in which one row in six is a purchase."""
    users, items, times = random_rows(seed, rows=rows)
    kinds = np.random.default_rng(seed).choice(KINDS, rows, p=[0.6, 0.15, 0.25])
    return make_log(users, items, times, kinds=kinds.tolist())


def dense(one):
    """The table [kinds · items, items]."""
    state, items = one.state, len(one.item_vocabulary)
    made = np.zeros((len(state["starts"]) - 1, items))
    made[np.repeat(np.arange(len(made)), np.diff(state["starts"])), state["columns"]] = state[
        "values"
    ]
    return made


def twin(log, names):
    """Users × items of each kind, of the users who have the first one; and the counts, all by plain
    matrices.
    """
    did = np.zeros((len(names), log.user_count, log.item_count))
    for user, item, kind in zip(log.users, log.items, log.kinds, strict=True):
        did[names.index(log.kind_names[kind]), user, item] = 1
    did = did[:, did[0].any(axis=1)]
    counts = np.concatenate([kind.T @ did[0] for kind in did])
    np.fill_diagonal(counts, 0)  # the first block is that of the primary kind
    return did, counts


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 200))
def test_counts_are_those_of_matrices(seed, rows):
    log = log_of_kinds(seed, rows)
    one = model("cross-occurrence", **COUNTS).fit(log)
    assert set(one.kinds) == {name for name, count in log.kind_counts.items() if count}
    np.testing.assert_array_equal(dense(one), twin(log, list(one.kinds))[1])


def test_a_crowded_log_is_counted_the_same_way_in_order():
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((300, 12)) < 0.6)
    log = make_log(
        users.tolist(),
        items.tolist(),
        kinds=rng.choice(KINDS, len(users), p=[0.6, 0.15, 0.25]).tolist(),
    )
    one = model("cross-occurrence", **COUNTS).fit(log)
    np.testing.assert_array_equal(dense(one), twin(log, list(one.kinds))[1])


def test_the_log_likelihood_ratio_is_over_users_of_the_primary_kind():
    log = log_of_kinds()
    one = model("cross-occurrence", keep=1000).fit(log)
    did, counts = twin(log, list(one.kinds))
    sizes = np.maximum(did.sum(axis=1), 1e-12)
    pair = Pairs(counts, sizes.reshape(-1, 1), sizes[0][None, :], did.shape[1])
    expected = np.where(counts > 0, np.maximum(association(pair), 0), 0)
    np.testing.assert_allclose(dense(one), expected, rtol=1e-3, atol=1e-3)
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
        *([row[place] for row in rows] for place in (0, 1)),
        [START + n for n in range(9)],
        kinds=[row[2] for row in rows],
    )
    one = model("cross-occurrence", **COUNTS).fit(log)
    assert one.kinds == ("buy", "view")
    assert dense(one).tolist() == [[0, 0], [0, 0], [0, 1], [2, 1]], (
        "rows: bought x, y; looked at x, y; columns: bought x, y"
    )
    newcomer = make_log(["e"], ["y"], [START], kinds=["view"])
    assert one.recommend(newcomer, 2, fill=False).frame()["item_id"].to_list() == ["x", "y"], (
        "what was looked at may be bought"
    )
    assert one.recommend(newcomer, 2, fill=False, repeats="forbid").frame()[
        "item_id"
    ].to_list() == ["x"]
    assert one.recommend(newcomer, 2, fill=False, repeats="only").frame()["item_id"].to_list() == [
        "y"
    ]


# ---- kinds by name


def test_the_primary_kind_is_the_rarest_or_the_one_named():
    log = log_of_kinds()
    assert log.kind_counts["buy"] == min(log.kind_counts.values())
    assert model("cross-occurrence").fit(log).kinds == ("buy", "cart", "view")
    assert model("cross-occurrence", primary="view").fit(log).kinds == ("view", "buy", "cart")
    with pytest.raises(
        BadRequest, match="has no event of the kind 'vew', which is to be the primary one"
    ) as caught:
        model("cross-occurrence", primary="vew").fit(log)
    assert caught.value.hint.startswith("Did you mean 'view'? Kinds: buy (")
    unbought = log.where(~log.is_kind("buy"))
    with pytest.raises(BadRequest, match="no event of the kind 'buy'"):
        model("cross-occurrence", primary="buy").fit(unbought)


def test_a_log_without_kinds_is_refused(shop):
    with pytest.raises(Unsuitable, match="needs events, and there are none of different kinds"):
        model("cross-occurrence").fit(shop)


def test_kinds_of_histories_are_matched_by_name():
    one = model("cross-occurrence", **COUNTS).fit(log_of_kinds())
    looked = make_log(["a"], ["i001"], [START], kinds=["view"])
    other_codes = make_log(
        ["a", "b", "b"], ["i001", "i002", "i003"], [START] * 3, kinds=["view", "click", "buy"]
    )
    assert looked.kinds[0] != other_codes.kinds[0]
    expected = one.recommend(looked, 5)
    np.testing.assert_array_equal(
        one.recommend_codes(other_codes, 5, users=np.asarray([0])).items, expected.items
    )
    row = dense(one)[
        one.kinds.index("view") * len(one.item_vocabulary)
        + int(one.item_vocabulary.codes(["i001"])[0])
    ]
    assert expected.scores[0].tolist() == np.sort(row)[::-1][:5].tolist()


def test_a_history_without_kinds_is_of_the_primary_kind():
    one = model("cross-occurrence", **COUNTS).fit(log_of_kinds())
    bare, bought = (
        make_log(["a"], ["i001"], [START]),
        make_log(["a"], ["i001"], [START], kinds=["buy"]),
    )
    np.testing.assert_array_equal(one.recommend(bare, 5).scores, one.recommend(bought, 5).scores)


def test_unknown_kinds_are_not_heard_and_that_is_said():
    class Ear:
        def __init__(self):
            self.notes = []

        def step(self, label, done, total):
            assert done >= 0

        def note(self, message):
            self.notes.append(message)

    one = model("cross-occurrence", **COUNTS).fit(log_of_kinds())
    mixed = make_log(["a", "a"], ["i001", "i002"], [START, START + 5], kinds=["view", "click"])
    plain = make_log(["a"], ["i001"], [START], kinds=["view"])
    ear = Ear()
    with events.listening(ear):
        lists = one.recommend(mixed, 5, fill=False)
    assert ear.notes == [
        f"The model {one.label!r} learned from no such events, so it does not hear them: 1 click."
    ]
    np.testing.assert_array_equal(lists.scores, one.recommend(plain, 5, fill=False).scores)


# ---- parameters


def test_the_secondary_weight_multiplies_what_other_kinds_say():
    log = log_of_kinds()
    one = model("cross-occurrence").fit(log)
    half = one.sharing(secondary=0.5)
    assert half == model("cross-occurrence", secondary=0.5).fit(log)
    table, items = dense(one), log.item_count
    weights = np.where(np.arange(len(table)) < items, 1.0, 0.5)
    user = int(log.users[0])
    mine = slice(log.starts[user], log.starts[user + 1])
    places = np.asarray([one.kinds.index(name) for name in log.kind_names])[log.kinds[mine]]
    actions = np.unique(places * items + log.items[mine])
    expected = (weights[actions, None] * table[actions]).sum(axis=0)
    lists = half.recommend_codes(log, items, users=np.asarray([user]), fill=False)
    shown = lists.items[0][lists.items[0] >= 0]
    np.testing.assert_allclose(lists.scores[0][: len(shown)], expected[shown], rtol=1e-4)
    assert set(np.flatnonzero(expected > 0)) == set(shown.tolist())


def test_only_the_newest_items_of_each_kind_are_counted():
    users, items = ["a"] * 6 + ["b"] * 2, ["p", "q", "r", "p", "x", "y", "q", "x"]
    log = make_log(
        users,
        items,
        [START + n for n in range(8)],
        kinds=["view"] * 4 + ["buy", "buy", "view", "buy"],
    )
    whole, cut = (model("cross-occurrence", newest=n, **COUNTS).fit(log) for n in (500, 2))
    looked_at = {item: 5 + int(log.item_vocabulary.codes([item])[0]) for item in "pqr"}
    assert dense(whole)[looked_at["q"]].sum() == 3
    assert dense(cut)[looked_at["q"]].sum() == 1, "of a, the newest two views are r and p"
    assert dense(cut)[looked_at["p"]].sum() == 2


def test_explanations_name_the_kind_and_add_up():
    log = log_of_kinds()
    one = model("cross-occurrence", secondary=0.5, history=0.9).fit(log)
    lists = one.recommend_codes(log, 1, users=np.asarray([2]))
    parts = one.explain(
        log, log.item_vocabulary.ids[int(lists.items[0, 0])], user=log.user_vocabulary.ids[2]
    )
    assert parts.columns == ["item_id", "event", "contribution"]
    assert set(parts["event"]) <= set(KINDS)
    assert parts["contribution"].sum() == pytest.approx(float(lists.scores[0, 0]), rel=1e-5)


def test_similar_items_are_those_of_the_primary_kind():
    one = model("cross-occurrence").fit(log_of_kinds())
    found = one.similar_items(["i000"], 3)
    assert found.items[0].tolist() == np.argsort(-dense(one)[0], kind="stable")[:3].tolist()


# ---- state


def test_saved_and_loaded_it_still_knows_the_kinds(tmp_path):
    log = log_of_kinds()
    one = model("cross-occurrence").fit(log)
    two = artifact.load(artifact.save(one, tmp_path / "model"))
    assert two.kinds == one.kinds
    np.testing.assert_array_equal(two.recommend(log, 5).scores, one.recommend(log, 5).scores)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"kinds": np.asarray([255], np.uint8)}, "are no text"),
        ({"kinds": np.frombuffer(b"buy", np.uint8)}, "row starts do not fit"),
        (
            {"columns": np.asarray([99], np.int32), "values": np.ones(1, np.float32)},
            "items that are not there",
        ),
    ],
)
def test_damaged_state_is_named(broken, told):
    one = model("cross-occurrence").fit(log_of_kinds())
    items = len(one.item_vocabulary)
    if "columns" in broken:
        broken = broken | {"starts": np.asarray([0] * (3 * items) + [1], np.int64)}
    assert one.check_state(one.state, items) is None
    assert told in one.check_state({**one.state, **broken}, items)


# ---- the world in which views lead to purchases


def test_nothing_else_finds_what_views_lead_to(world):
    made = world("crossed")
    split = splitting.by_time(made.log, test="30d", target=made.target)
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
