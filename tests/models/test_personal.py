"""Personal frequency: own items by a score of their own, others by popularity, ties as they are
named.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import START, make_log
from spadework.errors import Unsuitable
from spadework.models.baskets.personal import Personal
from spadework.models.labels import model

DAY = 86_400
LOG = make_log(
    ["u", "u", "u", "u", "u", "v", "v", "w", "w"],
    ["a", "b", "a", "c", "b", "c", "d", "c", "b"],
    [DAY * day for day in (0, 0, 1, 1, 2, 0, 1, 0, 1)],
)


def listed(one, user="u", log=LOG, **how):
    code = log.user_vocabulary.ids.to_list().index(user)
    found = one.fit(log).recommend_codes(
        log, 10, users=np.asarray([code]), **{"fill": False, **how}
    )
    return [
        log.item_vocabulary.ids[int(item)] for item in found.items[0] if item >= 0
    ], found.scores[0]


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("popular", ["b", "a", "c"]), ("recent", ["b", "a", "c"]), ("first", ["a", "b", "c"])],
)
def test_own_items_come_by_the_number_of_baskets_and_ties_as_named(ties, expected):
    """u bought a on days 0, 1, b on days 0, 2, c on day 1."""
    assert listed(model("p-topfreq", ties=ties))[0] == expected


def test_ties_are_told_apart_by_what_was_taken_later():
    log = make_log(["u"] * 3, ["a", "b", "c"], [0, 2, 1])
    assert listed(model("p-topfreq", ties="recent"), log=log)[0] == ["b", "c", "a"]
    assert listed(model("p-topfreq", ties="first"), log=log)[0] == ["a", "c", "b"]


def test_others_follow_by_popularity():
    assert listed(model("p-topfreq"))[0] == ["b", "a", "c"]
    assert listed(model("gp-topfreq"))[0] == ["b", "a", "c", "d"]
    assert listed(model("gp-topfreq"), repeats="forbid")[0] == ["d"]
    assert listed(model("gp-topfreq"), repeats="only")[0] == ["b", "a", "c"]


@pytest.mark.parametrize("decay", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("popularity", [0.0, 0.7, 3.0])
def test_purchases_fade_by_the_basket_and_popularity_is_added(decay, popularity):
    one = model("personal", decay=decay, popularity=popularity)
    names, scores = listed(one)
    share = {"a": 2 / 3, "b": 3 / 3, "c": 3 / 3, "d": 1 / 3}
    own = {"a": decay**2 + decay, "b": decay**2 + 1, "c": decay}
    expected = {
        name: own.get(name, 0) + popularity * share[name] for name in (share if popularity else own)
    }
    assert dict(zip(names, scores, strict=False)) == pytest.approx(expected, rel=1e-5)


def test_purchases_may_fade_with_time():
    names, scores = listed(
        model("personal", clock="time", half_life="1d", popularity=0.0), log=LOG.as_of(3 * DAY)
    )
    assert dict(zip(names, scores, strict=False)) == pytest.approx(
        {"a": 2**-3 + 2**-2, "b": 2**-3 + 2**-1, "c": 2**-2}, rel=1e-5
    )


def test_ages_that_nobody_knows_are_refused_or_those_of_all():
    bare = make_log(["u"], ["a"])
    with pytest.raises(Unsuitable, match="the histories have no times"):
        model("personal", clock="time").fit(LOG).recommend(bare, 2)
    with pytest.raises(Unsuitable, match="the histories have no times"):
        model("blend", parts="tifu-knn + personal(clock=time)").fit(LOG).recommend(bare, 2)
    one = model("personal", clock="time", half_life="1d", popularity=0.0)
    monthly = make_log(
        ["u", "u", "u", "v"],
        ["a", "a", "a", "b"],
        [START, START + 30 * DAY, START + 60 * DAY, START],
    )
    lists = one.fit(monthly).recommend(monthly, 1, fill=False)
    assert lists.scores[1, 0] == pytest.approx(2.0**-30), (
        "a user with one basket comes back as late as others do"
    )


def test_what_is_due_comes_first_at_its_time():
    """Soap is bought every ten days, bread every day: nine days after the last soap it is due."""
    rng = np.random.default_rng(0)
    rows = [(f"u{u}", "soap", 10 * n + rng.integers(0, 2)) for u in range(30) for n in range(6)]
    rows += [(f"u{u}", "bread", n) for u in range(30) for n in range(52)]
    rows += [("x", "soap", 0), ("x", "bread", 0)]
    log = make_log(
        *map(list, zip(*[(user, item, int(day) * DAY) for user, item, day in rows], strict=True))
    )
    one = model("personal", interval=0.9, popularity=0.0, decay=0.5)
    assert listed(one, "x", log.as_of(1 * DAY))[0] == ["bread", "soap"]
    assert listed(one, "x", log.as_of(10 * DAY))[0] == ["soap", "bread"]


def test_answers_change_without_learning_anew():
    fitted = model("personal").fit(LOG)
    other = fitted.sharing(popularity=3.0, decay=0.5, ties="first")
    assert isinstance(other, Personal)
    fresh = model("personal", popularity=3.0, decay=0.5, ties="first").fit(LOG)
    assert other.recommend(LOG, 4).items.tolist() == fresh.recommend(LOG, 4).items.tolist()


@pytest.mark.parametrize("name", ["p-topfreq", "gp-topfreq", "personal"])
def test_contributions_sum_to_the_score(name):
    one = model(name).fit(LOG)
    lists = one.recommend(LOG, 4, fill=False)
    for user, items, scores in zip(lists.users, lists.items, lists.scores, strict=True):
        for item, score in zip(items, scores, strict=True):
            if item >= 0:
                parts = one.explain(
                    LOG, LOG.item_vocabulary.ids[int(item)], user=LOG.user_vocabulary.ids[int(user)]
                )
                assert parts["contribution"].sum() == pytest.approx(float(score), rel=1e-5)


def test_a_large_basket_and_many_ties_keep_their_order():
    names = [f"i{n:05d}" for n in range(10_000)]
    log = make_log(["u"] * 10_000, names, [0] * 10_000)
    found = model("p-topfreq", ties="first").fit(log).recommend(log, 10_000, fill=False)
    assert found.items[0].tolist() == list(range(10_000))
    assert (np.diff(found.scores[0]) < 0).all()
