"""Columns of other tables for the rows of a log: lines of orders, and the orders."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from command_line import call
from served_run import served_run
from spadework.apps.recipe_options import inputs_of, out_path
from spadework.data.addresses import read_interactions
from spadework.data.reading.formats import reading_memory
from spadework.errors import BadData, BadRequest, OutOfMemory, SpadeworkError, Undecided
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run
from table_files import write_duckdb, write_sqlite, write_xlsx

DAY = 1_767_225_600  # 2026-01-01
LINES = (
    "order_id,sku,qty\n1,milk,1\n1,bread,2\n2,milk,1\n3,beer,1\n9,beer,1\n,beer,1\n"
)  # fmt: skip
ORDERS = (
    "order_id,customer_id,created_at,status\n1,ann,2026-01-01,paid\n2,bob,2026-01-02,paid\n"
    "3,ann,2026-01-03,canceled\n4,eve,2026-01-04,paid\n"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.csv").write_text(LINES)
    (tmp_path / "orders.csv").write_text(ORDERS)
    return tmp_path


@pytest.mark.parametrize("write", [write_sqlite, write_duckdb, write_xlsx])
def test_tables_of_one_database_are_joined(shop, write):
    """The other table is named behind the file, or is the only other one with the key."""
    frames = {"lines": pl.read_csv("lines.csv"), "orders": pl.read_csv("orders.csv")}
    write(Path("shop.db"), frames)
    want = read_interactions("lines.csv", join="orders.csv:order_id")
    for given in ("shop.db/orders:order_id", "shop.db:order_id", ("shop.db/orders", "order_id")):
        found = read_interactions("shop.db", table="lines", join=given)
        assert len(found) == len(want) > 0
        assert found.user_vocabulary.ids.to_list() == want.user_vocabulary.ids.to_list()
        assert "shop.db/orders is joined by 'order_id'" in " ".join(found.account.remarks)
    write(Path("three.db"), frames | {"refunds": frames["orders"].select("order_id", "status")})
    error = refusal("three.db", table="lines", join="three.db:order_id")
    assert isinstance(error, Undecided)
    assert "--join three.db/orders:order_id or --join three.db/refunds:order_id" in error.hint
    error = refusal("three.db", table="lines", join="three.db/order:order_id")
    assert "Did you mean 'orders'?" in error.hint
    write(Path("shop{1}.db"), frames | {"refunds": frames["orders"]})
    error = refusal("shop{1}.db", table="lines", join="shop{1}.db:order_id")
    assert "--join 'shop{1}.db/orders:order_id'" in error.hint
    hint = refusal("shop.db").hint
    assert "--table lines --join shop.db/orders:order_id" in hint


def refusal(*args: object, **options: object) -> SpadeworkError:
    with pytest.raises(SpadeworkError) as caught:
        read_interactions(*args, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.usefixtures("shop")
def test_lines_get_the_customer_and_the_time_of_their_order() -> None:
    log = read_interactions("lines.csv", join="orders.csv:order_id")
    assert log.frame().drop("basket").rows() == [
        ("ann", "milk", DAY, 1.0), ("ann", "bread", DAY, 2.0),
        ("ann", "beer", DAY + 2 * 86_400, 1.0), ("bob", "milk", DAY + 86_400, 1.0),
    ]  # fmt: skip
    account = log.account
    assert account is not None
    assert account.columns == {
        "user": "customer_id", "item": "sku", "time": "created_at", "weight": "qty",
        "basket": "order_id",
    }  # fmt: skip
    assert account.set_aside == {"order_id missing": 1, "order_id not in orders.csv": 1}
    assert account.rows_set_aside is not None
    assert account.rows_set_aside["row"].to_list() == [5, 6]
    assert account.other_columns == ("status",)
    assert account.remarks[:2] == (
        "orders.csv is joined by 'order_id': it adds 'customer_id', 'created_at', 'status', and 3 "
        "of its 4 keys have rows here.",
        "Order_id ids of lines.csv that are not in orders.csv: 1 of 4, such as '9'.",
    )


@pytest.mark.usefixtures("shop")
def test_rules_and_roles_look_at_joined_columns() -> None:
    log = read_interactions(
        "lines.csv", join="orders.csv:order_id", positive="status != canceled", user="status"
    )
    assert log.user_vocabulary.ids.to_list() == ["paid"]
    assert len(log) == 3


def test_a_join_gives_what_the_joined_table_gives(tmp_path: Path) -> None:
    """For any lines and orders, in csv, parquet and as frames."""
    rng = random.Random(0)
    for trial in range(6):
        orders = pl.DataFrame(
            {
                "id": rng.sample(range(90), 60),
                "customer": [rng.choice("abcdef") for _ in range(60)],
                "ts": [DAY + rng.randrange(10**6) for _ in range(60)],
            }
        )
        lines = pl.DataFrame(
            {
                "order": [rng.randrange(100) for _ in range(200)],
                "item": [f"i{rng.randrange(12)}" for _ in range(200)],
            }
        )
        whole = lines.join(orders, left_on="order", right_on="id", how="inner")
        kinds = [(lines, orders), (lines, tmp_path / "o.parquet"), (tmp_path / "l.csv", orders),
                 (tmp_path / "l.parquet", tmp_path / "o.csv")]  # fmt: skip
        orders.write_csv(tmp_path / "o.csv")
        orders.write_parquet(tmp_path / "o.parquet")
        lines.write_csv(tmp_path / "l.csv")
        lines.write_parquet(tmp_path / "l.parquet")
        source, other = kinds[trial % len(kinds)]
        log = read_interactions(source, join=(other, "order=id"), basket="-", duplicates="keep")
        expected = read_interactions(whole, user="customer", basket="-", duplicates="keep")
        assert log.frame().equals(expected.frame())
        assert log.account is not None
        lost = len(lines) - len(whole)
        assert sum(log.account.set_aside.values()) == lost


def test_joins_follow_one_another(shop: Path) -> None:
    (shop / "people.csv").write_text("customer_id,person\nann,p1\nbob,p1\n")
    log = read_interactions(
        "lines.csv",
        join=["orders.csv:order_id", "people.csv:customer_id"],
        user="person",
    )
    assert log.user_vocabulary.ids.to_list() == ["p1"]
    assert len(log) == 4


def test_columns_of_one_name_are_both_kept_and_told(shop: Path) -> None:
    (shop / "own.csv").write_text("order_id,sku,status\n1,milk,new\n2,milk,old\n")
    log = read_interactions("own.csv", join="orders.csv:order_id", user="orders.status")
    assert log.user_vocabulary.ids.to_list() == ["paid"]
    assert log.account is not None
    assert (
        "Both tables have such a column: 'status' is that of own.csv, 'orders.status' that of "
        "orders.csv."
    ) in log.account.remarks


@pytest.mark.parametrize(
    ("join", "kind", "said", "hint"),
    [
        ("orders.csv", Undecided, "both have 'order_id'", "--join orders.csv:order_id."),
        ("orders.csv:order", BadData, "lines.csv has no column 'order'", "--join FILE:order=NAME"),
        ("orders.csv:order_id=x", BadData, "orders.csv has no column 'x'", "'created_at'"),
        ("gone.csv:order_id", BadRequest, "gone.csv", ""),
        ("", BadRequest, "The join '' names no table and column.", "orders.csv:order_id"),
        (3, BadRequest, "The join of type int names no table and column.", "orders.csv:order_id"),
        ("zeros.csv:order_id", BadData, "1' in lines.csv, '001' in zeros.csv", "leading zeros"),
        ("twice.csv:order_id", BadData, "such as '1' in the rows 1 and 3: rows of lines.csv would "
         "count several times", "twice.csv --join lines.csv:order_id."),
    ],
    ids=["no column", "no such column", "none there", "no file", "empty", "no text",
         "none fits", "several rows"],
)  # fmt: skip
def test_what_cannot_be_joined_is_said(
    shop: Path, join: object, kind: type[SpadeworkError], said: str, hint: str
) -> None:
    (shop / "zeros.csv").write_text("order_id,user\n001,a\n002,b\n")
    (shop / "twice.csv").write_text("order_id,user\n1,a\n2,b\n1,c\n")
    error = refusal("lines.csv", join=join)
    assert isinstance(error, kind)
    assert said in error.message
    assert hint in error.hint


def test_hints_about_tables_of_a_database_can_be_typed(shop: Path) -> None:
    frames = {"orders": pl.read_csv("orders.csv"), "lines": pl.read_csv("lines.csv")}
    write_sqlite(Path("shop.db"), frames)
    error = refusal("shop.db", table="orders", join="shop.db/lines:order_id")
    assert "shop.db --table lines --join shop.db/orders:order_id." in error.hint
    assert len(read_interactions("shop.db", table="lines", join="shop.db/orders:order_id"))


def test_a_list_with_a_frame_alone_is_said_in_one_line() -> None:
    lines = pl.DataFrame({"order_id": [1], "sku": ["a"]})
    with pytest.raises(BadRequest, match=r"^The join of type DataFrame names no table") as caught:
        read_interactions(lines, join=[lines, "order_id"])
    assert "\n" not in caught.value.message


def test_a_wide_whole_number_can_be_the_key_and_the_basket() -> None:
    key = pl.Series("order_id", [1, 1, 2], dtype=pl.Int128)
    lines = pl.DataFrame({"sku": ["a", "b", "a"]}).with_columns(key)
    orders = pl.DataFrame({"order_id": [1, 2], "customer_id": ["x", "y"]})
    log = read_interactions(lines, join=(orders, "order_id"))
    assert log.frame()["user_id"].to_list() == ["x", "x", "y"]
    assert log.basket_keys().tolist() == [0, 0, 1]


def test_rows_that_are_the_same_throughout_are_one(shop: Path) -> None:
    (shop / "twice.csv").write_text("order_id,user\n1,a\n2,b\n1,a\n3,b\n,b\n")
    log = read_interactions("lines.csv", join="twice.csv:order_id")
    assert len(log) == 4
    assert log.account is not None
    assert "twice.csv: 1 row repeats another one throughout." in log.account.remarks
    assert log.account.remarks[0].endswith("1 row there without 'order_id'.")


def test_users_of_a_sample_keep_their_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = pl.DataFrame({"user": [at % 20 for at in range(400)], "item": [1, 2] * 200,
                          "order": [at % 50 for at in range(400)]})  # fmt: skip
    lines.write_parquet(tmp_path / "lines.parquet")
    orders = pl.DataFrame({"order": range(49), "ts": range(DAY, DAY + 49), "customer": range(49)})
    join = (orders, "order")
    log = read_interactions(tmp_path / "lines.parquet", join=join, basket="-", user="user")
    monkeypatch.setattr(reading_memory, "available", lambda: 20_000)
    part = read_interactions(tmp_path / "lines.parquet", join=join, basket="-", user="user")
    assert 0 < len(part) < len(log)
    users = part.user_vocabulary.ids.to_list()
    assert part.frame().equals(log.of_users(users).frame())
    assert part.account is not None
    assert part.account.set_aside["order not in the joined frame"] > 0
    with pytest.raises(OutOfMemory, match="in 'customer', are in the joined frame"):
        read_interactions(tmp_path / "lines.parquet", join=join, user="customer")


def test_a_run_reads_its_joined_table_again(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"source": "lines.csv", "join": ["orders.csv:order_id"]}
    run = Run(served_run(shop / "run", settings, "popular"))
    own = run.data["fingerprint"]["log"]
    (shop / "elsewhere").mkdir()
    monkeypatch.chdir(shop / "elsewhere")
    for histories in (None, str(shop / "lines.csv")):
        assert histories_of(run, histories).fingerprint == own
    with pytest.raises(BadRequest, match="an input is never replaced"):
        out_path(str(shop / "orders.csv"), True, inputs=inputs_of(str(run.folder)))
    whole = shop / "whole.csv"
    whole.write_text("customer_id,sku,qty,created_at,order_id\nme,milk,1,2026-01-09,77\n")
    with pytest.raises(BadData, match="None of the order_id ids of whole") as caught:
        histories_of(run, str(whole))
    assert "--set join= reads it without" in caught.value.hint
    assert histories_of(run, str(whole), ["join="]).user_vocabulary.ids.to_list() == ["me"]


def test_a_run_reads_the_table_that_was_joined_again(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not another one of that database with the same key, from whatever folder."""
    orders = pl.read_csv("orders.csv")
    frames = {"lines": pl.read_csv("lines.csv"), "orders": orders, "refunds": orders.head(1)}
    write_sqlite(Path("shop.db"), frames)
    (shop / "elsewhere").mkdir()
    link = shop / "link.db"
    link.symlink_to(shop / "shop.db")
    for name in ("shop.db", "link.db"):
        monkeypatch.chdir(shop)
        settings = {"source": name, "table": "lines", "join": [f"{name}/orders:order_id"]}
        run = Run(served_run(shop / f"run of {name}", settings, "popular"))
        own = run.data["fingerprint"]["log"]
        for folder in (shop, shop / "elsewhere"):
            monkeypatch.chdir(folder)
            for histories in (None, str(shop / "lines.csv")):
                assert histories_of(run, histories).fingerprint == own


def test_a_run_reads_its_joined_table_of_a_database_again(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is kept, also where the key is called `id` in all of them."""
    orders = pl.read_csv("orders.csv").rename({"order_id": "id"})
    people = pl.DataFrame({"id": ["ann", "bob"], "email": ["a@x.org", "b@x.org"]})
    frames = {"lines": pl.read_csv("lines.csv"), "orders": orders, "people": people}
    write_sqlite(shop / "shop.db", frames)
    join = ["shop.db/orders:order_id=id"]
    run = Run(
        served_run(shop / "run", {"source": "shop.db", "table": "lines", "join": join}, "popular")
    )
    (shop / "elsewhere").mkdir()
    for folder in (shop, shop / "elsewhere"):
        monkeypatch.chdir(folder)
        for histories in (None, str(shop / "lines.csv"), str(shop / "shop.db")):
            settings = ["table="] if histories and histories.endswith("csv") else []
            log = histories_of(run, histories, settings)
            assert log.fingerprint == run.data["fingerprint"]["log"]
    monkeypatch.chdir(shop)
    hint = refusal("lines.csv", join="shop.db:order_id=id").hint
    assert "shop.db/orders:order_id=id or" in hint
    assert "shop.db/lines" not in hint
    pl.read_csv("lines.csv").with_columns(status=pl.lit("new")).write_csv("status.csv")
    with pytest.raises(BadData, match=r"'orders\.status'"):
        read_interactions("status.csv", join=join[0], positive="nothing == 1")
    log = read_interactions("lines.csv", join=join[0])
    assert log.account is not None
    assert not [remark for remark in log.account.remarks if remark.startswith("Read from")]


@pytest.mark.usefixtures("shop")
def test_the_number_of_a_line_is_no_user() -> None:
    rows = [(order, line, item) for order in range(9) for line, item in enumerate("abc", 1)]
    pl.DataFrame(rows, ["order_id", "line_no", "sku"], orient="row").write_csv("numbered.csv")
    error = refusal("numbered.csv")
    assert "has no column that looks like the user" in error.message
    assert "--join FILE:order_id" in error.hint


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("key", ["order_id", "id"])
def test_the_status_of_an_order_is_no_item(key: str) -> None:
    rows = [(n, f"u{n % 9}", f"2026-01-{1 + n % 28:02d}", "ab"[n % 2]) for n in range(120)]
    names = [key, "customer_id", "created_at", "status"]
    pl.DataFrame(rows, names, orient="row").write_csv("many.csv")
    error = refusal("many.csv")
    assert "has no column that looks like the item" in error.message
    assert "read that and join this one: --join many.csv:" in error.hint


@pytest.mark.usefixtures("shop")
def test_the_command_line_keeps_the_join(capsys: pytest.CaptureFixture[str]) -> None:
    shown = call(capsys, "look", "lines.csv", "--join", "orders.csv:order_id").out
    assert "6 rows → 4 used" in shown
    lines = [line for line in shown.splitlines() if "spadework dig lines.csv" in line]
    assert lines
    assert all("orders.csv:order_id" in line for line in lines)
