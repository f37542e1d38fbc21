"""Laws of every pair weight and every entry weight on the shelves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.weighting import Entries, Pairs, entry_weight, entry_weights, pair_weight, pair_weights

ASYMMETRIC = {"confidence"}
"""Weights that tell left from right; `power` does so when its exponents differ."""

# Four users of four items: {0,1}, {0,1,2}, {0,2}, {0,3}. Sizes 4, 2, 2, 1.
SIZES = np.asarray([4.0, 2.0, 2.0, 1.0])
JOINT = {(0, 1): 2.0, (0, 2): 2.0, (0, 3): 1.0, (1, 2): 1.0}
BY_HAND = {
    "raw": [2, 2, 1, 1],
    "confidence": [2 / 4, 2 / 4, 1 / 4, 1 / 2],
    "cosine": [2 / 8**0.5, 2 / 8**0.5, 1 / 4**0.5, 1 / 4**0.5],
    "jaccard": [2 / 4, 2 / 4, 1 / 4, 1 / 3],
    "lift": [2 * 4 / 8, 2 * 4 / 8, 1 * 4 / 4, 1 * 4 / 4],
    "npmi": [np.log(1) / np.log(2), np.log(1) / np.log(2), np.log(1) / np.log(4), np.log(1) / np.log(4)],
    "power": [2 / 8**0.5, 2 / 8**0.5, 1 / 4**0.5, 1 / 4**0.5],
}
ENTRIES_BY_HAND = {
    # one entry held twice by a unit of one item among ten items, one held once by a unit of nine: 10/(1+1) and 10/(1+9)
    "binary": [1.0, 1.0],
    "tfidf": [2**0.5 * np.log(5), 0.0],
    # mean item size 2/10; item sizes 1 and 1: k1·(0.25 + 0.75·5) = 4.8
    "bm25": [2 * 2.2 / (4.8 + 2) * np.log(5), 0.0],
}


def pairs_by_hand() -> Pairs:
    left = np.asarray([SIZES[i] for i, _ in JOINT])
    right = np.asarray([SIZES[j] for _, j in JOINT])
    return Pairs(np.asarray(list(JOINT.values())), left, right, 4.0)


@st.composite
def integer_pairs(draw) -> Pairs:
    """Counts as a log can have them: 1 ≤ joint ≤ both sizes, and the union of both fits into the units."""
    n = draw(st.integers(1, 6))
    joint = np.asarray(draw(st.lists(st.integers(1, 50), min_size=n, max_size=n)), np.float64)
    left = joint + np.asarray(draw(st.lists(st.integers(0, 50), min_size=n, max_size=n)))
    right = joint + np.asarray(draw(st.lists(st.integers(0, 50), min_size=n, max_size=n)))
    units = float((left + right - joint).max()) + draw(st.integers(0, 100))
    powers = draw(st.tuples(st.floats(0, 2), st.floats(0, 2)))
    return Pairs(joint.astype(np.float32), left, right, units, *powers)


@pytest.mark.parametrize("name", list(pair_weights))
def test_pair_weight_on_four_users_by_hand(name):
    assert name in BY_HAND, f"work {name} out by hand for the four users and add it to BY_HAND"
    np.testing.assert_allclose(pair_weights[name](pairs_by_hand()), BY_HAND[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", list(pair_weights))
@given(pairs=integer_pairs())
def test_pair_weight_is_a_number_or_minus_infinity(name, pairs):
    values = np.asarray(pair_weights[name](pairs))
    assert values.shape == pairs.joint.shape
    assert not np.isnan(values).any()
    assert not np.isposinf(values).any()


@pytest.mark.parametrize("name", list(pair_weights))
@given(pairs=integer_pairs())
def test_pair_weight_is_symmetric_where_it_should_be(name, pairs):
    swapped = Pairs(pairs.joint, pairs.right, pairs.left, pairs.units, pairs.right_power, pairs.left_power)
    same = np.allclose(pair_weights[name](pairs), pair_weights[name](swapped), rtol=1e-6)
    assert same or name in ASYMMETRIC


@pytest.mark.parametrize("name", sorted(ASYMMETRIC))
def test_asymmetric_weights_tell_left_from_right(name):
    pairs = pairs_by_hand()
    swapped = Pairs(pairs.joint, pairs.right, pairs.left, pairs.units)
    assert not np.allclose(pair_weights[name](pairs), pair_weights[name](swapped))


@pytest.mark.parametrize("name", list(pair_weights))
@given(pairs=integer_pairs())
def test_pair_weight_grows_with_the_joint_count(name, pairs):
    more = Pairs(pairs.joint + 1, pairs.left + 1, pairs.right + 1, pairs.units + 1, pairs.left_power, pairs.right_power)
    fixed = Pairs(pairs.joint + 1, more.left, more.right, more.units, more.left_power, more.right_power)
    fewer = Pairs(pairs.joint, more.left, more.right, more.units, more.left_power, more.right_power)
    assert (np.asarray(pair_weights[name](fixed)) >= np.asarray(pair_weights[name](fewer)) - 1e-9).all()


def test_power_passes_through_cosine_confidence_and_lift():
    base = pairs_by_hand()

    def power(a, b):
        return pair_weights["power"](Pairs(base.joint, base.left, base.right, base.units, a, b))

    np.testing.assert_allclose(power(0.5, 0.5), pair_weights["cosine"](base))
    np.testing.assert_allclose(power(1.0, 0.0), pair_weights["confidence"](base))
    np.testing.assert_allclose(power(1.0, 1.0) * base.units, pair_weights["lift"](base))
    np.testing.assert_allclose(power(0.0, 0.0), pair_weights["raw"](base))


@pytest.mark.parametrize("name", list(entry_weights))
def test_entry_weight_by_hand(name):
    assert name in ENTRIES_BY_HAND, f"work {name} out by hand and add it to ENTRIES_BY_HAND"
    entries = Entries(np.asarray([2.0, 1.0]), np.asarray([1, 9]), np.asarray([1, 1]), units=2, items=10)
    np.testing.assert_allclose(entry_weights[name](entries), ENTRIES_BY_HAND[name], rtol=1e-6)


@pytest.mark.parametrize("name", list(entry_weights))
@given(data=st.data())
def test_entry_weight_is_never_below_zero(name, data):
    n, items, units = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))

    def column(high):
        return np.asarray(data.draw(st.lists(st.integers(1, high), min_size=n, max_size=n)))

    values = np.asarray(entry_weights[name](Entries(column(9).astype(np.float32), column(items), column(units), units, items)))
    assert values.shape == (n,)
    assert np.isfinite(values).all()
    assert (values >= 0).all()


@pytest.mark.parametrize("shelf", [pair_weights, entry_weights], ids=["pair", "entry"])
def test_every_weight_says_what_it_is(shelf):
    assert all((function.__doc__ or "").strip() for function in shelf.values())


@pytest.mark.parametrize(("place", "shelf"), [(pair_weight, pair_weights), (entry_weight, entry_weights)], ids=["pair", "entry"])
def test_a_function_placed_on_the_shelf_is_found_by_name_and_a_name_is_used_once(place, shelf):
    def newcomer(entry):
        """For this test."""
        return entry

    try:
        assert place(newcomer) is newcomer
        assert shelf["newcomer"] is newcomer

        def other(entry):
            return entry

        other.__name__ = "newcomer"
        with pytest.raises(ValueError, match="two things named 'newcomer'"):
            place(other)
    finally:
        del shelf._things["newcomer"]
