"""Nearest people, against all pairs written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from spadework.kernels import people
from spadework.kernels.people import People
from spadework.kernels.scoring import Rows


def rows_of(dense: np.ndarray) -> Rows:
    table = csr_array(dense)
    table.sort_indices()
    return Rows(table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data)


def world(seed: int, users: int = 40, items: int = 15, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((users, items)) < share, rng.integers(1, 4, (users, items)), 0).astype(np.float64)


def lists_of(rows: Rows) -> list[dict[int, float]]:
    return [
        dict(zip(rows.columns[a:b].tolist(), rows.values[a:b].tolist(), strict=True))
        for a, b in zip(rows.starts[:-1], rows.starts[1:], strict=True)
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [1, 5, 39, 100])
def test_the_nearest_are_those_of_all_distances(seed, count):
    dense, asked = world(seed), world(seed + 100, users=12)
    asked[0] = dense[3]  # somebody who was learned from
    found = lists_of(people.nearest(People.of(rows_of(dense), 15), rows_of(asked), count))
    for vector, near in zip(asked, found, strict=True):
        distances = ((dense - vector) ** 2).sum(axis=1)
        order = sorted((d, user) for user, d in enumerate(distances) if d > 1e-12 * (vector**2).sum())
        expected = {user: d for d, user in order[:count]}
        assert near.keys() == expected.keys()
        assert [near[user] for user in expected] == pytest.approx(list(expected.values()))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("alpha", "power", "count"), [(0.5, 1.0, 100), (0.75, 10.0, 5), (0.0, 2.0, 3), (1.0, 1.0, 10)])
def test_the_most_alike_are_those_of_all_sets(seed, alpha, power, count):
    dense, asked = world(seed), world(seed + 100, users=12)
    asked[0] = dense[3]
    found = lists_of(people.alike(People.of(rows_of(dense), 15), rows_of(asked), alpha, power, count))
    for vector, near in zip(asked, found, strict=True):
        own, likeness = vector > 0, {}
        for user, other in enumerate(dense):
            both = int((own & (other > 0)).sum())
            if both and not np.array_equal(vector, other):
                likeness[user] = (both / (own.sum() ** alpha * (other > 0).sum() ** (1 - alpha))) ** power
        expected = dict(sorted(likeness.items(), key=lambda pair: (-pair[1], pair[0]))[:count])
        assert near == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_those_of_the_dense_vectors(seed):
    rng = np.random.default_rng(seed)
    dense, own = world(seed), world(seed + 50, users=6)
    weights = np.where(rng.random((6, 40)) < 0.2, rng.random((6, 40)), 0)
    found = people.sums(People.of(rows_of(dense), 15), rows_of(weights), rows_of(own), 15)
    expected = own + weights @ dense
    assert [sorted(row) for row in lists_of(found)] == [np.flatnonzero(row).tolist() for row in expected]
    for row, values in zip(lists_of(found), expected, strict=True):
        assert row == pytest.approx({item: values[item] for item in row})


def test_nobody_and_nothing():
    none = People.of(rows_of(np.zeros((0, 3))), 3)
    asked = rows_of(np.asarray([[1.0, 0, 0], [0, 0, 0]]))
    assert not len(people.nearest(none, asked, 4).columns)
    assert not len(people.alike(none, asked, 0.5, 1.0, 4).columns)
    assert lists_of(people.sums(none, people.nearest(none, asked, 4), asked, 3)) == [{0: 1.0}, {}]
