"""A split that a table brings along is kept as it is."""

from __future__ import annotations

import polars as pl
import pytest

import spadework as sw
from spadework.errors import BadRequest

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


@pytest.mark.parametrize("timed", [True, False])
def test_a_purchase_that_is_returned_in_a_later_part_stays_in_its_own(timed: bool) -> None:
    table = pl.DataFrame(
        {
            "user_id": ["a", "a", "b", "a", "b"],
            "item_id": ["x", "y", "y", "x", "x"],
            "quantity": [1, 2, 1, -1, 1],
            "part": ["train", "train", "train", "test", "test"],
        }
    )
    if timed:
        table = table.with_columns(time=pl.Series([1_700_000_000 + n for n in range(5)]))
    split = sw.read_split(table, "part")
    assert sorted(split.train.frame().select("user_id", "item_id").rows()) == [
        ("a", "x"),
        ("a", "y"),
        ("b", "y"),
    ]
    assert split.train.account.used == len(split.train)
    assert split.expected.frame()["item_id"].to_list() == ["x"]
    assert split.expected.account.set_aside["a return of nothing bought before"] == 1


def test_all_that_a_user_did_may_be_returned_in_a_later_part() -> None:
    table = pl.DataFrame(
        {
            "user_id": ["a", "b", "b", "a"],
            "item_id": ["x", "y", "z", "x"],
            "quantity": [1, 2, 1, -1],
            "part": ["train", "train", "test", "test"],
        }
    )
    split = sw.read_split(table, "part")
    assert split.train.frame()["user_id"].to_list() == ["a", "b"]


def test_without_validation_rows_of_that_label_are_an_error() -> None:
    with pytest.raises(sw.SpadeworkError) as caught:
        sw.read_split(TABLE, "part")
    assert str(caught.value) == (
        "The split column 'part' holds 'check' (1 row), which is none of train, "
        "test.\nName the labels with train=, valid= and test=."
    )


def test_a_column_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(sw.SpadeworkError) as caught:
        sw.read_split(TABLE, "fold")
    assert str(caught.value) == (
        "the polars frame has no column 'fold'.\nColumns there are: user_id, item_id, time, part."
    )


def labelled(labels, items=("x", "y", "z", "x", "y", "w", "x"), **more):
    return TABLE.with_columns(part=pl.Series(labels), item_id=pl.Series(items), **more)


CLEAN = ["train"] * 5 + ["test"] * 2


def cuts_of(table):
    """The same cut by a column of the table, and by labels of a log."""
    log = sw.read_interactions(table.drop("part"), duplicates="keep")
    order = table.sort("user_id", "time", maintain_order=True)["part"]
    return sw.read_split(table, "part"), sw.split.from_column(log, order)


def test_a_cut_in_time_without_copies_has_nothing_to_tell():
    for split in cuts_of(labelled(CLEAN)):
        assert (split.leak, split.remarks) == (None, ())


def test_a_cut_through_time_tells_its_leak():
    for split in cuts_of(labelled(["test", *["train"] * 5, "test"])):
        assert "leaks the future" in split.leak
        assert split.describe()["leak"] == split.leak


def test_test_rows_that_stand_in_train_are_counted():
    copies = pl.concat([labelled(CLEAN), labelled(CLEAN)[5:].with_columns(part=pl.lit("train"))])
    for split in cuts_of(copies):
        (remark,) = split.remarks
        assert "with the same user, item and time: 2 of 2, such as user 'b', item 'w'" in remark
        lists = pl.DataFrame({"user_id": ["b"], "item_id": ["w"], "rank": [1]})
        board = sw.evaluate(lists, split, metrics=["recall@1"])
        assert {remark, split.leak} <= {*board.remarks, None}
        assert remark in repr(board)


def test_copies_without_times_are_pairs():
    table = labelled(["train", "train", "train", "train", "train", "test", "test"],
                     ("x", "y", "z", "x", "y", "x", "x")).drop("time")  # fmt: skip
    assert (
        "(there are no times): 1 of 2, such as user 'b', item 'x'"
        in sw.read_split(table, "part").remarks[0]
    )


def test_what_test_rows_take_back_stays_known_without_times():
    table = pl.DataFrame(
        {
            "user": ["ann", "ann", "bob", "ann", "bob"],
            "item": ["milk", "tea", "tea", "milk", "rice"],
            "quantity": [2, 1, 3, -2, 1],
            "part": ["train", "train", "train", "test", "test"],
        }
    )
    found = sw.read_split(table, "part")
    assert found.train.account.used == len(found.train) == 3
    assert found.train.frame().select("user_id", "item_id", "weight").rows() == [
        ("ann", "milk", 2.0), ("ann", "tea", 1.0), ("bob", "tea", 3.0)
    ]  # fmt: skip
    assert found.expected.frame().select("user_id", "item_id").rows() == [("bob", "rice")]


def test_two_tables_are_no_table_with_a_column():
    table = pl.DataFrame({"user": ["ann"], "item": ["milk"]})
    with pytest.raises(BadRequest, match="DataFrame is none") as caught:
        sw.read_split(table, table)
    assert "into one table with a column" in caught.value.hint
