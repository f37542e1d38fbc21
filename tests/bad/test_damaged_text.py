"""Damaged text and JSON: headers among the rows, marks where files were joined, lists of mixed
kinds, lines that end in another way, ids that are not seen.
"""

from __future__ import annotations

import io
import zipfile

import polars as pl
import pytest

from spadework.data.reading.values.date_forms import date_forms
from spadework.errors import BadData

MARK = "\ufeff"


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("user_id,item_id\nuser_id,item_id\nu1,a\nu2,b\n", 1),
        ("user_id,item_id\nu1,a\nuser_id,item_id\nu2,b\n", 2),
        ("user_id,item_id\nu1,a\nu2,b\nuser_id,item_id", 3),
        ("user_id item_id\nu1 a\nuser_id item_id\nu2 b\n", 2),
        ("user_id::item_id\nu1::a\nuser_id::item_id\nu2::b\n", 2),
        ('"user_id","item_id"\r\n"u1","a"\r\n"user_id","item_id"\r\n"u2","b"\r\n', 2),
        (f"{MARK}user_id,item_id\nu1,a\n{MARK}user_id,item_id\nu2,b\n", 2),
    ],
)
def test_a_header_among_the_rows_is_no_event(read, text, row):
    log = read(text)
    assert log.frame().rows() == [("u1", "a"), ("u2", "b")]
    assert dict(log.account.set_aside) == {"header written again": 1}
    assert log.account.rows_set_aside.select("row", "reason").rows() == [
        (row, "header written again")
    ]
    assert "The header is written again in 1 row." in log.account.remarks


def test_a_header_that_is_told_to_be_one_is_not_sought_among_the_rows(read):
    """The first row looks like data, so that its equals may be rows."""
    log = read("u1,a\nu2,b\nu1,a\nu1,c\n", user="u1", item="a")
    assert log.frame().rows() == [("u1", "a"), ("u1", "c"), ("u2", "b")]
    assert not log.account.set_aside


def test_rows_of_the_length_of_the_header_stay(read):
    log = read("user,item\nuser,itex\nuses,item\n")
    assert log.frame().rows() == [("user", "itex"), ("uses", "item")]
    assert not log.account.set_aside


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        (f"user,item\nu1,a\n{MARK}u2,b\n", "log.csv", {}),
        (f'{{"user":"u1","item":"a"}}\n{MARK}{{"user":"u2","item":"b"}}\n', "log.jsonl", {}),
        (f"u1 a\n{MARK}u2 b\n", "log.txt", {"shape": "adjacency"}),
    ],
)
def test_a_mark_where_files_were_joined_is_no_part_of_an_id(read, text, name, options):
    log = read(text, name, **options)
    assert log.frame().rows() == [("u1", "a"), ("u2", "b")]
    assert (
        "Left out, since files were joined: 1 byte order mark at the start of a line."
        in log.account.remarks
    )


@pytest.mark.parametrize("ends", ["\r", "\r\n"])
@pytest.mark.parametrize("shape", ["adjacency", "baskets"])
def test_lists_with_other_line_ends_stay_apart(read, ends, shape):
    lines = ["u1 a b", "u2 c"]
    plain = read("\n".join(lines) + "\n", "plain.txt", shape=shape)
    other = read(f"{lines[0]}\n{lines[1]}{ends}u3 a{ends}", "other.txt", shape=shape)
    expected = read("\n".join([*lines, "u3 a"]), "whole.txt", shape=shape)
    assert other.frame().rows() == expected.frame().rows()
    assert len(other) > len(plain)
    said = "Some lines end with a carriage return alone."
    assert (said in other.account.remarks) == (ends == "\r")


def test_a_quote_that_is_never_closed_takes_no_baskets(read):
    with pytest.raises(BadData, match="cannot be read: unexpected end of data"):
        read('milk,"bread\nbeer,salt\ntea\n', shape="baskets", delimiter=",")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('milk,6" roll\nbeer\n', {"shape": "baskets", "delimiter": ","}),
        ('u1 "a\nu2 b\n', {"shape": "adjacency"}),
        ('u1::"a\nu2::b\n', {"shape": "adjacency", "delimiter": "::"}),
        ('user::item\nu1::a"\nu2::b\n', {}),
    ],
)
def test_quotes_that_quote_nothing_are_told(read, text, options):
    log = read(text, **options)
    assert any("read as ordinary characters" in remark for remark in log.account.remarks)
    assert any('"' in str(item) for item in log.item_vocabulary.ids)


def test_a_carriage_return_inside_a_dict_is_no_number(read):
    """Numbers are cut out of the line by their place in it, which is another one behind it."""
    good = "{'user': 'u1', 'item': 'a', 'rating': 4.50}\n"
    bad = "{'user': 'u2', 'item': 'b',\r'rating': 3.25}\n"
    with pytest.raises(BadData, match="line 2 has a carriage return inside"):
        read(good + bad, "log.json")
    log = read(good + bad, "log.json", skip_bad=True)
    assert log.frame().rows() == [("u1", "a")]
    assert (log.account.read, log.account.used) == (2, 1)


def test_one_text_among_objects_makes_no_texts_of_them(read):
    lines = [
        '{"user": "u1", "items": [{"item_id": "a"}, {"item_id": "b"}]}',
        '{"user": "u2", "items": ["oops", {"item_id": "c"}]}',
    ]
    log = read("\n".join(lines), "log.jsonl")
    assert log.frame().rows() == [("u1", "a"), ("u1", "b"), ("u2", "c")]
    assert dict(log.account.set_aside) == {"item missing": 1}
    assert (
        "Entries of 'items' that are no objects, unlike the others, are read as missing: 1."
        in log.account.remarks
    )


def test_one_object_among_texts_is_no_id(read):
    lines = ['{"user": "u1", "items": ["a", "b"]}', '{"user": "u2", "items": [{"x": 1}, "c"]}']
    log = read("\n".join(lines), "log.jsonl")
    assert log.frame().rows() == [("u1", "a"), ("u1", "b"), ("u2", "c")]
    assert dict(log.account.set_aside) == {"item missing": 1}
    assert (
        "Entries of 'items' that are no single values, unlike the others, are read as missing: 1."
        in log.account.remarks
    )


def test_a_zip_with_an_entry_without_a_name_is_refused(tmp_path, read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("log.csv", "user,item\nu1,a\n")
        archive.writestr("x", "y")
    data = buffer.getvalue().replace(b"x", b"\0")  # names end at the first zero
    with pytest.raises(BadData, match="zip archive"):
        read(data, "log.zip")


@pytest.mark.parametrize("blank", [" ", "   ", "\u00a0"])
def test_an_id_of_blanks_is_missing(read, blank):
    log = read(f"user,item\nu1,a\n{blank},b\nu2,{blank}\nu3,c\n")
    assert log.frame().rows() == [("u1", "a"), ("u3", "c")]
    assert dict(log.account.set_aside) == {"user missing": 1, "item missing": 1}


@pytest.mark.parametrize("odd", ["a ", " a", "a\u200b", "a\u00a0b", f"a{MARK}"])
def test_ids_that_look_like_others_are_told_and_kept(read, odd):
    log = read(f"user,item\nu1,a\nu2,{odd}\nu3,b\n")
    assert odd in log.item_vocabulary.ids.to_list()
    assert (
        "Item ids with blanks around them or signs that are not seen, kept as written: 1, such as "
        f"{odd!r}." in log.account.remarks
    )


@pytest.mark.parametrize("name", ["whole milk", "O'Neil", "東京　店", "👩‍👩‍👧"])
def test_names_with_blanks_inside_are_names(read, name):
    log = read(f"user,item\nu1,{name}\nu2,b\n")
    assert not any("not seen" in remark for remark in log.account.remarks)


def test_a_delimiter_that_is_in_no_line_is_told(read):
    log = read("milk,bread\nbeer\n", shape="baskets", delimiter=";")
    assert log.frame().rows() == [("1", "milk,bread"), ("2", "beer")]
    assert "The delimiter ';' is in no line, so each line has one entry." in log.account.remarks
    known = read("milk,bread\nbeer\n", shape="baskets", delimiter=",")
    assert not any("in no line" in remark for remark in known.account.remarks)


def test_no_date_is_written_in_digits_alone():
    """Columns of digits are never looked at as dates; a form of digits alone would be missed."""
    digits = pl.Series(
        ["2026", "20260131", "202601310930", "20260131093000", "1767225600", "310126"]
    )
    assert date_forms(digits).to_list() == [""] * len(digits)
