"""A split that a table brings along is kept as it is."""

from __future__ import annotations

import polars as pl
import pytest

import spadework as sw

TABLE = pl.DataFrame(
    {
        "user_id": ["a", "a", "a", "b", "b", "b", "c"],
        "item_id": ["x", "y", "z", "x", "y", "w", "x"],
        "time": [1_700_000_000 + n for n in range(7)],
        "part": ["train", "check", "test", "train", "train", "test", "train"],
    }
)


def test_every_row_goes_where_its_label_says() -> None:
    split = sw.read_split(TABLE, "part", valid="check")
    assert split.valid is not None
    assert (
        len(split.train),
        len(split.expected),
        len(split.valid.train),
        len(split.valid.expected),
    ) == (5, 2, 4, 1)
    assert split.expected.frame()["item_id"].to_list() == ["z", "w"]
    assert split.given.frame()["item_id"].to_list() == ["x", "y", "x", "y"]
    assert split.valid.expected.frame()["item_id"].to_list() == ["y"]
    assert split.train.item_vocabulary == split.expected.item_vocabulary


def test_without_validation_rows_of_that_label_are_an_error() -> None:
    with pytest.raises(sw.SpadeworkError) as caught:
        sw.read_split(TABLE, "part")
    assert str(caught.value) == (
        "The split column 'part' holds 'check' (1 rows), which is none of train, "
        "test.\nName the labels with train=, valid= and test=."
    )


def test_a_column_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(sw.SpadeworkError) as caught:
        sw.read_split(TABLE, "fold")
    assert str(caught.value) == (
        "the polars frame has no column 'fold'.\nColumns there are: user_id, item_id, time, part."
    )
