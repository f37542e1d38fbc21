"""The weights are corners of each other, and the log-likelihood ratio gives the numbers that its
papers and tools print.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from spadework.kernels.similarity.pair_weights import association, pair_weights
from spadework.kernels.similarity.pairs import Pairs


def some_pairs(**settings) -> Pairs:
    rng = np.random.default_rng(7)
    left, right = rng.integers(1, 500, 200), rng.integers(1, 500, 200)
    joint = np.floor(rng.random(200) * np.minimum(left, right)) + 1
    return Pairs(
        np.minimum(joint, np.minimum(left, right)),
        left.astype(float),
        right.astype(float),
        1200.0,
        **settings,
    )


def weigh(name, base, **changes):
    return pair_weights[name](dataclasses.replace(base, **changes))


@pytest.mark.parametrize("shrink", [0.0, 12.5])
def test_power_passes_through_cosine_confidence_and_lift(shrink):
    base = some_pairs(shrink=shrink)
    np.testing.assert_allclose(
        weigh("power", base, left_power=0.5, right_power=0.5), weigh("cosine", base), rtol=1e-12
    )
    np.testing.assert_allclose(
        weigh("power", base, left_power=1.0, right_power=0.0), weigh("confidence", base), rtol=1e-12
    )
    np.testing.assert_allclose(
        weigh("power", base, left_power=1.0, right_power=1.0) * base.groups,
        weigh("lift", base),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        weigh("power", base, left_power=0.7, right_power=0.3),
        weigh("asymmetric", base, left_power=0.7),
        rtol=1e-12,
    )


def test_power_of_zero_and_zero_is_raw():
    base = some_pairs()
    np.testing.assert_array_equal(
        weigh("power", base, left_power=0.0, right_power=0.0), weigh("raw", base)
    )


@pytest.mark.parametrize("shrink", [0.0, 12.5])
def test_asymmetric_lies_between_confidence_and_cosine(shrink):
    base = some_pairs(shrink=shrink)
    np.testing.assert_allclose(
        weigh("asymmetric", base, left_power=0.5), weigh("cosine", base), rtol=1e-12
    )
    np.testing.assert_allclose(
        weigh("asymmetric", base, left_power=1.0), weigh("confidence", base), rtol=1e-12
    )


@pytest.mark.parametrize("shrink", [0.0, 12.5])
def test_discounted_begins_at_confidence(shrink):
    base = some_pairs(shrink=shrink)
    np.testing.assert_allclose(
        weigh("discounted", base, right_power=0.0), weigh("confidence", base), rtol=1e-12
    )


def test_discounted_is_power_with_the_left_one_at_one():
    base = some_pairs(right_power=0.4)
    np.testing.assert_allclose(
        weigh("discounted", base), weigh("power", base, left_power=1.0), rtol=1e-12
    )


@pytest.mark.parametrize("shrink", [0.0, 12.5])
def test_tversky_passes_through_dice_jaccard_confidence_and_one(shrink):
    base = some_pairs(shrink=shrink)
    np.testing.assert_allclose(
        weigh("tversky", base, left_power=1.0, right_power=1.0), weigh("jaccard", base), rtol=1e-12
    )
    np.testing.assert_allclose(
        weigh("tversky", base, left_power=1.0, right_power=0.0),
        weigh("confidence", base),
        rtol=1e-12,
    )
    # Dice writes its fraction twice as large, so its shrink weighs half as much
    np.testing.assert_allclose(
        weigh("tversky", base, shrink=shrink / 2), weigh("dice", base), rtol=1e-12
    )


def test_dice_and_jaccard_give_the_same_order():
    dice, jaccard = weigh("dice", some_pairs()), weigh("jaccard", some_pairs())
    np.testing.assert_allclose(jaccard, dice / (2 - dice), rtol=1e-12)


def test_logarithms_of_lift():
    base = some_pairs()
    lift = weigh("lift", base)
    np.testing.assert_allclose(np.exp(weigh("pmi", base)), lift, rtol=1e-12)
    np.testing.assert_array_equal(weigh("mutual_information", base), weigh("pmi", base))
    np.testing.assert_array_equal(weigh("ppmi", base), np.maximum(weigh("pmi", base), 0))
    np.testing.assert_array_equal(weigh("pmi_k", base, pmi_k=1.0), weigh("pmi", base))
    np.testing.assert_allclose(
        weigh("lexicographers_mi", base), base.joint * np.log(lift), rtol=1e-12
    )
    # squared, the counts give the cosine: ln(N · joint² / (left · right))
    np.testing.assert_allclose(
        weigh("pmi_k", base, pmi_k=2.0),
        np.log(base.groups * weigh("cosine", base) ** 2),
        rtol=1e-10,
    )


def test_npmi_at_its_three_landmarks():
    # never together; exactly what chance gives; never apart, rare and common; all users hold both
    joint, left, right = (
        [0.0, 10.0, 5.0, 900.0, 1000.0],
        [50.0, 100.0, 5.0, 900.0, 1000.0],
        [70.0, 100.0, 5.0, 900.0, 1000.0],
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        for dtype in (np.float32, np.float64):
            given = Pairs(
                np.asarray(joint, dtype), np.asarray(left, dtype), np.asarray(right, dtype), 1000.0
            )
            np.testing.assert_allclose(pair_weights["npmi"](given), [-1, 0, 1, 1, 1], rtol=1e-5)


def test_shrunk_falls_from_confidence_to_popularity():
    base = some_pairs()
    np.testing.assert_allclose(weigh("shrunk", base, shrink=0.0), weigh("confidence", base))
    np.testing.assert_allclose(
        weigh("shrunk", base, shrink=1e12), base.right / base.groups, rtol=1e-6
    )


# ---- both, left only, right only, neither → the ratio as it is printed
PUBLISHED = {
    # Dunning 1993, table of bigrams: "the swiss"
    (110, 2442, 111, 29114): 270.72,
    # the tests of Mahout's LogLikelihood
    (1, 0, 0, 1): 2.772589,
    (10, 0, 0, 10): 27.72589,
    (5, 1995, 0, 100_000): 39.33052,
    (1000, 1995, 1000, 100_000): 4730.737,
    (1000, 1000, 1000, 100_000): 5734.343,
    (1000, 1000, 1000, 99_000): 5714.932,
}


def pair_of(both, left_only, right_only, neither, dtype=np.float64):
    sizes = (np.asarray([count], dtype) for count in (both, both + left_only, both + right_only))
    return Pairs(*sizes, both + left_only + right_only + neither)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("cells", "printed"), PUBLISHED.items(), ids=str)
def test_log_likelihood_ratio_as_printed(cells, printed, dtype):
    given = pair_of(*cells, dtype)
    assert pair_weights["llr"](given)[0] == pytest.approx(
        printed, rel=3e-6 if dtype is np.float32 else 1e-6, abs=0.005 * (printed == 270.72)
    )
    assert pair_weights["signed_llr"](given)[0] == pytest.approx(math.sqrt(printed), rel=2e-5)


def test_log_likelihood_ratio_of_the_wrong_sign():
    apart = pair_of(0, 10, 10, 0)
    assert association(apart)[0] == pytest.approx(-27.72589, rel=1e-6)
    assert pair_weights["llr"](apart)[0] == 0
    assert pair_weights["signed_llr"](apart)[0] == pytest.approx(-math.sqrt(27.72589), rel=1e-6)


def test_log_likelihood_ratio_of_popular_items_survives_float32():
    """In a log of ten million the sum of k·ln k is off by tens in float32; a surplus of ten pairs
    over chance is worth 0.001.
    """
    given = pair_of(100_010, 900_000, 899_990, 8_100_000, np.float32)
    assert float(association(given)[0]) == pytest.approx(0.00099996741, rel=0.01)
    strong = pair_of(100, 900, 900, 9_998_100, np.float32)
    assert float(association(strong)[0]) == pytest.approx(
        by_hand(100, 900, 900, 9_998_100), rel=1e-5
    )


def by_hand(*cells):
    """Dunning's sum in the form of the papers: 2 Σ k ln k − rows − columns + all."""
    both, left_only, right_only, neither = cells
    total = sum(cells)
    margins = (both + left_only, right_only + neither, both + right_only, left_only + neither)
    return 2 * (
        sum(k * math.log(k) for k in cells if k)
        - sum(m * math.log(m) for m in margins if m)
        + total * math.log(total)
    )


def test_log_likelihood_ratio_is_the_sum_of_the_papers():
    for cells in ((7, 3, 2, 88), (1, 1, 1, 1), (3, 500, 2, 4000), (40, 2, 3, 0)):
        assert abs(association(pair_of(*cells))[0]) == pytest.approx(
            by_hand(*cells), rel=1e-9, abs=1e-9
        )
