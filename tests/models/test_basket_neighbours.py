"""TIFU-KNN and UP-CF against their equations, written out densely."""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.models.labels import model

ITEMS = 12


def shop(seed: int, users: int = 30, baskets: int = 9):
    """Baskets of each user as lists of items, and the log of them."""
    rng = np.random.default_rng(seed)
    taste = rng.dirichlet(np.full(ITEMS, 0.4), users)
    made = [
        [
            sorted(set(rng.choice(ITEMS, rng.integers(1, 4), p=taste[u])))
            for _ in range(rng.integers(1, baskets + 1))
        ]
        for u in range(users)
    ]
    rows = [
        (f"u{u:02d}", f"i{item:02d}", day)
        for u, own in enumerate(made)
        for day, basket in enumerate(own)
        for item in basket
    ]
    rows += [("z", f"i{item:02d}", 0) for item in range(ITEMS)]  # all items are known
    return [*made, [list(range(ITEMS))]], make_log(*map(list, zip(*rows, strict=True)))


def written_out(
    own: list[list[int]], within: float, between: float, groups: int, form: str
) -> np.ndarray:
    hot = np.zeros((len(own), ITEMS))
    for row, basket in enumerate(own):
        hot[row, basket] = 1
    count = min(groups, len(own))
    least, more = divmod(len(own), count)
    sizes = [least] * (count - more) + [least + 1] * more
    vector, begin = np.zeros(ITEMS), 0
    for number, size in enumerate(sizes):
        group = np.zeros(ITEMS)
        for at in range(begin, begin + size):
            back = len(own) - 1 - at if form == "code" else begin + size - 1 - at
            group += within**back * hot[at] / size
        vector += between ** ((groups if form == "code" else count) - 1 - number) * group / count
        begin += size
    return vector


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["paper", "code"])
@pytest.mark.parametrize(("groups", "neighbours"), [(3, 5), (7, 10), (50, 3)])
def test_tifu_knn_is_its_equations(seed, form, groups, neighbours):
    baskets, log = shop(seed)
    one = model(
        "tifu-knn",
        groups=groups,
        neighbours=neighbours,
        within=0.8,
        between=0.6,
        own_share=0.4,
        form=form,
    ).fit(log)
    vectors = np.stack([written_out(own, 0.8, 0.6, groups, form) for own in baskets])
    lengths = (vectors**2).sum(axis=1)
    scores = one.scorer.scores(one.scorer.reader.read(log, log.active_users))
    for user, vector in enumerate(vectors):
        distances = ((vectors - vector) ** 2).sum(axis=1) / (vector**2).sum()
        order = sorted((round(d, 12), lengths[v], v) for v, d in enumerate(distances))
        near = [v for d, _, v in order if d > 0][:neighbours]
        expected = 0.4 * vector + 0.6 * vectors[near].mean(axis=0)
        got = np.where(np.isneginf(scores[user]), 0, scores[user])
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6 * expected.max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("max_baskets", "asymmetry", "locality"), [(3, 0.75, 2.0), (100, 0.5, 1.0), (1, 0.25, 5.0)]
)
def test_up_cf_is_its_equations(seed, max_baskets, asymmetry, locality):
    baskets, log = shop(seed)
    one = model(
        "up-cf", max_baskets=max_baskets, asymmetry=asymmetry, locality=locality, neighbours=1000
    ).fit(log)
    sets = [set().union(*own) for own in baskets]
    weights = np.zeros((len(baskets), ITEMS))
    for user, own in enumerate(baskets):
        for basket in own[-max_baskets:]:
            weights[user, basket] += 1 / min(max_baskets, len(own))
    scores = one.scorer.scores(one.scorer.reader.read(log, log.active_users))
    for user, own in enumerate(sets):
        expected = weights[user].copy()
        for other, items in enumerate(sets):
            if other != user and not (
                items == own and np.array_equal(weights[other], weights[user])
            ):
                expected += (
                    len(own & items) / (len(own) ** asymmetry * len(items) ** (1 - asymmetry))
                ) ** locality * weights[other]
        got = np.where(np.isneginf(scores[user]), 0, scores[user])
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["tifu-knn", "up-cf"])
def test_one_basket_equal_times_and_more_groups_than_baskets_are_answered(name):
    log = make_log(["u", "u", "v", "v"], ["x", "y", "y", "z"], [5, 5, 5, 5])
    found = model(name).fit(log).recommend(log, 3, fill=False)
    assert [set(row[row >= 0].tolist()) for row in found.items] == [{0, 1, 2}, {0, 1, 2}]
