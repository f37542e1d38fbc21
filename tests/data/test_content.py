"""Item content: aligned to the log, counted both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from spadework.data.addresses import read_content, read_interactions
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Undecided


def log_of(items: list[object]) -> Interactions:
    return read_interactions(pl.DataFrame({"user": ["u"] * len(items), "item": items}))


ITEMS = pl.DataFrame(
    {
        "item_id": ["c", "a", "x", "a", None],
        "title": ["Cheese", "Apple", "Xylophone", "Another apple", "Nothing"],
        "category": ["dairy", "fruit", "toys", "fruit", "void"],
        "price": [3.5, 1.0, 9.0, 2.0, 0.0],
        "tags": [["hard", "aged"], [], ["loud"], ["red"], None],
    }
)


def test_30_both_tables_are_counted_against_each_other() -> None:
    content = read_content(ITEMS, log_of(["a", "b", "c"]))
    assert (
        content.rows,
        content.unmatched_rows,
        content.duplicate_rows,
        content.rows_without_id,
        content.items_without_row,
    ) == (
        5,
        1,
        1,
        1,
        1,
    )
    assert content.remarks == (
        "Item ids of the polars frame that are not in the log: 1 of 3, such as 'x'.",
        "Items of the log without a row in the item table: 1, such as 'b'.",
        "Rows that repeat an item of the item table, of which the first counts: 1, such as 'a'.",
        "Rows of the item table without a usable item id: 1.",
    )


def test_excluded_items_need_no_match() -> None:
    """They are in the item table and, by the user's own rule, not in the log."""
    rows = pl.DataFrame({"user": [1, 1, 2, 2], "item": ["a", "x", "c", "x"]})
    log = read_interactions(rows, exclude_items="x")
    content = read_content(ITEMS, log)
    assert (content.rows, content.unmatched_rows) == (5, 0)
    assert not any("not in the log" in remark for remark in content.remarks)
    assert content.titles().to_list() == ["Apple", "Cheese"]
    # ids of numbers and of texts, as everywhere
    rows = pl.DataFrame({"user": [1, 1, 2], "item": ["7", "8", "9"]})
    products = pl.DataFrame({"item_id": [7, 8, 9], "title": ["g", "h", "i"]})
    content = read_content(products, read_interactions(rows, exclude_items=["8"]))
    assert content.unmatched_rows == 0


def test_rows_follow_the_codes_of_the_log() -> None:
    log = log_of(["c", "b", "a"])
    content = read_content(ITEMS, log)
    assert content.item_vocabulary is log.item_vocabulary
    assert content.title is not None
    assert content.title.to_list() == ["Apple", None, "Cheese"]
    assert content.titles().to_list() == ["Apple", "b", "Cheese"]
    assert content.numbers["price"].to_list() == [1.0, None, 3.5]
    assert content.categories["tags"].to_list() == [None, None, "hard|aged"]
    assert dict(content.roles) == {
        "title": "title",
        "category": "category",
        "price": "number",
        "tags": "category",
    }


def test_category_codes() -> None:
    content = read_content(ITEMS, log_of(["a", "b", "c", "x"]))
    codes, names = content.category_codes()
    assert names == ["dairy", "fruit", "toys"]
    assert codes.tolist() == [1, -1, 0, 2]
    with pytest.raises(BadRequest, match="'price' is no category column"):
        content.category_codes("price")


def test_without_a_log_the_table_has_its_own_items() -> None:
    content = read_content(ITEMS)
    assert content.item_vocabulary.ids.to_list() == ["a", "c", "x"]
    assert content.items_without_row == 0


def test_numbers_and_text_match_in_canonical_form_only(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\n7,seven\n007,agent\n8,eight\n+9,nine\n", encoding="utf-8")
    content = read_content(path, log_of([7, 8, 9]))
    assert content.titles().to_list() == ["seven", "eight", "9"]
    assert content.unmatched_rows == 2
    texts = read_content(
        pl.DataFrame({"item_id": [7, 8], "title": ["seven", "eight"]}), log_of(["7", "007"])
    )
    assert texts.titles().to_list() == ["007", "seven"]


def test_the_item_column_is_found_named_or_a_question() -> None:
    table = pl.DataFrame({"id": ["a"], "name": ["Apple"]})
    assert read_content(table, log_of(["a"])).titles().to_list() == ["Apple"]
    with pytest.raises(BadData, match="has no column 'sku'"):
        read_content(table, log_of(["a"]), item="sku")
    with pytest.raises(Undecided, match="'sku' and 'isbn' could each be the item"):
        read_content(pl.DataFrame({"sku": ["a"], "isbn": ["a"]}), log_of(["a"]))
    with pytest.raises(BadData, match="has no column that looks like the item"):
        read_content(pl.DataFrame({"first": ["a"], "second": ["a"]}), log_of(["a"]))


def test_tables_without_items_of_the_log_are_refused() -> None:
    with pytest.raises(BadData, match="None of the item ids of the polars frame is in the log"):
        read_content(ITEMS, log_of(["q"]))


def test_long_text_is_text_and_few_words_are_categories() -> None:
    table = pl.DataFrame(
        {
            "item": [f"i{at}" for at in range(100)],
            "description": [
                f"the thing with the number {at}, for use in the house" for at in range(100)
            ],
            "shelf": [f"shelf {at % 4}" for at in range(100)],
        }
    )
    assert dict(read_content(table).roles) == {"description": "text", "shelf": "category"}


def test_the_grocery_sample_has_every_row_and_its_products() -> None:
    log = read_interactions("sample:grocery")
    account = log.account
    assert (len(log), account.read, dict(account.set_aside)) == (1_469_307, 1_469_307, {})
    assert log.user_count == 2_469
    assert log.weights is None
    assert log.baskets is not None
    assert any(
        "84.51°" in remark and "education and exploration" in remark for remark in account.remarks
    )
    content = read_content("sample:grocery", log)
    assert content.columns_of("title") == ["product_type"]
    assert {"product_category", "department", "brand"} <= set(content.columns_of("category"))
    assert content.items_without_row == 17


def test_lists_of_floating_numbers_of_one_length_are_vectors() -> None:
    table = pl.DataFrame(
        {
            "item": ["a", "b", "c", "d", "e"],
            "embedding": [[1.0, 2.0], None, [3.0, float("nan")], [None, 1.0], [5.0, 6.0]],
            "empty": [[1.0, 2.0, 3.0], [], None, [1e300, 0.0, 0.0], [0.0, 0.0, 0.0]],
            "fixed": pl.Series(np.arange(10.0).reshape(5, 2)),
            "uneven": [[1.0], [1.0, 2.0], None, [], [3.0]],
            "single": [[1.0]] * 5,
            "whole": [[1, 2]] * 5,
        }
    )
    content = read_content(table, log_of(["e", "c", "b", "a", "d"]))
    assert content.columns_of("vector") == ["embedding", "empty", "fixed"]
    assert content.columns_of("category") == ["uneven", "single", "whole"]
    np.testing.assert_array_equal(
        content.vectors["embedding"], [[1, 2], [0, 0], [0, 0], [0, 0], [5, 6]]
    )
    np.testing.assert_array_equal(
        content.vectors["empty"], [[1, 2, 3], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    )
    np.testing.assert_array_equal(content.vectors["fixed"], np.arange(10).reshape(5, 2))
    assert all(
        block.dtype == np.float32 and not block.flags.writeable
        for block in content.vectors.values()
    )
    assert content.table["uneven"].to_list() == ["1.0", "1.0|2.0", None, None, "3.0"]
    assert (
        content.fingerprint
        != read_content(table.drop("embedding"), log_of(["a", "b", "c", "d", "e"])).fingerprint
    )


def test_vectors_are_at_the_code_of_their_item() -> None:
    table = pl.DataFrame(
        {
            "item": ["c", "a", "x", "a"],
            "embedding": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]],
        }
    )
    content = read_content(table, log_of(["a", "b", "c"]))
    np.testing.assert_array_equal(content.vectors["embedding"], [[3, 4], [0, 0], [1, 2]])
