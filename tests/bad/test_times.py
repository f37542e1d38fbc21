"""Times that are written in many ways: read right, or asked for; never a wrong era in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.cuts import has_calendar
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Undecided

Reader = Callable[..., Interactions]
START = datetime(2026, 1, 1, 0, 28, 19, tzinfo=UTC)
MOMENTS = [START + timedelta(hours=7 * at, seconds=at) for at in range(60)]
SECONDS = [int(moment.timestamp()) for moment in MOMENTS]
OF_MINUTES = [second - second % 60 for second in SECONDS]


def log_of(times: Sequence[object], name: str = "timestamp") -> str:
    return f"user_id,item_id,{name}\n" + "".join(
        f"u{at % 7},i{at % 11},{time}\n" for at, time in enumerate(times)
    )


def times_of(log: Interactions) -> list[int]:
    assert log.times is not None
    return sorted(log.times.tolist())


def remarks(log: Interactions) -> str:
    assert log.account is not None
    return "\n".join(log.account.remarks)


def column(log: Interactions) -> str:
    assert log.account is not None
    return log.account.columns["time"]


def written(form: str) -> list[str]:
    return [moment.strftime(form) for moment in MOMENTS]


WEBKIT = [(second + 11_644_473_600) * 10**6 + 5 for second in SECONDS]
FILETIME = [(second + 11_644_473_600) * 10**7 + 5 for second in SECONDS]
TICKS = [(second + 62_135_596_800) * 10**7 + 5 for second in SECONDS]

WHOLE = {
    "YYYYMMDDHHMM": (written("%Y%m%d%H%M"), OF_MINUTES, "written as YYYYMMDDHHMM", "written"),
    "YYYYMMDDHHMMSS": (written("%Y%m%d%H%M%S"), SECONDS, "written as YYYYMMDDHHMMSS", "written"),
    "YYYYMMDDHHMMSSmmm": (written("%Y%m%d%H%M%S007"), SECONDS, "YYYYMMDDHHMMSSmmm", "written"),
    "YYMMDDHHMM": (written("%y%m%d%H%M"), OF_MINUTES, "written as YYMMDDHHMM", "written"),
    "YYMMDDHHMMSS": (written("%y%m%d%H%M%S"), SECONDS, "written as YYMMDDHHMMSS", "written"),
    "webkit": (WEBKIT, SECONDS, "times of WebKit", "webkit"),
    "filetime": (FILETIME, SECONDS, "Windows FILETIME", "filetime"),
    "ticks": (TICKS, SECONDS, ".NET ticks", "ticks"),
}


@pytest.mark.parametrize(("times", "seconds", "remark", "reading"), WHOLE.values(), ids=WHOLE)
def test_whole_numbers_that_are_no_unit(
    read: Reader, times: list[object], seconds: list[int], remark: str, reading: str
) -> None:
    log = read(log_of(times))
    assert times_of(log) == seconds
    assert remark in remarks(log)
    assert column(log) == f"timestamp:{reading}"
    again = read(log_of(times[:3]), time=column(log))  # as a run reads a short file of histories
    assert times_of(again) == seconds[:3]


def test_whole_numbers_of_a_frame_are_read_like_text(read: Reader) -> None:
    frame = pl.DataFrame(
        {"user_id": [1, 2], "item_id": [3, 4], "timestamp": [20260131093000, 20260201000000]}
    )
    assert times_of(read_interactions(frame)) == [1_769_851_800, 1_769_904_000]


def test_yy_in_an_era_that_seconds_have_too(read: Reader) -> None:
    """1512241830 is 2015-12-24 18:30, and a second of 2017."""
    moments = [datetime(2015, 12, 24, 18, tzinfo=UTC) + timedelta(minutes=at) for at in range(40)]
    texts = [moment.strftime("%y%m%d%H%M") for moment in moments]
    assert times_of(read(log_of(texts))) == [int(moment.timestamp()) for moment in moments]
    with pytest.raises(Undecided) as caught:
        read(log_of(texts[:9]))
    assert "as written from 2015-12-24 to 2015-12-24" in caught.value.message
    assert "as seconds from 2017-12-02 to 2017-12-02" in caught.value.message
    assert "--time timestamp:written" in caught.value.hint
    assert times_of(read(log_of(texts[:2]), time="timestamp:seconds")) == [1512241800, 1512241801]
    assert len(read(log_of(SECONDS))) == 60  # seconds of any day are no such digits


@pytest.mark.parametrize("hours", [13, 60, 240, 24 * 80, 24 * 400])
def test_milliseconds_from_zero_are_asked_for(read: Reader, hours: int) -> None:
    times = [round(at * hours * 3_600_000 / 199) for at in range(200)]
    if max(times) < 100_000_000:
        log = read(log_of(times))
        assert column(log) == "timestamp:position"
    else:
        with pytest.raises(Undecided) as caught:
            read(log_of(times))
        assert "as milliseconds from 1970-01-0" in caught.value.message
        assert "--time timestamp:position for their order alone" in caught.value.hint
        log = read(log_of(times), time="timestamp:position")
    assert len(log) == 200
    assert times_of(log) == list(range(200)), "ranks, which no later step takes for dates"
    assert not has_calendar(log)


@pytest.mark.parametrize("scale", [10**3, 10**6, 10**9])
def test_an_era_before_1990_is_asked_for(read: Reader, scale: int) -> None:
    times = [(200_000_000 + 3_600 * at) * scale for at in range(30)]
    with pytest.raises(Undecided, match="from 1976-05-03 to 1976-05-05"):
        read(log_of(times))
    unit = {10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}[scale]
    log = read(log_of(times), time=f"timestamp:{unit}")
    assert times_of(log) == [time // scale for time in times]


def test_seconds_since_2001_are_asked_for(read: Reader) -> None:
    """Those of 2016 to 2026 are seconds of 1985 to 1995, counted from 1970."""
    times = [second - 978_307_200 for second in SECONDS]
    with pytest.raises(Undecided) as caught:
        read(log_of(times))
    assert "as seconds from 1995-01-01 to 1995-01-18" in caught.value.message
    assert "as cocoa from 2026-01-01 to 2026-01-18" in caught.value.message
    assert "--time timestamp:cocoa" in caught.value.hint
    assert times_of(read(log_of(times), time="timestamp:cocoa")) == SECONDS
    of_1997 = [880_000_000 + 3_600 * at for at in range(60)]
    assert times_of(read(log_of(of_1997))) == of_1997


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_many_rows_in_the_future_are_asked_for(read: Reader, share: float) -> None:
    """Seconds since 1960 of today are a time in 2036."""
    late = int(share * len(SECONDS))
    times = [second + 315_619_200 for second in SECONDS[:late]] + SECONDS[late:]
    with pytest.raises(Undecided, match=f"{late} of 60 rows before 1971 or in the future"):
        read(log_of(times))
    few = read(log_of([*SECONDS, *times[:3]]))
    assert few.account is not None
    assert dict(few.account.set_aside) == {"time in the future": 3}


@pytest.mark.parametrize(("form", "letters"), [("%d%m%Y", "DDMMYYYY"), ("%m%d%Y", "MMDDYYYY")])
def test_numbers_with_the_day_before_the_year_are_in_no_order(
    read: Reader, form: str, letters: str
) -> None:
    texts = written(form)
    with pytest.raises(BadData, match=f"days written as {letters}") as told:
        read(log_of(texts))
    assert "Write them as YYYYMMDD" in str(told.value)
    log = read(log_of(texts), time="timestamp:position")
    assert len(log) == len(texts)
    assert not has_calendar(log)


def test_decimals_far_in_the_future_are_set_aside(read: Reader) -> None:
    log = read(log_of([*(f"{second}.25" for second in SECONDS), "300000000000000.5"]))
    assert log.account is not None
    assert dict(log.account.set_aside) == {"time in the future": 1}
    assert times_of(log) == SECONDS


def test_positions_are_no_days(read: Reader) -> None:
    log = read(log_of([1_012_026 + at for at in range(60)]))
    assert column(log) == "timestamp:position"


def test_months_are_their_first_days(read: Reader) -> None:
    for times in ([202512, 202601], ["2025-12", "2026-01"], ["2025/12", "2026/01"]):
        assert times_of(read(log_of(times, "date"))) == [1_764_547_200, 1_767_225_600]
    text = "user,item,cohort,seen\na,x,2025-12,2026-01-01\nb,y,2026-01,2026-01-02\n"
    assert column(read(text)) == "seen", "months are no times unless they are called so"
    assert column(read(text.replace("2025-12,", "202512,").replace("2026-01,2", "202601,2"))) == (
        "seen"
    )


def test_placeholders_are_no_era(read: Reader) -> None:
    log = read(log_of([*SECONDS, *[0] * 20, *[86_400] * 9]))
    assert log.account is not None
    assert dict(log.account.set_aside) == {"time before 1971": 29}
    log = read(log_of([*written("%Y%m%d%H%M"), 0, -1]))
    assert log.account is not None
    assert dict(log.account.set_aside) == {"time before 1971": 2}
    assert times_of(log) == OF_MINUTES


def test_readings_are_checked(read: Reader) -> None:
    with pytest.raises(BadRequest) as caught:
        read(log_of(SECONDS), time="timestamp:milisecond")
    assert caught.value.message == (
        "Times cannot be read as 'milisecond' (--time timestamp:milisecond)."
    )
    assert caught.value.hint.startswith("Did you mean 'milliseconds'? Known: day-first")
    with pytest.raises(BadData, match="holds written dates, so it cannot be read as seconds"):
        read(log_of(written("%Y-%m-%d")), time="timestamp:seconds")
    with pytest.raises(BadData, match="holds numbers, so it cannot be read as day-first"):
        read(log_of(SECONDS), time="timestamp:day-first")
    with pytest.raises(BadData, match="are not all dates in digits; one of them is 1767227"):
        read(log_of(SECONDS), time="timestamp:written")
    with pytest.raises(BadData, match=r"no column 'when' \(--time\)"):
        read(log_of(SECONDS), time="when:seconds")


@pytest.mark.parametrize("unit", ["seconds", "milliseconds", "microseconds", "nanoseconds"])
def test_units_can_be_said(read: Reader, unit: str) -> None:
    scale = 10 ** (3 * ["seconds", "milliseconds", "microseconds", "nanoseconds"].index(unit))
    log = read(log_of([second * scale for second in SECONDS]), time=f"timestamp:{unit}")
    assert times_of(log) == SECONDS
    assert column(log) == f"timestamp:{unit}"


def test_the_order_of_rows_can_be_the_clock(read: Reader) -> None:
    log = read("user_id,item_id\nu,c\nu,a\nv,x\nu,b\n", time="@row")
    assert log.frame().filter(pl.col("user_id") == "u")["item_id"].to_list() == ["c", "a", "b"]
    assert column(log) == "@row"
    assert log.account is not None
    assert log.account.counts["time_is_position"] == 1
    assert "The order of the rows is the order of events" in remarks(log)
    assert log.account.other_columns == ()
    unused = read(log_of(SECONDS[::-1]), time="@row")
    assert unused.account is not None
    assert unused.account.other_columns == ("timestamp",)


SERIALS = [46_023.0196 + at / 8 for at in range(30)]


def test_days_of_a_spreadsheet(read: Reader) -> None:
    log = read(log_of(SERIALS))
    assert times_of(log)[0] == 1_767_227_293  # 2026-01-01 00:28:13, four digits of a day
    assert "days of a spreadsheet, counted from 1899-12-30" in remarks(log)
    assert column(log) == "timestamp:serial"
    whole = read(log_of([46_023, 46_024], "order_date"))
    assert times_of(whole) == [1_767_225_600, 1_767_312_000]
    with pytest.raises(Undecided, match="as serial from 2026-01-01 to 2026-01-02"):
        read(log_of([46_023, 46_024]))
    assert times_of(read(log_of([46_023, 46_024]), time="timestamp:position")) == [46_023, 46_024]
    assert times_of(read(log_of([2.5, 3.5]), time="timestamp:position")) == [0, 1]
    with pytest.raises(BadData, match="small numbers with decimals") as caught:
        read(log_of([2.5, 3.5]))
    assert "--time timestamp:position takes their order alone" in caught.value.hint


MINUTE = SECONDS[0] - SECONDS[0] % 60
MIDNIGHT = MINUTE - 28 * 60
TEXTS = {
    "ctime with an offset": ("Thu Jan 01 01:13:33 -0800 2026", MIDNIGHT + 9 * 3600 + 13 * 60 + 33),
    "ctime": ("Thu Jan  1 00:28:19 2026", SECONDS[0]),
    "date command": ("Thu Jan  1 00:28:19 UTC 2026", SECONDS[0]),
    "browser": (
        "Wed Dec 31 2025 16:28:19 GMT-0800 (Pacific Standard Time)",
        SECONDS[0],
    ),
    "mail": ("Thu, 01 Jan 2026 00:28:19 +0000", SECONDS[0]),
    "mail in GMT": ("Thu, 01 Jan 2026 00:28:19 GMT", SECONDS[0]),
    "web server": ("01/Jan/2026:00:28:19 +0000", SECONDS[0]),
    "day and month name": ("01-Jan-2026", MIDNIGHT),
    "two digits of a year": ("01-JAN-26", MIDNIGHT),
    "statistics package": ("01JAN2026:00:28:19", SECONDS[0]),
    "full name": ("1 January 2026 00:28", MINUTE),
    "month first": ("Jan 01, 2026 00:28", MINUTE),
    "month first, half days": ("January 1, 2026, 12:28:19 AM", SECONDS[0]),
    "with at": ("Thursday, Jan 1st, 2026 at 12:28 am", MINUTE),
    "year first with a name": ("2026-Jan-01", MIDNIGHT),
    "compact": ("20260101T002819Z", SECONDS[0]),
    "compact without a zone": ("20260101T002819", SECONDS[0]),
    "compact with fractions": ("20260101 00:28:19.25", SECONDS[0]),
    "go": ("2026-01-01 00:28:19 +0000 UTC", SECONDS[0]),
    "go, west": ("2025-12-31 16:28:19.5 -0800 PST", SECONDS[0]),
    "java": ("2026-01-01T01:28:19+01:00[Europe/Oslo]", SECONDS[0]),
    "farthest offset": ("2026-01-01 18:28:19+18:00", SECONDS[0]),
    "review": ("01 1, 2026", MIDNIGHT),
    "hours": ("2026-01-01 00", MIDNIGHT),
    "Chinese": ("2026年1月1日", MIDNIGHT),
    "Chinese with a clock": ("2026年01月01日00:28:19", SECONDS[0]),
    "Korean": ("2026년 1월 1일 00:28", MINUTE),
    "last century": ("31/12/99", 946_598_400),
}


@pytest.mark.parametrize(("text", "seconds"), TEXTS.values(), ids=TEXTS)
def test_written_dates(read: Reader, text: str, seconds: int) -> None:
    log = read(f'user_id,item_id,timestamp\nu,i,"{text}"\nv,i,"{text}"\n')
    assert times_of(log) == [seconds, seconds]


def test_names_with_blanks_stand_in_quotes_in_hints(read: Reader) -> None:
    with pytest.raises(Undecided) as caught:
        read(log_of(["1/2/2026", "3/2/2026"], "Order Date"))
    assert caught.value.hint == (
        "Say which: --time 'Order Date:day-first' or --time 'Order Date:month-first'."
    )
    with pytest.raises(BadData) as refused:
        read(log_of(["2026-01-01"], "Order Date"), time="Order Date:seconds")
    assert refused.value.hint == "Leave the reading out: --time 'Order Date'."
    with pytest.raises(Undecided) as asked:
        read(log_of([900 + at % 60 for at in range(60)], "Order Time"))
    assert "--time 'DATE+Order Time'. --time 'Order Time:position' takes" in asked.value.hint


def test_a_date_that_is_no_single_value_names_the_time() -> None:
    frame = pl.DataFrame(
        {"user": ["u"], "item": ["i"], "day": [["2026-01-01"]], "clock": ["10:00"]}
    )
    with pytest.raises(BadData, match="The date column 'day' holds lists") as caught:
        read_interactions(frame, time="day+clock")
    assert caught.value.hint.endswith("or read none: --time -.")


def test_every_month_has_a_name(read: Reader) -> None:
    days = [datetime(2024, month, 29, tzinfo=UTC) for month in range(1, 13)]
    for form in ("%d-%b-%Y", "%d %B %Y", "%B %d %Y"):
        log = read(log_of([day.strftime(form) for day in days]))
        assert times_of(log) == [int(day.timestamp()) for day in days]
    log = read(log_of(["29-Feb-2023", "28-Feb-2023", "28 Feb 2023"]))
    assert log.account is not None
    assert dict(log.account.set_aside) == {"time not readable": 1}


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01 00:28:19+99:99",
        "2026-01-01 00:28:19+18:30",
        "2026-01-01 00:28:19-19:00",
        "٢٠٢٦-٠١-٠١",
        "２０２６-０１-０１",
        "٢٠٢٦٠١٠١",
        "1 Janvier 2026",
        "Week 3",
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are_read(read: Reader, text: str) -> None:
    with pytest.raises(BadData) as caught:
        read(log_of([text, text]))
    assert caught.value.message == (
        f"The time column 'timestamp' holds 2 values that are no time, such as {text!r}."
    )
    assert "dates such as 2026-01-31, 2026-01-31T09:30:00Z" in caught.value.hint
    kept = read(log_of([*written("%Y-%m-%d %H:%M:%S+00:00"), text]))
    assert kept.account is not None
    assert dict(kept.account.set_aside) == {"time not readable": 1}


def frame_of(times: pl.Series) -> pl.DataFrame:
    rows = np.arange(len(times))
    return pl.DataFrame({"user_id": rows % 3, "item_id": rows % 5, "timestamp": times})


def test_times_of_single_precision_are_told() -> None:
    times = pl.Series(SECONDS, dtype=pl.Float64).cast(pl.Float32)
    log = read_interactions(frame_of(times))
    assert "they are exact to 128 units only" in remarks(log)
    assert "exact to" not in remarks(read_interactions(frame_of(times.cast(pl.Float64))))
    small = read_interactions(frame_of(pl.Series([1.0, 2.0, 3.0], dtype=pl.Float32)))
    assert "exact to" not in remarks(small)


@pytest.mark.parametrize("role", ["user", "item"])
def test_ids_of_single_precision_are_refused_where_they_merge(role: str) -> None:
    frame = frame_of(pl.Series(SECONDS))
    large = pl.Series(f"{role}_id", [100_000_000 + at for at in range(60)]).cast(pl.Float32)
    with pytest.raises(BadData) as caught:
        read_interactions(frame.with_columns(large))
    assert caught.value.message == (
        f"The {role} column '{role}_id' holds Float32 numbers up to 100000056; beyond 16777216 "
        "such numbers lose digits, so that different ids become one."
    )
    small = pl.Series(f"{role}_id", range(60)).cast(pl.Float32)
    log = read_interactions(frame.with_columns(small))
    assert (log.user_count if role == "user" else log.item_count) == 60


def test_weights_that_no_sum_can_hold_are_refused(
    read: Reader, recwarn: pytest.WarningsRecorder
) -> None:
    for huge in ("1e39", "3.5e38", "1e300"):
        with pytest.raises(BadData, match=r"The weights in 'rating' reach .*, too large for sums"):
            read(f"user_id,item_id,rating\na,x,{huge}\nb,y,2\n")
    log = read("user_id,item_id,rating\na,x,1e12\nb,y,2\n")
    assert log.weights is not None
    assert len(recwarn) == 0


def test_times_that_a_spreadsheet_has_cut_are_told(read: Reader) -> None:
    log = read(log_of(["1.76723E+09", "1.76731E+09", "1.76740E+09"]))
    assert "are written like '1.76723E+09': they are exact to 10,000 units only" in remarks(log)
    exact = read(log_of(["1.767225600E+09", "1767225600.5"]))
    assert "exact to" not in remarks(exact)
