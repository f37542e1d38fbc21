"""Texts that are no tables, or that have more than a table: refused by name, or read without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spadework.data.interactions import Interactions
from spadework.errors import BadData, Undecided

Reader = Callable[..., Interactions]

FOREIGN = {
    "XML": ('<?xml version="1.0"?>\n<rows><row user="1" item="2"/></rows>\n', "in XML or HTML"),
    "HTML": ("<!DOCTYPE html>\n<html><table><tr><td>1</td></tr></table></html>", "in XML or HTML"),
    "SQL": ("INSERT INTO log (user_id, item_id) VALUES (1,2),(1,3);\n", "a dump of a database"),
    "a dump": (
        "-- MySQL dump 10\n\n/*!40101 SET x */;\nDROP TABLE IF EXISTS log;\n",
        "a dump of a",
    ),
    "psql": (" user_id | item_id\n---------+---------\n       1 |       2\n(1 row)\n", "printed"),
    "mysql": (
        "+---------+---------+\n| user_id | item_id |\n+---------+---------+\n| 1 | 2 |\n",
        "printed",
    ),
    "Markdown": ("| user_id | item_id |\n|---|---|\n| 1 | 2 |\n", "a table in Markdown"),
    "LIBSVM": ("1 1:3 5:2\n2 1:1 7:5\n3 7:1\n", "a file of LIBSVM"),
    "Netflix": (
        "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n885013,4,2005-10-19\n",
        "a colon",
    ),
}


@pytest.mark.parametrize(("text", "what"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_table_is_refused_by_name(read: Reader, text: str, what: str) -> None:
    with pytest.raises(BadData) as caught:
        read(text, "log.txt")
    assert what in caught.value.message
    assert caught.value.message.endswith("which is not read.")
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "user_id,item_id\n<1>,2\n<2>,2\n",
        "user|item\na|x\nb|y\n",
        "user,item,time\nann,tea,1/2/2026 10:00\nbob,milk,13/2/2026 11:00\n",
        "set_id,item_id,user_id\n1,2,3\n1,2,4\n",
        "-- a\tuser\titem\n1\t2\t3\n1\t3\t3\n",
    ],
    ids=["angles", "bars", "clocks", "a name that begins like SQL", "hyphens"],
)
def test_what_only_looks_so_is_read(read: Reader, text: str) -> None:
    assert len(read(text)) == 2


def test_the_sizes_of_a_matrix_are_no_row(read: Reader) -> None:
    text = (
        "%%MatrixMarket matrix coordinate real general\n% made by hand\n3 4 4\n"
        "1 1 5\n1 2 3\n2 1 4\n3 4 1\n"
    )
    with pytest.raises(Undecided, match="its first row is 1, 1, 5"):
        read(text, "log.mtx")
    log = read(text, "log.mtx", user="column_1", item="column_2", weight="column_3")
    assert len(log) == 4
    assert any("the line of its sizes (3 4 4) are left out" in said for said in log.account.remarks)


def test_a_header_that_comes_again_is_no_row(read: Reader) -> None:
    log = read("user,item\na,x\nuser,item\nb,y\nuser,item2\n")
    assert log.user_vocabulary.ids.to_list() == ["a", "b", "user"]
    assert dict(log.account.set_aside) == {"header written again": 1}
    with pytest.raises(BadData, match="has a header and 0 rows"):
        read("user,item\nuser,item\n")


@pytest.mark.parametrize(
    "again",
    ["User_ID, item_id,TIMESTAMP", "user_id,item_id,timestamp", '"user_id","item_id","timestamp"',
     " user_id , item_id , timestamp ", "user id,Item ID,timestamp"],
    ids=["case and a blank", "the same", "quotes", "blanks", "signs"],
)  # fmt: skip
def test_a_header_that_comes_again_in_another_way_is_no_row(read: Reader, again: str) -> None:
    rows = [f"u{at},i{at % 3},{1_767_225_600 + at}" for at in range(4)]
    lines = [
        "user_id,item_id,timestamp",
        *rows[:2],
        again,
        *rows[2:],
        "user_idx,item_id,1767225600",
    ]
    log = read("\n".join(lines) + "\n")
    assert log.account is not None
    assert dict(log.account.set_aside) == {"header written again": 1}
    assert "The header is written again in 1 row." in log.account.remarks
    assert log.user_vocabulary.ids.to_list() == ["u0", "u1", "u2", "u3", "user_idx"]


def test_a_title_above_the_header_is_said(read: Reader) -> None:
    with pytest.raises(BadData) as caught:
        read("Sales of January 2026\n\nuser,item,date\na,x,2026-01-01\nb,y,2026-01-02\n")
    assert caught.value.message == ("log.csv: the first line has 1 field, and all rows have 3.")
    assert "a title stands above the names of the columns, remove it" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("1,2014-04-07T10:51:09.277Z,214,0\n1,2014-04-07T10:54:09.868Z,215,0\n",
         "--user column_1 --item column_3 --time column_2"),
        ("0\t2010-10-19T23:55:27Z\t30.2\t-97.7\t22847\n1\t2010-10-18T22:17:43Z\t30.3\t-97.8\t42\n",
         "--user column_1 --item column_5 --time column_2"),
        ("2026-01-01,u1,i1\n2026-01-02,u2,i1\n",
         "--user column_2 --item column_3 --time column_1"),
    ],
    ids=["sessions", "check-ins", "time first"],
)  # fmt: skip
def test_the_example_for_a_file_without_a_header_can_be_typed(
    read: Reader, text: str, example: str
) -> None:
    name = "log.tsv" if "\t" in text else "log.csv"
    with pytest.raises(Undecided) as caught:
        read(text, name)
    assert caught.value.hint == f"Say which is which, for example {example}."
    options = dict(pair.split(" ") for pair in example.removeprefix("--").split(" --"))
    assert len(read(text, name, **options)) == 2


def test_baskets_can_take_the_place_of_users(read: Reader) -> None:
    text = "order_id,product_id,add_to_cart_order,reordered\n2,331,1,1\n2,289,2,1\n3,331,1,0\n"
    with pytest.raises(Undecided) as caught:
        read(text)
    assert caught.value.hint == (
        "Say which with --user. Without users, baskets can take their place: --user order_id."
    )
    assert read(text, user="order_id").user_count == 2
