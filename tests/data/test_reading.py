"""Reading: the roles of columns, the addresses of sources, and an account that adds up."""

from __future__ import annotations

import inspect
import io
import os
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spadework.data.addresses import read_content, read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.columns.column_roles import ROLES
from spadework.data.reading.formats.delimited import parse_delimited
from spadework.data.reading.formats.jsonlines import parse_jsonlines
from spadework.data.reading.reading import read_table
from spadework.data.reading.synonyms import plain_name
from spadework.data.worlds.worlds import world
from spadework.errors import BadData, BadRequest, SpadeworkError, Undecided, UnknownName

TIMESTAMP = 1_700_000_000


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def columns_of(log: Interactions) -> dict[str, str]:
    return dict(log.account.columns)


DIALECTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "retail": (
        "log.csv",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        '536365,85123A,"WHITE, HEART",6,12/1/2010 '
        "8:26,2.55,17850,UK\n536366,71053,LANTERN,2,12/13/2010 8:28,3.39,17850,UK\n",
        {
            "user": "CustomerID",
            "item": "StockCode",
            "time": "InvoiceDate:month-first",
            "weight": "Quantity",
            "basket": "InvoiceNo",
        },
    ),
    "recbole": (
        "ml.inter",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3.0\t1700000000\n2\t2\t4\t1700000001.0\n",
        {
            "user": "user_id:token",
            "item": "item_id:token",
            "weight": "rating:float",
            "time": "timestamp:float",
        },
    ),
    "personalize": (
        "log.csv",
        "USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP\n1,2,click,1,1700000000\n1,3,buy,5,1700000000\n",
        {
            "user": "USER_ID",
            "item": "ITEM_ID",
            "event": "EVENT_TYPE",
            "weight": "EVENT_VALUE",
            "time": "TIMESTAMP",
        },
    ),
    "lenskit": (
        "log.csv",
        "user,item,rating,timestamp\n1,2,3.5,1700000000\n2,2,4,1700000001\n",
        {"user": "user", "item": "item", "weight": "rating", "time": "timestamp"},
    ),
    "hm": (
        "log.csv",
        "t_dat,customer_id,article_id,price,sales_channel_id\n2018-09-20,000058a1,0663713001,0.05,2\n",
        {"user": "customer_id", "item": "article_id", "time": "t_dat"},
    ),
    "retailrocket": (
        "log.csv",
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433224214164,992329,transaction,248676,7\n",
        {
            "user": "visitorid",
            "item": "itemid",
            "time": "timestamp",
            "event": "event",
            "basket": "transactionid",
        },
    ),
    "amazon": (
        "log.jsonl",
        '{"overall":5.0,"reviewTime":"09 13, '
        '2009","reviewerID":"A1","asin":"0000143561","unixReviewTime":1252800000}\n'
        '{"overall":4.0,"reviewTime":"09 14, '
        '2009","reviewerID":"A2","asin":"0000143561","unixReviewTime":1252886400}\n',
        {"user": "reviewerID", "item": "asin", "time": "unixReviewTime", "weight": "overall"},
    ),
    "amazon-2023": (
        "log.csv",
        "user_id,asin,parent_asin,rating,timestamp\nA,B1,B0,4,1700000000000\nA,B2,B0,5,1700000001000\n",
        {"user": "user_id", "item": "parent_asin", "time": "timestamp", "weight": "rating"},
    ),
    "grocery": (
        "log.csv",
        (
            "household_id,store_id,basket_id,product_id,quantity,transaction_timestamp\n"
            "1,2,3,4,1,2017-01-01 11:53:26\n1,2,3,5,2,2017-01-01 11:53:26\n"
        ),
        {
            "user": "household_id",
            "item": "product_id",
            "time": "transaction_timestamp",
            "weight": "quantity",
            "basket": "basket_id",
        },
    ),
    "sessions": (
        "log.csv",
        "session_id,timestamp,item_id\n1,2014-04-07T10:51:09.277Z,2\n1,2014-04-07T10:51:09.278Z,3\n",
        {"user": "session_id", "item": "item_id", "time": "timestamp"},
    ),
    "plain-names-first": (
        "log.csv",
        "date,customer_name,user_id,item_id,timestamp\n2024-01-01,Ann,1,2,1700000000\n",
        {"user": "user_id", "item": "item_id", "time": "timestamp"},
    ),
}


@pytest.mark.parametrize(("name", "text", "expected"), DIALECTS.values(), ids=DIALECTS)
def test_roles_by_name(tmp_path: Path, name: str, text: str, expected: dict[str, str]) -> None:
    assert columns_of(read_interactions(write(tmp_path, text, name))) == expected


def test_returns_are_set_aside(tmp_path: Path) -> None:
    rows = "1,a,6,2010-12-01\n1,a,-6,2010-12-02\n,b,2,2010-12-02\n2,b,3,2010-12-03\n"
    text = f"CustomerID,StockCode,Quantity,InvoiceDate\n{rows}"
    path = write(tmp_path, text)
    netted = read_interactions(path).account
    assert netted is not None
    assert dict(netted.set_aside) == {"user missing": 1, "a return": 1, "returned in full": 1}
    account = read_interactions(path, returns="set aside").account
    assert dict(account.set_aside) == {"user missing": 1, "weight below zero (a return)": 1}
    assert account.rows_set_aside is not None
    assert account.rows_set_aside.rows() == [
        (2, "weight below zero (a return)", "1", "a", "2010-12-02", "-6"),
        (3, "user missing", None, "b", "2010-12-02", "2"),
    ]


def test_sessions_replace_users_and_it_is_reported(tmp_path: Path) -> None:
    account = read_interactions(write(tmp_path, "session,item\n1,2\n1,3\n")).account
    assert account.remarks[0] == "There is no user column, so the sessions (session) are the users."


def test_movielens_without_header_is_a_question_then_read(tmp_path: Path) -> None:
    path = write(tmp_path, "1::1193::5::978300760\n1::661::3::978302109\n", "ratings.dat")
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert (
        caught.value.hint
        == "Say which is which, for example --user column_1 --item column_2 --time column_4."
    )
    log = read_interactions(
        path, user="column_1", item="column_2", weight="column_3", time="column_4"
    )
    assert log.frame().rows() == [("1", "1193", 978300760, 5.0), ("1", "661", 978302109, 3.0)]


def test_given_names_win(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,buyer,item_id,when\n1,2,3,2024-01-01\n")
    assert columns_of(read_interactions(path, user="buyer")) == {
        "user": "buyer",
        "item": "item_id",
        "time": "when",
    }


def test_a_role_can_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,rating,timestamp\n1,2,3,1700000000\n1,3,,1700000001\n")
    log = read_interactions(path, weight="-", time="-")
    assert len(log) == 2
    assert columns_of(log) == {"user": "user_id", "item": "item_id"}
    with pytest.raises(BadRequest, match="it cannot be left out"):
        read_interactions(path, user="-")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "user_id,userid,item_id\n1,2,3\n",
            "The columns 'user_id' and 'userid' could each be the user.",
            "Say which: --user user_id or --user userid.",
        ),
        (
            "user_id,item_id,plays,count\n1,2,3,4\n",
            "The columns 'plays' and 'count' could each be the weight.",
            "Say which: --weight plays or --weight count; --weight - reads none.",
        ),
        (
            "user_id,item_id,a,b\n1,3,2024-01-01,2024-01-02\n",
            "The columns 'a' and 'b' could each be the time.",
            "Say which: --time a or --time b; --time - reads none.",
        ),
        (
            "a,b,c\nx,y,z\n",
            "No column name matches the user and item; 'a', 'b', 'c' could be.",
            "Say which with --user and --item. If the first row is data, call the columns "
            "column_1, column_2 and so on.",
        ),
    ],
)
def test_a_tie_is_a_question(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(Undecided) as caught:
        read_interactions(write(tmp_path, text))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_values_decide_where_names_do_not(tmp_path: Path) -> None:
    log = read_interactions(
        write(tmp_path, "user_id,thing,moment,price\n1,x,2024-01-01,1.5\n2,y,2024-01-02,2.5\n")
    )
    assert columns_of(log) == {"user": "user_id", "item": "thing", "time": "moment"}
    assert (
        "The column 'thing' is the only other column of ids, so it is the item."
        in log.account.remarks
    )
    assert "The column 'moment' holds times throughout, so it is the time." in log.account.remarks


def test_a_price_is_never_a_user(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("product_id,price,ts\na,5,1767225600\nb,7,1767225601\na,5,1767225602\n")
    with pytest.raises(BadData, match="no column that looks like the user"):
        read_interactions(path)
    assert len(read_interactions(path, user="price").user_vocabulary) == 2


def test_54_absent_and_doubled_names(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,timestamp\n1,2,1700000000\n")
    with pytest.raises(BadData) as absent:
        read_interactions(path, user="usr_id")
    assert str(absent.value) == (
        "log.csv has no column 'usr_id' (--user).\nDid you mean 'user_id'? Its columns are "
        "'user_id', 'item_id', 'timestamp'."
    )
    with pytest.raises(BadRequest) as doubled:
        read_interactions(path, user="user_id", item="user_id")
    assert str(doubled.value) == (
        "The column 'user_id' is named twice, for the user and for the item.\nGive each "
        "role its own column."
    )


def test_requested_events(tmp_path: Path) -> None:
    path = write(tmp_path, "user,item,event\n1,2,view\n1,3,buy\n2,2,view\n2,3,\n")
    everything = read_interactions(path).account
    assert everything is not None
    assert any(
        "All event types in 'event' are used: 2 view" in remark for remark in everything.remarks
    )
    account = read_interactions(path, events=["buy"]).account
    assert dict(account.set_aside) == {"event 'view' not asked for": 2, "event missing": 1}
    with pytest.raises(BadData, match="No row has the event 'sell' in 'event'"):
        read_interactions(path, events=["sell"])
    with pytest.raises(BadRequest, match="has no event column"):
        read_interactions(write(tmp_path, "user,item\n1,2\n", "plain.csv"), events=["buy"])


def test_rows_without_basket_are_baskets_of_their_own(tmp_path: Path) -> None:
    log = read_interactions(write(tmp_path, "user,item,basket\n1,a,7\n1,b,7\n1,c,\n1,d,\n1,e,8\n"))
    assert log.baskets is not None
    assert len(set(log.baskets.tolist())) == 4
    mostly_empty = read_interactions(write(tmp_path, "user,item,basket\n1,a,7\n1,b,\n1,c,\n"))
    assert mostly_empty.baskets is None


def test_former_recommendations_are_readable(tmp_path: Path) -> None:
    log = read_interactions(write(tmp_path, "user_id,item_id,score,rank\na,x,-1.0,1\na,y,-2.0,2\n"))
    assert len(log) == 2
    assert columns_of(log) == {"user": "user_id", "item": "item_id"}


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe:
        buffer = io.BytesIO(b"user,item\n1,2\n")

    monkeypatch.setattr(sys, "stdin", Pipe)
    log = read_interactions("-")
    assert log.frame().rows() == [("1", "2")]
    with pytest.raises(BadData, match="standard input is empty"):
        read_interactions("-")


def test_53_paths_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, "user,item\n1,2\n", "orders.csv")
    with pytest.raises(BadRequest) as missing:
        read_interactions(tmp_path / "order.csv")
    assert missing.value.hint == "Did you mean 'orders.csv'?"
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRequest, match="holds no files of parquet, csv or JSON lines"):
        read_interactions(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadRequest, match="is a pipe"):
        read_interactions(tmp_path / "pipe")
    with pytest.raises(BadRequest, match="of type int cannot be read"):
        read_interactions(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "mssql://host/base",
            "Databases of a server (mssql://…) are not read.",
        ),
        (
            "sqlite:///shop.db",
            "'sqlite:///shop.db' is an address, and files are given by their path.",
        ),
        (
            "https://host/log.csv",
            "https:// addresses are not read.",
        ),
        (
            "sample:grocery",
            "sample:grocery is no file, so options for reading do not apply: user.",
        ),
    ],
)
def test_addresses_that_are_refused(address: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_interactions(address, user="user")
    assert caught.value.message == message


OTHER_VALUES = {
    "skip_bad": True, "duplicates": "keep", "returns": "set aside", "encoding": "latin-1",
    "shape": "baskets",
}  # fmt: skip


@pytest.mark.parametrize("read", [read_interactions, read_content])
def test_no_option_is_ignored_in_silence_where_no_file_is_read(read) -> None:
    options = set(inspect.signature(read).parameters) - {"source", "log", "items"}
    for option in options:
        for address in ("world:content", "sample:grocery"):
            with pytest.raises(BadRequest) as caught:
                read(address, **{option: OTHER_VALUES.get(option, "some")})
            assert caught.value.message.endswith(f"do not apply: {option}.")


def test_worlds_by_name() -> None:
    assert (
        read_interactions("world:checkerboard").fingerprint == world("checkerboard").log.fingerprint
    )
    with pytest.raises(UnknownName):
        read_interactions("world:atlantis")
    with pytest.raises(UnknownName):
        read_interactions("sample:atlantis")


def test_parquet_arrow_and_text_of_one_log_agree(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["b", "a", "a"],
            "item_id": ["x", "y", "x"],
            "timestamp": [TIMESTAMP, TIMESTAMP + 2, TIMESTAMP + 1],
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")
    frame.write_ipc(tmp_path / "log.arrow")
    frame.write_csv(tmp_path / "log.csv")
    frame.write_csv(tmp_path / "log.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "log.jsonl")
    logs = [
        read_interactions(tmp_path / f"log.{suffix}")
        for suffix in ("parquet", "arrow", "csv", "tsv", "jsonl")
    ]
    assert len({log.fingerprint for log in logs}) == 1
    assert logs[0].frame().rows() == [
        ("a", "x", TIMESTAMP + 1),
        ("a", "y", TIMESTAMP + 2),
        ("b", "x", TIMESTAMP),
    ]


def test_column_names_lose_case_blanks_and_suffixes() -> None:
    assert {
        plain_name(name) for name in ("user_id", "USER ID", "userId", "User-Id", "user_id:token")
    } == {"userid"}


CELLS = st.sampled_from(
    [
        "a",
        "b",
        "007",
        "",
        '"',
        '""',
        ",",
        ";",
        "\n",
        "\r\n",
        "\0",
        "é",
        "1700000000",
        "1e5",
        "-1",
        "2024-01-01",
        "x" * 300,
    ]
)
HEADS = st.sampled_from(
    [
        "user,item\n",
        "user,item,timestamp\n",
        "user;item;rating\n",
        "",
        "user,item,event\n",
        "user::item::time\n",
    ]
)


@given(HEADS, st.lists(CELLS, max_size=40), st.booleans())
@example("user,item\n", ["a", ",", "b", "\n", '"'], True)
def test_csv_soup_parses_or_is_refused(head: str, cells: list[str], skip_bad: bool) -> None:
    check_soup((head + "".join(cells)).encode(), "soup.csv", skip_bad)


@given(st.binary(max_size=200), st.booleans())
def test_bytes_are_read_or_refused(data: bytes, skip_bad: bool) -> None:
    check_soup(b"user,item\n" + data, "soup.csv", skip_bad)
    check_soup(b'{"user":1,"item":2}\n' + data, "soup.jsonl", skip_bad)


PIECES = st.sampled_from(
    [
        '{"user":"a","item":"b"}',
        '{"user":',
        "1",
        "NaN",
        "[",
        "]",
        "}",
        '"\\ud800"',
        ",",
        "\n",
        '{"user":1,"item":2,"time":3}',
        "\0",
    ]
)


@given(st.lists(PIECES, max_size=30), st.booleans())
def test_jsonl_soup_parses_or_is_refused(pieces: list[str], skip_bad: bool) -> None:
    check_soup("".join(pieces).encode(), "soup.jsonl", skip_bad)


def check_soup(data: bytes, name: str, skip_bad: bool) -> None:
    """Whatever the bytes are: an account that adds up, or an error of our own."""
    try:
        if name.endswith("csv"):
            table = parse_delimited(data, name, delimiter=None, encoding="utf-8", skip_bad=skip_bad)
        else:
            table = parse_jsonlines(data, name, encoding="utf-8", skip_bad=skip_bad)
        log = read_table(table, dict.fromkeys(ROLES))
    except SpadeworkError:
        return
    account = log.account
    assert account.read == table.rows
    assert account.used == len(log)
    assert account.read == account.used + sum(account.set_aside.values())
    assert account.rows_set_aside is not None
    assert account.rows_set_aside.height == account.read - account.used


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=5),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_quoted_field_comes_back_exactly(rows: list[list[str]]) -> None:
    """What a writer that quotes everything has written is read byte for byte, line breaks and
    quotes in the fields included.
    """

    def quoted(field: str) -> str:
        return '"' + field.replace('"', '""') + '"'

    text = "user,b,c\n" + "".join(",".join(map(quoted, row)) + "\n" for row in rows)
    table = parse_delimited(
        text.encode(), "log.csv", delimiter=",", encoding="utf-8", skip_bad=False
    )
    assert table.rows == len(rows)
    read = [[value or "" for value in row] for row in table.fetch(["user", "b", "c"]).rows()]
    assert read == rows


def test_a_weight_column_with_many_gaps_costs_no_rows() -> None:
    frame = pl.DataFrame(
        {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "rating": [5, None, 4]}
    )
    log = read_interactions(frame)
    assert (len(log), log.weights) == (3, None)
    assert (
        "The weight column 'rating' is empty in 33% of the rows and is not used; name it to "
        "use the other rows alone."
    ) in log.account.remarks
    assert len(read_interactions(frame, weight="rating")) == 2


@pytest.mark.parametrize("write", ["{}", "{:02d}", " {}", "{} ", "{}.0"])
def test_blanks_and_zeros_around_the_parts_of_a_date_do_no_harm(write: str) -> None:
    """A day of the month that is taken for a position would part a log at random."""
    parts = {"year": (2023, 2024), "month": (12, 1), "day": (31, 2)}
    table = {name: [write.format(value) for value in values] for name, values in parts.items()}
    frame = pl.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"], **table})
    assert read_interactions(frame).frame()["time"].to_list() == [1_703_980_800, 1_704_153_600]
