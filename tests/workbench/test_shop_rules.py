"""What a shop excludes, what users disliked, and users without a history: from a run to lists."""

from __future__ import annotations

import json

import polars as pl
import pytest

from command_line import call
from makers import START
from served_run import served_run
from spadework.workbench.answers.service import histories_of, reading_of
from spadework.workbench.answers.serving_answers import recommend
from spadework.workbench.report.next_line import line_for
from spadework.workbench.run import Run

DAY = 86_400
ROWS = [  # user, item, event, day
    ("u1", "10", "buy", 0), ("u1", "11", "buy", 1), ("u1", "POST", "buy", 1),
    ("u2", "10", "buy", 0), ("u2", "12", "buy", 2), ("u2", "POST", "buy", 2),
    ("u3", "10", "buy", 0), ("u3", "11", "buy", 3), ("u3", "12", "buy", 3),
    ("u3", "M", "buy", 3), ("u1", "12", "dislike", 4), ("u2", "11", "dislike", 0),
    ("u2", "11", "buy", 5),
]  # fmt: skip


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    write(path, ROWS)
    return path


def write(path, rows):
    frame = pl.DataFrame(rows, schema=["user", "item", "event", "day"], orient="row")
    frame.with_columns(time=START + DAY * pl.col("day")).drop("day").write_csv(path)


@pytest.fixture
def products(tmp_path):
    path = tmp_path / "products.csv"
    kinds = {"10": "food", "11": "food", "12": "food", "POST": "service", "M": "service"}
    pl.DataFrame({"item_id": list(kinds), "kind": list(kinds.values())}).write_csv(path)
    return path


def items(run, user):
    rows = recommend(str(run), user_ids=[user], k=5, repeats="allow")
    return rows["item_id"].to_list()


# ---- items that are no products


def test_a_run_keeps_the_excluded_items_for_later_readings(orders, products, tmp_path):
    ids = tmp_path / "ids.txt"
    ids.write_text("M\n")
    settings = {
        "source": str(orders),
        "items": str(products),
        "exclude_items": [str(ids), "kind == service", "GONE"],
    }
    run = served_run(tmp_path / "run", settings)
    assert Run(run).data["excluded_items"] == ["M", "POST"]
    assert Run(run).rows["set_aside"] == {
        "excluded item": 1, "excluded item: kind == service": 2,
    }  # fmt: skip
    ids.unlink()  # the files of the rule need not be there any more
    products.unlink()
    assert reading_of(Run(run)).exclude_items == ["GONE", "M", "POST"]
    log = histories_of(Run(run), None)
    assert log.fingerprint == Run(run).data["fingerprint"]["log"]
    later = tmp_path / "later.csv"
    write(later, [("u9", "POST", "buy", 9), ("u9", "10", "buy", 9)])
    assert histories_of(Run(run), str(later)).item_vocabulary.ids.to_list() == ["10"]
    lists = recommend(str(run), histories=str(later), k=5)
    assert set(lists["item_id"]) == {"10", "11", "12"}


def test_the_command_says_which_items(orders, tmp_path, capsys):
    output = call(
        capsys, "look", orders, "--exclude-items", "POST,M,X", "--json", "--dislikes", "dislike"
    )
    told = json.loads(output.out)
    assert told["excluded_items"] == ["M", "POST"]
    assert told["rows"]["set_aside"] == {"excluded item": 3, "disliked: event 'dislike'": 2}
    assert (
        "Item ids of exclude_items that are not in the log: 1 of 3, such as 'X'."
        in (told["remarks"])
    )
    assert told["facts"]["items"] == 3


def test_what_is_proposed_is_added_to_the_recipe():
    finding = {"command": "spadework dig SOURCE --exclude-items '[\"M\"]' --dislikes '[\"no\"]'"}
    recipe = {"source": "log.csv", "exclude_items": ["POST"], "dislikes": ["never"]}
    assert line_for(finding, recipe, "RUN") == (
        "spadework dig log.csv --set 'dislikes=[\"never\"]' --set 'exclude_items=[\"POST\"]' "
        "--exclude-items '[\"M\"]' --dislikes '[\"no\"]'"
    )


# ---- dislikes


def test_lists_of_a_run_do_not_hold_what_was_disliked(orders, tmp_path):
    settings = {"source": str(orders), "exclude_items": ["POST", "M"], "weight": "-"}
    without = served_run(tmp_path / "without", settings | {"events": ["buy"]}, "popular")
    assert items(without, "u1") == ["10", "11", "12"]
    run = served_run(tmp_path / "run", settings | {"dislikes": ["dislike"]}, "popular")
    assert items(run, "u1") == ["10", "11"]
    assert items(run, "u2") == ["10", "11", "12"], "11 was bought after it was disliked"
    assert items(run, "u3") == ["10", "11", "12"]


def test_dislikes_of_a_later_file_are_read_as_those_of_the_run(orders, tmp_path):
    settings = {"source": str(orders), "dislikes": ["dislike"], "weight": "-"}
    run = served_run(tmp_path / "run", settings, "popular")
    later = tmp_path / "later.csv"
    write(later, [("n", "11", "buy", 8), ("n", "10", "dislike", 9), ("n", "77", "dislike", 9)])
    assert recommend(str(run), histories=str(later), k=3)["item_id"].to_list() == [
        "11", "12", "POST",
    ]  # fmt: skip
    write(later, [("n", "11", "buy", 8)])
    assert recommend(str(run), histories=str(later), k=2)["item_id"].to_list() == ["10", "11"]


# ---- users without a history

LATE = {
    "code": "TIME-1",
    "level": "strong",
    "effect": 0.3,
    "patch": {"window": "1d"},
    "says": "So.",
}


@pytest.mark.parametrize(
    ("findings", "best", "says"),
    [
        ([LATE], ["12", "10", "11"], "the best sellers of the last 1d: TIME-1: So."),
        ([], ["10", "11", "12"], "the best sellers of all time: the run has no finding TIME-1."),
    ],
    ids=["of late", "of all time"],
)
def test_users_without_a_known_event_get_best_sellers(findings, best, says, tmp_path, capsys):
    path, later, out = tmp_path / "log.csv", tmp_path / "later.csv", tmp_path / "lists.csv"
    days = [("10", 0), ("10", 1), ("10", 2), ("11", 3), ("11", 3), ("12", 9)]
    write(path, [(f"u{at}", f"p{item}", "buy", day) for at, (item, day) in enumerate(days)])
    run = served_run(tmp_path / "run", {"source": str(path)}, "popular", findings)
    write(later, [("old", "p11", "buy", 9), ("new", "gone", "buy", 9)])
    output = call(
        capsys, "recommend", run, "--histories", later, "-k", "3", "--out", out, "--repeats",
        "allow",
    )  # fmt: skip
    assert output.code == 0, output.err
    assert f"1 user of 2 without an event that the model knows: their lists are {says}" in (
        output.err
    )
    lists = pl.read_csv(out)
    assert lists.filter(pl.col("user_id") == "new")["item_id"].to_list() == [f"p{i}" for i in best]
    assert lists.filter(pl.col("user_id") == "new")["rank"].to_list() == [1, 2, 3]
    assert lists.filter(pl.col("user_id") == "old")["item_id"].to_list() == ["p10", "p11", "p12"]


def test_best_sellers_leave_out_what_the_user_disliked(tmp_path):
    path, later = tmp_path / "log.csv", tmp_path / "later.csv"
    days = [("10", 0), ("10", 1), ("10", 2), ("11", 3), ("11", 3), ("12", 9), ("12", 9)]
    rows = [(f"u{at}", f"p{item}", "buy", day) for at, (item, day) in enumerate(days)]
    write(path, [*rows, ("u0", "p12", "dislike", 1)])
    settings = {"source": str(path), "dislikes": ["dislike"]}
    run = served_run(tmp_path / "run", settings, "popular", [LATE])
    write(
        later, [("new", "gone", "buy", 9), ("new", "p12", "dislike", 9), ("old", "p10", "buy", 1)]
    )
    lists = recommend(str(run), histories=str(later), k=3)
    assert lists.filter(pl.col("user_id") == "new")["item_id"].to_list() == ["p10", "p11"]


def test_lists_that_remind_have_no_best_sellers(tmp_path):
    path, later = tmp_path / "log.csv", tmp_path / "later.csv"
    write(path, [("a", "p1", "buy", 0), ("b", "p1", "buy", 1), ("b", "p2", "buy", 2)])
    run = served_run(tmp_path / "run", {"source": str(path)}, "popular", [LATE])
    write(later, [("new", "gone", "buy", 9), ("old", "p1", "buy", 9)])
    reminded = recommend(str(run), histories=str(later), k=2, purpose="remind")
    assert reminded["user_id"].to_list() == ["old"]
    both = recommend(str(run), histories=str(later), k=2, purpose="both")
    assert both.filter(pl.col("user_id") == "new")["for"].unique().to_list() == ["discover"]
