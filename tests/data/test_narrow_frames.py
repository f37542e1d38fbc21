"""Rows in fewer bytes hold the same values."""

from __future__ import annotations

import polars as pl
import pytest

from spadework.data.narrow_frames import narrow, united


@pytest.mark.parametrize(
    ("values", "is_narrow"),
    [
        ([0, 1], True),
        ([-(2**31), 2**31 - 1], True),
        ([2**31], False),
        ([-(2**31) - 1, 5], False),
        ([None, 3], True),
        ([None, None], False),
        ([], False),
    ],
)
def test_whole_numbers_are_narrow_where_all_fit(values, is_narrow):
    frame = pl.DataFrame({"a": pl.Series(values, dtype=pl.Int64), "b": ["x"] * len(values)})
    found = narrow(frame)
    assert (found.schema["a"] == pl.Int32) == is_narrow
    assert found.cast(frame.schema).equals(frame)


def test_other_columns_stay_as_they_are():
    frame = pl.DataFrame({"u": pl.Series([2**63], dtype=pl.UInt64), "f": [1.5], "t": ["7"]})
    assert narrow(frame).equals(frame)
    assert narrow(frame).schema == frame.schema


def test_what_is_wide_in_one_frame_is_wide_in_all_rows():
    frames = [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2**40]}), pl.DataFrame({"a": [-3]})]
    found = united([narrow(frame) for frame in frames])
    assert found["a"].to_list() == [1, 2**40, -3]
    assert found.schema["a"] == pl.Int64
