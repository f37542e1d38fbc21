"""Every join counts its matches, and shows two ids side by side where nothing fits."""

from __future__ import annotations

import polars as pl
import pytest

from spadework.data.joins import join
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData


def joined(ids, known):
    vocabulary, _ = Vocabulary.build(pl.Series("known", known))
    return join(pl.Series("ids", ids), vocabulary, what="item", here="the lists", there="the log")


def test_equal_ids_fit_without_a_word():
    for ids, known in ((["b", "a"], ["a", "b"]), ([7, 3], [3, 7])):
        found = joined(ids, known)
        assert found.codes.tolist() == [1, 0]
        assert found.remarks == ()


@pytest.mark.parametrize(
    ("ids", "known"),
    [
        (["3", "5"], [3, 5]),
        ([3.0, 5.0], [3, 5]),
        ([3, 5], ["3", "5"]),
        (pl.Series([3.0, 5.0], dtype=pl.Float32), ["3", "5"]),
        (pl.Series(["3", "5"], dtype=pl.Categorical), [3, 5]),
        (pl.Series(["3", "5"]).cast(pl.Decimal(10, 1)), [3, 5]),
    ],
    ids=["text", "decimal", "number", "short decimal", "category", "fixed point"],
)
def test_ids_of_another_type_that_write_the_same_number_fit_with_a_remark(ids, known):
    found = joined(ids, known)
    assert found.codes.tolist() == [0, 1]
    assert found.remarks


@pytest.mark.parametrize(
    ("ids", "known", "pair", "hint"),
    [
        (["108775015"], ["0108775015"], "'108775015' in the lists, '0108775015' in the log",
         "lost its leading zeros"),
        ([108775015], ["0108775015"], "108775015 in the lists, '0108775015' in the log",
         "lost its leading zeros"),
        (["5.0"], [5], "'5.0' in the lists, 5 in the log", "turns into decimals in pandas"),
        ([5], ["5.0"], "5 in the lists, '5.0' in the log", "turns into decimals in pandas"),
        (["AB1"], ["ab1"], "'AB1' in the lists, 'ab1' in the log", "upper and lower case"),
        (["ab1 "], ["ab1"], "'ab1 ' in the lists, 'ab1' in the log", "blanks"),
        (["\uff21\uff11"], ["A1"], "in the log", "in the same way"),
        (["x"], [7], "'x' in the lists, 7 in the log", "of the same items"),
    ],
    ids=["zeros", "zeros lost as a number", "decimal text", "decimal text in the log", "case",
         "blanks", "wide letters", "nothing alike"],
)  # fmt: skip
def test_none_that_fits_is_refused_with_two_ids_side_by_side(ids, known, pair, hint):
    with pytest.raises(BadData) as caught:
        joined([*ids, None], [*known, *known])
    assert caught.value.message.startswith("None of the item ids of the lists is in the log")
    assert pair in caught.value.message
    assert hint in caught.value.hint


def test_some_that_do_not_fit_are_counted_with_examples_and_a_likely_pair():
    found = joined(["a", "b", "A ", "q", "q", None], ["a", "b", "c"])
    assert found.codes.tolist() == [0, 1, -1, -1, -1, -1]
    assert found.unknown == 2
    assert found.remarks == (
        (
            "Item ids of the lists that are not in the log: 2 of 4, such as 'A ', 'q'. Perhaps "
            "'A ' in the lists is 'a' in the log."
        ),
    )


def test_short_decimals_fit_while_they_are_exact():
    ids = pl.Series([16_777_215.0, 16_777_216.0], dtype=pl.Float32)
    assert joined(ids, [16_777_215, 16_777_216, 16_777_217]).codes.tolist() == [0, -1]


def test_text_fits_in_either_unicode_form():
    assert joined(["cafe\u0301"], ["caf\u00e9"]).codes.tolist() == [0]


def test_no_ids_are_no_error():
    assert joined([], ["a"]).remarks == ()
    assert joined([None, None], ["a"]).codes.tolist() == [-1, -1]
