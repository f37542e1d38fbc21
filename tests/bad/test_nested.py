"""Records with lists and objects inside, Python dicts, and documents of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_content, read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.formats.json_tables import table_of_records
from spadework.errors import BadData, Undecided

Reader = Callable[..., Interactions]
TIME = 1_767_225_600


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_an_empty_list_is_a_row_set_aside(read: Reader) -> None:
    log = read(
        lines({"user": "a", "items": ["x", "y"]}, {"user": "b", "items": []}, {"user": "c"}),
        "log.jsonl",
    )
    assert log.frame().rows() == [("a", "x"), ("a", "y")]
    assert (log.account.read, dict(log.account.set_aside)) == (4, {"item missing": 2})


def test_rows_are_numbered_after_lists_are_taken_apart(read: Reader) -> None:
    text = lines({"user": "a", "items": ["x", "y"]}) + "oops\n" + lines({"user": "b", "items": []})
    log = read(text, "log.jsonl", skip_bad=True)
    assert log.account.rows_set_aside is not None
    assert log.account.rows_set_aside.select("row", "reason").rows() == [
        (3, "line is not a JSON object"),
        (4, "item missing"),
    ]


def test_a_list_beside_an_item_is_left_alone(read: Reader) -> None:
    log = read(lines({"user": "a", "item": "x", "tags": ["p", "q"], "parts": [{"item": 1}]}))
    assert log.frame().rows() == [("a", "x")]


def test_two_lists_of_items_are_a_question(read: Reader) -> None:
    text = lines({"user": "a", "cart": [{"item_id": "x"}], "seen": [{"item_id": "y"}]})
    with pytest.raises(Undecided) as caught:
        read(text)
    assert caught.value.hint == "Say which: --item cart.item_id or --item seen.item_id."
    assert read(text, item="seen.item_id").frame().rows() == [("a", "y")]


def test_lists_that_do_not_fit_together_are_refused(read: Reader) -> None:
    with pytest.raises(BadData, match="in record 2 the list 'time' has 1 value, but 'item' has 2"):
        read(
            lines(
                {"user": "a", "item": ["x"], "time": [TIME]},
                {"user": "b", "item": ["x", "y"], "time": [TIME]},
            )
        )


def test_lists_of_parquet_keep_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame(
        {
            "uid": [2**60 + 1, 5],
            "item_id": pl.Series([[2**60 + 1, 3], []], dtype=pl.List(pl.Int64)),
            "genres": [["a"], ["b", "c"]],
        }
    ).write_parquet(path)
    log = read_interactions(path)
    assert log.frame().rows() == [(2**60 + 1, 2**60 + 1), (2**60 + 1, 3)]
    assert dict(log.account.set_aside) == {"item missing": 1}


def test_structures_in_lists_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame(
        {
            "session": [1, 2],
            "events": [
                [{"aid": 5, "ts": TIME}, {"aid": 6, "ts": TIME + 1}],
                [{"aid": 5, "ts": TIME + 2}],
            ],
        }
    ).write_parquet(path)
    log = read_interactions(path)
    assert log.frame().rows() == [(1, 5, TIME), (1, 6, TIME + 1), (2, 5, TIME + 2)]


def test_ids_inside_objects_are_found_by_their_path(read: Reader) -> None:
    log = read(lines({"user": {"id": 1}, "item": 1, "time": TIME}))
    assert log.account.columns["user"] == "user.id"


def test_objects_whose_keys_are_data_do_not_become_columns(read: Reader) -> None:
    records = [
        {"user": "a", "item": "x", "seen": {f"k{at * 1000 + n}": 1 for n in range(400)}}
        for at in range(4)
    ]
    log = read(lines(*records))
    assert log.account.other_columns == ("seen",)


def test_wide_records_are_no_matrix(read: Reader, tmp_path: Path) -> None:
    records = [
        {
            "user_id": f"u{at}",
            "properties": {"product_id": f"p{at % 2}"} | {f"key{n}": n for n in range(70)},
        }
        for at in range(3)
    ]
    inside = [{"user_id": f"u{at}", "about": {"product_id": f"p{at % 2}"}} for at in range(3)]
    wide = [row | {f"key{n}": n for n in range(70)} for row in inside]
    for rows in (records, wide):
        log = read(lines(*rows), "log.jsonl")
        pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
        again = read_interactions(tmp_path / "log.parquet")
        assert log.frame().rows() == again.frame().rows() == [
            ("u0", "p0"), ("u1", "p1"), ("u2", "p0"),
        ]  # fmt: skip


def test_a_list_in_a_late_record_makes_its_column_one_of_lists() -> None:
    records = [{"a": None, "b": "x"}, {"b": "y", "c": "1"}, {"c": ["2", "3"], "d": [{"e": "4"}]}]
    table = table_of_records("log", records, rows=3, size=0)
    assert table.schema == {
        "a": pl.String(),
        "b": pl.String(),
        "c": pl.List(pl.String()),
        "d": pl.List(pl.Struct({"e": pl.String()})),
    }
    assert table.columns == ["a", "b", "c", "d"]
    assert table.fetch(["c"])["c"].to_list() == [None, ["1"], ["2", "3"]]


def test_objects_and_lists_in_an_item_table(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(lines({"item_id": "x", "about": {"title": "A"}, "tags": ["p", "q"]}))
    table = read_content(path).table
    assert table["about.title"].to_list() == ["A"]
    assert table["tags"].to_list() == ["p|q"]


def test_lists_inside_lists_are_no_items(read: Reader) -> None:
    with pytest.raises(BadData, match="no column that looks like the item"):
        read(lines({"user": "u", "items": [["a", "b"], ["c"]]}))
    assert len(read(lines({"user": "u", "item": "x", "at": [[1, 2], [3]]}))) == 1


def test_odd_types_of_item_tables_end_in_values_or_sentences() -> None:
    durations = pl.Series([5, 7], dtype=pl.Duration("ms"))
    table = pl.DataFrame({"item_id": ["a", "b"], "length": durations, "at": [durations] * 2})
    content = read_content(table)
    assert content.table["length"].to_list() == pytest.approx([0.005, 0.007])
    assert content.table.columns == ["length"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "item_id;title|x\n1;a|b\n",
            "Say which: --items-delimiter ';' or --items-delimiter '|'.",
        ),
        (
            "item_id,title\n1,\xe9\n",
            "Say how it was written, for example --items-encoding latin-1 or --items-encoding "
            "cp1252.",
        ),
        ("item_id,title\n1,a,b\n", "Mend the file."),
    ],
)
def test_errors_of_item_tables_name_their_options(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "items.csv").write_text(text, encoding="latin-1")
    with pytest.raises(BadData) as caught:
        read_content(tmp_path / "items.csv")
    assert caught.value.hint == hint


# ---- Python dicts


def test_python_dicts_keep_numbers_as_written(read: Reader) -> None:
    log = read(
        "{'user': 12345678901234567890123, 'item': 1.50, 'note': u'it\\'s', 'x': (1, -2)}\n"
        "{'user': nan, 'item': 2, 'note': \"a'b\", 'x': None}\n",
        "log.json",
    )
    assert log.frame().rows() == [("12345678901234567890123", "1.50")]
    assert dict(log.account.set_aside) == {"user missing": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'user': __import__('os').getcwd(), 'item': 1}", "something other than literals (Call)"),
        ("{'user': [x for x in 'ab'], 'item': 1}", "something other than literals (ListComp)"),
        ("{'user': 1, 'item': 2, 'user': 3}", "has the key 'user' twice"),
        ("{'user': 1, 'item':", "is not a Python dict"),
        ("{(1, 2): 3}", "has a key that is no text"),
        ("{'user': " + "[" * 900 + "]" * 900 + "}", "is n"),
        ("{'user': " + "-" * 9000 + "1}", "line 2"),
    ],
)
def test_python_lines_are_never_run(read: Reader, line: str, reason: str) -> None:
    good = "{'user': 'a', 'item': 'x'}\n"
    with pytest.raises(BadData) as caught:
        read(good + line + "\n", "log.json")
    assert "log.json: line 2 " in caught.value.message
    assert reason in caught.value.message
    assert len(read(good + line + "\n", "log.json", skip_bad=True)) == 1


# ---- documents


DOCUMENTS = {
    "array": '[{"user":"a","item":"x"},{"user":"b","item":"y"}]',
    "array over lines": '[\n{"user":"a",\n"item":"x"},\n{"user":"b","item":"y"}\n]\n',
    "object": '{\n"rows": [{"user":"a","item":"x"},{"user":"b","item":"y"}], "n": 2}',
    "object in one line": '{"rows": [{"user":"a","item":"x"},{"user":"b","item":"y"}]}',
    "objects over lines": '{\n"user":"a",\n"item":"x"}\n{"user":"b",\n"item":"y"}\n',
    "columns": '{\n"user":{"0":"a","1":"b"},\n"item":{"0":"x","1":"y"}}',
    "split": '{\n"columns":["user","item"],"index":[0,1],"data":[["a","x"],["b","y"]]}',
    "lists": '{\n"user":["a","b"],"item":["x","y"]}',
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents_are_read(read: Reader, text: str) -> None:
    assert read(text, "log.json").frame().rows() == [("a", "x"), ("b", "y")]


def test_several_arrays_are_a_question(read: Reader) -> None:
    text = '{\n"orders": [{"user":"a","item":"x"}],\n"items": [{"item":"x"}]}'
    with pytest.raises(Undecided, match="holds several arrays of objects: 'orders', 'items'"):
        read(text, "log.json")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[["a","x"]]', "log.json: entry 1 is a JSON array, not an object."),
        ('[{"user":"a"},7]', "log.json: entry 2 is a single JSON value, not an object."),
        ("[]", "log.json holds no objects."),
        ('[{"user":"a"', "log.json: line 1 is not JSON"),
        ('[{"user":"a","user":"b"}]', "log.json: line 1 has the key 'user' twice."),
    ],
)
def test_documents_that_are_no_table(read: Reader, text: str, sentence: str) -> None:
    with pytest.raises(BadData) as caught:
        read(text, "log.json")
    assert caught.value.message.startswith(sentence)


# ---- lists within lists, and what shops and trackers write


ORDERS = {
    "orders of an API": (
        '{"orders": [{"id": 1, "created_at": "2026-01-10T11:00:00-05:00", "customer": {"id": 7}, '
        '"line_items": [{"id": 11, "product_id": 5}, {"id": 12, "product_id": 6}]}, '
        '{"id": 2, "created_at": "2026-01-11T11:00:00-05:00", "customer": {"id": 8}, '
        '"line_items": [{"id": 13, "product_id": 5}]}]}',
        [("7", "5"), ("7", "6"), ("8", "5")],
    ),
    "items within items": (
        '{"items": [{"entity_id": 1, "customer_id": 7, "items": [{"sku": "A"}, {"sku": "B"}]}, '
        '{"entity_id": 2, "customer_id": 8, "items": [{"sku": "A"}]}], "total_count": 2}',
        [("7", "A"), ("7", "B"), ("8", "A")],
    ),
    "hits with products": (
        '{"fullVisitorId": "1", "hits": [{"time": 0, "product": [{"productSKU": "A"}, '
        '{"productSKU": "B"}]}, {"time": 5, "product": []}]}\n'
        '{"fullVisitorId": "2", "hits": [{"time": 0, "product": [{"productSKU": "B"}]}]}\n',
        [("1", "A"), ("1", "B"), ("2", "B")],
    ),
    "users of a library": (
        "{'user_id': 'u', 'items_count': 2, 'items': [{'item_id': '10', 'item_name': 'CS'}, "
        "{'item_id': '20', 'item_name': 'TF'}]}\n"
        "{'user_id': 'v', 'items_count': 1, 'items': [{'item_id': '10', 'item_name': 'CS'}]}\n",
        [("u", "10"), ("u", "20"), ("v", "10")],
    ),
    "an id inside an object": (
        '{"data": {"user": {"id": "u"}, "item": {"id": "p"}, "ts": 1767225600}}\n'
        '{"data": {"user": {"id": "v"}, "item": {"id": "q"}, "ts": 1767225601}}\n',
        [("u", "p"), ("v", "q")],
    ),
    "names of tables in front of columns": (
        "log.user_id,log.item_id,log.kind\nu,p,1\nv,q,2\n",
        [("u", "p"), ("v", "q")],
    ),
}


@pytest.mark.parametrize(("text", "pairs"), ORDERS.values(), ids=ORDERS)
def test_items_are_found_however_deep_they_stand(
    read: Reader, text: str, pairs: list[tuple[str, str]]
) -> None:
    log = read(text, "log.csv" if text.startswith("log.") else "log.json")
    assert log.frame().select("user_id", "item_id").rows() == pairs


def test_lists_within_lists_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    hits = [[{"at": 1, "product": [{"sku": "A"}, {"sku": "B"}]}], [{"at": 2, "product": []}]]
    pl.DataFrame({"visitor_id": ["u", "v"], "hits": hits}).write_parquet(path)
    log = read_interactions(path)
    assert log.frame().select("user_id", "item_id").rows() == [("u", "A"), ("u", "B")]
    assert dict(log.account.set_aside) == {"item missing": 1}


def test_one_record_of_a_user_stays_a_record(read: Reader) -> None:
    log = read('{"session": 7, "events": [{"aid": 1, "ts": 5}, {"aid": 2, "ts": 6}]}', "log.jsonl")
    assert log.frame().select("user_id", "item_id").rows() == [("7", "1"), ("7", "2")]


def test_a_list_of_items_beside_an_item_is_said(read: Reader) -> None:
    text = (
        '{"userId": "u", "event": "view", "properties": {"product_id": "p"}}\n'
        '{"userId": "v", "event": "order", "properties": {"products": [{"product_id": "p"}]}}\n'
    )
    log = read(text, "log.jsonl")
    assert dict(log.account.set_aside) == {"item missing": 1}
    assert (
        "The list 'properties.products' may hold items, too, and is not read; --item "
        "properties.products.product_id reads it instead."
    ) in log.account.remarks
    orders = read(text, "log.jsonl", item="properties.products.product_id")
    assert orders.frame()["user_id"].to_list() == ["v"]
