"""Registered weights: promises in addition to the laws that every weight keeps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spadework.errors import UnknownName, Unsuitable
from spadework.kernels.similarity.entry_weights import EntryStatistics, entry_weights
from spadework.kernels.similarity.pair_weights import (
    association,
    llr_keeps,
    pair_weight,
    pair_weights,
)
from spadework.kernels.similarity.pairs import Pairs

COUNTS_ONLY = {
    "pmi",
    "ppmi",
    "npmi",
    "pmi_k",
    "mutual_information",
    "lexicographers_mi",
    "llr",
    "signed_llr",
}
LEFT_IS_NOT_RIGHT = {"confidence", "asymmetric", "tversky", "discounted", "power", "shrunk"}


def pairs(joint, left, right, groups, **settings):
    return Pairs(
        np.asarray(joint, np.float64),
        np.asarray(left, np.float64),
        np.asarray(right, np.float64),
        groups,
        **settings,
    )


def entries(**changes):
    plain = {
        "counts": np.asarray([1.0, 4.0]),
        "group_sizes": np.asarray([2, 2]),
        "item_sizes": np.asarray([1, 1]),
        "groups": 1,
        "items": 2,
        "entries": 2,
    }
    return EntryStatistics(**(plain | changes))


def test_flags_are_set_where_they_should_be():
    assert {name for name, weight in pair_weights.items() if weight.counts_only} == COUNTS_ONLY
    assert {
        name for name, weight in pair_weights.items() if not weight.symmetric
    } == LEFT_IS_NOT_RIGHT
    assert {name: weight.needs for name, weight in entry_weights.items() if weight.needs} == {
        "value": "weights",
        "recency": "times",
    }


def test_a_weight_that_is_no_ratio_of_counts_may_not_have_exponents():
    """A weight with exponents is computed as the count over both sizes raised to them, so that the
    left size only scales rows.
    """
    with pytest.raises(ValueError, match="is not joint / left\\^a / right\\^b"):

        @pair_weight(symmetric=True, exponents=lambda a, b: (a, b))
        def squared(pair):
            return pair.joint**2 / pair.left / pair.right

    assert "squared" not in pair_weights


def test_the_error_for_an_unknown_weight_names_the_nearest_one():
    with pytest.raises(UnknownName, match="Did you mean 'jaccard'"):
        pair_weights["jacard"]
    with pytest.raises(UnknownName, match="Did you mean 'bm25'"):
        entry_weights["bm15"]


def test_settings_given_as_numpy_scalars_leave_float32_alone():
    one = np.ones(3, np.float32)
    given = Pairs(
        one,
        one * 2,
        one * 3,
        np.int64(9),
        np.float64(0.7),
        np.float64(0.3),
        np.float64(5),
        np.float64(2),
        np.float64(3),
    )
    assert type(given.groups) is float
    for name, weight in pair_weights.items():
        assert weight(given).dtype == np.float32, name


def test_weights_leave_their_arguments_alone():
    for form in (([3.0, 0.0], [4.0, 5.0], [6.0, 7.0]), ([[3.0, 0.0]], [[4.0]], [[6.0, 7.0]])):
        given = pairs(*form, 20.0, shrink=2.0)
        for part in (given.joint, given.left, given.right):
            part.flags.writeable = False
        with np.errstate(divide="ignore", invalid="ignore"):
            for weight in pair_weights.values():
                weight(given)
            llr_keeps(given)


def test_no_pairs_give_no_weights():
    nothing = pairs([], [], [], 5.0, shrink=1.0)
    for name, weight in pair_weights.items():
        assert weight(nothing).shape == (0,), name


def test_where_shrink_enters_each_weight():
    pair = pairs([6.0], [9.0], [16.0], 100.0, shrink=6.0)
    assert pair_weights["cosine"](pair)[0] == pytest.approx(6 / (12 + 6))
    assert pair_weights["confidence"](pair)[0] == pytest.approx(6 / 15)
    assert pair_weights["jaccard"](pair)[0] == pytest.approx(6 / (19 + 6))
    assert pair_weights["dice"](pair)[0] == pytest.approx(12 / (25 + 6))
    assert pair_weights["inclusion"](pair)[0] == pytest.approx(6 / 15)
    assert pair_weights["lift"](pair)[0] == pytest.approx(600 / 150)
    assert pair_weights["raw"](pair)[0] == pytest.approx(6 * 6 / 12)
    assert pair_weights["pmi"](pair)[0] == pytest.approx(np.log(600 / 144) * 6 / 12)
    # six of nine, pulled towards the sixteen of a hundred that hold the right item anyway: six
    # more lefts, of which 0.96 hold it
    assert pair_weights["shrunk"](pair)[0] == pytest.approx((6 + 0.96) / 15)


def test_a_pair_that_is_seen_once_keeps_its_pmi_and_others_gain():
    given = pairs([1.0, 8.0], [2.0, 50.0], [2.0, 40.0], 1000.0, pmi_k=3.0)
    pmi, with_order = pair_weights["pmi"](given), pair_weights["pmi_k"](given)
    np.testing.assert_allclose(with_order - pmi, [0.0, 2 * np.log(8)], atol=1e-12)
    assert pmi[0] > pmi[1]
    assert with_order[0] < with_order[1]


def test_negatives_shift_what_is_kept():
    given = pairs([1.0, 4.0, 0.0], [10.0, 10.0, 10.0], [10.0, 10.0, 10.0], 100.0, ppmi_k=2.0)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(
            pair_weights["ppmi"](given), [0.0, np.log(40 / 10) - np.log(2), 0.0]
        )


def test_ratios_of_weighted_counts_stay_at_most_one():
    """Counts by distance can pass the sizes of both items."""
    given = pairs([30.0], [10.0], [12.0], 100.0, left_power=1.0, right_power=1.0)
    assert pair_weights["jaccard"](given).tolist() == [1.0]
    assert pair_weights["tversky"](given).tolist() == [1.0]


def test_the_filter_keeps_pairs_that_surely_occur_together():
    # of 1000 groups 100 hold the left item and 100 the right one: chance gives 10 together
    given = pairs([0.0, 1.0, 10.0, 13.0, 30.0], [100.0] * 5, [100.0] * 5, 1000.0)
    values = association(given)
    assert (np.sign(values) == [-1, -1, 0, 1, 1]).all()
    assert abs(values[1]) > 10.83, "a strong dependence, but the wrong way"
    assert llr_keeps(given).tolist() == [False, False, False, False, True]
    assert llr_keeps(given, threshold=0.0).tolist() == [False, False, False, True, True]
    assert llr_keeps(given, threshold=1e9).tolist() == [False] * 5
    shrunk = dataclasses.replace(given, shrink=50.0)
    np.testing.assert_array_equal(association(shrunk), values)


def test_an_item_that_all_groups_hold_depends_on_nothing():
    given = pairs([1000.0, 7.0], [1000.0, 1000.0], [1000.0, 7.0], 1000.0)
    np.testing.assert_allclose(association(given), [0.0, 0.0], atol=1e-9)
    assert llr_keeps(dataclasses.replace(given, joint=given.joint.astype(np.float32))).tolist() == [
        False,
        False,
    ]


def test_a_weight_that_lacks_its_column_names_it():
    with pytest.raises(
        Unsuitable, match="The entry weight 'value' needs the weight column, which the log lacks"
    ):
        entry_weights["value"](entries())
    with pytest.raises(
        Unsuitable, match="The entry weight 'recency' needs the time column"
    ) as caught:
        entry_weights["recency"](entries())
    assert "'binary'" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, -2.5], "The entry weight 'value' gives -2.5: an entry weight below zero"),
        (
            [1.0, np.nan],
            "The entry weight 'value' gives nan: an entry weight that is no finite number",
        ),
        (
            [1.0, np.inf],
            "The entry weight 'value' gives inf: an entry weight that is no finite number",
        ),
    ],
)
def test_entries_below_zero_or_without_number_are_refused(values, message):
    with pytest.raises(Unsuitable, match=message):
        entry_weights["value"](entries(values=np.asarray(values)))


def test_settings_of_bm25_and_recency():
    two = entries(group_sizes=np.asarray([1, 1]), items=20, counts=np.asarray([1.0, 4.0]))
    flat = entry_weights["bm25"](dataclasses.replace(two, bm25_k1=0.0))
    assert flat[0] == flat[1], "k1 is 0: once is as good as often"
    steep = entry_weights["bm25"](dataclasses.replace(two, bm25_k1=1e6, bm25_b=0.0))
    assert steep[1] / steep[0] == pytest.approx(4.0, rel=1e-4)
    popular = dataclasses.replace(two, counts=np.ones(2), item_sizes=np.asarray([1, 50]))
    assert entry_weights["bm25"](popular)[0] > entry_weights["bm25"](popular)[1]
    assert np.ptp(entry_weights["bm25"](dataclasses.replace(popular, bm25_b=0.0))) == 0, (
        "b is 0: every item the same"
    )
    aged = entries(ages=np.asarray([0, 86_400]), half_life=43_200.0)
    assert entry_weights["recency"](aged).tolist() == [1.0, 0.25]


def test_a_group_that_holds_everything_is_damped_to_nothing_and_not_below():
    whole = entries(group_sizes=np.asarray([2, 2]), items=2)
    assert entry_weights["tfidf"](whole).tolist() == [0.0, 0.0]
    assert entry_weights["bm25"](whole).tolist() == [0.0, 0.0]
