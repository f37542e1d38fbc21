"""Boosted trees, grown by scikit-learn and kept as plain arrays.

scikit-learn has no public way to its histogram-based trees, and the public call needs the grower
itself, which could only be kept as a pickle. So `_nodes` reads the grower's private attributes,
here and nowhere else, and what was read is believed only where it gives the public call's numbers.
A release that keeps its trees in another way is answered by the public call: the examples are kept
instead, and a model grows the same trees again before its first answer.

Why not the public call alone: on Ta-Feng (384,501 examples of 17 features, 100 trees, lists of all
users, one thread) it takes 33.2 s for fit and lists instead of 21.8 s, which is 1.5 times as long,
and 7.7 s before the first answer of a loaded model instead of 0.01 s. The numbers are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from spadework import events
from spadework.arrays import Array
from spadework.kernels import parallel
from spadework.kernels.ranking.tree_sums import Trees, predict
from spadework.models.checks import Form, are_numbers, are_starts
from spadework.models.once import Once
from spadework.ragged import offsets_of

STEP = 25
"""Trees that are grown at once: limits of time and memory are checked between two steps, and each
step begins with sorting values into bins.
"""
CHECKED_ROWS = 1_000
"""Examples for which the read trees are held against the public call."""
_NODES = ("starts", "features", "thresholds", "left", "right", "values")


class Growth(NamedTuple):
    """How trees are grown."""

    learning_rate: float
    leaves: float
    trees: float
    seed: float


def no_trees() -> dict[str, Array]:
    """The arrays of a model without trees."""
    none, numbers = np.zeros(0, np.int32), np.zeros(0)
    return _as_arrays(Trees(np.zeros(1, np.int64), none, numbers, none, none, numbers, 0.0))


def grow(rows: Array, is_positive: Array, growth: Growth, label: str) -> dict[str, Array]:
    """Arrays of trees that tell positive rows from others; `rows` [rows, features] float32.

    One thread grows them: sums of several threads differ in their last bits.
    O(rows · features · trees).
    """
    if is_positive.all() or not is_positive.any():
        return no_trees()
    grower = _grower(rows, is_positive, growth, label)
    trees = _read(grower, rows)
    if trees is not None:
        return _as_arrays(trees)
    import sklearn

    events.note(
        f"{label}: scikit-learn {sklearn.__version__} keeps its trees in another way than is known "
        "here. The model keeps its examples instead: it is larger, and slower once it is loaded."
    )
    return {
        "examples/rows": rows,
        "examples/positive": is_positive,
        "examples/growth": np.asarray(growth, np.float64),
    }


def has_trees(state: Mapping[str, Array]) -> bool:
    """Whether there is more than the baseline."""
    return "examples/rows" in state or len(state["trees/starts"]) > 1


def grown_again(state: Mapping[str, Array]) -> Once[Any]:
    """The grower of trees that are kept as examples: grown before the first answer, and kept for
    all others.
    """
    return Once(partial(_grower_of, state))


def log_odds(state: Mapping[str, Array], grower: Once[Any], rows: Array) -> Array:
    """The trees' log-odds of each row: float64 [rows]. O(rows · trees · depth). `grower` is what
    `grown_again` gives for these arrays; it is asked only where the trees are kept as examples.
    """
    if "examples/rows" not in state:
        return predict(trees_of(state), rows)
    with parallel.using(1):
        return np.asarray(grower.get().decision_function(rows), np.float64)


def forms_of_trees(state: Mapping[str, Array], width: int) -> dict[str, Form]:
    """The forms of the arrays that trees are kept in."""
    if "examples/rows" in state:
        return {
            "examples/rows": Form("float32", ("examples", width)),
            "examples/positive": Form("bool", ("examples",)),
            "examples/growth": Form("float64", (len(Growth._fields),)),
        }
    whole, real = Form("int32", ("nodes",)), Form("float64", ("nodes",))
    forms = dict(
        zip(
            _NODES,
            (Form("int64", ("trees + 1",)), whole, real._replace(finite=False), whole, whole, real),
            strict=True,
        )
    )
    return {f"trees/{name}": form for name, form in forms.items()} | {
        "trees/baseline": Form("float64", (1,))
    }


def wrong_trees(state: Mapping[str, Array], width: int) -> str | None:
    """What is wrong with arrays that come from a file; None where nothing is."""
    if "examples/rows" in state:
        rows, is_positive = state["examples/rows"], state["examples/positive"]
        fit = rows.ndim == 2 and rows.shape[1] == width and is_positive.shape == rows.shape[:1]
        growth = state["examples/growth"]
        if not fit or growth.shape != (4,):
            return "the examples do not fit together"
        sane = len(rows) > 1 and is_positive.any() and not is_positive.all()
        grown = Growth(*growth.tolist())
        if not sane or not (0 < grown.learning_rate <= 1 and 2 <= grown.leaves <= 2**16):
            return "the examples grow no trees"
        fit = 1 <= grown.trees <= 10_000 and 0 <= grown.seed < 2**32
        return None if fit else "the examples grow no trees"
    if not are_numbers(state["trees/baseline"], (1,)):
        return "the trees have no baseline"
    trees = trees_of(state)
    if not are_starts(trees.starts, len(trees.values)):
        return "the starts of the trees do not fit their nodes"
    shape = trees.values.shape
    if not all(
        len(shape) == 1 and column.shape == shape and column.dtype.kind in kinds
        for column, kinds in (
            *((column, "i") for column in (trees.features, trees.left, trees.right)),
            *((column, "f") for column in (trees.thresholds, trees.values)),
        )
    ):
        return "the nodes of the trees do not fit together"
    return trees.wrong(width)


def trees_of(state: Mapping[str, Array]) -> Trees:
    """The trees of a model's arrays."""
    starts, nodes, thresholds, left, right, values = (state[f"trees/{name}"] for name in _NODES)
    return Trees(starts, nodes, thresholds, left, right, values, float(state["trees/baseline"][0]))


def _as_arrays(trees: Trees) -> dict[str, Array]:
    return {f"trees/{name}": getattr(trees, name) for name in _NODES} | {
        "trees/baseline": np.asarray([trees.baseline])
    }


def _grower_of(state: Mapping[str, Array]) -> Any:
    growth = Growth(*state["examples/growth"].tolist())
    rows, is_positive = state["examples/rows"], state["examples/positive"]
    return _grower(rows, is_positive, growth, "a model that keeps its examples")


def _grower(rows: Array, is_positive: Array, growth: Growth, label: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    grower = HistGradientBoostingClassifier(
        learning_rate=growth.learning_rate,
        max_leaf_nodes=int(growth.leaves),
        l2_regularization=1.0,
        early_stopping=False,
        warm_start=True,
        random_state=int(growth.seed),
    )
    trees = int(growth.trees)
    with parallel.using(1):
        for count in events.track([*range(STEP, trees, STEP), trees], f"grow trees of {label}"):
            grower.set_params(max_iter=count).fit(rows, is_positive)
    return grower


def _read(grower: Any, rows: Array) -> Trees | None:
    """The grower's trees, or None where they cannot be read or give other numbers than its public
    call.
    """
    some = rows[:: len(rows) // CHECKED_ROWS + 1]
    try:
        trees = _nodes(grower)
        fits = trees.wrong(rows.shape[1]) is None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
    with parallel.using(1):
        expected = grower.decision_function(some)
    same = fits and np.allclose(predict(trees, some), expected, rtol=0, atol=1e-9)
    return trees if same else None


def _nodes(grower: Any) -> Trees:
    """The nodes of a fitted HistGradientBoostingClassifier of two classes and numerical features
    without gaps, from private attributes: as scikit-learn 1.5 to 1.9 have them.

    Missing values and categories, which its nodes provide for as well, cannot occur here.
    """
    nodes = [grown[0].nodes for grown in grower._predictors]
    starts = offsets_of([len(tree) for tree in nodes])
    joined = np.concatenate(nodes)
    leaf = joined["is_leaf"].astype(np.bool_)
    return Trees(
        starts,
        np.where(leaf, 0, joined["feature_idx"]).astype(np.int32),
        np.where(leaf, 0.0, joined["num_threshold"]).astype(np.float64),
        np.where(leaf, -1, joined["left"].astype(np.int64)).astype(np.int32),
        np.where(leaf, -1, joined["right"].astype(np.int64)).astype(np.int32),
        joined["value"].astype(np.float64),
        float(np.asarray(grower._baseline_prediction).ravel()[0]),
    )
