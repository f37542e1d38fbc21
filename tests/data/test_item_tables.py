"""Item tables as people have them: csv like parquet, a row for each property, own options."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl
import pytest

import spadework as sw
from makers import make_log
from spadework.data.addresses import read_content
from spadework.errors import BadData, BadRequest

LOG = make_log(["u"] * 3, ["a", "b", "c"])
WIDE = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "title": ["Apple", "Bread", "Cheese"],
        "price": [1.5, None, 3.0],
        "stock": [7, 0, 12],
        "code": ["007", "08", "9"],
        "organic": [True, False, None],
        "since": [datetime.date(2026, 1, 1), datetime.date(2026, 2, 1), None],
    }
)


def test_csv_and_parquet_give_the_same_content(tmp_path):
    WIDE.write_csv(tmp_path / "items.csv")
    WIDE.write_parquet(tmp_path / "items.parquet")
    WIDE.write_csv(tmp_path / "items.tsv", separator="\t")
    contents = [read_content(tmp_path / f"items.{end}", LOG) for end in ("parquet", "csv", "tsv")]
    for content in contents:
        assert content.table.equals(contents[0].table)
        assert content.roles == contents[0].roles
        assert content.fingerprint == contents[0].fingerprint
    assert contents[1].numbers["price"].to_list() == [1.5, None, 3.0]
    assert contents[1].numbers["stock"].to_list() == [7, 0, 12]
    assert contents[1].table["code"].to_list() == ["007", "08", "9"]


def test_prices_with_decimal_commas_are_numbers(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("Artikel;Preis;Genre;Code\n1;2,50;1,5;1,2\n2;1.299,00;2,7;3,40\n3;;3;5,60\n")
    content = read_content(path, make_log(["u", "u", "v"], [1, 2, 3]))
    assert content.table["Preis"].to_list() == [2.5, 1299.0, None]
    assert content.table["Genre"].to_list() == ["1,5", "2,7", "3"]
    assert content.table["Code"].to_list() == ["1,2", "3,40", "5,60"]


def test_gaps_written_as_words_are_gaps_among_numbers_alone(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("item_id,size,word\na,1e3,NULL\nb,NaN,nan\nc,-2.50,x\n", encoding="utf-8")
    content = read_content(path, LOG)
    assert content.numbers["size"].to_list() == [1000.0, None, -2.5]
    assert content.table["word"].to_list() == ["NULL", "nan", "x"]


LONG = pl.DataFrame(
    {
        "itemid": ["a", "a", "b", "b", "b", "q"],
        "property": ["colour", "price", "colour", "colour", "price", "price"],
        "value": ["red", "3", "red", "blue", "5", "9"],
    }
)


@pytest.mark.parametrize(
    "names",
    [("property", "value"), ("attribute_name", "attribute_value"), ("key", "Value")],
    ids=lambda names: names[0],
)
def test_a_table_with_a_row_for_each_property_gets_a_column_for_each(names, tmp_path):
    table = LONG.rename({"property": names[0], "value": names[1]})
    table.write_csv(tmp_path / "items.csv")
    for source in (table, tmp_path / "items.csv"):
        content = read_content(source, LOG)
        assert content.table["colour"].to_list() == ["red", "red|blue", None]
        assert content.numbers["price"].to_list() == [3, 5, None]
        assert content.duplicate_rows == 0
        assert any("6 rows became 3 items with 2 columns" in r for r in content.remarks)


def test_a_wide_table_with_name_and_value_stays_wide():
    table = pl.DataFrame(
        {"item_id": ["a", "b", "c"], "name": ["Apple", "Bread", "Cheese"], "value": [1, 2, 3]}
    )
    content = read_content(table, LOG)
    assert content.titles().to_list() == ["Apple", "Bread", "Cheese"]
    assert content.numbers["value"].to_list() == [1, 2, 3]


def timed(values, days):
    return pl.DataFrame(
        {
            "timestamp": [1_704_067_200_000 + day * 86_400_000 for day in days],
            "itemid": ["a", "a", "b", "b"],
            "property": ["price"] * 2 + ["colour"] * 2,
            "value": values,
        }
    )


def test_values_that_change_with_time_are_taken_before_a_day_or_refused():
    table = timed(["3", "4", "red", "red"], [0, 9, 0, 9])
    with pytest.raises(BadData, match="values that change with time") as caught:
        read_content(table, LOG)
    assert "'price' of item 'a'" in caught.value.message
    assert "--items-before" in caught.value.hint
    early = read_content(table, LOG, before="2024-01-05")
    assert early.numbers["price"].to_list() == [3, None, None]
    late = read_content(table, LOG, before="2024-02-05")
    assert late.numbers["price"].to_list() == [4, None, None]
    same = read_content(timed(["3", "3", "red", "red"], [0, 9, 0, 9]), LOG)
    assert same.numbers["price"].to_list() == [3, None, None]


@pytest.mark.parametrize("before", ["2024-01-05", "1704412800", 1_704_412_800, " 1704412800"])
def test_the_day_may_be_epoch_seconds(before):
    table = timed(["3", "4", "red", "red"], [0, 9, 0, 9])
    assert read_content(table, LOG, before=before).numbers["price"].to_list() == [3, None, None]


def test_a_day_is_never_left_out_in_silence():
    table = timed(["3", "4", "red", "red"], [0, 9, 0, 9])
    with pytest.raises(BadRequest, match="has no single column of times"):
        read_content(table.drop("timestamp"), LOG, before="2024-01-05")
    with pytest.raises(BadRequest, match="has no single column of times"):
        read_content(table.select("itemid", "property", "value", day="timestamp",
                                  date="timestamp"), LOG, before="2024-01-05")  # fmt: skip
    places = table.with_columns(timestamp=pl.Series([1, 2, 1, 2]))
    with pytest.raises(BadData, match=r"\('timestamp'\) are no dates, so --items-before"):
        read_content(places, LOG, before="2024-01-05")


def test_a_day_means_nothing_for_a_table_of_one_row_an_item():
    with pytest.raises(BadRequest, match="--items-before has no meaning"):
        read_content(WIDE, LOG, before="2024-01-05")


def test_a_long_table_whose_columns_do_not_say_so_is_refused():
    table = LONG.unique(["itemid", "property"]).rename({"property": "p", "value": "v"})
    table = pl.concat([table, pl.DataFrame({"itemid": ["q", "c", "c"], "p": ["colour", "colour",
                                            "price"], "v": ["x", "y", "z"]})])  # fmt: skip
    with pytest.raises(BadData, match="as if each were one property of an item") as caught:
        read_content(table, LOG)
    assert "property and value" in caught.value.hint


def test_a_log_gives_the_titles_of_its_items():
    orders = pl.DataFrame(
        {
            "user": ["u", "v", "u", "v"],
            "item": ["a", "a", "b", "c"],
            "Description": ["Apple", "Apple", "Bread", "Cheese"],
            "note": ["x"] * 4,
        }
    )
    for content in (read_content(orders, LOG), read_content(orders, LOG, title="Description")):
        assert content.titles().to_list() == ["Apple", "Bread", "Cheese"]
    assert read_content(orders, LOG, title="note").titles().to_list() == ["x", "x", "x"]
    with pytest.raises(BadData, match=r"has no column 'Titel' \(--title\)"):
        read_content(orders, LOG, title="Titel")


def test_a_numbered_title_says_that_there_is_no_header(tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_text("a,Apple\nb,Bread\n", encoding="utf-8")
    content = read_content(path, LOG, item="column_1", title="column_2")
    assert content.titles().to_list() == ["Apple", "Bread", "c"]
    with pytest.raises(BadData, match="looks like the item") as caught:
        read_content(path, LOG, title="column_2")
    assert "'column_1', 'column_2'" in caught.value.hint


def test_names_with_blanks_stand_in_quotes_in_hints():
    table = pl.DataFrame({"item id": ["a"], "Item_ID": ["b"], "title": ["x"]})
    with pytest.raises(sw.SpadeworkError) as caught:
        read_content(table, LOG)
    assert caught.value.hint == "Say which: --items-id 'item id' or --items-id Item_ID."


def test_errors_name_the_options_of_the_item_table(tmp_path: Path):
    latin = tmp_path / "items.csv"
    latin.write_bytes("item_id,title\na,K\u00e4se\n".encode("latin-1"))
    with pytest.raises(sw.SpadeworkError) as caught:
        read_content(latin, LOG)
    assert "--items-encoding" in str(caught.value)
    assert read_content(latin, LOG, encoding="latin-1").titles()[0] == "K\u00e4se"
    with pytest.raises(sw.SpadeworkError) as caught:
        read_content(pl.DataFrame({"item_id": [1.5], "title": ["x"]}), LOG)
    assert "--item." not in str(caught.value)


def test_ids_that_lost_their_zeros_are_shown_beside_those_of_the_log():
    log = make_log(["u", "u"], ["0108775015", "0108775044"])
    table = pl.DataFrame({"article_id": [108775015, 108775044], "prod_name": ["Strap", "Top"]})
    with pytest.raises(BadData) as caught:
        read_content(table, log)
    assert "108775015 in the polars frame, '0108775015' in the log" in caught.value.message
    assert "lost its leading zeros" in caught.value.hint
