"""Item columns whose cells are lists: asked for, and taken apart with `shape="lists"`; never one
item in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from served_run import served_run
from spadework.data.interactions import Interactions
from spadework.data.reading.values.cells_of_lists import entries_of, sign_of_lists
from spadework.errors import BadData, Undecided
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run

Reader = Callable[..., Interactions]
TIME = 1_767_225_600

CELLS: dict[str, Callable[[int, int, int], str]] = {
    "JSON": lambda a, b, c: f'"[""i{a}"", ""i{b}"", ""i{c}""]"',
    "numbers in brackets": lambda a, b, c: f'"[{a}, {b}, {c}]"',
    "Python": lambda a, b, c: f"\"['i{a}', 'i{b}', 'i{c}']\"",
    "Postgres": lambda a, b, c: f'"{{{a},{b},{c}}}"',
    "a tuple": lambda a, b, c: f'"({a}, {b}, {c})"',
    "semicolons": lambda a, b, c: f"i{a};i{b};i{c}",
    "bars": lambda a, b, c: f"i{a}|i{b}|i{c}",
    "commas": lambda a, b, c: f'"{a}, {b}, {c}"',
    "blanks": lambda a, b, c: f"{a} {b} {c}",
}


def text_of(cell: Callable[[int, int, int], str], name: str = "item_id") -> str:
    return f"user_id,{name},timestamp\n" + "".join(
        f"u{at % 7},{cell(at % 5, 5 + at % 3, 8 + at % 4)},{TIME + at}\n" for at in range(60)
    )


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_lists_in_cells_are_asked_for_and_taken_apart(
    read: Reader, cell: Callable[[int, int, int], str]
) -> None:
    text = text_of(cell)
    with pytest.raises(Undecided, match="holds lists that are written as text") as caught:
        read(text)
    assert "--shape lists" in caught.value.hint
    log = read(text, shape="lists")
    assert len(log) == 180
    assert log.item_count == 12
    assert {str(item).removeprefix("i") for item in log.item_vocabulary.ids} == {
        str(number) for number in range(12)
    }
    one = read(text, item="item_id")
    assert len(one) == 60
    assert any("Each text is one item; --shape lists takes" in said for said in one.account.remarks)


def test_the_column_may_be_named_and_another_may_be_called_item(read: Reader) -> None:
    text = "customer,products,item,date\n" + "".join(
        f"c{at % 7},a{at % 5}|b{at % 3},{at},2026-01-{1 + at % 28:02d}\n" for at in range(60)
    )
    log = read(text, shape="lists", item="products")
    assert (len(log), log.item_count) == (120, 8)


def test_a_run_reads_its_lists_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text_of(CELLS["bars"]))
    run = Run(served_run(tmp_path / "run", {"source": str(path), "shape": "lists"}))
    assert histories_of(run, str(path)).fingerprint == run.data["fingerprint"]["log"]


@pytest.mark.parametrize(
    "values",
    [
        [f"Mug, {colour}, {size}" for colour in ("red", "blue", "white") for size in "SML"] * 9,
        [f"White mug number {at}" for at in range(40)],
        [f"https://shop.test/p?id={at};ref=1" for at in range(40)],
        [f"SKU-{at}" for at in range(40)],
        [f"Portal {at}, The" for at in range(40)],
        ["(not set)"] * 5 + ["[untitled]"] * 4 + [f"i{at}" for at in range(40)],
        [f"{at}.5" for at in range(40)],
        [f"{at},{at * 7}" for at in range(40)],
        [],
    ],
    ids=["variants", "titles", "addresses", "codes", "commas", "odd names", "decimals", "pairs",
         "nothing"],
)  # fmt: skip
def test_what_is_no_list(values: list[str]) -> None:
    assert sign_of_lists(pl.Series(values, dtype=pl.String)) == ""


def test_baskets_of_words_that_hardly_come_again_are_lists() -> None:
    goods = [f"good{letter}" for letter in "abcdefghij"]
    values = [
        ", ".join(goods[at % 10 : at % 10 + 1 + at % 4] + goods[at % 7 : at % 7 + at // 10])
        for at in range(70)
    ]
    assert sign_of_lists(pl.Series(values)) == ","


def test_entries_are_kept_as_written() -> None:
    texts = pl.Series(['["a, b", "c"]', "[]", None, "['x' , 'y']", "{007,7}"])
    assert entries_of(texts, "[").to_list() == [["a, b", "c"], None, None, ["x", "y"], ["007", "7"]]


def test_what_cannot_be_taken_apart_says_why(read: Reader) -> None:
    with pytest.raises(BadData, match="hold objects, which are not read from text"):
        read("user,items\na,\"[{'id': 1}]\"\nb,\"[{'id': 2}]\"\n", shape="lists", item="items")
    with pytest.raises(BadData, match="has 0 columns of lists that are written as text"):
        read("user,item\na,b\nb,c\n", shape="lists")
