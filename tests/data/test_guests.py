"""Users of several columns: the first one that is filled in a row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.diagnosis.checking import diagnose
from spadework.errors import BadData, BadRequest

SHOP = (
    "InvoiceNo,StockCode,InvoiceDate,Quantity,CustomerID\n"
    "536365,85123A,2010-12-01 08:26:00,6,17850\n"
    "536365,71053,2010-12-01 08:26:00,8,17850\n"
    "536414,22139,2010-12-01 11:52:00,56,\n"
    "536414,85123A,2010-12-01 11:52:00,1,\n"
    "536544,22139,2010-12-01 14:32:00,2,\n"
    ",71053,2010-12-02 09:00:00,3,\n"
)
BOTH = "CustomerID,InvoiceNo"


def users_of(log) -> list:
    return log.frame()["user_id"].to_list()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)
    return path


def test_the_first_filled_column_is_the_user_and_ids_stay_as_they_are(shop: Path):
    log = read_interactions(shop, user=BOTH)
    assert users_of(log) == ["17850", "17850", "536414", "536414", "536544"]
    account = log.account
    assert account.columns == {
        "user": BOTH, "item": "StockCode", "time": "InvoiceDate", "weight": "Quantity",
        "basket": "InvoiceNo",
    }  # fmt: skip
    assert account.other_columns == ()
    assert account.set_aside == {"user missing": 1}
    assert (
        "Where 'CustomerID' is empty, 'InvoiceNo' is the user: 3 rows, 2 users." in account.remarks
    )
    assert log.baskets is not None
    assert len(set(log.baskets)) == 3


def test_one_column_leaves_guests_out(shop: Path):
    log = read_interactions(shop, user="CustomerID")
    assert log.account.set_aside == {"user missing": 4}


def test_orders_of_guests_are_proposed_where_rows_have_no_customer(shop: Path):
    def line(log):
        return next(found.command for found in diagnose(log) if found.code == "INT-3")

    assert line(read_interactions(shop)) == f"spadework look SOURCE --user {BOTH}"
    assert line(read_interactions(shop, user=BOTH)) == "spadework look SOURCE"
    assert line(read_interactions(shop, basket="-")) == "spadework look SOURCE"


def test_an_order_that_is_cancelled_under_another_number_is_told(shop: Path):
    """Its cancellation is of a user who bought nothing."""
    shop.write_text(
        f"{SHOP}C537000,22139,2010-12-02 10:00:00,-56,\nC537000,85123A,2010-12-02 10:00:00,-1,\n"
        "C537001,85123A,2010-12-02 11:00:00,-6,17850\n"
    )
    told = (
        f"Of users in {BOTH!r} who bought nothing: 2 returns, 1 user. An order of a guest that was "
        "taken back under another number stays as it was."
    )
    log = read_interactions(shop, user=BOTH)
    assert told in log.account.remarks
    assert log.account.set_aside["a return of nothing bought before"] == 2
    assert "536414" in users_of(log)
    alone = read_interactions(shop, user="CustomerID").account
    assert alone is not None
    assert not any("bought nothing" in remark for remark in alone.remarks)


def test_the_order_of_the_names_counts(shop: Path):
    log = read_interactions(shop, user="InvoiceNo,CustomerID")
    assert users_of(log) == ["536365", "536365", "536414", "536414", "536544"]


def test_blanks_around_the_names_do_no_harm(shop: Path):
    assert read_interactions(shop, user="CustomerID, InvoiceNo").fingerprint == (
        read_interactions(shop, user=BOTH).fingerprint
    )


def test_any_number_of_columns():
    frame = pl.DataFrame(
        {
            "login": ["ann", None, None, "", None],
            "cookie": ["c1", "c2", None, None, None],
            "order": ["o1", "o2", "o3", "o4", None],
            "item_id": [1, 2, 3, 4, 5],
        }
    )
    log = read_interactions(frame, user="login,cookie,order")
    assert users_of(log) == ["ann", "c2", "o3", "o4"]
    assert log.account.remarks[:2] == (
        "Where 'login' is empty, 'cookie' is the user: 1 row, 1 user.",
        "Where 'login' and 'cookie' are empty, 'order' is the user: 2 rows, 2 users.",
    )


def test_a_blank_is_not_filled():
    frame = pl.DataFrame(
        {"customer": ["ann", " ", "\t"], "order": ["o1", "o2", "\u00a0"], "item": ["x", "y", "z"]}
    )
    log = read_interactions(frame, user="customer,order", item="item")
    assert log.frame().select("user_id", "item_id").rows() == [("ann", "x"), ("o2", "y")]
    assert dict(log.account.set_aside) == {"user missing": 1}


def test_a_column_whose_name_has_a_comma():
    frame = pl.DataFrame({"a,b": ["u", None], "a": ["x", "y"], "c": ["v", "w"], "item": [1, 2]})
    assert users_of(read_interactions(frame, user="a,b", item="item")) == ["u"]
    assert users_of(read_interactions(frame, user="a,b,c", item="item")) == ["u", "w"]
    assert users_of(read_interactions(frame, user="c,a,b", item="item")) == ["v", "w"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (pl.Series([1, None]), pl.Series([7, 8]), [1, 8]),
        (pl.Series([1.0, None]), pl.Series([7, 8]), [1, 8]),
        (pl.Series([1.0, None]), pl.Series(["C7", "C8"]), ["1", "C8"]),
        (pl.Series([1, None]), pl.Series(["007", "008"]), ["008", "1"]),
        (pl.Series(["a", None], dtype=pl.Categorical), pl.Series([7, 8]), ["8", "a"]),
        (pl.Series([None, None]), pl.Series([7, 8]), [7, 8]),
    ],
)
def test_ids_of_any_type(first: pl.Series, second: pl.Series, expected: list):
    frame = pl.DataFrame({"customer": first, "order": second, "item": ["x", "y"]})
    assert users_of(read_interactions(frame, user="customer,order", item="item")) == expected


@pytest.mark.parametrize("numbers", [[17850, None], ["17850", None]])
def test_an_id_of_both_columns_is_refused(numbers):
    frame = pl.DataFrame({"customer": numbers, "order": ["536365", "17850"], "item": ["x", "y"]})
    with pytest.raises(BadData) as caught:
        read_interactions(frame, user="customer,order", item="item")
    assert caught.value.message == (
        "The columns 'customer' and 'order' share ids of users, such as '17850' (1 id in all), so "
        "different users would become one."
    )
    assert caught.value.hint == (
        "Write something before the ids of one of the columns, or name one column: --user customer."
    )


def test_an_order_of_a_customer_may_have_any_number():
    frame = pl.DataFrame({"customer": ["17850", None], "order": ["17850", "2"], "item": ["x", "y"]})
    assert users_of(read_interactions(frame, user="customer,order", item="item")) == ["17850", "2"]


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("CustomerID,InvoiceNumber", "shop.csv has no column 'InvoiceNumber' (--user)."),
        ("Customer,Invoice", "shop.csv has no column 'Customer,Invoice' (--user)."),
        (
            "CustomerID,CustomerID",
            "The user is taken from 'CustomerID,CustomerID', which names a column twice.",
        ),
    ],
)
def test_names_that_do_not_fit(shop: Path, user: str, message: str):
    with pytest.raises((BadData, BadRequest)) as caught:
        read_interactions(shop, user=user)
    assert caught.value.message == message


def test_a_column_of_the_user_is_no_other_role_but_the_basket(shop: Path):
    with pytest.raises(BadRequest) as caught:
        read_interactions(shop, user=BOTH, item="InvoiceNo")
    assert caught.value.message == (
        "The column 'InvoiceNo' is named twice, for the user and for the item."
    )
    named = read_interactions(shop, user=BOTH, basket="InvoiceNo")
    assert named.fingerprint == read_interactions(shop, user=BOTH).fingerprint
    assert read_interactions(shop, user=BOTH, basket="-").baskets is None


def test_a_column_of_the_user_does_not_become_the_item():
    frame = pl.DataFrame({"who": [1, None], "ticket": [7, 8], "thing": [5, 6]})
    log = read_interactions(frame, user="who,ticket")
    assert log.account.columns["item"] == "thing"


def test_columns_without_a_header(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("u1,o1,x\n,o2,y\n")
    log = read_interactions(path, user="column_1,column_2", item="column_3")
    assert users_of(log) == ["o2", "u1"]


def test_columns_inside_of_objects(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"customer": {"id": "u1"}, "order": {"no": "o1"}, "item_id": "x"}\n'
        '{"customer": {"id": null}, "order": {"no": "o2"}, "item_id": "y"}\n'
    )
    assert users_of(read_interactions(path, user="customer.id,order.no")) == ["o2", "u1"]


def test_several_files_and_parquet(tmp_path: Path):
    frame = pl.DataFrame({"customer": [1, None], "order": ["o1", "o2"], "item_id": ["x", "y"]})
    for at in range(2):
        frame.write_parquet(tmp_path / f"part{at}.parquet")
    log = read_interactions(str(tmp_path / "part*.parquet"), user="customer,order")
    assert users_of(log) == ["1", "1", "o2", "o2"]
