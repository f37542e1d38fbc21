"""A name does not beat its values: empty columns, times of day, line numbers, kinds of events."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.values.readings import TimeChoice, names_in, parse_time
from spadework.errors import BadData, Undecided
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import from_settings

MIDNIGHT = 1_767_225_600  # 2026-01-01


def read(folder: Path, header: str, rows: list[str], **options: str | list[str]) -> Interactions:
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_interactions(path, **options)  # type: ignore[arg-type]


def columns(log: Interactions) -> dict[str, str]:
    return dict(log.account.columns)


def remarks(log: Interactions) -> str:
    return "\n".join(log.account.remarks)


CLOCKS = [f"{9 + at % 12:02d}:{at % 60:02d}" for at in range(40)]
STAMPS = [MIDNIGHT + (at % 5) * 86_400 + (9 + at % 12) * 3_600 + at % 60 * 60 for at in range(40)]


@pytest.mark.parametrize(
    "clocks",
    [
        pytest.param(CLOCKS, id="HH:MM"),
        pytest.param([clock.replace(":", "").lstrip("0") for clock in CLOCKS], id="HHMM"),
        pytest.param([clock.replace(":", "") + "00" for clock in CLOCKS], id="HHMMSS"),
        pytest.param(
            [
                f"{(int(clock[:2]) - 1) % 12 + 1}:{clock[3:]} {'PM' if clock > '12' else 'AM'}"
                for clock in CLOCKS
            ],
            id="half days",
        ),
    ],
)
@pytest.mark.parametrize("date", ["2026-01-{:02d}", "202601{:02d}", "{:02d}.01.2026"])
def test_a_date_and_a_time_of_day_are_joined(tmp_path: Path, clocks: list[str], date: str) -> None:
    if date.startswith("{"):
        header, days = "user_id,item_id,time,date", [date.format(20 + at % 5) for at in range(40)]
        stamps = [stamp + 19 * 86_400 for stamp in STAMPS]
    else:
        header, days = "user_id,item_id,time,date", [date.format(1 + at % 5) for at in range(40)]
        stamps = STAMPS
    rows = [f"u{at % 4},i{at},{clocks[at]},{days[at]}" for at in range(40)]
    log = read(tmp_path, header, rows)
    assert log.times is not None
    assert dict(zip(log.frame()["item_id"], log.times.tolist(), strict=True)) == {
        f"i{at}": stamps[at] for at in range(40)
    }
    assert columns(log)["time"].startswith("date+time")
    assert "the date in 'date' with the time of day in 'time' (--time date+time)" in remarks(log)
    assert log.account.other_columns == ()
    again = read(tmp_path, header, rows[:3], time=columns(log)["time"])
    assert again.times is not None
    assert sorted(again.times.tolist()) == sorted(stamps[:3])


def test_times_of_day_without_a_date_are_no_clock(tmp_path: Path) -> None:
    numbers = [f"u{at % 4},i{at},{clock.replace(':', '')}" for at, clock in enumerate(CLOCKS)]
    with pytest.raises(Undecided) as caught:
        read(tmp_path, "user_id,item_id,time", numbers)
    assert "holds times of day" in caught.value.message
    assert "--time time:position" in caught.value.hint
    assert len(read(tmp_path, "user_id,item_id,time", numbers, time="time:position")) == 40
    with pytest.raises(BadData, match="values that are no time, such as '09:00'"):
        read(tmp_path, "user_id,item_id,time", [f"u,i{c},{c}" for c in CLOCKS])
    dated = [f"{row},2026-01-02" for row in numbers]
    with pytest.raises(Undecided, match="holds times of day, such as '0900', without a date"):
        read(tmp_path, "user_id,item_id,time,date", dated, time="time")
    days = [f"u{at % 4},i{at},{100 * (1 + at % 12) + 1 + at % 31}" for at in range(60)]
    assert columns(read(tmp_path, "user_id,item_id,time", days))["time"] == "time:position"
    damaged = [*days, *(f"v{row}" for row in days), "u1,i2,9999"]
    assert columns(read(tmp_path, "user_id,item_id,time", damaged))["time"] == "time:position"


def test_a_time_of_day_that_is_damaged_is_set_aside(tmp_path: Path) -> None:
    rows = [f"u{at % 4},i{at},2026-01-02,{clock}" for at, clock in enumerate(CLOCKS)]
    rows += ["u1,x,2026-01-02,25:00", "u1,y,2026-01-02,", "u1,z,soon,10:00"]
    log = read(tmp_path, "user_id,item_id,day,clock", rows, time="day+clock")
    assert dict(log.account.set_aside) == {"time not readable": 2}
    assert len(log) == 41


@pytest.mark.parametrize("form", ["HH:MM", "HHMM", "HHMMSS"])
def test_a_date_without_a_time_of_day_is_midnight(tmp_path: Path, form: str) -> None:
    clocks = {
        "HHMM": [clock.replace(":", "") for clock in CLOCKS],
        "HHMMSS": [clock.replace(":", "") + "00" for clock in CLOCKS],
    }.get(form, CLOCKS)
    gaps = 5 if form == "HH:MM" else 100
    rows = [f"u{at % 4},i{at},2026-01-02,{clock}" for at, clock in enumerate(clocks)]
    rows += [f"u1,x{at},2026-01-03,{' ' * (at % 2)}" for at in range(gaps)]
    rows.append(f"u1,z,,{clocks[0]}")
    log = read(tmp_path, "user_id,item_id,date,time", rows)
    assert log.times is not None
    assert columns(log)["time"] == "date+time"
    assert dict(log.account.set_aside) == {"time missing": 1}
    times = dict(zip(log.frame()["item_id"], log.times.tolist(), strict=True))
    assert times["i0"] == MIDNIGHT + 86_400 + 9 * 3_600
    assert {times[f"x{at}"] for at in range(gaps)} == {MIDNIGHT + 2 * 86_400}
    assert f"read as midnight of their date: {gaps} rows." in remarks(log)


@pytest.mark.parametrize("odd", ["2400", "9999", "930000"])
def test_one_large_number_does_not_turn_hours_into_minutes(tmp_path: Path, odd: str) -> None:
    short = [clock.replace(":", "") for clock in CLOCKS]
    rows = [f"u{at % 4},i{at},2026-01-02,{short[at % 40]}" for at in range(120)]
    usual = read(tmp_path, "user_id,item_id,date,time", rows)
    assert usual.times is not None
    log = read(tmp_path, "user_id,item_id,date,time", [*rows, f"u1,x,2026-01-02,{odd}"])
    assert log.times is not None
    assert dict(log.account.set_aside) == {"time not readable": 1}
    assert log.times.tolist() == usual.times.tolist()
    few = read(tmp_path, "user_id,item_id,day,clock", [*rows[:24], f"u1,x,2026-01-02,{odd}"],
               time="day+clock")  # fmt: skip
    assert few.times is not None
    assert int(few.times.min()) == MIDNIGHT + 86_400 + 9 * 3_600


def test_numbers_with_seconds_stay_so(tmp_path: Path) -> None:
    rows = [f"u{at % 4},i{at},2026-01-02,{at % 9}{at % 60:02d}30" for at in range(120)]
    log = read(tmp_path, "user_id,item_id,date,time", rows)
    assert log.times is not None
    assert int(log.times.max()) == MIDNIGHT + 86_400 + 8 * 3_600 + 56 * 60 + 30


def test_names_of_times_whose_values_are_none_lose(tmp_path: Path) -> None:
    rows = ["u,a,morning,2026-01-01", "u,b,evening,2026-01-02"]
    log = read(tmp_path, "user_id,item_id,time,date", rows)
    assert columns(log)["time"] == "date"
    assert "The column 'time' holds no times, such as 'morning'" in remarks(log)
    numbered = ["u,a,Thu,2026-01-01", "u,b,Fri,2026-01-02"]
    assert columns(read(tmp_path, "user_id,item_id,day,date", numbered))["time"] == "date"


def test_empty_columns_do_not_win_by_name(tmp_path: Path) -> None:
    rows = [f",v{at % 3},p{at % 4},,{MIDNIGHT + at},2026-01-01" for at in range(9)]
    header = "user_id,visitor_id,product,Location,created_at,date"
    log = read(tmp_path, header, rows)
    assert columns(log) == {"user": "visitor_id", "item": "product", "time": "created_at"}
    assert "The column 'user_id' is empty throughout and is not the user." in remarks(log)
    sessions = [f",s{at % 3},{at % 4}" for at in range(9)]
    log = read(tmp_path, "user_id,session_id,item_id", sessions)
    assert columns(log)["user"] == "session_id"
    assert "'user_id' is empty" in remarks(log)
    with pytest.raises(BadData, match="The user column 'user_id' is empty throughout"):
        read(tmp_path, "user_id,item_id,country", [f",{at % 4},NO" for at in range(9)])
    blank = [f"u{at},  ,p{at % 4}" for at in range(9)]
    assert columns(read(tmp_path, "user_id,item_id,sku", blank))["item"] == "sku"


def test_columns_of_lists_are_no_candidates() -> None:
    frame = pl.DataFrame(
        {
            "user_id": [1, 2, 3],
            "items": [["a"], ["b"], ["c"]],
            "item": [[1], [2], [3]],
            "sku": ["x", "y", "x"],
        }
    )
    assert columns(read_interactions(frame)) == {"user": "user_id", "item": "sku"}
    assert columns(read_interactions(frame, item="item"))["item"] == "item", "rows of each list"


def test_line_numbers_row_numbers_and_constants_are_no_items(tmp_path: Path) -> None:
    lines = [
        f"o{order},c{order % 5},{line},P{(order + line) % 7}"
        for order in range(12)
        for line in range(1, 3 + order % 2)
    ]
    with pytest.raises(Undecided, match="the number of a line within an order") as caught:
        read(tmp_path, "order_id,customer_id,item,product_code", lines)
    assert "--item product_code or --item item" in caught.value.hint
    with pytest.raises(Undecided, match="the number of a line"):
        read(tmp_path, "z,customer_id,item,product_code", lines)
    keys = [f"c{at % 5},{at},P{at % 7}" for at in range(30)]
    with pytest.raises(Undecided, match="has another value in every row throughout, as a key"):
        read(tmp_path, "customer_id,item_id,product_code", keys)
    one = [f"c{at % 5},shop,/p/{at % 7}" for at in range(30)]
    with pytest.raises(Undecided, match="holds one value throughout, 'shop'"):
        read(tmp_path, "customer_id,app_id,path", one)
    assert (
        len(read(tmp_path, "customer_id,item_id", [row[: row.rindex(",")] for row in keys])) == 30
    )


def test_floating_numbers_that_are_whole_may_be_ids() -> None:
    frame = pl.DataFrame({"who": [1.0, 2.0, None], "item_id": [4, 5, 6], "price": [1.5, 2.5, 3.5]})
    log = read_interactions(frame)
    assert columns(log)["user"] == "who"
    decimals = pl.DataFrame({"user_pseudo_id": ["1234567.1234", "7654321.1"], "item_id": [1, 2]})
    assert read_interactions(decimals).user_vocabulary.ids.to_list() == [
        "1234567.1234",
        "7654321.1",
    ]


@pytest.mark.parametrize(
    "name",
    ["event_name", "feedback_type", "interaction", "eventType", "event_category", "user_action"],
)
def test_columns_of_events_are_found_by_name(tmp_path: Path, name: str) -> None:
    log = read(tmp_path, f"user_id,item_id,{name}", ["a,x,open", "a,y,close", "b,x,open"])
    assert columns(log)["event"] == name
    assert log.event_type_counts == {"close": 1, "open": 2}
    assert f"All event types in {name!r} are used: 2 open, 1 close." in remarks(log)


def test_columns_of_events_are_found_by_their_words(tmp_path: Path) -> None:
    log = read(tmp_path, "user_id,item_id,what", ["a,x,View", "a,y,Add to cart", "b,x,View"])
    assert columns(log)["event"] == "what"
    assert "The column 'what' holds words for kinds of events, so it is the event." in remarks(log)
    plain = read(tmp_path, "user_id,item_id,country", ["a,x,NO", "a,y,SE"])
    assert "event" not in columns(plain)


def test_kinds_that_differ_by_case_or_blanks_are_told(tmp_path: Path) -> None:
    rows = ["a,x,purchase", "a,y,Purchase", "b,x, purchase", "b,y,", "b,z,view"]
    log = read(tmp_path, "user_id,item_id,event", rows)
    assert log.account.counts["event_types_that_differ_by_case_or_blanks"] == 3
    assert "differ by case or blanks only are counted apart" in remarks(log)
    assert "'Purchase' (1)" in remarks(log)
    assert "Rows without an event type in 'event', which are a type of their own: 1." in remarks(
        log
    )
    some = read(tmp_path, "user_id,item_id,event", rows, events=["purchase"])
    assert (
        "'Purchase' (1 row) differs from 'purchase' by case or blanks only and was not asked for."
    ) in remarks(some)


def test_very_many_kinds_are_quick(tmp_path: Path) -> None:
    count = 70_000
    frame = pl.DataFrame(
        {
            "user_id": [at % 100 for at in range(count)],
            "item_id": [at % 90 for at in range(count)],
            "event": [f"kind {at}" for at in range(count)],
        }
    )
    begin = time.perf_counter()
    log = read_interactions(frame)
    assert "event" not in columns(log)
    assert "too many for events, and is not used" in remarks(log)
    with pytest.raises(BadData, match="holds 70,000 kinds of events; 1,000 are read"):
        read_interactions(frame, event="event")
    some = read_interactions(frame, event="event", events=["kind 1", "kind 2"])
    assert len(some) == 2
    assert sum(some.account.set_aside.values()) == count - 2
    assert len(some.account.set_aside) == 21
    assert time.perf_counter() - begin < 20


def test_lists_of_the_command_line_add_up() -> None:
    values = from_settings(["events=View", "events=Purchase", "seed=1", "seed=2"])
    assert values == {"events": ["View", "Purchase"], "seed": 2}
    assert from_settings(["events=A,B", 'events=["C"]']) == {"events": ["A", "B", "C"]}
    recipe = make({"source": "log.csv", "time": "ts:milliseconds"}, "The command")
    assert recipe.time == "ts:milliseconds"


def test_a_first_row_of_data_is_no_header(tmp_path: Path) -> None:
    rows = [f"{at % 5},{at % 7},3,pv,{MIDNIGHT + at}" for at in range(9)]
    with pytest.raises(Undecided) as caught:
        read(tmp_path, "92,94,3,pv,1767230013", rows)
    assert caught.value.message.startswith("log.csv has no header")
    assert "--user column_1 --item column_2" in caught.value.hint
    log = read(
        tmp_path, "92,94,3,pv,1767230013", rows, user="column_1", item="column_2", time="column_5"
    )
    assert len(log) == 10


def test_no_row_left_by_skip_bad_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("{user: 1}\n{user: 2}\n", encoding="utf-8")
    with pytest.raises(BadData) as caught:
        read_interactions(path, skip_bad=True)
    assert "Its columns are" not in str(caught.value)


def test_the_text_for_the_time() -> None:
    names = ["ts", "a+b", "day", "clock", "ts:seconds"]
    assert parse_time("ts", names) == TimeChoice(("ts",))
    assert parse_time("ts:seconds", names) == TimeChoice(("ts:seconds",)), "a column's own name"
    assert parse_time("a+b", names) == TimeChoice(("a+b",))
    assert parse_time("day+clock:day-first", names) == TimeChoice(("day", "clock"), "day-first")
    assert parse_time("@row", names).columns == ()
    assert parse_time("@row", ["@row"]).columns == ("@row",)
    assert parse_time("@row", names).name == "@row"
    assert names_in("day+clock:day-first") == ["day", "clock"]
    assert (names_in("@row"), names_in("ts:position")) == ([], ["ts"])


def test_numbered_days_are_joined_with_times_of_day(tmp_path: Path) -> None:
    rows = ["u,late,2,0930", "u,first,1,2330", "u,second,2,0005", "u,last,400,0001"]
    log = read(tmp_path, "user_id,item_id,DAY,TRANS_TIME", rows, time="DAY+TRANS_TIME")
    assert log.frame()["item_id"].to_list() == ["first", "second", "late", "last"]
    assert columns(log)["time"] == "DAY+TRANS_TIME:position"
    again = read(tmp_path, "user_id,item_id,DAY,TRANS_TIME", rows, time=columns(log)["time"])
    assert again.fingerprint == log.fingerprint
