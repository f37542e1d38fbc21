"""Columns whose names say user, item or time, and whose values say that they are none: asked for,
never taken in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from served_run import served_run
from spadework.data.interactions import Interactions
from spadework.errors import BadData, Undecided
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run

Reader = Callable[..., Interactions]


def table(header: str, row: Callable[[int], str], count: int = 200) -> str:
    return "\n".join([header, *map(row, range(count))]) + "\n"


def day(at: int) -> str:
    return f"2026-01-{1 + at % 28:02d}"


ASKED = {
    "those who sold": (
        "User,Customer,Product,Date",
        lambda at: f"clerk{at % 2},c{at * 7 % 40},p{at % 11},{day(at)}",
        "The column 'User' is called a user, but it holds 2 values throughout, and 'Customer' "
        "holds 40.",
        "--user Customer or --user User",
    ),
    "one shop": (
        "account_id,customer_email,product,date",
        lambda at: f"shop1,c{at % 40}@x.test,p{at % 11},{day(at)}",
        "The column 'account_id' is called a user, but it holds 1 value throughout",
        "--user customer_email or --user account_id",
    ),
    "categories beside articles": (
        "customer,product,product_variant_code,date",
        lambda at: f"c{at % 9},{('Book', 'Toy', 'Food')[at % 3]},v{at % 31},{day(at)}",
        "The column 'product' is called an item, but it holds 3 values throughout, and "
        "'product_variant_code' holds 31.",
        "--item product_variant_code or --item product",
    ),
    "the key of a row": (
        "item_id,order_id,variant,customer_id,created_at",
        lambda at: f"{at + 1},{at // 2},v{at % 11},{at % 7},{day(at)}",
        "The column 'item_id' is called an item, but it has another value in every row",
        "--item variant or --item item_id",
    ),
    "the line of an order": (
        "Order ID,Item,Product Code,Customer,Date",
        lambda at: f"{at // 3},{at % 3 + 1},P{at % 11},c{at // 3 % 7},{day(at)}",
        "looks like the number of a line within an order",
        "--item 'Product Code' or --item Item",
    ),
}


@pytest.mark.parametrize(("header", "row", "message", "hint"), ASKED.values(), ids=ASKED)
def test_a_name_that_its_values_contradict_is_asked_for(
    read: Reader, header: str, row: Callable[[int], str], message: str, hint: str
) -> None:
    with pytest.raises(Undecided) as caught:
        read(table(header, row))
    assert message in caught.value.message
    assert hint in caught.value.hint
    role, column = hint.split(" or ")[0].removeprefix("--").split(" ", 1)
    log = read(table(header, row), **{role: column.strip("'")})
    assert log.account.columns[role] == column.strip("'")


QUIET = {
    "few users in blocks": ("user_id,customer,item", lambda at: f"{at // 70},{at},{at % 9}"),
    "users and their names": ("user_id,username,item", lambda at: f"{at % 30},n{at % 30},{at % 9}"),
    "few items": ("user_id,item_id,price", lambda at: f"{at % 30},{at % 5},{at % 9}"),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row"), QUIET.values(), ids=QUIET)
def test_what_may_well_be_is_not_asked_for(
    read: Reader, header: str, row: Callable[[int], str]
) -> None:
    log = read(table(header, row))
    assert log.account.columns["user"] == "user_id"


# ---- year, month and day


def test_year_month_and_day_are_one_date(read: Reader) -> None:
    text = "user_id,item_id,Year,Month,Day\na,x,2025,12,31\nb,x,2026,1,2\nb,y,2026,2,30\n"
    log = read(text)
    assert log.times is not None
    assert log.times.tolist() == [1_767_139_200, 1_767_312_000]
    assert log.account.columns["time"] == "Year/Month/Day"
    assert dict(log.account.set_aside) == {"time not readable": 1}
    assert "The time is the date in the columns 'Year', 'Month', 'Day'." in log.account.remarks


@pytest.mark.parametrize(
    ("header", "row", "time"),
    [
        ("user,item,year,month,day,timestamp", "a,x,2026,1,2,1767312000", "timestamp"),
        ("user,item,day,year", "a,x,2,2026", "day:position"),
        ("user,item,year,month,day", "a,x,2026,1,99", "day:position"),
    ],
    ids=["a time beside them", "no month", "no day of a month"],
)
def test_other_times_stay_what_they_are(read: Reader, header: str, row: str, time: str) -> None:
    log = read(f"{header}\n{row}\n{row.replace('a,x', 'b,y')}\n")
    assert log.account.columns["time"] == time


def test_a_run_reads_its_dates_in_three_columns_again(tmp_path: Path) -> None:
    path, other = tmp_path / "log.csv", tmp_path / "other.csv"
    path.write_text(
        "user,item,year,month,day\n"
        + "".join(f"u{at % 3},i{at % 4},2025,{1 + at % 12},{1 + at % 28}\n" for at in range(24))
    )
    run = Run(served_run(tmp_path / "run", {"source": str(path)}))
    assert run.data["columns"]["time"] == "year/month/day"
    assert histories_of(run, str(path)).fingerprint == run.data["fingerprint"]["log"]
    other.write_text("user,item,date\nme,i1,2025-01-01\n")
    with pytest.raises(BadData, match="year/month/day"):
        histories_of(run, str(other))


# ---- small logs that are fine


SMALL = {
    "every book once, by genre": (
        "user_id,book_id,item_genre,read_at",
        lambda at: f"u{at % 6},b{at},{('crime', 'poetry', 'travel')[at % 3]},{day(at)}", 30,
    ),
    "every product once, with a category": (
        "customer_id,product_id,product_category,quantity,order_date",
        lambda at: f"{at % 9},{1000 + at},c{at % 4},{at % 3 + 1},{day(at)}", 60,
    ),
    "a menu of three": (
        "order_id,item_id,product_name,customer,date",
        lambda at: f"{at // 3},{at % 3 + 1},{('soup', 'bread', 'tea')[at % 3]},c{at // 3 % 5},"
        f"{day(at // 3)}", 45,
    ),
    "tracks and artists": (
        "user,track_id,artist_id,played_at",
        lambda at: f"u{at % 4},t{at * 7 % 23},a{at * 7 % 23 // 4},{day(at)}", 40,
    ),
    "clicks of sessions": (
        "session_id,item_id,category,timestamp",
        lambda at: f"s{at // 5},{500 + at * 3 % 11},{at % 3},{1_767_225_600 + at}", 25,
    ),
    "products and their names": (
        "customer,product_id,product_name,date",
        lambda at: f"c{at % 7},{at + 1},Name {max(at, 3)},{day(at)}", 30,
    ),
    "one person's films": (
        "user_id,movie_id,title,rating,date",
        lambda at: f"me,{at + 1},Film {at + 1},{at % 5 + 1},{day(at)}", 24,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row", "count"), SMALL.values(), ids=SMALL)
def test_small_logs_that_are_fine_are_not_asked_about(
    read: Reader, header: str, row: Callable[[int], str], count: int
) -> None:
    log = read(table(header, row, count))
    assert log.account is not None
    assert log.account.used == count
    items = ("book_id", "product_id", "item_id", "track_id", "movie_id")
    expected = next(name for name in header.split(",") if name in items)
    assert log.account.columns["item"] == expected
