"""Trees in flat arrays, against a walk with plain numbers and against the library that grew
them.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from spadework.kernels.ranking.tree_sums import Trees, predict
from spadework.models.ensemble.grown_trees import _nodes


@pytest.fixture(scope="module")
def grown() -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(3000, 6)).astype(np.float32)
    rows[:, 4] = np.round(rows[:, 4])  # many equal values
    rows[:, 5] = 1.0  # nothing to be learned from
    label = rng.random(3000) < 1 / (1 + np.exp(-(rows[:, 0] * rows[:, 1] + rows[:, 4] - 1)))
    return HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=9, early_stopping=False, random_state=0
    ).fit(rows, label), rows


def test_sums_are_those_of_the_library(grown):
    grower, rows = grown
    other = np.random.default_rng(5).normal(size=(500, 6)).astype(np.float32)
    for some in (rows, other, rows[:1], rows[:0]):
        expected = grower.decision_function(some) if len(some) else np.zeros(0)
        np.testing.assert_allclose(predict(_nodes(grower), some), expected, rtol=0, atol=1e-12)


def test_a_slow_walk_gives_the_same(grown):
    grower, rows = grown
    trees = _nodes(grower)
    assert trees.wrong(6) is None
    for row in rows[:20]:
        total = trees.baseline
        for first in trees.starts[:-1]:
            node = 0
            while trees.left[first + node] >= 0:
                goes_left = (
                    float(row[trees.features[first + node]]) <= trees.thresholds[first + node]
                )
                node = (trees.left if goes_left else trees.right)[first + node]
            total += trees.values[first + node]
        assert predict(trees, row[None])[0] == total


def test_each_row_alone_gives_the_same_bits(grown):
    grower, rows = grown
    whole = predict(_nodes(grower), rows)
    assert whole[7:9].tobytes() == predict(_nodes(grower), rows[7:9]).tobytes()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("starts", lambda a: a[:-1], "the starts of the trees do not fit"),
        ("left", lambda a: np.where(a > 0, 0, a), "names a node that is not there"),
        ("right", lambda a: np.where(a > 0, 99, a), "names a node that is not there"),
        ("features", lambda a: a + 6, "looks at a feature that is not there"),
        ("thresholds", lambda a: a[1:], "do not fit together"),
        ("values", lambda a: a * np.nan, "holds no number"),
    ],
)
def test_what_would_break_a_walk_is_named(grown, name, change, message):
    trees = _nodes(grown[0])
    assert message in str(trees._replace(**{name: change(getattr(trees, name))}).wrong(6))


def test_no_trees_are_the_baseline():
    none = np.zeros(0, np.int32)
    trees = Trees(np.zeros(1, np.int64), none, np.zeros(0), none, none, np.zeros(0), 0.5)
    assert trees.wrong(3) is None
    assert predict(trees, np.zeros((2, 3), np.float32)).tolist() == [0.5, 0.5]
