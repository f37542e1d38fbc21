"""Personal popularity as a prior: own purchases added to any model's scores."""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.data import splitting
from spadework.errors import BadRequest
from spadework.models.labels import model
from spadework.models.needs import REPEATS_MATTER


@pytest.fixture(scope="module")
def habits():
    """Users who buy three own items again and again, and something else now and then."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(120):
        own = rng.choice(40, 3, replace=False)
        for day in range(8):
            rows += [
                (user, int(item), day)
                for item in set(rng.choice(own, 2))
                | ({int(rng.integers(40))} if rng.random() < 0.4 else set())
            ]
    return make_log(
        [f"u{u:03d}" for u, _, _ in rows],
        [f"i{i:02d}" for _, i, _ in rows],
        [86_400 * d + 2_000_000_000 for _, _, d in rows],
    )


def test_scores_are_scaled_ones_and_the_logarithm_of_own_purchases(habits):
    inner = model("cosine").fit(habits)
    one = model("prior", parts="cosine", weight=0.4, decay=0.5, epsilon=0.1, candidates=40).fit(
        habits
    )
    lists, alone = one.recommend(habits, 40, fill=False), inner.recommend(habits, 40, fill=False)
    for row in range(5):
        user = int(lists.users[row])
        rows = habits.users == user
        days = sorted(set(habits.times[rows].tolist()))
        length = np.sqrt((alone.scores[row][alone.items[row] >= 0].astype(float) ** 2).sum())
        scores = dict(
            zip(alone.items[row].tolist(), alone.scores[row].astype(float).tolist(), strict=True)
        )
        for item, score in zip(lists.items[row], lists.scores[row], strict=True):
            if item < 0:
                continue
            days_bought = {
                days.index(t) for t in habits.times[rows & (habits.items == item)].tolist()
            }
            count = sum(0.5 ** (len(days) - 1 - day) for day in days_bought)
            scaled = scores.get(int(item), 0.0) / length * np.sqrt(40)
            assert score == pytest.approx(scaled + 0.4 * np.log1p(count / 0.1), rel=1e-4, abs=1e-5)


def test_lists_shorter_than_asked_for_are_on_the_same_scale(habits):
    """The scale is the root mean square of what the part lists, however many candidates it may
    propose.
    """
    one = model("prior", parts="ease", weight=0.4, candidates=40).fit(habits)
    other = model("prior", parts="ease", weight=0.4, candidates=1_000).fit(habits)
    np.testing.assert_allclose(
        other.recommend(habits, 5).scores, one.recommend(habits, 5).scores, rtol=1e-5
    )


def test_the_weight_is_learned_where_few_repeat():
    """Where own items may be recommended again, their weight must be learned, however rare repeats
    are.
    """
    rng = np.random.default_rng(1)
    rows = []
    for user in range(400):
        own_items = rng.permutation(60)[:9].tolist()
        rows += [
            (user, item, day)
            for day, item in enumerate(
                [own_items[0], *own_items, own_items[0] if user % 14 == 0 else 60 + user % 5]
            )
        ]
    log = make_log(
        [f"u{u:03d}" for u, _, _ in rows],
        [f"i{i:02d}" for _, i, _ in rows],
        [2_000_000_000 + 86_400 * d for _, _, d in rows],
    )
    assert 0 < splitting.last_basket(log).repeat_share < REPEATS_MATTER
    one = model("prior", parts="cosine", cut="last").fit(log)
    assert one.state["weights"][1] > 0.01
    assert set(one.explain(log, "i60", user="u005")["part"]) <= {"cosine", "own purchases"}


def test_it_lifts_what_users_buy_again(habits):
    last = habits.times.max()
    train, expected = habits.where(habits.times < last), habits.where(habits.times == last)
    bought = {(u, i) for u, i in zip(expected.users.tolist(), expected.items.tolist(), strict=True)}

    def hits(one):
        lists = one.fit(train).recommend(train, 3)
        return sum(
            (int(user), int(item)) in bought
            for user, row in zip(lists.users, lists.items, strict=True)
            for item in row
        )

    learned = model("prior", parts="ease")
    assert hits(learned) > 1.3 * hits(model("ease"))
    assert learned.state["weights"][1] > 0.05


def test_without_weight_for_own_purchases_it_ranks_as_the_model_does(habits):
    one, inner = model("prior", parts="cosine", weight=0.0).fit(habits), model("cosine").fit(habits)
    assert one.recommend(habits, 10).items.tolist() == inner.recommend(habits, 10).items.tolist()


def test_items_of_the_history_may_be_forbidden_or_alone(habits):
    one = model("prior", parts="cosine", weight=1.0).fit(habits)
    own = [set(habits.items[habits.users == user].tolist()) for user in habits.active_users]
    forbidden, only = (
        one.recommend(habits, 10, repeats=policy, fill=False) for policy in ("forbid", "only")
    )
    assert all(not own[row] & set(items.tolist()) for row, items in enumerate(forbidden.items))
    assert all(
        {item for item in items.tolist() if item >= 0} <= own[row]
        for row, items in enumerate(only.items)
    )


def test_contributions_sum_to_the_score(habits):
    one = model("prior", parts="cosine", weight=0.4).fit(habits)
    lists = one.recommend_codes(habits, 5, users=np.asarray([0]))
    for item, score in zip(lists.items[0], lists.scores[0], strict=True):
        parts = one.explain(
            habits, habits.item_vocabulary.ids[int(item)], user=habits.user_vocabulary.ids[0]
        )
        assert parts["contribution"].sum() == pytest.approx(float(score), rel=1e-4)


def test_it_is_added_to_one_model():
    with pytest.raises(BadRequest, match="names 2"):
        model("prior", parts="cosine + forward")
