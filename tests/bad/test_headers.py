"""Is the first row a header? What is proposed never loses a row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Undecided

Reader = Callable[..., Interactions]
TIME = 1_767_230_013
NO_HEADER = {
    "an epoch": f"92,94,3,pv,{TIME}\n92,95,3,buy,{TIME + 1}\n",
    "milliseconds": f"ann,tea,{TIME}000\nbob,milk,{TIME + 1}000\n",
    "a date": "ann,tea,2026-01-01\nbob,milk,2026-01-02\n",
    "a date with a clock": "ann,tea,1/2/2026 10:00\nbob,milk,13/2/2026 11:00\n",
    "numbers above numbers": "A1,B7,5\nA2,B9,4\n",
    "decimals": "A1,B7,4.5\nA2,B9,4\n",
    "values that come again": "ann,tea\nann,milk\nbob,tea\n",
}


@pytest.mark.parametrize("text", NO_HEADER.values(), ids=NO_HEADER)
def test_rows_in_the_place_of_a_header_are_found(read: Reader, text: str) -> None:
    with pytest.raises(Undecided) as caught:
        read(text)
    assert "has no header" in caught.value.message
    assert "--user column_1 --item column_2" in caught.value.hint
    log = read(text, user="column_1", item="column_2", time="-")
    assert len(log) == text.count("\n")


HEADERS = {
    "names": "user_id,item_id,timestamp\n1,2,1767230013\n",
    "one name among numbers": "user,2019,2020\n7,1,2\n",
    "the name comes again": "user,item\nuser,tea\nbob,milk\n",
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_a_header_stays_one(read: Reader, text: str) -> None:
    log = read(text, item=text.split(",")[1].split("\n")[0])
    assert log.account.columns["user"] in ("user", "user_id")
    assert log.account.read == text.count("\n") - 1


@pytest.mark.parametrize("more", ["nothing", "a rule", "another column"])
def test_a_numbered_column_says_that_there_is_no_header(read: Reader, more: str) -> None:
    text = "who,what,stars\nann,tea,4\nbob,milk,5\n"
    options = {"user": "column_1", "item": "column_2"}
    if more == "another column":
        with pytest.raises(BadData, match="has no column 'shop'"):
            read(text, **options, basket="shop")
        return
    log = read(text, **options, **({"positive": "column_3 != 5"} if more == "a rule" else {}))
    assert log.account.read == 3
    assert log.account.columns["user"] == "column_1"


def test_a_rule_on_a_made_column_does_not_make_a_header(tmp_path: Path) -> None:
    for event in ("buy", "view"):
        (tmp_path / f"event={event}").mkdir()
        (tmp_path / f"event={event}" / "log.csv").write_text("ann,tea\nbob,milk\n")
    log = read_interactions(
        str(tmp_path / "event=*" / "log.csv"),
        user="column_1", item="column_2", event="event", positive="event == buy",
    )  # fmt: skip
    assert log.frame()["user_id"].to_list() == ["ann", "bob"]


def test_naming_a_field_of_the_first_row_is_said(read: Reader) -> None:
    log = read(f"92,94,3,pv,{TIME}\n93,95,3,buy,{TIME + 1}\n", user="92", item="94")
    assert any(
        remark.startswith("The first row is read as names of columns, as requested, although")
        for remark in log.account.remarks
    )


def test_nothing_left_says_so(read: Reader) -> None:
    with pytest.raises(BadData) as caught:
        read("user,item\na\nb\n", skip_bad=True)
    assert caught.value.message == (
        "No row of log.csv can be read: 2 fewer fields than the header."
    )
    assert "'user', 'item'" in caught.value.hint
    with pytest.raises(BadData) as lines:
        read("[1]\n{2}\n", "log.jsonl", skip_bad=True)
    assert lines.value.message.startswith(
        "Not one of the 2 lines of log.jsonl is an object: line 1"
    )


def test_lines_of_many_lengths_ask_what_a_line_is(read: Reader) -> None:
    text = "milk,bread,tea\nbeer\nmilk,beer\nbread\ntea,milk\nsalt,tea,milk,beer\n"
    with pytest.raises(Undecided) as caught:
        read(text)
    assert "--shape baskets" in caught.value.hint
    assert "--shape adjacency" in caught.value.hint
    assert len(read(text, shape="baskets")) == 13


@pytest.mark.parametrize(
    "text", ["5 21 33\n9 21\n7 33 40 21\n", "1 2 3\n1 5\n2 3\n", "3 4\n5 6 7 8\n9\n"]
)
def test_numbers_of_many_lengths_are_a_question(read: Reader, text: str) -> None:
    with pytest.raises(Undecided) as caught:
        read(text, "lists.txt")
    assert "--shape adjacency" in caught.value.hint
    assert "--shape baskets" in caught.value.hint
    tokens = len(text.split())
    assert len(read(text, "lists.txt", shape="baskets")) == tokens
    users = read(text, "lists.txt", shape="adjacency")
    assert users.account.used == tokens - 3


def test_one_cut_row_is_no_list(read: Reader) -> None:
    rows = [f"{at}\t{at + 1}\t3\t{TIME + at}\n" for at in range(40)]
    rows[20] = "20\t21\n"
    with pytest.raises(BadData, match="row 21 has 2 fields"):
        read("".join(rows), "u.data")


def test_a_user_without_items_is_counted(read: Reader) -> None:
    log = read("0 5 6\n1\n2 5\n3 6 7 8\n", "train.txt")
    assert dict(log.account.set_aside) == {"item missing": 1}
    assert log.frame().rows() == [
        ("0", "5"), ("0", "6"), ("2", "5"), ("3", "6"), ("3", "7"), ("3", "8"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [("a 1, 2,3\nb 2,3\nc 1,4\n", "',' or ' '"), ("a|1;2\nb|2;3\n", "';' or '|'")],
)
def test_two_signs_in_lists_are_a_question(read: Reader, text: str, names: str) -> None:
    with pytest.raises(Undecided) as caught:
        read(text, "lists.txt", shape="adjacency")
    assert names in caught.value.message


@pytest.mark.parametrize("shape", ["adjacency", "baskets"])
def test_a_shape_of_lines_is_refused_without_lines(tmp_path: Path, shape: str) -> None:
    frame = pl.DataFrame({"user": ["u", "v"], "item": ["i", "j"]})
    (tmp_path / "folder").mkdir()
    frame.write_parquet(tmp_path / "folder" / "log.parquet")
    frame.write_ipc(tmp_path / "log.arrow")
    frame.write_ndjson(tmp_path / "log.jsonl")
    frame.write_json(tmp_path / "log.json")
    for source, name in (
        (frame, "a frame"),
        (frame.lazy(), "the lazy frame"),
        (tmp_path / "folder", "the folder 'folder'"),
        (tmp_path / "folder" / "log.parquet", "log.parquet"),
        (tmp_path / "log.arrow", "log.arrow"),
        (tmp_path / "log.jsonl", "log.jsonl"),
        (tmp_path / "log.json", "log.json"),
    ):
        with pytest.raises(BadRequest) as caught:
            read_interactions(source, shape=shape)
        assert caught.value.message == (
            f"The shape {shape!r} is one of lines of text, and {name} has none."
        )


def test_unknown_shapes_are_refused(read: Reader) -> None:
    with pytest.raises(Exception, match="There is no shape 'graph'"):
        read("user,item\na,b\n", shape="graph")


def test_a_matrix_is_asked_for_and_checked(read: Reader) -> None:
    head = "u," + ",".join(f"m{at}" for at in range(70))
    text = f"{head}\n" + "".join(f"p{at}," + ",".join(["0"] * 69 + ["1"]) + "\n" for at in range(3))
    with pytest.raises(Undecided) as caught:
        read(text)
    assert "--shape matrix" in caught.value.hint
    assert read(text, shape="matrix").item_vocabulary.ids.to_list() == ["m69"]
    with pytest.raises(BadData, match="is no matrix of numbers: 1 cell of text"):
        read("user,a,b\nu1,1,much\n", shape="matrix")
    by_number = read("who,101,102\n7,1,0\n8,0,2.5\n", shape="matrix")
    assert by_number.frame().rows() == [("7", "101", 1.0), ("8", "102", 2.5)]


def test_a_matrix_keeps_the_name_of_its_first_column(read: Reader) -> None:
    text = "who,101,102\n7,1,0\n8,0,2.5\n"
    for user, name in ((None, "who"), ("who", "who"), ("user", "who"), ("102", "102")):
        log = read(text, shape="matrix", user=user)
        columns = dict(log.account.columns)
        assert columns == {"user": name, "item": "item", "weight": "rating"}
        assert read(text, shape="matrix", **columns).frame().equals(log.frame())
    with pytest.raises(BadData, match=r"has no column 'whom' \(--user\)"):
        read(text, shape="matrix", user="whom")
    clashing = read("item,a,rating\nx,1,2\ny,0,3\n", shape="matrix")
    assert clashing.frame().rows() == [("x", "a", 1.0), ("x", "rating", 2.0), ("y", "rating", 3.0)]
    with pytest.raises(BadData, match="the polars frame has 0 rows"):
        read_interactions(pl.DataFrame(), shape="matrix")
    with pytest.raises(BadData, match="has one column, 'who', so it is no matrix"):
        read_interactions(pl.DataFrame({"who": ["x", "y"]}), shape="matrix")


def test_lists_of_what_was_shown_keep_their_named_column(read: Reader) -> None:
    text = "id\twho\tshown\n1\tU1\tN1-1 N2-0\n2\tU2\tN3-0 N1-1\n"
    log = read(text, "log.tsv", shape="impressions", user="who", item="shown")
    assert set(log.item_vocabulary.ids) == {"N1", "N2", "N3"}
    again = read(text, "log.tsv", shape="impressions", **log.account.columns)
    assert again.frame().equals(log.frame())


def test_lists_of_what_was_shown_are_asked_for(read: Reader) -> None:
    text = "1\tU1\t2026-01-01 08:00:00\tN9\tN1-1 N2-0\n2\tU2\t2026-01-01 08:00:05\t\tN2-0 N3-1\n"
    log = read(text, "behaviors.tsv", shape="impressions")
    assert log.account.read == 4
    assert log.event_type_names == ("clicked", "shown")
    named = "id\twho\tshown\n1\tU1\tN1-1 N2-0\n2\tU2\tN3-0 N1-1\n"
    with pytest.raises(Undecided) as caught:
        read(named, "log.tsv")
    assert "--shape impressions" in caught.value.hint
    assert len(read(named, "log.tsv", shape="impressions", user="who")) == 4


@pytest.mark.parametrize(
    ("text", "name", "first"),
    [
        ("% bip unweighted\n% 5 3 3\n1 21\n1 22\n2 21\n", "out.graph", "% bip unweighted"),
        ("# Directed graph\n# Nodes: 3\n1\t21\n1\t22\n2\t21\n", "graph.txt", "# Directed"),
        ("# made by a tool, today\n1,21,x\n1,22,x\n2,21,y\n", "log.csv", "# made by"),
    ],
)
def test_comments_before_the_rows_are_said(read: Reader, text: str, name: str, first: str) -> None:
    log = read(text, name, user="column_1", item="column_2")
    assert log.frame().rows() == [("1", "21"), ("1", "22"), ("2", "21")]
    assert any(
        remark.startswith("Left out before the table, ") and first in remark
        for remark in log.account.remarks
    )


def test_rows_and_headers_that_begin_with_a_mark_stay(read: Reader) -> None:
    assert len(read("#user,item\na,x\nb,y\n")) == 2
    log = read("#a,x\n#b,y\nc,x\n", user="column_1", item="column_2")
    assert log.user_vocabulary.ids.to_list() == ["#a", "#b", "c"]


def test_the_first_line_of_a_workbook_names_the_delimiter(read: Reader) -> None:
    log = read("sep=;\nuser;item;price\na;x;1,5\nb;y;2,5\n")
    assert log.frame().rows() == [("a", "x"), ("b", "y")]


def test_a_column_called_event_stays_beside_what_was_shown(read: Reader) -> None:
    text = "id\twho\titem\tevent\tshown\n1\tU1\ta\tmail\tN1-1 N2-0\n2\tU2\tb\tweb\tN3-0 N1-1\n"
    log = read(text, "log.tsv", shape="impressions", user="who", positive="own_event == mail")
    assert log.event_type_counts == {"clicked": 1, "shown": 1}
    account = log.account
    assert account is not None
    assert "The table's own column 'event' is called 'own_event' then." in account.remarks[0]
    assert "The table's own column 'item' is called 'own_item' then." in account.remarks[0]
    again = read(
        text, "log.tsv", shape="impressions", positive="own_event == mail", **account.columns
    )
    assert again.frame().equals(log.frame())
