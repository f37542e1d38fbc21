"""Blends against their formula with dense scores, what they learn and do not see, and explanations
that add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from makers import START, make_log
from spadework import events
from spadework.artifacts import artifact
from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, OutOfTime, Unsuitable
from spadework.limits import Limits
from spadework.models.base import Recommender, models
from spadework.models.catalogue import catalogue
from spadework.models.ensemble.inner_holdout import inner_cut, make_inner_holdout
from spadework.models.ensemble.stacking_weights import RIDGE, fit_weights
from spadework.models.histories import Histories
from spadework.models.labels import model
from spadework.models.scorer import ByFunction, Scorer

# of the shop: fewer than the candidates, so that every part proposes all it has evidence for
ITEMS = 20
ALONE = [
    name for name, cls in catalogue().items() if not cls.composed and name != "cross-occurrence"
]


class Notes(list[str]):
    """Collects remarks."""

    def step(self, label: str, done: int, total: int | None) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        self.append(message)


def scores_of(one: Recommender, log: Interactions, repeats: str) -> np.ndarray:
    """All scores of a model, −∞ where it has none or the policy excludes the item. Shape [users,
    items].
    """
    lists = one.recommend(log, log.item_count, repeats=repeats, fill=False)
    out = np.full((log.user_count, log.item_count), -np.inf)
    rows, slots = np.nonzero(lists.items >= 0)
    out[rows, lists.items[rows, slots]] = lists.scores[rows, slots]
    return out


def lists_of(one: Recommender, log: Interactions, repeats: str = "allow") -> list[dict[str, float]]:
    lists = one.recommend(log, log.item_count, repeats=repeats, fill=False).frame()
    users = log.user_vocabulary.take(log.active_users).to_list()
    return [
        dict(lists.filter(pl.col("user_id") == user).select("item_id", "score").iter_rows())
        for user in users
    ]


@pytest.mark.parametrize(
    "one",
    [
        model("prior", parts="cosine(keep=5)", weight=0.5), model("prior", parts="cosine(keep=5)"),
        model("blend", parts="cosine(keep=5) + forward", weights="0.8, 0.2"),
        model("boosted", parts="cosine(keep=5) + popular"),
    ],
    ids=["prior", "learned prior", "blend", "boosted"],
)  # fmt: skip
def test_over_parts_that_have_learned_a_mixture_is_what_fit_makes(shop, one):
    part = model("cosine", keep=5).fit(shop)
    made, full = one.sharing().fit_over([part], shop, rng=3), one.sharing().fit(shop, rng=3)
    assert made == full
    assert "_fitted" not in made.__dict__, "parts are not stored twice"
    assert lists_of(made, shop) == lists_of(full, shop)


# ---- equations


@pytest.mark.parametrize("repeats", ["allow", "forbid", "only"])
def test_scores_are_scaled_to_length_one_weighted_and_added_up(shop, repeats):
    one = model("blend", parts="cosine + forward + popular", weights="0.5, 2, 0.25").fit(shop)
    total = np.zeros((shop.user_count, ITEMS))
    named = np.zeros_like(total, np.bool_)
    for name, weight in (("cosine", 0.5), ("forward", 2.0), ("popular", 0.25)):
        scores = scores_of(model(name).fit(shop), shop, repeats)
        named |= np.isfinite(scores)
        known = np.where(np.isfinite(scores), scores, 0)
        lengths = np.sqrt((known**2).sum(axis=1, keepdims=True))
        total += weight * known / np.where(lengths > 0, lengths, 1)
    found = scores_of(one, shop, repeats)
    np.testing.assert_array_equal(np.isfinite(found), named)
    np.testing.assert_allclose(found[named], total[named], rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 60.0])
def test_ranks_are_inverted_weighted_and_added_up(shop, smoothing):
    one = model(
        "blend", parts="cosine + popular", how="ranks", smoothing=smoothing, weights="1, 3"
    ).fit(shop)
    total = np.zeros((shop.user_count, ITEMS))
    for name, weight in (("cosine", 1), ("popular", 3)):
        lists = model(name).fit(shop).recommend(shop, ITEMS, repeats="forbid", fill=False).items
        rows, slots = np.nonzero(lists >= 0)
        total[rows, lists[rows, slots]] += weight / (smoothing + slots + 1)
    found = scores_of(one, shop, "forbid")
    np.testing.assert_allclose(found[np.isfinite(found)], total[total > 0], rtol=1e-5)
    np.testing.assert_array_equal(np.isfinite(found), total > 0)


DRAWING = ("random", "elsa", "ials", "mult-vae", "transformer")
"""Models that draw numbers; in a blend they draw others."""


@pytest.mark.parametrize("name", ALONE)
def test_a_blend_of_one_ranks_as_the_part_does(shop, shelves, name):
    alone = model(name).fit(shop, shelves)
    blend = model("blend", parts=name).fit(shop, shelves)
    part = blend.pool.parts[0]
    assert part == alone or name in DRAWING
    for repeats in ("allow", "forbid", "only"):
        np.testing.assert_array_equal(
            blend.recommend(shop, 7, repeats=repeats).items,
            part.recommend(shop, 7, repeats=repeats).items,
        )


def test_an_item_outside_the_list_of_a_part_has_that_parts_exact_score(shop):
    few = model("blend", parts="cosine + popular", candidates=3).fit(shop)
    block = few.scorer.reader.read(shop, shop.active_users)
    proposals = few.pool.propose(block, 1, "allow", None)
    own = few.pool.parts[0].scorer.scores(block.shown[0])
    expected = own[proposals.rows, proposals.items]
    assert (proposals.ranks[0] < 0).any()
    assert proposals.scores[0].tobytes() == expected.astype(np.float32).tobytes()


def test_sparse_dense_common_and_cold_parts_go_together(shop, shelves):
    cold = make_log(["u000"], ["i000"], [START])
    one = model(
        "blend", parts="cosine + v-sknn + popular_by_category + popular + content + random"
    ).fit(shop, shelves)
    lists = one.recommend(cold, ITEMS, fill=False)
    assert (lists.items >= 0).all()
    assert (np.diff(lists.scores) <= 0).all()


def test_a_part_without_weight_proposes_nothing(shop):
    with_random = model("blend", parts="cosine + random", weights="1, 0").fit(shop)
    alone = model("blend", parts="cosine").fit(shop)
    for one, other in zip(lists_of(with_random, shop), lists_of(alone, shop), strict=True):
        assert one == other


# ---- what is refused


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"parts": "cosine + blend"}, "which has parts itself"),
        ({"parts": "cosine + cosine"}, "is named twice"),
        ({"parts": " + ".join(f"cosine(keep={n})" for n in range(1, 22))}, "has 21 parts"),
        ({"weights": "1"}, "do not fit 2 parts"),
        ({"weights": "1, -1"}, "do not fit 2 parts"),
        ({"weights": "0, 0"}, "do not fit 2 parts"),
        ({"weights": "1, x"}, "do not fit 2 parts"),
        ({"weights": "1, nan"}, "do not fit 2 parts"),
        ({"weights": "1, 1", "how": "learned"}, "are given and are to be learned"),
    ],
)
def test_what_cannot_be_a_blend_is_refused(params, message):
    with pytest.raises(BadRequest, match=message):
        model("blend", **params)


def test_it_needs_what_its_parts_need(shop):
    assert model("blend", parts="cosine + popular").required() == frozenset()
    assert model("blend", parts="forward + content").required() == {"times", "content"}
    with pytest.raises(Unsuitable, match="compares whole numbers of groups"):
        model("blend", parts="cosine + forward(weight=llr)").fit(shop)


# ---- learning


def test_weights_are_where_the_likelihood_is_largest():
    rng = np.random.default_rng(3)
    sizes = rng.integers(0, 12, 300)
    scores = rng.random((2, int(sizes.sum())))
    truth = 3 * scores[0] + scores[1]
    is_positive = truth + rng.gumbel(size=len(truth)) > 4
    found = fit_weights(sizes, scores, is_positive)
    assert found is not None

    def loss(weights: np.ndarray) -> float:
        total, at, sum_, users = weights @ scores, 0, 0.0, 0
        for size in sizes:
            own, hit = total[at : at + size], is_positive[at : at + size]
            at += size
            if hit.any():
                sum_ += np.log(np.exp(own).sum()) - own[hit].mean()
                users += 1
        return sum_ / users + RIDGE / 2 * (weights**2).sum()

    grid = [np.asarray([a, b]) for a in np.linspace(0, 5, 51) for b in np.linspace(0, 5, 51)]
    best = min(grid, key=loss)
    np.testing.assert_allclose(found, best / best.sum(), atol=0.02)


def test_without_positives_nothing_is_learned():
    assert fit_weights(np.asarray([2, 0]), np.ones((2, 2)), np.zeros(2, np.bool_)) is None
    assert fit_weights(np.zeros(0, np.int64), np.ones((2, 0)), np.zeros(0, np.bool_)) is None


def test_a_useless_part_gets_hardly_any_weight(world):
    log = world("checkerboard").log
    weights = (
        model("blend", parts="cosine + random + popular", how="learned").fit(log).state["weights"]
    )
    assert weights.sum() == pytest.approx(1)
    assert weights[1] < 0.05, "chance"
    assert weights[0] > 0.8


def test_the_part_that_reads_order_gets_the_weight_where_order_is_all(world):
    weights = (
        model("blend", parts="cosine + forward", how="learned")
        .fit(world("order").log)
        .state["weights"]
    )
    assert weights[1] > 0.9


@pytest.fixture
def spy() -> Iterator[list[Interactions]]:
    """A part that remembers every log that it learns from, and every history that it reads."""
    seen: list[Interactions] = []

    class Spy(Recommender):
        """Items by number of events."""

        name = "spy"

        def _fit(
            self, train: Interactions, content: Any, rng: np.random.Generator
        ) -> Mapping[str, np.ndarray]:
            seen.append(train)
            return {"counts": train.item_counts}

        def _serve(self, state: Mapping[str, np.ndarray]) -> Scorer:
            return ByFunction(self._score, len(state["counts"]), Listening())

        def _score(self, histories: Histories) -> np.ndarray:
            return np.tile(self.state["counts"].astype(np.float32), (len(histories), 1))

    class Listening:
        """Reads distinct items, and remembers what it read them from."""

        def read(self, log: Interactions, users: Any) -> Histories:
            seen.append(log.of_user_codes(users))
            return Histories.of(log, users)

    yield seen
    del models._entries["spy"]


@pytest.mark.parametrize("cut", ["auto", "time", "last", "random"])
@pytest.mark.parametrize(
    ("name", "params"), [("blend", {"how": "learned"}), ("boosted", {"positives": 1})]
)
def test_no_held_out_event_reaches_the_parts_in_the_inner_fit(shop, spy, name, params, cut):
    model(name, parts="spy + cosine", cut=cut, **params).fit(shop, rng=5)
    assert len(spy) >= 3, "an inner fit, histories, and the fit on the whole"
    *inner, full = spy
    assert len(full) == len(shop)
    every = {(int(u), int(t)) for u, t in zip(shop.users, shop.times, strict=True)}
    known = {(int(u), int(t)) for u, t in zip(inner[0].users, inner[0].times, strict=True)}
    held_out = every - known
    assert held_out
    if cut == "time":
        assert min(t for _, t in held_out) > max(t for _, t in known)
    if cut == "last":
        assert all(sum(u == v for v, _ in held_out) <= 1 for u, _ in held_out), (
            "the last timestamp of each user"
        )
    for log in inner[1:]:
        shown = {(int(u), int(t)) for u, t in zip(log.users, log.times, strict=True)}
        assert not shown & held_out, "held-out events are not shown either"


@pytest.mark.parametrize("cut", ["auto", "time", "last", "random"])
def test_the_inner_cut_loses_and_doubles_nothing(shop, cut):
    split = inner_cut(shop, cut, 0)
    assert len(split.train) + len(split.expected) == len(shop)
    assert len(split.expected) > 0


def test_without_times_the_last_events_are_not_known_so_some_are_drawn(shop):
    bare = make_log(["a", "a", "a", "b", "b"], ["x", "y", "z", "x", "y"])
    assert inner_cut(bare, "auto", 0).name == "random"
    positions = make_log(["a", "a", "b", "b"], ["x", "y", "x", "z"], [1, 2, 1, 2])
    assert inner_cut(positions, "auto", 0).name == "last_basket"
    assert inner_cut(shop, "auto", 0).name == "by_time"


def test_a_log_that_cannot_be_cut_leaves_equal_weights_and_a_note():
    log = make_log(["a", "b"], ["x", "y"], [START, START])
    notes = Notes()
    with events.listening(notes):
        one = model("blend", parts="cosine + popular", how="learned").fit(log)
    assert one.state["weights"].tolist() == [0.5, 0.5]
    assert any("cannot learn from an inner hold-out of this log" in note for note in notes)


def test_limits_reach_the_inner_fit(shop):
    with pytest.raises(OutOfTime), events.listening(Limits(deadline=0.0)):
        make_inner_holdout(
            model("blend").models, shop, None, cut="auto", candidates=5, users=10, seed=0, label="x"
        )


def test_learning_from_a_sample_of_users_uses_no_more(shop):
    made = make_inner_holdout(
        model("blend").models, shop, None, cut="last", candidates=5, users=4, seed=0, label="x"
    )
    assert made is not None
    assert len(made.users) == 4
    assert (np.diff(made.users) > 0).all()


# ---- explanations and similar items


@pytest.mark.parametrize("how", ["scores", "ranks", "learned"])
@pytest.mark.parametrize("repeats", ["allow", "forbid"])
@pytest.mark.parametrize(
    "parts", ["cosine + forward", "cosine(aggregate=noisy-or) + popular + v-sknn"]
)
def test_contributions_sum_to_the_score(shop, how, repeats, parts):
    one = model("blend", parts=parts, how=how, candidates=6).fit(shop)
    own = shop.of_user_codes(np.asarray([3]))
    listed = one.recommend(own, 6, repeats=repeats, fill=False).frame()
    assert listed.height
    for item, score in listed.select("item_id", "score").iter_rows():
        explained = one.explain(own, item, repeats=repeats)
        assert explained.columns == ["item_id", "contribution", "part"]
        assert explained["contribution"].sum() == pytest.approx(score, rel=1e-5)
        assert set(explained["part"]) <= {part.label for part in one.models}
        total_rows = explained.filter(pl.col("item_id").is_null())
        assert set(total_rows["part"]) <= {"popular"}, (
            "a part without contributions has one row without an item"
        )


def test_similar_items_are_joined_from_the_parts_that_have_them(shop):
    one = model("blend", parts="cosine + popular + forward", weights="1, 5, 0").fit(shop)
    items = shop.item_vocabulary.ids[:4]
    found, alone = one.similar_items(items, 6), model("cosine").fit(shop).similar_items(items, 6)
    np.testing.assert_array_equal(found.items, alone.items)
    with pytest.raises(Unsuitable, match="No part of"):
        model("blend", parts="popular + v-sknn").fit(shop).similar_items(items)
    with pytest.raises(BadRequest, match="is not in the log"):
        one.similar_items(["nothing"])


def test_candidates_that_may_be_recommended_are_what_is_scaled(shop):
    one = model("blend", parts="cosine + popular").fit(shop)
    chosen = shop.item_vocabulary.ids.gather([2, 3, 9])
    lists = one.recommend(shop, 5, candidates=chosen, fill=False)
    assert set(lists.items[lists.items >= 0].tolist()) <= {2, 3, 9}


# ---- arrays from a file


def test_a_quota_holds_items_of_the_history_back(shop):
    one = model("blend", parts="personal + cosine", quota=2).fit(shop)
    own = [set(shop.items[shop.users == user].tolist()) for user in shop.active_users]
    free, held = (
        one.sharing(quota=None).recommend(shop, 6, fill=False),
        one.recommend(shop, 6, fill=False),
    )
    for row, mine in enumerate(own):
        listed = [item for item in held.items[row].tolist() if item >= 0]
        assert sum(item in mine for item in listed) <= 2
        assert (np.diff(held.scores[row][: len(listed)]) <= 0).all()
        before = [item for item in free.items[row].tolist() if item in mine]
        assert [item for item in listed if item in mine] == before[:2], "the best of them stay"
    assert (
        one.recommend(shop, 6, repeats="only").items.tolist()
        == one.sharing(quota=None).recommend(shop, 6, repeats="only").items.tolist()
    )
    assert any(
        sum(item in mine for item in row) > 2
        for row, mine in zip(free.items.tolist(), own, strict=True)
    )
    for parts in ("personal(popularity=0.0) + p-topfreq", "personal + cosine"):
        full = model("blend", parts=parts, quota=2, candidates=3).fit(shop).recommend(shop, 8)
        assert full.filled, "parts that propose little are filled up with what is popular"
        assert all(
            sum(item in mine for item in row) <= 2
            for row, mine in zip(full.items.tolist(), own, strict=True)
        )


def test_answering_parameters_share_what_was_learned(shop):
    one = model("blend", parts="cosine + popular").fit(shop)
    other = one.sharing(weights="0.1, 0.9")
    fresh = model("blend", parts="cosine + popular", weights="0.1, 0.9").fit(shop)
    assert lists_of(other, shop) == lists_of(fresh, shop)


def test_counts_of_items_are_kept_once_and_parts_come_back_from_a_folder(shop, tmp_path):
    one = model("blend", parts="cosine + v-sknn(last=3)", how="learned").fit(shop)
    assert [key for key in one.state if key.endswith("popularity")] == ["popularity"]
    two = artifact.load(artifact.save(one, tmp_path / "blend"))
    assert [part.label for part in two.pool.parts] == ["cosine", "v-sknn(last=3)"]
    assert lists_of(two, shop) == lists_of(one, shop)


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        (
            "0/columns",
            lambda a: a + 1000,
            "of the part 'cosine', the table names items that are not there",
        ),
        ("1/postings", None, "the array 'postings' is missing"),
        ("weights", lambda a: -a, "the weights do not fit the parts"),
        ("weights", lambda a: a[:1], "'weights' has the length 1, not 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(shop, key, change, message):
    one = model("blend", parts="cosine + v-sknn", how="learned").fit(shop)
    state = {name: np.array(array) for name, array in one.state.items()}
    if change is None:
        del state[key]
    else:
        state[key] = change(state[key])
    assert message in str(one.check_state(state, shop.item_count))


def test_a_part_more_changes_nobodys_draws(shop):
    one, two = (
        model("blend", parts=parts).fit(shop)
        for parts in ("random + cosine", "random + cosine + popular")
    )
    assert one.pool.parts[0] == two.pool.parts[0]


def test_a_blend_of_kinds_of_events_reads_them(world):
    made = world("crossed")
    split = splitting.by_time(made.log, test="30d", target="purchase")
    one = model("blend", parts="cross-occurrence + cosine").fit(split.train)
    both = one.recommend(split.given, 5, fill=False)
    assert (both.items[:, 0] >= 0).all()
    assert one.explain(split.given, both.frame()["item_id"][0], both.frame()["user_id"][0]).height
