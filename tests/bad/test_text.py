"""Bad delimited text. The number in a test's id is the row of the list of bad inputs."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.formats import byte_sources, reading_memory
from spadework.data.reading.values.date_forms import EXAMPLES
from spadework.errors import BadData, OutOfMemory, SpadeworkError, Undecided

Reader = Callable[..., Interactions]
TIMESTAMP = 1_700_000_000
HEADER = "user_id,item_id,timestamp\n"
SKIP = "Mend the file, or use --skip-bad to set such rows aside."


def rows(count: int, delimiter: str = ",") -> str:
    """Rows that are all different."""
    return "".join(
        delimiter.join((f"u{at % 7}", f"i{at % 11}", str(TIMESTAMP + at))) + "\n"
        for at in range(count)
    )


def timed(*times: str) -> str:
    """One row a time."""
    return HEADER + "".join(f"u{at},i{at},{time}\n" for at, time in enumerate(times))


def weighed(*weights: str) -> str:
    """One row a weight, in a file with semicolons."""
    return "user_id;item_id;rating\n" + "".join(
        f"u{at};i{at};{weight}\n" for at, weight in enumerate(weights)
    )


def remarks(log: Interactions) -> tuple[str, ...]:
    return log.account.remarks


REFUSED: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    ("01-empty", "", {}, "log.csv is empty.\nGive a file with a header and rows."),
    ("01-only-blank-lines", "\n\n", {}, "log.csv is empty.\nGive a file with a header and rows."),
    ("02-header-only", HEADER, {}, "log.csv has a header and 0 rows.\nGive a file with rows."),
    (
        "03-no-header",
        f"1,2,{TIMESTAMP}\n3,4,{TIMESTAMP}\n",
        {},
        f"log.csv has no header: its first row is 1, 2, {TIMESTAMP}. The columns count as "
        "'column_1', 'column_2', 'column_3'.\n"
        "Say which is which, for example --user column_1 --item column_2 --time column_3.",
    ),
    (
        "04-utf16",
        HEADER.encode("utf-16"),
        {},
        "log.csv is UTF-16 (little endian), not UTF-8.\nRead it with --encoding utf-16.",
    ),
    (
        "04-utf32",
        HEADER.encode("utf-32"),
        {},
        "log.csv is UTF-32 (little endian), not UTF-8.\nRead it with --encoding utf-32.",
    ),
    (
        "05-latin-1",
        (HEADER + rows(3) + f"é,i1,{TIMESTAMP}\n").encode("latin-1"),
        {},
        "log.csv is not UTF-8: row 4 (line 5) has the byte 0xE9, which is byte 78 of the file.\n"
        "Say how it was written, for example --encoding latin-1 or --encoding cp1252.",
    ),
    (
        "07-two-delimiters-fit",
        "user_id;item_id|x\n1;2|3\n",
        {},
        (
            "log.csv could be separated by semicolons or vertical bars: every row fits "
            "both.\nSay which: --delimiter ';' or --delimiter '|'."
        ),
    ),
    (
        "09-fewer-fields",
        HEADER + rows(999) + "u1,i2\n" + rows(3),
        {},
        f"log.csv: row 1000 has 2 fields, but the header has 3.\n{SKIP}",
    ),
    (
        "09-more-fields",
        HEADER + rows(999) + "u1,i2,3,4\n" + rows(3) + "x\n",
        {},
        (
            "log.csv: row 1000 has 4 fields, but the header has 3 (and 1 more row with a wrong "
            f"number).\n{SKIP}"
        ),
    ),
    (
        "10-unclosed-quote",
        HEADER + rows(2) + f'"u1,i1,{TIMESTAMP}\n' + rows(4),
        {},
        (
            "log.csv: the quote that opens in row 3 is never closed.\nClose it, or double "
            "quotes that belong to the text."
        ),
    ),
    (
        "10-unclosed-before-a-quoted-row",
        HEADER + rows(2) + f'"u1,i1,{TIMESTAMP}\n' + rows(4) + f'"u2",i1,{TIMESTAMP}\n',
        {"skip_bad": True},
        (
            "log.csv: the quote that opens in row 3 is never closed.\nClose it, or double "
            "quotes that belong to the text."
        ),
    ),
    (
        "10-text-after-a-quote",
        HEADER + f'"a" b,i1,{TIMESTAMP}\n',
        {},
        (
            "log.csv: row 1 has a quote in the middle of a field.\nDouble quotes inside quoted "
            "text, or use --skip-bad to set such rows aside."
        ),
    ),
    (
        "12-duplicate-names",
        "user_id,item_id,user_id\n1,2,3\n",
        {},
        "log.csv has the column 'user_id' 2 times.\nGive every column a name of its own.",
    ),
    (
        "21-two-units",
        timed(str(TIMESTAMP), str(TIMESTAMP), str(TIMESTAMP * 1000)),
        {},
        (
            "The times in 'timestamp' are written in more than one way: 2 as seconds, 1 as "
            "milliseconds.\nWrite them all in one way."
        ),
    ),
    (
        "21-dates-and-numbers",
        timed("2024-01-01", "2024-01-02", str(TIMESTAMP)),
        {},
        (
            "The times in 'timestamp' are written in more than one way: 2 as dates (year "
            "first), 1 as whole numbers.\nWrite them all in one way."
        ),
    ),
    (
        "21-with-and-without-zone",
        timed("2024-01-01 10:00:00", "2024-01-01 10:00:00Z"),
        {},
        "The times in 'timestamp' are written in more than one way: 1 as dates with a clock (year "
        "first), 1 as dates with a clock and a zone (year first).\nWrite them all in one way.",
    ),
    (
        "21-no-time-at-all",
        timed("soon", "later"),
        {},
        (
            "The time column 'timestamp' holds 2 values that are no time, such as 'soon'.\n"
            f"Read are epoch seconds to nanoseconds, and dates such as {EXAMPLES}. Name another "
            "column, or read none: --time -."
        ),
    ),
    (
        "24-day-or-month",
        timed("1/2/2010", "1/3/2010"),
        {},
        "Dates in 'timestamp' such as '1/2/2010' can be read day first or month first: no value "
        "settles it.\n"
        "Say which: --time timestamp:day-first or --time timestamp:month-first.",
    ),
    (
        "24-both-orders",
        timed("13/1/2010", "1/13/2010"),
        {},
        (
            "The dates in 'timestamp' are written in more than one way: 1 day first, 1 month "
            "first.\nWrite them all in one way."
        ),
    ),
    (
        "25-comma-of-what",
        weighed("1,234", "2"),
        {},
        "Weights in 'rating' such as '1,234' can be read with a decimal comma or with a comma "
        "between thousands.\n"
        "Write them with a decimal point, or read none: --weight -.",
    ),
    (
        "25-point-and-comma",
        weighed("1,5", "1.5"),
        {},
        (
            "The weights in 'rating' are written in two ways: 1 with decimal points, 1 with "
            "decimal commas.\nWrite them all in one way."
        ),
    ),
]


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_refused(read: Reader, data: str | bytes, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadData) as caught:
        read(data, **options)
    assert str(caught.value) == sentence


UNDECIDED = ("03-no-header", "07-two-delimiters-fit", "24-day-or-month", "25-comma-of-what")


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_cannot_be_decided_is_a_question(read: Reader, name: str) -> None:
    data, options = next(case[1:3] for case in REFUSED if case[0] == name)
    with pytest.raises(Undecided):
        read(data, **options)


SET_ASIDE: list[tuple[str, str | bytes, dict[str, Any], dict[str, int], list[int]]] = [
    ("06-nul", HEADER + rows(3) + f"a\0b,i1,{TIMESTAMP}\n", {}, {"NUL byte in the row": 1}, [4]),
    (
        "09-skip-bad",
        HEADER + "a,b,1700000000\nu1,i2\nc,d,1700000001\nu1,i1,1,1\n",
        {"skip_bad": True},
        {"fewer fields than the header": 1, "more fields than the header": 1},
        [2, 4],
    ),
    (
        "10-skip-bad",
        HEADER + f'"a" b,i1,{TIMESTAMP}\n' + rows(2),
        {"skip_bad": True},
        {"misplaced quote": 1},
        [1],
    ),
    (
        "19-long-id",
        HEADER + "a" * 10_000 + f",x,{TIMESTAMP}\n" + rows(1),
        {},
        {"user id longer than 256 characters": 1},
        [1],
    ),
    (
        "19-empty-id",
        HEADER + f",x,{TIMESTAMP}\na,,{TIMESTAMP}\n" + rows(1),
        {},
        {"user missing": 1, "item missing": 1},
        [1, 2],
    ),
    ("19-quoted-empty-id", HEADER + f'"",x,{TIMESTAMP}\n' + rows(1), {}, {"user missing": 1}, [1]),
    (
        "22-odd-times",
        timed(str(TIMESTAMP), "0", "-5", "86400", "4075000000", ""),
        {},
        {"time before 1971": 3, "time in the future": 1, "time missing": 1},
        [2, 3, 4, 5, 6],
    ),
    (
        "21-unreadable",
        timed("2024-01-01", "2024-02-30", "2024-01-03", "soon"),
        {},
        {"time not readable": 2},
        [2, 4],
    ),
    (
        "26-odd-weights",
        weighed("NaN", "inf", "-1", "0", "much", "", "2", "3"),
        {},
        {
            "weight not a number": 3,
            "weight infinite": 1,
            "weight below zero (a return)": 1,
            "weight zero": 1,
        },
        [1, 2, 3, 4, 5, 6],
    ),
    ("27-duplicates", HEADER + rows(3) + rows(2), {}, {"exact duplicate": 2}, [4, 5]),
]


@pytest.mark.parametrize(
    ("data", "options", "reasons", "numbers"),
    [case[1:] for case in SET_ASIDE],
    ids=[case[0] for case in SET_ASIDE],
)
def test_set_aside(
    read: Reader, data: str, options: dict[str, Any], reasons: dict[str, int], numbers: list[int]
) -> None:
    account = read(data, **options).account
    assert dict(account.set_aside) == reasons
    assert account.rows_set_aside is not None
    assert account.rows_set_aside["row"].to_list() == numbers


def test_03_columns_can_be_named_by_number(read: Reader) -> None:
    log = read(
        f"a,x,{TIMESTAMP}\nb,y,{TIMESTAMP + 1}\n", user="column_1", item="column_2", time="column_3"
    )
    assert log.frame().rows() == [("a", "x", TIMESTAMP), ("b", "y", TIMESTAMP + 1)]


def test_04_byte_order_mark_is_no_part_of_the_first_name(read: Reader) -> None:
    log = read(b"\xef\xbb\xbf" + (HEADER + rows(2)).encode())
    assert log.account.columns["user"] == "user_id"


def test_04_utf16_is_read_with_its_encoding_named(read: Reader) -> None:
    log = read((HEADER + rows(2)).encode("utf-16"), encoding="utf-16")
    assert len(log) == 2
    assert remarks(log) == ("Text is decoded from utf-16.",)


def test_05_latin_1_is_read_with_its_encoding_named(read: Reader) -> None:
    log = read((HEADER + f"é,i1,{TIMESTAMP}\n").encode("latin-1"), encoding="latin-1")
    assert log.user_vocabulary.ids.to_list() == ["é"]


@pytest.mark.parametrize(
    ("delimiter", "word"),
    [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), ("::", "double colons")],
)
def test_07_delimiter_is_found_and_shown(read: Reader, delimiter: str, word: str) -> None:
    log = read(HEADER.replace(",", delimiter) + rows(50, delimiter))
    assert len(log) == 50
    assert remarks(log) == (f"Fields are separated by {word}.",)


def test_08_one_semicolon_does_not_mislead(read: Reader) -> None:
    log = read(HEADER + rows(50) + f"u;x,i1,{TIMESTAMP}\n")
    assert len(log) == 51
    assert "u;x" in log.user_vocabulary.ids.to_list()


def test_10_inches_are_no_quotes(read: Reader) -> None:
    log = read(HEADER + f'5" pipe,i1,{TIMESTAMP}\n' + rows(2))
    assert remarks(log) == ("Quotes are inside fields and are read as ordinary characters.",)
    assert '5" pipe' in log.user_vocabulary.ids.to_list()


def test_11_quoted_newline(read: Reader) -> None:
    log = read(
        f'user_id,item_id,timestamp,note\nu1,i1,{TIMESTAMP},"two\nlines, and '
        f'""quotes"""\n\nu2,i2,{TIMESTAMP + 1},x'
    )
    assert log.frame().rows() == [("u1", "i1", TIMESTAMP), ("u2", "i2", TIMESTAMP + 1)]
    assert remarks(log) == ("Blank lines are ignored.",)


EXACT: list[tuple[str, list[str]]] = [
    ("13-words-for-nothing", ["NA", "None", "nan", "null", "true"]),
    ("14-leading-zeros", ["007", "7"]),
    ("15-exponent", ["100000", "1e5"]),
    ("16-beyond-2-to-the-53", ["9007199254740992", "9007199254740993"]),
    ("17-blank-at-the-end", ["a", "a "]),
    ("18-case", ["A", "a"]),
    ("20-formulas-and-tags", ["<script>alert(1)</script>", '=HYPERLINK("x")']),
]


@pytest.mark.parametrize("ids", [case[1] for case in EXACT], ids=[case[0] for case in EXACT])
def test_ids_stay_exactly_as_written(read: Reader, ids: list[str]) -> None:
    log = read(HEADER + "".join(f"{user},{user},{TIMESTAMP + at}\n" for at, user in enumerate(ids)))
    assert log.user_vocabulary.ids.to_list() == sorted(ids)
    assert log.item_vocabulary.ids.to_list() == sorted(ids)


def test_17_18_near_twins_are_counted(read: Reader) -> None:
    log = read(HEADER + f"a,X,{TIMESTAMP}\na ,x,{TIMESTAMP}\n a,y,{TIMESTAMP}\nA,z,{TIMESTAMP}\n")
    assert log.account.counts["user_ids_differing_by_blanks"] == 2
    assert log.account.counts["user_ids_differing_by_case"] == 1
    assert log.account.counts["item_ids_differing_by_case"] == 1
    assert "item_ids_differing_by_blanks" not in log.account.counts


def test_18_unicode_forms_are_merged_and_reported(read: Reader) -> None:
    log = read(
        HEADER
        + f"u,e\u0301,{TIMESTAMP}\nu,\u00e9,{TIMESTAMP + 1}\n"
        + f"u,K,{TIMESTAMP + 2}\nu,\u212a,{TIMESTAMP + 3}\n"
    )
    assert log.item_vocabulary.ids.to_list() == ["K", "\u00e9"]
    assert log.account.counts["item_ids_merged"] == 2
    assert remarks(log)[0] == "2 item ids were written in two Unicode forms and are merged."


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        pytest.param(
            str(TIMESTAMP), str(TIMESTAMP + 5), [TIMESTAMP, TIMESTAMP + 5], id="21-seconds"
        ),
        pytest.param(
            f"{TIMESTAMP}001", f"{TIMESTAMP}900", [TIMESTAMP, TIMESTAMP], id="21-milliseconds"
        ),
        pytest.param(
            f"{TIMESTAMP}000001", f"{TIMESTAMP}900000", [TIMESTAMP, TIMESTAMP], id="21-microseconds"
        ),
        pytest.param(
            f"{TIMESTAMP}000000001",
            f"{TIMESTAMP}900000000",
            [TIMESTAMP, TIMESTAMP],
            id="21-nanoseconds",
        ),
        pytest.param(f"{TIMESTAMP}.25", f"{TIMESTAMP}.5", [TIMESTAMP, TIMESTAMP], id="21-decimals"),
        pytest.param("2024-01-01", "2024-1-2", [1_704_067_200, 1_704_153_600], id="21-days"),
        pytest.param("20240101", "20240102", [1_704_067_200, 1_704_153_600], id="21-written-days"),
        pytest.param(
            "2024-01-01T01:00:00+02:00",
            "2024-01-01T00:00:00Z",
            [1_704_063_600, 1_704_067_200],
            id="21-zones",
        ),
        pytest.param(
            "2024-01-01 00:00:00 UTC",
            "2024-01-01 00:00:01 UTC",
            [1_704_067_200, 1_704_067_201],
            id="21-utc",
        ),
        pytest.param(
            "2024-01-01 00:00:00",
            "2024-01-01 00:00:00.5",
            [1_704_067_200, 1_704_067_200],
            id="21-fractions",
        ),
        pytest.param(
            "12/1/2010 8:26",
            "12/13/2010 20:26",
            [1_291_191_960, 1_292_271_960],
            id="24-month-first",
        ),
        pytest.param("1.12.2010", "13.12.2010", [1_291_161_600, 1_292_198_400], id="24-day-first"),
        pytest.param(
            "12/1/2010 8:26 AM",
            "12/13/2010 8:26 PM",
            [1_291_191_960, 1_292_271_960],
            id="24-half-days",
        ),
    ],
)
def test_times_have_one_unit(read: Reader, first: str, second: str, seconds: list[int]) -> None:
    """The later row comes first in the file, so that an order that survives was read from the
    clock, fractions of seconds included.
    """
    log = read(f"user_id,item_id,timestamp\nu,later,{second}\nu,earlier,{first}\n")
    assert log.times is not None
    assert log.times.tolist() == seconds
    assert log.frame()["item_id"].to_list() == ["earlier", "later"]


def test_21_zones_are_honoured_and_their_absence_is_reported(read: Reader) -> None:
    assert remarks(read(timed("2024-01-01 10:00:00", "2024-01-02 10:00:00"))) == (
        "Times in 'timestamp' have no zone and are read as UTC.",
    )
    assert remarks(read(timed("2024-01-01T10:00:00Z", "2024-01-02T10:00:00Z"))) == ()


def test_21_small_numbers_are_positions(read: Reader) -> None:
    log = read("user_id,item_id,timestamp\nu,c,3\nu,a,1\nu,b,2\n")
    assert log.frame()["item_id"].to_list() == ["a", "b", "c"]
    assert log.account.counts["time_is_position"] == 1
    assert remarks(log) == (
        (
            "The numbers in 'timestamp' are too small for a calendar and are read as positions: "
            "there is an order, but no dates. If they count steps of one length from a known "
            "start: --time 'timestamp:5s from 2026-01-01'."
        ),
    )


@pytest.mark.parametrize("skip_bad", [False, True])
def test_ids_with_a_lone_quote_are_told(read: Reader, skip_bad: bool) -> None:
    inches = "".join(f'"u{at}","TV {at}"""\n' for at in range(4))
    text = f'user_id,item_id\n"""u1","i1"\n"u""2","i2"\n"u3","a ""b"" c"\n{inches}'
    log = read(text, skip_bad=skip_bad)
    assert log.user_vocabulary.ids.to_list() == ['"u1', 'u"2', "u0", "u1", "u2", "u3"]
    assert remarks(log)[0] == (
        """User ids with a lone quote, kept as written: 2, such as '"u1'. Perhaps the file has a """
        "quote too many there."
    )
    assert not any(remark.startswith("Item ids") for remark in remarks(log))


def test_23_equal_times_are_reported(read: Reader) -> None:
    log = read(timed(str(TIMESTAMP), str(TIMESTAMP)))
    assert log.account.counts["all_times_equal"] == 1
    assert remarks(log) == ("All times are equal, so there is no order of events.",)


@pytest.mark.parametrize(
    ("order", "seconds"), [("day-first", 1_264_982_400), ("month-first", 1_262_390_400)]
)
def test_24_the_order_of_day_and_month_can_be_given(read: Reader, order: str, seconds: int) -> None:
    log = read(timed("1/2/2010"), time=f"timestamp:{order}")
    assert log.times is not None
    assert log.times.tolist() == [seconds]


@pytest.mark.parametrize(
    ("weights", "numbers", "sentence"),
    [
        (["1,5", "2"], [1.5, 2.0], "Weights in 'rating' are written with decimal commas."),
        (["1.234,50", "1"], [1234.5, 1.0], "Weights in 'rating' are written with decimal commas."),
        (
            ["1,234.5", "2,000"],
            [1234.5, 2000.0],
            "Weights in 'rating' are written with commas between thousands.",
        ),
    ],
)
def test_25_commas_are_read_for_the_whole_column(
    read: Reader, weights: list[str], numbers: list[float], sentence: str
) -> None:
    log = read(weighed(*weights))
    assert log.weights is not None
    assert log.weights.tolist() == numbers
    assert sentence in remarks(log)


def test_26_equal_weights_are_not_used(read: Reader) -> None:
    log = read(weighed("4", "4"))
    assert log.weights is None
    assert "weight" not in log.account.columns
    assert "All weights in 'rating' are 4, so they are not used." in remarks(log)


def test_27_policies_for_duplicates(read: Reader) -> None:
    rows = [f"a,{item},{TIMESTAMP},{rating}\n" for item, rating in ("x1", "x1", "x2", "y2")]
    data = "".join(["user_id,item_id,timestamp,rating\n", *rows])
    log = read(data)
    assert dict(log.account.set_aside) == {"exact duplicate": 1}
    assert log.account.counts["same_event_two_weights"] == 1
    assert (
        "Kept, though they repeat an event of the same user, item and time with another "
        "weight: 1 row."
    ) in remarks(log)
    kept = read(data, duplicates="keep")
    assert len(kept) == 4
    assert kept.account.counts["exact_duplicates_kept"] == 1


def test_28_the_smallest_logs_are_read(read: Reader) -> None:
    assert len(read(timed(str(TIMESTAMP)))) == 1
    one_user = read(HEADER + "".join(f"u,i{at},{TIMESTAMP + at}\n" for at in range(5)))
    one_item = read(HEADER + "".join(f"u{at},i,{TIMESTAMP + at}\n" for at in range(5)))
    assert (one_user.user_count, one_user.item_count, len(one_user)) == (1, 5, 5)
    assert (one_item.user_count, one_item.item_count, len(one_item)) == (5, 1, 5)
    assert one_item.account.counts["rows_of_busiest_user"] == 1


def test_29_the_busiest_user_is_counted(read: Reader) -> None:
    log = read(HEADER + "".join(f"bot,i{at},{TIMESTAMP + at}\n" for at in range(90)) + rows(10))
    assert log.account.counts["rows_of_busiest_user"] == 90
    assert len(log) == 100


def test_31_compressed_text(read: Reader) -> None:
    data = (HEADER + rows(30)).encode()
    frame = read(data).frame()
    packed = gzip.compress(data)
    assert read(packed, "log.csv.gz").frame().equals(frame)
    assert (
        read(gzip.compress(data[:100]) + gzip.compress(data[100:]), "log.csv.gz")
        .frame()
        .equals(frame)
    )
    assert read(zstandard.compress(data), "log.csv.zst").frame().equals(frame)
    assert read(packed + b"\0" * 512, "log.csv.gz").frame().equals(frame)


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        pytest.param(
            gzip.compress(b"x") + b"junk",
            "log.csv.gz",
            "log.csv.gz has 4 bytes after the end of its gzip data.",
            id="31-trailing",
        ),
        pytest.param(
            gzip.compress(b"x" * 99)[:-9],
            "log.csv.gz",
            "log.csv.gz is cut off: its gzip data have no end.",
            id="31-truncated-gz",
        ),
        pytest.param(
            zstandard.compress(b"x" * 99)[:-3],
            "log.csv.zst",
            "log.csv.zst is cut off: its zstd data have no end.",
            id="31-truncated-zst",
        ),
    ],
)
def test_31_broken_archives(read: Reader, data: bytes, name: str, sentence: str) -> None:
    with pytest.raises(BadData) as caught:
        read(data, name)
    assert str(caught.value) == f"{sentence}\nDownload or write the file again."


def test_31_zip_is_refused_with_its_files(tmp_path: Path) -> None:
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    with pytest.raises(BadData) as caught:
        read_interactions(path)
    assert str(caught.value) == (
        "both.zip is a zip archive of 2 files: a.csv, b.csv.\nUnpack it and give the file to read."
    )


def test_31_pickle_is_never_opened(read: Reader) -> None:
    with pytest.raises(BadData) as caught:
        read(b"\x80\x04}.", "log.pkl")
    assert (
        str(caught.value) == "log.pkl is a pickle, which is not read.\nSave it as parquet or csv."
    )


def test_32_text_that_will_not_fit_is_refused_before_it_is_read(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_memory, "available", lambda: 1 << 20)
    assert len(read(HEADER + rows(20_000))) == 20_000, "text that is UTF-8 is read in pieces"
    with pytest.raises(OutOfMemory) as caught:
        read(HEADER + rows(20_000), encoding="latin-1")
    assert str(caught.value) == (
        "Reading log.csv would take about 3.3 MiB, and 1.0 MiB of memory are available.\n"
        'Turn it into parquet, which is read in parts: python -c "import polars; '
        "polars.scan_csv('LOG.csv').sink_parquet('LOG.parquet')\"."
    )


def test_37_a_text_bomb_is_stopped(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_sources, "LEAST_LIMIT", 1 << 20)
    bomb = gzip.compress(b"0" * (8 << 20))
    with pytest.raises(BadData) as caught:
        read(bomb, "log.csv.gz")
    limit = max(1 << 20, 200 * len(bomb))
    assert str(caught.value) == (
        f"log.csv.gz expands from {len(bomb):,} bytes to more than {limit:,}.\n"
        "A log shrinks far less than 200 times. If the file is sound, unpack it and give the "
        "result."
    )


def test_60_overlapping_sources_and_a_former_export(read: Reader, tmp_path: Path) -> None:
    log = read(HEADER + rows(30))
    twice = read_interactions([tmp_path / "log.csv", tmp_path / "log.csv"])
    assert dict(twice.account.set_aside) == {"exact duplicate": 30}
    assert twice.fingerprint == log.fingerprint
    log.frame().write_csv(tmp_path / "export.csv")
    again = read_interactions(tmp_path / "export.csv")
    assert again.frame().equals(log.frame())
    assert again.fingerprint == log.fingerprint


def test_the_reader_raises_no_foreign_error(read: Reader) -> None:
    with pytest.raises(SpadeworkError):
        read(b"\x00\x01\x02\x03" * 300)
