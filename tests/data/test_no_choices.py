"""Items that are no products, and rows that say a dislike, from a file to a log and its account."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import spadework as sw
from spadework.data.excluded_items import excluded_items
from spadework.data.reading.values.conditions import is_rule
from spadework.errors import BadData, BadRequest
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import from_settings

DAY = 86_400
START = 1_704_067_200


def orders():
    """Three baskets of tea and milk, two with postage, one with a manual adjustment."""
    rows = [
        ("ann", "10", 0), ("ann", "11", 0), ("ann", "POST", 0),
        ("bob", "10", 1), ("bob", "12", 1), ("bob", "POST", 1), ("bob", "M", 1),
        ("cy", "11", 2), ("cy", "12", 2),
    ]  # fmt: skip
    return pl.DataFrame(
        {
            "user": [row[0] for row in rows],
            "item": [row[1] for row in rows],
            "time": [START + DAY * row[2] for row in rows],
        }
    )


def table():
    return pl.DataFrame(
        {
            "item_id": ["10", "11", "12", "POST", "M", "CARD"],
            "category": ["food", "food|drink", "food", "service", "service|other", "service"],
            "price": [1.0, 2.0, 3.0, 0.0, 0.0, 50.0],
        }
    )


def items_of(log):
    return log.item_vocabulary.ids.to_list()


# ---- items that are no products


@pytest.mark.parametrize(
    ("entries", "reasons", "items"),
    [
        ("POST", {"excluded item": 2}, ["10", "11", "12", "M"]),
        (["POST", "M"], {"excluded item": 3}, ["10", "11", "12"]),
        (["POST", 11], {"excluded item": 4}, ["10", "12", "M"]),
        ("category == 'service'", {"excluded item: category == 'service'": 3}, ["10", "11", "12"]),
        ("price < 1", {"excluded item: price < 1": 3}, ["10", "11", "12"]),
        (["category == service and price > 1", "M"], {"excluded item": 1},
            ["10", "11", "12", "POST"]),
        (["POST", "category == drink"],
            {"excluded item": 2, "excluded item: category == drink": 2}, ["10", "12", "M"]),
    ],
)  # fmt: skip
def test_excluded_items_are_not_in_the_log(entries, reasons, items):
    log = sw.read_interactions(orders(), exclude_items=entries, items=table())
    assert items_of(log) == items
    assert dict(log.account.set_aside) == reasons
    assert log.account.read == 9
    assert log.account.used == len(log) == 9 - sum(reasons.values())
    found = {"10", "11", "12", "M", "POST"} - set(items)
    assert set(log.account.excluded_items) == found
    assert set(log.account.rows_set_aside["item"]) == found


@pytest.mark.parametrize("entries", [11, np.int64(11), np.asarray([11]), pl.Series([11])])
def test_ids_may_be_numbers_of_any_type(entries):
    log = sw.read_interactions(orders(), exclude_items=entries)
    assert items_of(log) == ["10", "12", "M", "POST"]


def test_a_file_of_ids(tmp_path):
    path = tmp_path / "none.txt"
    path.write_text("item_id\nPOST\nM\nGONE\n")
    log = sw.read_interactions(orders(), exclude_items=[str(path), "11"])
    assert items_of(log) == ["10", "12"]
    assert "Item ids of exclude_items that are not in the log: 1 of 3, such as 'GONE'." in (
        log.account.remarks
    )
    with pytest.raises(BadRequest, match="names the file 'gone\\.txt', which is not there"):
        sw.read_interactions(orders(), exclude_items="gone.txt")


def test_ids_that_match_nothing_are_told():
    log = sw.read_interactions(orders(), exclude_items=["POST", "post", "X"])
    assert (
        "Item ids of exclude_items that are not in the log: 2 of 3, such as 'post', 'X'. Perhaps "
        "'post' in exclude_items is 'POST' in the log."
    ) in log.account.remarks
    log = sw.read_interactions(orders(), exclude_items="0010")
    assert not log.account.set_aside
    told = [remark for remark in log.account.remarks if "exclude_items" in remark]
    assert told == [
        "None of the item ids of exclude_items is in the log (1 id): for example '0010' in "
        "exclude_items, '10' in the log. One side lost its leading zeros: read and write these "
        "ids as text, not as numbers."
    ]


def test_numbers_fit_the_text_that_they_are_written_as():
    numbers = orders().filter(pl.col("item").str.len_chars() == 2).cast({"item": pl.Int64})
    for entries in ([10], "10", ["10"]):
        assert items_of(sw.read_interactions(numbers, exclude_items=entries)) == [11, 12]


def test_an_item_without_a_row_in_the_item_table_is_kept():
    log = sw.read_interactions(
        orders(), exclude_items="category != food", items=table().filter(pl.col("item_id") != "M")
    )
    assert items_of(log) == ["10", "11", "12", "M"]


@pytest.mark.parametrize(
    ("entries", "items", "message", "hint"),
    [
        ("category == 'service'", None, "but there is no item table", "--items FILE"),
        ("colour == red", table(), "has no column 'colour'", "'category'"),
        ("category == toys", table(), "No item satisfies 'category == toys'",
            "The most frequent values of 'category' are"),
        ("category = service", table(), "has a single equals sign", "category == service"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_refused(entries, items, message, hint):
    with pytest.raises(BadRequest) as error:
        sw.read_interactions(orders(), exclude_items=entries, items=items)
    assert message in error.value.message
    assert hint in error.value.hint


def test_a_log_of_excluded_items_alone_is_refused():
    with pytest.raises(BadData, match="can be used: 9 excluded item"):
        sw.read_interactions(orders(), exclude_items=["10", "11", "12", "POST", "M"])


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"exclude_items": ["10", "11", "12", "POST", "M"]}, "exclude_items"),
        ({"dislikes": ["item != 7"]}, "dislikes"),
        ({"exclude_items": ["10", "11", "POST"], "positive": "item == 7"},
         "exclude_items, positive"),
        ({"until": "2024-01-01", "dislikes": "user == ann"}, "dislikes, until"),
    ],
)  # fmt: skip
def test_rules_that_leave_nothing_are_named(rules, named):
    with pytest.raises(BadData) as caught:
        sw.read_interactions(orders(), **rules)
    assert caught.value.hint == f"These rules leave out too much: {named}."


def test_a_table_with_its_own_split():
    labels = orders().with_columns(fold=pl.Series(["train"] * 4 + ["test"] * 3 + ["train"] * 2))
    split = sw.read_split(labels, "fold", exclude_items=["POST", "M"])
    assert split.train.item_vocabulary.ids.to_list() == ["10", "11", "12"]
    assert len(split.train) == 5
    assert len(split.expected) == 1
    assert dict(split.expected.account.set_aside)["excluded item"] == 3


def test_models_do_not_know_them():
    log = sw.read_interactions(orders(), exclude_items=["POST", "M"])
    model = sw.model("cosine").fit(log)
    assert set(model.recommend(log, 5).frame()["item_id"]) == {"10", "11", "12"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [("POST", False), ("a=b", False), ("a = b", True), ("a == b", True), ("price<1", True),
     ("BANK CHARGES", False), ("none.txt", False), ("'my column' != 3", True)],
)  # fmt: skip
def test_what_is_meant_as_a_rule(text, rule):
    assert is_rule(text) == rule


def test_entries_are_in_the_order_of_their_sort():
    found = excluded_items(["price < 1", "POST", 7], table())
    assert [each.ids.to_list() for each in found] == [["POST", "7"], ["M", "POST"]]
    assert [each.rule for each in found] == [None, "price < 1"]


# ---- the recipe


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("POST", ["POST"]),
        ("POST,M", ["POST", "M"]),
        ('["POST", "BANK CHARGES"]', ["POST", "BANK CHARGES"]),
        ("[1, 2]", ["1", "2"]),
        ("007", ["007"]),
        ("85123", ["85123"]),
        ("category == 'a, b'", ["category == 'a, b'"]),
        ("", None),
    ],
)
def test_the_setting_of_a_command(setting, expected):
    assert make(from_settings([f"exclude_items={setting}"])).exclude_items == expected


def test_settings_add_up_and_a_text_of_a_recipe_is_one_entry():
    two = from_settings(["exclude_items=POST", "exclude_items=M"])
    assert make(two).exclude_items == ["POST", "M"]
    assert make({"exclude_items": "price < 1"}).exclude_items == ["price < 1"]
    assert make({"exclude_items": 7, "dislikes": "skip"}).dislikes == ["skip"]
    for wrong in ({"exclude_items": True}, {"exclude_items": [1.5]}, {"dislikes": "a > b"}):
        with pytest.raises(BadRequest):
            make(wrong)


# ---- dislikes


def plays():
    """ann likes a and b, dislikes c; bob likes c, then dislikes it; cy dislikes b, then likes it;
    di dislikes only.
    """
    rows = [
        ("ann", "a", "like", 0, 5), ("ann", "b", "like", 1, 4), ("ann", "c", "dislike", 2, 1),
        ("bob", "c", "like", 0, 5), ("bob", "a", "view", 1, 3), ("bob", "c", "dislike", 2, 2),
        ("cy", "b", "dislike", 0, 1), ("cy", "b", "like", 1, 5), ("cy", "d", "like", 2, 5),
        ("di", "e", "dislike", 2, 1),
    ]  # fmt: skip
    return pl.DataFrame(
        {
            "user": [row[0] for row in rows],
            "item": [row[1] for row in rows],
            "event": [row[2] for row in rows],
            "time": [START + DAY * row[3] for row in rows],
            "rating": [row[4] for row in rows],
        }
    )


PAIRS = [
    ("ann", "c", START + 2 * DAY),
    ("bob", "c", START + 2 * DAY),
    ("cy", "b", START),
    ("di", "e", START + 2 * DAY),
]


def test_dislikes_leave_the_log_and_are_kept_as_pairs():
    log = sw.read_interactions(plays(), weight="-", dislikes="dislike")
    assert log.unwanted.frame().rows() == PAIRS
    assert dict(log.account.set_aside) == {"disliked: event 'dislike'": 4}
    assert items_of(log) == ["a", "b", "c", "d"]
    assert dict(zip(items_of(log), log.item_counts.tolist(), strict=True)) == {
        "a": 2, "b": 2, "c": 1, "d": 1,
    }  # fmt: skip
    assert log.event_type_names == ("like", "view")
    assert (
        "Dislikes, which are no choices: 4 rows of 4 users with 3 items. These items are not "
        "recommended to these users, unless they chose them later."
    ) in log.account.remarks
    assert "All event types in 'event' are used: 5 like, 1 view." in log.account.remarks


@pytest.mark.parametrize("entries", [3, [3], "3", np.int64(3), np.asarray([3])])
def test_event_types_may_be_numbers(entries):
    frame = plays().with_columns(event=pl.col("event").replace_strict(
        {"like": 1, "view": 2, "dislike": 3}))  # fmt: skip
    log = sw.read_interactions(frame, weight="-", event="event", dislikes=entries)
    assert log.unwanted.frame().rows() == PAIRS
    assert log.event_type_names == ("1", "2")
    alone = sw.read_interactions(frame, weight="-", event="event", events=entries)
    assert len(alone) == 4


def test_a_rule_says_a_dislike_too():
    by_type = sw.read_interactions(plays(), weight="-", dislikes="dislike", events=["like", "view"])
    by_rule = sw.read_interactions(plays(), weight="-", dislikes=["rating <= 2"])
    assert by_rule.unwanted.frame().rows() == PAIRS
    assert dict(by_rule.account.set_aside) == {"disliked: rating <= 2": 4}
    assert by_rule.fingerprint == by_type.fingerprint
    both = sw.read_interactions(
        plays(), weight="-", dislikes=["dislike", "rating <= 3 and event == view"]
    )
    assert dict(both.account.set_aside) == {
        "disliked: event 'dislike'": 4, "disliked: rating <= 3 and event == view": 1,
    }  # fmt: skip
    assert ("bob", "a", START + DAY) in both.unwanted.frame().rows()


def test_a_dislike_is_no_row_that_is_not_positive():
    log = sw.read_interactions(plays(), dislikes="rating <= 2", positive="rating >= 4")
    assert dict(log.account.set_aside) == {
        "disliked: rating <= 2": 4, "not positive: rating >= 4": 1,
    }  # fmt: skip


def test_a_row_without_a_value_is_no_dislike():
    table = pl.DataFrame(
        {
            "user": ["a", "a", "b", "b"],
            "item": ["x", "y", "x", "y"],
            "rating": ["5", "3", None, "5"],
            "time": [START, START + 1, START, START + 1],
        }
    )
    log = sw.read_interactions(table, dislikes="rating != 5")
    assert dict(log.account.set_aside) == {"disliked: rating != 5": 1}
    assert log.unwanted.frame()["item_id"].to_list() == ["y"]


def test_rows_that_cannot_be_read_are_no_dislikes():
    broken = plays().with_columns(
        item=pl.when(pl.col("user") == "ann").then(None).otherwise("item"),
        time=pl.when(pl.col("user") == "di").then(None).otherwise("time"),
    )
    log = sw.read_interactions(broken, weight="-", dislikes="dislike", exclude_items="b")
    assert log.unwanted.frame().rows() == [PAIRS[1]]
    assert dict(log.account.set_aside) == {
        "item missing": 3, "excluded item": 2, "time missing": 1, "disliked: event 'dislike'": 1,
    }  # fmt: skip


def test_dates_are_those_of_all_rows():
    log = sw.read_interactions(plays(), weight="-", dislikes="dislike", since="2024-01-02")
    assert ("cy", "b", START) not in log.unwanted.frame().rows()


def test_without_times_the_pairs_have_none():
    log = sw.read_interactions(plays(), weight="-", time="-", dislikes="dislike")
    assert log.unwanted.times is None
    assert len(log.unwanted) == 4


def test_dislikes_that_nobody_said_are_told():
    log = sw.read_interactions(plays(), weight="-", dislikes=["skip"])
    assert log.unwanted is None
    assert (
        "No row says a dislike by event 'skip'. The event types are 'like', 'dislike', 'view'."
        in log.account.remarks
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event": "-"}, "'dislike' is an event type, but there is no event column"),
        ({"events": ["like", "dislike"]}, "'dislike' is among the events and among the dislikes"),
    ],
)
def test_dislikes_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(BadRequest) as error:
        sw.read_interactions(plays(), weight="-", dislikes="dislike", **options)
    assert message in error.value.message


def test_lists_do_not_hold_what_was_disliked_unless_it_was_chosen_later():
    log = sw.read_interactions(plays(), weight="-", dislikes="dislike")
    lists = sw.model("popular").fit(log).recommend(log, 4)
    # popular: a and b twice, c and d once
    assert lists.of("ann")["item_id"].to_list() == ["a", "b", "d"]
    assert lists.of("bob")["item_id"].to_list() == ["a", "b", "d"]
    assert lists.of("cy")["item_id"].to_list() == ["a", "b", "c", "d"]


def test_names_and_entries_of_python_that_cannot_be_meant_are_refused(tmp_path):
    ids = tmp_path / "no-products"
    ids.write_text("POST\nM\n")
    assert items_of(sw.read_interactions(orders(), exclude_items=ids)) == ["10", "11", "12"]
    for entries, kind in (([None], "NoneType"), ([["M"]], "list"), (table(), "Series")):
        with pytest.raises(BadRequest, match=f"of the type {kind}, which is no id"):
            sw.read_interactions(orders(), exclude_items=entries)
    with pytest.raises(BadRequest, match="no name of a column") as caught:
        sw.read_interactions(orders(), user=["user", "time"])
    assert caught.value.hint == "Write it as text: user='user,time'."


def test_unwanted_pairs_that_are_no_pairs_are_refused():
    log = sw.read_interactions(orders())
    with pytest.raises(BadRequest, match="1 user, 2 items"):
        log.with_unwanted(["ann"], ["10", "11"])
    with pytest.raises(BadRequest, match="1 user, 1 item, 2 times"):
        log.with_unwanted(["ann"], ["10"], [1, 2])
    with pytest.raises(BadRequest, match="no numbers"):
        log.with_unwanted(["ann"], ["10"], ["2026-01-01"])
