"""Nearest users, against all pairs written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from spadework.kernels.ranking.row_choice import Choice
from spadework.kernels.users import nearest_users, neighbour_sums
from spadework.kernels.users.nearest_users import Near, UserIndex
from spadework.kernels.users.neighbour_sums import Contributions
from spadework.ragged import SparseRows


def rows_of(dense: np.ndarray) -> SparseRows:
    table = csr_array(dense)
    table.sort_indices()
    return SparseRows(table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data)


def world(seed: int, users: int = 40, items: int = 15, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(
        rng.random((users, items)) < share, rng.integers(1, 4, (users, items)), 0
    ).astype(np.float64)


def users_of(index: UserIndex, near: Near) -> list[dict[int, float]]:
    """Input row → value of the neighbours of each query vector."""
    return [
        {
            int(index.given[user]): value
            for user, value in zip(users.tolist(), values.tolist(), strict=True)
            if user >= 0
        }
        for users, values in zip(*near, strict=True)
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [1, 5, 39, 100])
def test_the_nearest_are_those_of_all_distances(seed, count):
    dense, queries = world(seed), world(seed + 100, users=12)
    queries[0] = dense[3]  # a user of the index
    index = UserIndex.of(rows_of(dense), 15)
    found = users_of(index, nearest_users.nearest(index, rows_of(queries), count))
    for vector, near in zip(queries, found, strict=True):
        distances = ((dense - vector) ** 2).sum(axis=1)
        order = sorted(
            (d, (dense[user] ** 2).sum(), user)
            for user, d in enumerate(distances)
            if d > 1e-12 * (vector**2).sum()
        )
        # An empty query has no neighbours.
        expected = {user: d for d, _, user in order[:count] if vector.any()}
        assert near.keys() == expected.keys()
        assert [near[user] for user in expected] == pytest.approx(list(expected.values()))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("alpha", "power", "count"), [(0.5, 1.0, 100), (0.75, 10.0, 5), (0.0, 2.0, 3), (1.0, 1.0, 10)]
)
def test_the_most_similar_are_those_of_all_sets(seed, alpha, power, count):
    dense, queries = world(seed), world(seed + 100, users=12)
    queries[0] = dense[3]
    index = UserIndex.of(rows_of(dense), 15)
    found = users_of(
        index, nearest_users.most_similar(index, rows_of(queries), alpha, power, count)
    )
    for vector, near in zip(queries, found, strict=True):
        own, similarity = vector > 0, {}
        for user, other in enumerate(dense):
            both = int((own & (other > 0)).sum())
            if both and not np.array_equal(vector, other):
                similarity[user] = (
                    both / (own.sum() ** alpha * (other > 0).sum() ** (1 - alpha))
                ) ** power
        shorter = {
            user: (-round(value, 9), (dense[user] ** 2).sum(), user)
            for user, value in similarity.items()
        }
        expected = {
            user: similarity[user] for user in sorted(similarity, key=shorter.__getitem__)[:count]
        }
        assert near == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [15, 200])
@pytest.mark.parametrize("k", [1, 4, 300])
def test_the_best_are_those_of_all_sums(seed, width, k):
    rng = np.random.default_rng(seed)
    dense, own = world(seed, items=width), world(seed + 50, users=6, items=width)
    own[2] = 0
    neighbours = np.stack([rng.permutation(40)[:9] for _ in range(6)]).astype(np.int32)
    neighbours[1, 4:], neighbours[2] = -1, -1
    weights = rng.random((6, 9))
    weights[4] *= 1e-12  # tiny contributions break ties
    chosen = np.zeros((6, 40))
    for row in range(6):
        chosen[row, neighbours[row][neighbours[row] >= 0]] = weights[row][neighbours[row] >= 0]
    sums, allowed = own + chosen @ dense, rng.random(width) < 0.7
    contributions = Contributions(rows_of(own), neighbours, weights, rows_of(dense))
    for policy in ("allow", "forbid", "only"):
        for mask in (None, allowed):
            own_starts, own_columns, _ = contributions.own
            choice = Choice.of(own_starts, own_columns, policy, mask)
            codes, scores = neighbour_sums.best(contributions, width, choice, k)
            shown = (
                np.where((own > 0) == (policy == "only"), sums, 0) if policy != "allow" else sums
            )
            shown = shown if mask is None else np.where(mask, shown, 0)
            for row, values in enumerate(shown):
                expected = [
                    c for c in np.lexsort((np.arange(width), -values)).tolist() if values[c] > 0
                ][:k]
                assert codes[row][codes[row] >= 0].tolist() == expected
                np.testing.assert_allclose(
                    scores[row, : len(expected)], values[expected], rtol=1e-6
                )
    full = neighbour_sums.everything(contributions, width)
    np.testing.assert_allclose(np.where(np.isneginf(full), 0, full), sums, rtol=1e-6)
    some = rng.random(sums.shape) < 0.3
    starts = np.concatenate(([0], np.cumsum(some.sum(axis=1)))).astype(np.int64)
    cells = neighbour_sums.at_cells(
        contributions, width, SparseRows(starts, np.nonzero(some)[1].astype(np.int32), np.empty(0))
    )
    np.testing.assert_array_equal(cells, full[some])


@pytest.mark.parametrize("users", [1, 63, 64, 65, 128, 500])
def test_many_users_are_skipped_and_none_of_the_nearest(users):
    dense, queries = (
        world(users, users=users, items=90, share=0.03),
        world(3, users=9, items=90, share=0.05),
    )
    index = UserIndex.of(rows_of(dense), 90)
    for vector, near in zip(
        queries, users_of(index, nearest_users.nearest(index, rows_of(queries), 20)), strict=True
    ):
        distances = ((dense - vector) ** 2).sum(axis=1)
        expected = sorted(d for d in distances if d > 1e-12 * (vector**2).sum())[:20]
        assert sorted(near.values()) == pytest.approx(expected)
        assert near == pytest.approx({user: distances[user] for user in near})


def test_no_users_and_no_neighbours():
    none = UserIndex.of(rows_of(np.zeros((0, 3))), 3)
    queries = rows_of(np.asarray([[1.0, 0, 0], [0, 0, 0]]))
    assert nearest_users.nearest(none, queries, 4).users.shape == (2, 0)
    assert nearest_users.most_similar(none, queries, 0.5, 1.0, 4).users.shape == (2, 0)
    alone = Contributions(
        queries,
        *nearest_users.nearest(none, queries, 4),
        SparseRows(none.starts, none.items, none.values),
    )
    choice = Choice.of(queries.starts, queries.columns, "allow", None)
    codes, _ = neighbour_sums.best(alone, 3, choice, 2)
    assert codes.tolist() == [[0, -1], [-1, -1]]
