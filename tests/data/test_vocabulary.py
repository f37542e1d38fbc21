"""Ids and codes: nothing is merged, nothing is lost, numbers and text never meet."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.vocabulary import Vocabulary, digest
from spadework.errors import BadData

INTEGERS = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Int32: st.integers(-(2**31), 2**31 - 1),
    pl.Int8: st.integers(-128, 127),
    pl.UInt8: st.integers(0, 255),
    pl.UInt32: st.integers(0, 2**32 - 1),
    pl.UInt64: st.integers(0, 2**64 - 1),
}


def round_trips(values: pl.Series) -> None:
    vocabulary, codes = Vocabulary.build(values)
    assert codes.dtype == np.int32
    assert vocabulary.take(codes).to_list() == values.to_list()
    assert vocabulary.ids.to_list() == sorted(set(values.to_list())), "ids ascend, each once"
    np.testing.assert_array_equal(vocabulary.codes(values), codes)


@pytest.mark.parametrize("dtype", list(INTEGERS), ids=str)
@given(data=st.data())
def test_whole_numbers_round_trip(dtype, data):
    values = data.draw(
        st.lists(INTEGERS[dtype] | st.sampled_from([0, 1, 2, 100]), min_size=1, max_size=30)
    )
    round_trips(pl.Series("id", values, dtype=dtype))


@given(
    st.lists(st.integers(-5, 20), min_size=1, max_size=30),
    st.sampled_from([0, -(2**63) + 6, 2**63 - 30]),
)
def test_narrow_spans_of_large_numbers_round_trip(values, base):
    round_trips(pl.Series("id", [value + base for value in values], dtype=pl.Int64))


@given(st.lists(st.integers(2**64 - 40, 2**64 - 1), min_size=1, max_size=30))
def test_numbers_above_two_to_the_63_are_exact(values):
    round_trips(pl.Series("id", values, dtype=pl.UInt64))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=30)
)
def test_text_round_trips(values):
    vocabulary, codes = Vocabulary.build(pl.Series("id", values))
    assert vocabulary.take(codes).to_list() == values
    assert vocabulary.ids.to_list() == sorted(set(values), key=lambda text: text.encode())


@given(
    st.lists(st.integers(-100, 100), min_size=1),
    st.lists(st.integers(-200, 200) | st.none(), max_size=20),
)
def test_unknown_numbers_and_nulls_have_no_code(known, requested):
    vocabulary, _ = Vocabulary.build(pl.Series("id", known))
    ids = sorted(set(known))
    expected = [ids.index(value) if value in ids else -1 for value in requested]
    assert vocabulary.codes(pl.Series("id", requested, dtype=pl.Int64)).tolist() == expected


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1),
    st.lists(st.sampled_from([*"abcdefgh", None]), max_size=20),
)
def test_unknown_texts_and_nulls_have_no_code(known, requested):
    vocabulary, _ = Vocabulary.build(pl.Series("id", known))
    ids = sorted(set(known))
    expected = [ids.index(value) if value in ids else -1 for value in requested]
    assert vocabulary.codes(pl.Series("id", requested, dtype=pl.String)).tolist() == expected


def test_numbers_and_text_never_match():
    numbers, texts = Vocabulary(pl.Series("id", [7])), Vocabulary(pl.Series("id", ["7"]))
    assert numbers.codes(["7"]).tolist() == [-1]
    assert texts.codes([7]).tolist() == [-1]
    assert numbers.codes([7]).tolist() == texts.codes(["7"]).tolist() == [0]
    assert numbers.codes(pl.Series([7.0])).tolist() == [-1], "a fraction is no id"
    assert numbers != texts


def test_similar_texts_stay_different():
    values = [
        "7",
        "007",
        " 7",
        "7 ",
        "7.0",
        "1e5",
        "100000",
        "NA",
        "null",
        "None",
        "nan",
        "",
        "\u00c9",
        "E\u0301",
    ]
    vocabulary, codes = Vocabulary.build(pl.Series("id", values))
    assert len(vocabulary) == len(values) == len(set(codes.tolist()))


@pytest.mark.parametrize("sought", [2**64 - 1, -(2**63), 2**63])
def test_a_number_that_fits_no_id_type_is_unknown_not_wrapped(sought):
    dtype = pl.UInt64 if sought > 2**63 - 1 else pl.Int64
    assert Vocabulary(pl.Series([-1, 0, 1])).codes(pl.Series([sought], dtype=dtype)).tolist() == [
        -1
    ]
    assert Vocabulary(pl.Series([0, 2**63 + 1], dtype=pl.UInt64)).codes(
        pl.Series([sought], dtype=dtype)
    ).tolist() == [-1]


def test_types_of_numbers_match_by_value():
    assert Vocabulary(pl.Series([3, 5], dtype=pl.Int64)).codes(
        pl.Series([5, 4], dtype=pl.UInt8)
    ).tolist() == [1, -1]
    assert Vocabulary(pl.Series([3, 2**63], dtype=pl.UInt64)).codes(
        pl.Series([3, -3], dtype=pl.Int64)
    ).tolist() == [0, -1]


def test_codes_depend_on_the_ids_and_not_on_the_order_of_rows():
    first, _ = Vocabulary.build(pl.Series(["b", "a", "c"]))
    second, _ = Vocabulary.build(pl.Series(["c", "b", "a", "a"]))
    assert first == second
    assert hash(first) == hash(second)
    assert (
        first.fingerprint
        == second.fingerprint
        != Vocabulary(pl.Series(["a", "b", "d"])).fingerprint
    )


def test_empty_ids_are_refused_by_name_and_count():
    with pytest.raises(BadData) as caught:
        Vocabulary.build(pl.Series("customer", ["a", None, None]))
    assert (
        str(caught.value)
        == "Column 'customer' has 2 empty ids.\nSet them aside before building a vocabulary."
    )


def test_nothing_requested_and_nothing_known():
    assert Vocabulary(pl.Series(["a"])).codes([]).tolist() == []
    assert Vocabulary(pl.Series([], dtype=pl.String)).codes(["a"]).tolist() == [-1]
    assert len(Vocabulary.build(pl.Series("id", [], dtype=pl.Int64))[0]) == 0


def test_a_digest_tells_parts_apart():
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert digest(np.asarray([1, 2])) == digest(np.asarray([1, 2]))
    assert len(digest(b"")) == 16
