"""Laws of every pair weight and every entry weight on the shelves."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.similarity.entry_weights import EntryStatistics, entry_weight, entry_weights
from spadework.kernels.similarity.pair_weights import pair_weight, pair_weights
from spadework.kernels.similarity.pairs import Pairs

# ---- slow twins: one pair, from the definition. c joint, i and j sizes, n units, p the settings


def evidence(c, p):
    return c / (c + p.shrink) if p.shrink else 1.0


def ln(x):
    return math.log(x) if x > 0 else -math.inf


def twin_pmi(c, i, j, n, p):
    return -math.inf if c == 0 else evidence(c, p) * ln(n * c / (i * j))


def twin_npmi(c, i, j, n, p):
    if c == 0:
        return -1.0 if p.shrink == 0 else 0.0
    return evidence(c, p) * (1.0 if c == n else ln(n * c / (i * j)) / -ln(c / n))


def twin_signed(c, i, j, n):
    """Dunning's sum over the four cells against what chance expects of them, with the sign of the
    dependence.
    """
    cells = [
        (c, i * j),
        (i - c, i * (n - j)),
        (j - c, j * (n - i)),
        (n - i - j + c, (n - i) * (n - j)),
    ]
    total = sum(2 * count * ln(count * n / margins) for count, margins in cells if count > 0)
    return math.copysign(max(total, 0.0), c - i * j / n)


TWINS = {
    "raw": lambda c, i, j, n, p: c * evidence(c, p),
    "confidence": lambda c, i, j, n, p: c / (i + p.shrink),
    "cosine": lambda c, i, j, n, p: c / (math.sqrt(i * j) + p.shrink),
    "asymmetric": lambda c, i, j, n, p: c / (i**p.left_power * j ** (1 - p.left_power) + p.shrink),
    "jaccard": lambda c, i, j, n, p: c / (i + j - c + p.shrink),
    "dice": lambda c, i, j, n, p: 2 * c / (i + j + p.shrink),
    "tversky": lambda c, i, j, n, p: (
        c and c / (c + p.left_power * (i - c) + p.right_power * (j - c) + p.shrink)
    ),
    "inclusion": lambda c, i, j, n, p: c / (min(i, j) + p.shrink),
    "lift": lambda c, i, j, n, p: n * c / (i * j + p.shrink),
    "discounted": lambda c, i, j, n, p: c / (i + p.shrink) / j**p.right_power,
    "power": lambda c, i, j, n, p: c / (i**p.left_power * j**p.right_power + p.shrink),
    "shrunk": lambda c, i, j, n, p: c and (c + p.shrink * j / n) / (i + p.shrink),
    "pmi": twin_pmi,
    "ppmi": lambda c, i, j, n, p: (
        c and evidence(c, p) * max(0.0, ln(n * c / (i * j)) - ln(p.ppmi_k))
    ),
    "npmi": twin_npmi,
    "pmi_k": lambda c, i, j, n, p: (
        -math.inf if c == 0 else evidence(c, p) * ln(n * c**p.pmi_k / (i * j))
    ),
    "mutual_information": twin_pmi,
    "lexicographers_mi": lambda c, i, j, n, p: (
        c * evidence(c, p) * ln(n * c / (i * j)) if c else -math.inf
    ),
    "llr": lambda c, i, j, n, p: c and evidence(c, p) * max(0.0, twin_signed(c, i, j, n)),
    "signed_llr": lambda c, i, j, n, p: (
        evidence(c, p)
        * math.copysign(math.sqrt(abs(twin_signed(c, i, j, n))), twin_signed(c, i, j, n))
    ),
}
"""Where the pair never meets, anything that is not positive will do, and the test below asks for no
more.
"""

# Four users of four items: {0,1}, {0,1,2}, {0,2}, {0,3}. Sizes 4, 2, 2, 1.
SIZES = np.asarray([4.0, 2.0, 2.0, 1.0])
JOINT = {(0, 1): 2.0, (0, 2): 2.0, (0, 3): 1.0, (1, 2): 1.0}
ROOTS = [2 / 8**0.5, 2 / 8**0.5, 1 / 4**0.5, 1 / 4**0.5]
BY_HAND = {
    "raw": [2, 2, 1, 1],
    "confidence": [2 / 4, 2 / 4, 1 / 4, 1 / 2],
    "cosine": ROOTS,
    "asymmetric": ROOTS,
    "jaccard": [2 / 4, 2 / 4, 1 / 4, 1 / 3],
    "dice": [4 / 6, 4 / 6, 2 / 5, 2 / 4],
    "tversky": [2 / 3, 2 / 3, 1 / 2.5, 1 / 2],
    "inclusion": [1, 1, 1, 1 / 2],
    "lift": [1, 1, 1, 1],
    "discounted": [2 / 4 / 2**0.5, 2 / 4 / 2**0.5, 1 / 4, 1 / 2 / 2**0.5],
    "power": ROOTS,
    "shrunk": [2 / 4, 2 / 4, 1 / 4, 1 / 2],
    "pmi": [0, 0, 0, 0],
    "ppmi": [0, 0, 0, 0],
    "npmi": [0, 0, 0, 0],
    "pmi_k": [np.log(2), np.log(2), 0, 0],
    "mutual_information": [0, 0, 0, 0],
    "lexicographers_mi": [0, 0, 0, 0],
    "llr": [0, 0, 0, 0],
    "signed_llr": [0, 0, 0, 0],
}
ENTRIES_BY_HAND = {
    # one entry held twice by a group of one item among ten items, one held once by a group of nine:
    # 10/(1+1) and 10/(1+9)
    "binary": [1.0, 1.0],
    "count": [2.0, 1.0],
    "root": [2**0.5, 1.0],
    "log": [1 + np.log(2), 1.0],
    "tfidf": [2**0.5 * np.log(5), 0.0],
    # mean item size 2/10; item sizes 1 and 1: k1·(0.25 + 0.75·5) = 4.8
    "bm25": [2 * 2.2 / (4.8 + 2) * np.log(5), 0.0],
    "value": [7.0, 0.0],
    "recency": [1.0, 0.25],
}

every_pair_weight = pytest.mark.parametrize("name", list(pair_weights))
every_entry_weight = pytest.mark.parametrize("name", list(entry_weights))


@pytest.fixture(autouse=True)
def as_callers_do():
    """Dense blocks compute logarithms of zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yield


def pairs_by_hand() -> Pairs:
    left = np.asarray([SIZES[i] for i, _ in JOINT])
    right = np.asarray([SIZES[j] for _, j in JOINT])
    return Pairs(np.asarray(list(JOINT.values())), left, right, 4.0)


@st.composite
def integer_pairs(draw) -> Pairs:
    """Counts as a log can have them: 0 ≤ joint ≤ both sizes, and the union of both fits into the
    groups.
    """
    n = draw(st.integers(1, 6))
    joint = np.asarray(draw(st.lists(st.integers(0, 50), min_size=n, max_size=n)), np.float64)
    left = np.maximum(
        joint + np.asarray(draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))), 1
    )
    right = np.maximum(
        joint + np.asarray(draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))), 1
    )
    groups = float((left + right - joint).max()) + draw(st.integers(0, 100))
    powers = draw(st.tuples(st.floats(0, 2), st.floats(0, 2)))
    shrink = draw(st.sampled_from([0.0, 0.5, 20.0]))
    return Pairs(
        joint,
        left,
        right,
        groups,
        *powers,
        shrink,
        draw(st.sampled_from([1.0, 2.0, 2.5, 3.0])),
        draw(st.floats(1, 10)),
    )


def block(seed: int, **settings) -> Pairs:
    """A dense float32 block of sizes from 1 to a million, in which many pairs never meet."""
    rng = np.random.default_rng(seed)
    left = np.floor(10 ** rng.uniform(0, 6, (7, 1)))
    right = np.floor(10 ** rng.uniform(0, 6, (1, 40)))
    left[0], right[0, 0] = 1, 1e6
    groups = 3e6
    joint = np.floor(
        np.minimum(left, right) * rng.choice([0.0, 0.0, 0.001, 0.1, 0.5, 1.0], (7, 40))
    )
    return Pairs(
        joint.astype(np.float32),
        left.astype(np.float32),
        right.astype(np.float32),
        groups,
        **settings,
    )


SETTINGS = [
    {},
    {"left_power": 0.7, "right_power": 0.3, "shrink": 10.0},
    {"left_power": 0.0, "right_power": 0.0, "pmi_k": 1.0},
    {"left_power": 2.0, "right_power": 2.0, "shrink": 1000.0, "pmi_k": 3.0, "ppmi_k": 5.0},
]


def check_against_twin(name, values, pairs, rtol, atol):
    joint, left, right = (
        np.ravel(part) for part in np.broadcast_arrays(pairs.joint, pairs.left, pairs.right)
    )
    for value, c, i, j in zip(
        np.ravel(values), joint.tolist(), left.tolist(), right.tolist(), strict=True
    ):
        if c == 0:
            assert value <= 0
        else:
            assert value == pytest.approx(
                TWINS[name](c, i, j, pairs.groups, pairs), rel=rtol, abs=atol
            ), (c, i, j, pairs.groups)


@every_pair_weight
def test_pair_weight_on_four_users_by_hand(name):
    assert name in BY_HAND, f"work {name} out by hand for the four users and add it to BY_HAND"
    np.testing.assert_allclose(
        pair_weights[name](pairs_by_hand()), BY_HAND[name], rtol=1e-12, atol=1e-12
    )


@given(pairs=integer_pairs())
def test_pair_weight_is_its_formula(pairs):
    for name, weight in pair_weights.items():
        assert name in TWINS, f"write the formula of {name} for one pair and add it to TWINS"
        with np.errstate(divide="ignore", invalid="ignore"):
            values = weight(pairs)
        # the root of a ratio that is zero but for the last digit is the root of that digit
        check_against_twin(
            name, values, pairs, rtol=1e-9, atol=1e-5 if name == "signed_llr" else 1e-9
        )


@every_pair_weight
def test_pair_weight_is_its_formula_in_float32(name):
    for settings in SETTINGS:
        pairs = block(1, **settings)
        check_against_twin(name, pair_weights[name](pairs), pairs, rtol=5e-4, atol=2e-6)


@every_pair_weight
def test_pair_weight_keeps_float32_and_is_never_positive_where_the_two_never_meet(name):
    for settings, seed in itertools.product(SETTINGS, range(5)):
        pairs = block(seed, **settings)
        values = pair_weights[name](pairs)
        assert values.dtype == np.float32
        assert values.shape == pairs.joint.shape
        assert not np.isnan(values).any(), settings
        assert not np.isposinf(values).any(), settings
        assert (values[pairs.joint == 0] <= 0).all(), settings


@every_pair_weight
def test_flat_pairs_and_a_dense_block_give_the_same(name):
    for settings in SETTINGS:
        dense = block(3, **settings)
        parts = [
            np.ravel(part) for part in np.broadcast_arrays(dense.joint, dense.left, dense.right)
        ]
        flat = dataclasses.replace(dense, joint=parts[0], left=parts[1], right=parts[2])
        values = pair_weights[name](dense)
        np.testing.assert_allclose(
            pair_weights[name](flat), values.ravel(), rtol=1e-5, atol=1e-6, err_msg=str(settings)
        )
        assert pair_weights[name](flat).dtype == np.float32


@given(pairs=integer_pairs())
def test_pair_weight_is_symmetric_where_it_is_declared(pairs):
    swapped = dataclasses.replace(pairs, left=pairs.right, right=pairs.left)
    for name, weight in pair_weights.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            same = np.array_equal(weight(pairs), weight(swapped))
        assert same or not weight.symmetric, name


@pytest.mark.parametrize(
    "name", [name for name, weight in pair_weights.items() if not weight.symmetric]
)
def test_other_weights_tell_left_from_right(name):
    pairs = dataclasses.replace(pairs_by_hand(), left_power=0.7, right_power=0.2)
    swapped = dataclasses.replace(pairs, left=pairs.right, right=pairs.left)
    assert not np.allclose(pair_weights[name](pairs), pair_weights[name](swapped))


@given(pairs=integer_pairs())
def test_pair_weight_above_zero_grows_with_the_joint_count(pairs):
    sizes = dataclasses.replace(
        pairs, left=pairs.left + 1, right=pairs.right + 1, groups=pairs.groups + 1
    )
    for name, weight in pair_weights.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            fewer = np.maximum(weight(sizes), 0)
            more = np.maximum(weight(dataclasses.replace(sizes, joint=pairs.joint + 1)), 0)
        assert (more >= fewer * (1 - 1e-9) - 1e-7).all(), name


@given(pairs=integer_pairs())
def test_shrink_only_makes_smaller(pairs):
    """A similarity that rests on few counts falls by shrink. Only the one that falls back on
    popularity can rise by it.
    """
    free = dataclasses.replace(pairs, shrink=0.0)
    for name, weight in pair_weights.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            before, after = np.maximum(weight(free), 0), np.maximum(weight(pairs), 0)
        if name == "shrunk":
            after = np.minimum(after, np.maximum(before, pairs.right / pairs.groups))
            before = np.maximum(before, pairs.right / pairs.groups)
        assert (after <= before * (1 + 1e-12)).all(), name


@pytest.mark.parametrize(
    "name", [name for name, weight in pair_weights.items() if not weight.counts_only]
)
def test_sizes_next_to_zero_do_no_harm(name):
    """Weighted entries can all be zero: then both sizes are at their floor and no pair counts."""
    small = np.full(3, 1e-12, np.float32)
    for settings in SETTINGS:
        pairs = Pairs(
            np.zeros(3, np.float32),
            small,
            np.asarray([1e-12, 1.0, 1e6], np.float32),
            100.0,
            **settings,
        )
        values = pair_weights[name](pairs)
        assert not np.isnan(values).any()
        assert (values <= 0).all()


def entries_by_hand() -> EntryStatistics:
    return EntryStatistics(
        np.asarray([2.0, 1.0]),
        np.asarray([1, 9]),
        np.asarray([1, 1]),
        groups=2,
        items=10,
        entries=2,
        values=np.asarray([7.0, 0.0]),
        ages=np.asarray([0.0, 2 * 30 * 86_400.0]),
    )


@every_entry_weight
def test_entry_weight_by_hand(name):
    assert name in ENTRIES_BY_HAND, f"work {name} out by hand and add it to ENTRIES_BY_HAND"
    np.testing.assert_allclose(
        entry_weights[name](entries_by_hand()), ENTRIES_BY_HAND[name], rtol=1e-6
    )


@given(data=st.data())
def test_entry_weight_is_finite_and_never_below_zero(data):
    n, items, groups = (
        data.draw(st.integers(1, 6)),
        data.draw(st.integers(1, 40)),
        data.draw(st.integers(1, 40)),
    )

    def column(high, low=1):
        return np.asarray(data.draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    entries = EntryStatistics(
        column(9).astype(np.float32),
        column(items),
        column(groups),
        groups,
        items,
        n,
        values=column(9, 0).astype(np.float32),
        ages=column(10**9, 0),
        bm25_k1=data.draw(st.floats(0, 100)),
        bm25_b=data.draw(st.floats(0, 1)),
        half_life=data.draw(st.floats(60, 1e9)),
    )
    for name, weight in entry_weights.items():
        values = weight(entries)
        assert values.shape == (n,)
        assert values.dtype == np.float32
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name


@pytest.mark.parametrize("registry", [pair_weights, entry_weights], ids=["pair", "entry"])
def test_every_weight_has_a_description(registry):
    for name, weight in registry.items():
        first = (weight.__doc__ or "").split("\n\n")[0].strip()
        assert first, f"{name} has no description"
        assert first.endswith((".", ")")), f"{name}: {first!r} does not end"
        assert weight.name == name


@pytest.mark.parametrize(
    ("register", "registry"),
    [(pair_weight(symmetric=True), pair_weights), (entry_weight(), entry_weights)],
    ids=["pair", "entry"],
)
def test_a_registered_function_is_found_by_name_and_a_name_is_used_once(register, registry):
    def newcomer(entry):
        """For this test."""
        return entry

    try:
        registered = register(newcomer)
        assert registry["newcomer"] is registered
        assert registered.function is newcomer
        assert registered.__doc__ == "For this test."

        def other(entry):
            return entry

        other.__name__ = "newcomer"
        with pytest.raises(ValueError, match="two things named 'newcomer'"):
            register(other)
    finally:
        del registry._entries["newcomer"]
