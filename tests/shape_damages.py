"""Ways to damage a source of `shape_sources`: one function each, which changes the source in place
and says what is known of it then.

`known` stays where used events must still be among the true ones. It goes where nothing in a file
can tell that values changed: two columns whose values are swapped, a changed byte inside a value,
another unit for every value, or a reading that the user asked for although it is wrong. `odd`
counts the events that may have changed unseen: those of the last line of a text that was cut.
"""

from __future__ import annotations

import contextlib
import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, TypeAlias

import polars as pl

from shape_sources import TIME, Frame, Grid, Part, Raw, Records, Source, packed

Damage: TypeAlias = Callable[[Random, Source], bool]
"""False where a damage does not apply."""

DAMAGES: dict[str, Damage] = {}


def damage(name: str) -> Callable[[Damage], Damage]:
    """Name a way to damage."""

    def keep(function: Damage) -> Damage:
        DAMAGES[name] = function
        return function

    return keep


def _one(rng: Random, source: Source, kind: type[Any] | tuple[type[Any], ...] = object) -> str:
    """The path of one part of this kind; empty without one."""
    names = [name for name, part in source.parts.items() if isinstance(part, kind)]
    return rng.choice(names) if names else ""


def _text(rng: Random, source: Source) -> str:
    return _one(rng, source, (Grid, Records))


def _rows_of(rows: list[Any], rng: Random, most: float = 0.3) -> list[int]:
    """Some places in a list, one at least."""
    count = max(1, int(len(rows) * rng.uniform(0.02, most)))
    return rng.sample(range(len(rows)), min(count, len(rows))) if rows else []


def _recounted(source: Source, name: str, before: Part, data: bytes) -> None:
    """Put bytes in place of a part and count its lines again, where each is a row."""
    if source.rows is not None and isinstance(before, Grid) and b'"' not in data:
        header = before.header is not None and data.startswith(",".join(before.header).encode())
        lines = [line for line in data.split(b"\n") if line.strip(b"\r")]
        source.rows += len(lines) - header - len(before.rows)
    else:
        source.rows = None
    source.parts[name] = Raw(data)


# ---- bytes


LONGEST = 8
"""Events of a row whose cell holds a list: cut short, its last item is another, or its day is."""


@damage("cut at a byte")
def cut(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    part = source.parts[name]
    data = part.data()
    at = rng.randrange(len(data)) if data else 0
    if isinstance(part, Grid) and part.header is not None:
        # what is left of a header names other columns
        source.known = source.known and at >= len(",".join(part.header))
    source.odd += LONGEST if source.shape == "Lists in cells" else 1
    _recounted(source, name, part, data[:at])
    if isinstance(part, Grid) and part.header is not None and at <= len(",".join(part.header)):
        source.rows = None
    return True


@damage("cut after packing")
def cut_packed(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    how = source.packed or rng.choice(("gz", "zst", "zip"))
    data = packed(source.parts[name].data(), how)
    source.parts[name] = Raw(data[: rng.randrange(1, len(data))])
    source.packed, source.rows = "", None
    return True


@damage("end of the file lost")
def end_lost(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Frame, Records))
    if not name:
        return False
    data = source.parts[name].data()
    source.parts[name] = Raw(data[: -rng.randint(1, min(64, len(data)))])
    source.rows = None
    return True


@damage("a byte changed")
def byte_changed(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    data = bytearray(source.parts[name].data())
    if not data:
        return False
    for _ in range(rng.choice((1, 1, 1, 20))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    source.parts[name], source.known, source.rows = Raw(bytes(data)), False, None
    return True


@damage("a piece of zeros")
def zeros(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    part = source.parts[name]
    data = bytearray(part.data())
    at = rng.randrange(len(data) + 1)
    length = rng.choice((1, 1, 3, 40, 4096))
    if rng.random() < 0.5:
        data[at : at + length] = bytes(min(length, len(data) - at))
    else:
        data[at:at] = bytes(length)
    # zeros instead of a line break make one line of two
    lists = isinstance(part, Grid) and source.rows is None
    source.known = source.known and isinstance(part, (Grid, Records)) and not lists
    source.parts[name], source.rows = Raw(bytes(data)), None
    return True


@damage("empty file")
def empty(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    source.parts[name] = Raw(rng.choice((b"", b"\n", b" ", b"\r\n\r\n", b"\xef\xbb\xbf", b"\0")))
    source.packed, source.rows = "", None
    return True


@damage("mixed line ends")
def line_ends(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    ends = rng.choice(((b"\r\n",), (b"\r\n", b"\n"), (b"\r",), (b"\r", b"\n"), (b"\n\r", b"\n")))
    lines = source.parts[name].data().split(b"\n")[:-1]
    source.parts[name] = Raw(b"".join(line + rng.choice(ends) for line in lines))
    source.rows = source.rows if set(ends) <= {b"\r\n", b"\n"} else None
    return True


@damage("a byte order mark")
def mark(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    lines = source.parts[name].data().split(b"\n")
    at = rng.choice((0, rng.randrange(len(lines))))
    lines[at] = b"\xef\xbb\xbf" + lines[at]
    source.parts[name], source.rows = Raw(b"\n".join(lines)), None
    return True


@damage("mixed encodings")
def encodings(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    data = source.parts[name].data()
    if rng.random() < 0.4:
        data = data.decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "cp037")))
    else:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        place = rng.randrange(len(lines[at]) + 1)
        lines[at] = (
            lines[at][:place] + rng.choice((b"\xe9", b"\xc3", b"\xff\xfe")) + lines[at][place:]
        )
        data = b"\n".join(lines)
    if rng.random() < 0.4:
        source.options["encoding"] = rng.choice(("latin-1", "cp1252", "utf-16", "utf-8-sig", "x"))
        source.known = False  # under latin-1 every byte is a letter
    source.parts[name], source.rows = Raw(data), None
    return True


@damage("a quote somewhere")
def quote(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    data = source.parts[name].data()
    for _ in range(rng.randint(1, 3)):
        at = rng.choice((rng.randrange(len(data) + 1), data.find(b"\n") + 1))
        sign = rng.choice((b'"', b'"', b"'", b'""'))
        data = data[:at] + sign + data[at:]
        # an apostrophe belongs to a name, and a quote inside the other quotes of a dict to a text
        source.known = source.known and sign != b"'" and not isinstance(source.parts[name], Records)
    source.parts[name], source.rows = Raw(data), None
    return True


@damage("written twice into one file")
def twice(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    part = source.parts[name]
    data = part.data()
    between = rng.choice((b"", b"\n", b"\xef\xbb\xbf"))
    source.parts[name] = Raw(data + between + data)
    source.repeats, source.rows = True, None
    if isinstance(part, Grid) and source.rows is not None and part.header is not None:
        source.rows += len(part.rows) + 1
    if source.shape == "One basket a line, without users":
        source.known = False  # the lines of the second half are other users
    return True


@damage("another extension")
def extension(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    ending = rng.choice(
        (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".arrow", ".gz", ".zip", ".dat", "")
    )
    renamed = name.rsplit(".", 1)[0] + ending
    source.parts[renamed] = source.parts.pop(name)
    if source.given == name:
        source.given = renamed
    else:
        source.rows = None  # another file is a part then, or is none
    return True


@damage("something behind the end")
def behind(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    part = source.parts[name]
    more = rng.choice(
        (b"\x1a", b"(3 rows)\n", b"\n\n-- 3 rows\n", b"}", b"null\n", b"<html>", b"\0" * 9, b",,\n")
    )
    source.parts[name], source.rows = Raw(part.data() + more), None
    if isinstance(part, Grid):
        # two words are a row of a table of two columns, and one more word ends the last field
        source.odd += 3
    return True


# ---- tables of text


def _grid(rng: Random, source: Source) -> Grid | None:
    name = _one(rng, source, Grid)
    part = source.parts[name] if name else None
    return part if isinstance(part, Grid) and part.rows else None


@damage("header written twice")
def header_twice(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None or grid.header is None:
        return False
    grid.rows.insert(rng.choice((0, rng.randrange(len(grid.rows) + 1))), list(grid.header))
    source.rows = None if source.rows is None else source.rows + 1
    return True


@damage("header lost")
def header_lost(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None or grid.header is None:
        return False
    grid.header = None
    source.rows = None  # the first row may be taken for a header
    source.known = source.known and source.options.get("shape") != "matrix"  # numbers may be ids
    return True


@damage("header where there is none")
def header_added(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None or grid.header is not None:
        return False
    grid.rows.insert(
        rng.choice((0, len(grid.rows) // 2)),
        [f"{word}_id" for word in ("user", "item", "a", "b", "c")][: len(grid.rows[0])],
    )
    source.rows = None
    source.odd += len(grid.rows[0])  # words among words, where ids are words
    # a wrong header names wrong columns
    source.known = False
    return True


@damage("fields missing")
def fields_missing(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None:
        return False
    for at in _rows_of(grid.rows, rng):
        del grid.rows[at][rng.randrange(len(grid.rows[at])) :]
        grid.rows[at] = grid.rows[at] or ["", ""]
    if source.rows is None or grid.sign == " " or grid.header is None:
        # which field is missing is not known where columns have no names
        source.known, source.rows = False, None
    return True


@damage("fields too many")
def fields_more(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None:
        return False
    for at in _rows_of(grid.rows, rng):
        place = rng.randrange(len(grid.rows[at]) + 1)
        grid.rows[at][place:place] = [rng.choice(("", "x", "7"))] * rng.randint(1, 2)
    if source.rows is None or grid.sign == " " or grid.header is None:
        source.known, source.rows = False, None
    return True


@damage("columns swapped")
def swapped(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Frame))
    part = source.parts[name] if name else None
    if isinstance(part, Grid):
        width = min(map(len, part.rows), default=0)
        if width < 2:
            return False
        left, right = rng.sample(range(width), 2)
        for row in part.rows:
            row[left], row[right] = row[right], row[left]
        if part.header is not None and rng.random() < 0.5:
            names = part.header
            names[left], names[right] = names[right], names[left]
            return True
    elif isinstance(part, Frame):
        columns = part.frame.columns
        left, right = rng.sample(range(len(columns)), 2)
        if rng.random() < 0.5:
            columns[left], columns[right] = columns[right], columns[left]
            part.frame = part.frame.select(columns)
            return True
        part.frame = part.frame.rename(
            {columns[left]: columns[right], columns[right]: columns[left]}
        )
    else:
        return False
    source.known = False
    return True


NAMES = ("user", "item", "itm", "Benutzer", "artikel nr", "date", "x", "", " item_id ", "rating",
         "product", "visitor", "event", "session_id", "USER ID", "user_id", "when?", "a.b", "價格",
         "row", "reason", "date+clock")  # fmt: skip


@damage("a column renamed")
def renamed(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records, Frame))
    part = source.parts[name] if name else None
    new = rng.choice(NAMES)
    if isinstance(part, Grid):
        if part.header is None:
            return False
        part.header[rng.randrange(len(part.header))] = new
        if source.options.get("shape") == "matrix":
            source.known = False  # each name is an item
    elif isinstance(part, Frame):
        old = rng.choice(part.frame.columns)
        if new in part.frame.columns:
            return False
        part.frame = part.frame.rename({old: new})
    elif isinstance(part, Records):
        records = [record for record in part.records if isinstance(record, dict)]
        source.rows = None  # a list may be taken apart then
        old = rng.choice(list(records[0]))
        source.known = source.known and new not in records[0]  # it takes the place of that key
        for at, record in enumerate(part.records):
            if isinstance(record, dict) and old in record:
                part.records[at] = {new if key == old else key: record[key] for key in record}
    else:
        return False
    return True


@damage("ids with blanks")
def blanks(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records))
    part = source.parts[name] if name else None
    sign = rng.choice((" ", "  ", "\t", "\u00a0", "\u200b", "\v"))
    if isinstance(part, Grid):
        for at in _rows_of(part.rows, rng, 1.0):
            place = rng.randrange(len(part.rows[at]))
            value = part.rows[at][place]
            inside = value[:1] + sign + value[1:]
            part.rows[at][place] = rng.choice((sign + value, value + sign, inside))
            # names have blanks inside, and between blanks each word is a field
            if part.rows[at][place] == inside or part.sign == " ":
                source.known = False
    elif isinstance(part, Records):
        for record in part.records:
            for key, value in record.items():
                if isinstance(value, str) and rng.random() < 0.3:
                    record[key] = value + sign
    else:
        return False
    source.rows = None
    return True


@damage("a column empty")
def column_empty(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records, Frame))
    part = source.parts[name] if name else None
    share = rng.choice((0.1, 0.5, 0.9, 1.0))
    value = rng.choice(("", "", " ", "NA", "null", "\\N", "-"))
    if isinstance(part, Grid):
        at = rng.randrange(min(map(len, part.rows)))
        for row in part.rows:
            if rng.random() < share:
                row[at] = value
        if part.sign == " " or source.rows is None:
            source.known, source.rows = False, None
        if "user" in source.options and "," in source.options["user"]:
            source.known = False  # their orders are guests, and a remark counts them
    elif isinstance(part, Frame):
        column = rng.choice(part.frame.columns)
        gone = pl.Series([rng.random() < share for _ in range(part.frame.height)], dtype=pl.Boolean)
        part.frame = part.frame.with_columns(pl.when(~gone).then(pl.col(column)).alias(column))
        value = ""
    elif isinstance(part, Records):
        key = rng.choice(list(part.records[0]))
        empty: Any = rng.choice((None, "", [], {}, " "))
        for record in part.records:
            if rng.random() < share:
                record[key] = empty
        value = ""
        source.rows = None
    else:
        return False
    if value.strip():
        source.known = False  # an id like any other, until it is far more frequent
    return True


@damage("one huge field")
def huge(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records))
    part = source.parts[name] if name else None
    value = rng.choice(("9", "x", "é")) * rng.choice((255, 256, 257, 5000, 140_000, 2_000_000))
    if isinstance(part, Grid):
        row = rng.choice(part.rows)
        row[rng.randrange(len(row))] = value
    elif isinstance(part, Records):
        record = rng.choice(part.records)
        record[rng.choice(list(record))] = value
        source.rows = None
    else:
        return False
    source.known = source.known and len(value) > 256
    source.odd += 1  # in the header of a matrix, or in a column that no role reads
    return True


@damage("a column twice")
def column_twice(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Frame))
    part = source.parts[name] if name else None
    if isinstance(part, Grid):
        at = rng.randrange(min(map(len, part.rows)))
        for row in part.rows:
            row.insert(rng.choice((at, len(row))) if part.header is None else at, row[at])
        if part.header is not None:
            part.header.insert(at, rng.choice((part.header[at], f"{part.header[at]}_1", "product")))
    elif isinstance(part, Frame):
        column = rng.choice(part.frame.columns)
        copy = rng.choice((f"{column}_right", f" {column}", column.upper(), "product"))
        part.frame = part.frame.with_columns(pl.col(column).alias(copy))
        source.rows = None if len(source.parts) > 1 else source.rows
    else:
        return False
    # other columns have the numbers then, and each column of a matrix is an item
    is_numbered = isinstance(part, Grid) and part.header is None
    source.known = source.known and not is_numbered and source.options.get("shape") != "matrix"
    return True


ODD_NUMBERS = ("12abc", "N/A", "1.5.2", "1,234", "1e400", "-1", "0", "inf", "nan", "½", "٣", "0x1F",
               "9" * 25, "1_000", "2026-01-01", "TRUE", "-0", "1e-400", "+5", "5.")  # fmt: skip


@damage("odd texts among numbers")
def odd_numbers(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records))
    part = source.parts[name] if name else None
    if isinstance(part, Grid):
        if min(map(len, part.rows)) < 3:
            return False
        at = rng.randrange(2, min(map(len, part.rows)))
        for row in _rows_of(part.rows, rng, 0.6):
            part.rows[row][at] = rng.choice(ODD_NUMBERS)
    elif isinstance(part, Records):
        keys = [key for key in part.records[0] if key not in ("user", "user_id", "item", "asin")]
        if not keys:
            return False
        key = rng.choice(keys)
        for row in _rows_of(part.records, rng, 0.6):
            part.records[row][key] = rng.choice((*ODD_NUMBERS, 1.5, -3, True, 10**30, 1e308))
        source.rows = None
    else:
        return False
    # other numbers are other weights, and dates are times
    source.known = False
    return True


@damage("mixed units of time")
def units(rng: Random, source: Source) -> bool:
    name = _one(rng, source, (Grid, Records, Frame))
    part = source.parts[name] if name else None
    factor = rng.choice((1_000, 1_000_000, 1_000_000_000))
    places = 0
    if isinstance(part, Grid):
        for at in _rows_of(part.rows, rng, 1.0):
            for place, value in enumerate(part.rows[at]):
                if value.startswith("1767") and len(value) == 10:
                    part.rows[at][place] = str(int(value) * factor)
                    places += 1
    elif isinstance(part, Frame):
        if part.frame.schema.get("timestamp") != pl.Int64:
            return False
        some = _rows_of(list(range(part.frame.height)), rng, 1.0)
        places = len(some)
        times = part.frame["timestamp"].to_list()
        for at in some:
            times[at] *= factor
        part.frame = part.frame.with_columns(pl.Series("timestamp", times))
    elif isinstance(part, Records):
        if not all(isinstance(record.get("time"), int) for record in part.records):
            return False
        some = _rows_of(part.records, rng, 1.0)
        places = len(some)
        for at in some:
            part.records[at]["time"] *= factor
    else:
        return False
    return places > 0


@damage("dates in several forms")
def dates(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None:
        return False
    forms = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
             "%Y-%m-%dT%H:%M:%S%z", "%b %d %Y %H:%M:%S", "%Y%m%d%H%M%S", "%d/%m/%y %H:%M:%S",
             "%a %b %d %H:%M:%S %Y", "%Y/%m/%d %I:%M:%S %p")  # fmt: skip
    chosen = rng.sample(forms, rng.randint(1, 2))
    zone = timezone(timedelta(hours=2)) if chosen == ["%Y-%m-%dT%H:%M:%S%z"] else UTC
    some = set(_rows_of(grid.rows, rng, 1.0)) if rng.random() < 0.5 else set(range(len(grid.rows)))
    found = False
    for at, row in enumerate(grid.rows):
        for place, value in enumerate(row):
            if at in some and value.startswith("1767") and len(value) == 10:
                row[place] = datetime.fromtimestamp(int(value), zone).strftime(rng.choice(chosen))
                found = True
    return found


@damage("blank lines and blanks at the ends")
def blank_lines(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    part = source.parts[name]
    lines = part.data().split(b"\n")
    in_lines = isinstance(part, Grid) or (isinstance(part, Records) and part.form != "array")
    for _ in range(rng.randint(1, 4)):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice((b"", b"", b"  ", b"\t")))
    source.parts[name] = Raw(b"\n".join(lines))
    source.rows = source.rows if not in_lines else None
    return True


@damage("comments in the middle")
def comments(rng: Random, source: Source) -> bool:
    name = _text(rng, source)
    if not name:
        return False
    lines = source.parts[name].data().split(b"\n")
    at = rng.choice((0, rng.randrange(len(lines))))
    lines.insert(at, rng.choice((b"# made by hand", b"% 3 rows", b"-- end", b"// x", b"sep=,")))
    source.parts[name], source.rows = Raw(b"\n".join(lines)), None
    grid_of_lists = source.shape.startswith(("Lines of a user", "One basket", "Fields between"))
    source.odd += 5 if grid_of_lists else 0
    source.known = source.known and source.shape != "One basket a line, without users"
    return True


@damage("fields in quotes with signs inside")
def quoted(rng: Random, source: Source) -> bool:
    grid = _grid(rng, source)
    if grid is None:
        return False
    for row in grid.rows:
        for place, value in enumerate(row):
            if rng.random() < 0.3:
                row[place] = f'"{value}"'
    is_read = grid.sign in (",", "\t") and source.rows is not None
    source.known = source.known and is_read
    source.rows = source.rows if is_read else None
    return True


# ---- records


def _json(rng: Random, source: Source) -> Records | None:
    name = _one(rng, source, Records)
    part = source.parts[name] if name else None
    return part if isinstance(part, Records) else None


@damage("keys missing")
def keys_missing(rng: Random, source: Source) -> bool:
    part = _json(rng, source)
    if part is None:
        return False
    for at in _rows_of(part.records, rng):
        part.records[at].pop(rng.choice(list(part.records[at])))
    source.rows = None
    return True


@damage("other kinds of values")
def other_values(rng: Random, source: Source) -> bool:
    part = _json(rng, source)
    if part is None:
        return False
    values: tuple[Any, ...] = (None, True, [], {}, [1, 2], {"a": {"b": 1}}, [[1], [2]], [{"a": 1}],
                               "", 1.5, [None], [{}], {"": 1}, {"a.b": 2})  # fmt: skip
    key = rng.choice(list(part.records[0]))
    for at in _rows_of(part.records, rng, 1.0):
        value = rng.choice(values)
        part.records[at][key] = value
        source.known = source.known and value not in (True, 1.5)  # ids like any other
    source.rows = None
    return True


@damage("entries that are no objects")
def no_objects(rng: Random, source: Source) -> bool:
    part = _json(rng, source)
    if part is None:
        return False
    for _ in range(rng.randint(1, 3)):
        part.records.insert(
            rng.randrange(len(part.records) + 1),
            rng.choice((None, 7, "x", [], [1], ["u1", "i1"], [{"user": "u1", "item": "i1"}], {})),
        )
    source.rows = None
    return True


@damage("lists of other lengths")
def other_lengths(rng: Random, source: Source) -> bool:
    part = _json(rng, source)
    if part is None:
        return False
    found = False
    for record in part.records:
        for value in record.values():
            if isinstance(value, list) and value and rng.random() < 0.3:
                value.pop()
                found = True
    source.rows = None
    # which entry of a list is missing is not known
    source.known = source.known and source.shape != "A list of items for each user"
    return found


@damage("a key twice, or not a number")
def key_twice(rng: Random, source: Source) -> bool:
    name = _one(rng, source, Records)
    if not name:
        return False
    data = source.parts[name].data()
    old, new = rng.choice(
        ((b"{", b'{"user": "x", "user": "y", '), (b": ", b": NaN, "), (b"}", b', "z": Infinity}'),
         (b"}", b',}'), (b"{", b"{" * 3), (b'"', b"'"), (b"[", b"[" * 200), (b"}", b'\\ud800"}'))
    )  # fmt: skip
    places = data.count(old)
    if not places:
        return False
    at = -1
    for _ in range(rng.randint(1, min(places, 5))):
        at = data.find(old, at + 1)
    source.parts[name] = Raw(data[:at] + new + data[at + len(old) :])
    source.rows = None
    return True


# ---- tables with types


CONSTANT = 20  # the type whose values are all the same


AS_TEXT = ("sqlite", "xlsx")
"""Files that have no type for times of day and lists, and hold their texts."""


@damage("other types of columns")
def types(rng: Random, source: Source) -> bool:
    name = _one(rng, source, Frame)
    part = source.parts[name] if name else None
    if not isinstance(part, Frame):
        return False
    column = rng.choice(part.frame.columns)
    value = pl.col(column)
    made: tuple[pl.Expr, ...] = (
        value.cast(pl.Float64),
        value.cast(pl.Float32),
        value.cast(pl.String),
        value.cast(pl.String).cast(pl.Categorical),
        value.cast(pl.String).cast(pl.Binary),
        value.cast(pl.Int64) > 3,
        value.cast(pl.Int8, strict=False),
        value.cast(pl.Int64).cast(pl.Datetime("ms")),
        value.cast(pl.Int64).cast(pl.Datetime("ns", "Europe/Berlin")),
        value.cast(pl.Int64).cast(pl.Date, strict=False),
        value.cast(pl.Int64).cast(pl.Duration("us")),
        value.cast(pl.Int64).cast(pl.Time, strict=False),
        value.cast(pl.Decimal(20, 2)),
        value.cast(pl.UInt64),
        value.cast(pl.Int128),
        value.cast(pl.Float64) + 0.5,
        value.reshape((-1, 1)),
        pl.concat_list(value, value),
        pl.struct(value.alias("id"), value.alias("x")),
        pl.lit(None).alias(column),
        pl.lit(7),  # CONSTANT
        value.cast(pl.Float64) * 1e300 * 1e300,
    )  # fmt: skip
    with contextlib.suppress(pl.exceptions.PolarsError):
        at = rng.randrange(len(made))
        part.frame = part.frame.with_columns(made[at].alias(column))
        source.known = source.known and at != CONSTANT
        if (
            part.form in AS_TEXT
            and part.frame[column].dtype.is_nested() | part.frame[column].dtype.is_temporal()
        ):
            source.known = False  # the file holds texts, which are other ids
        source.rows = None
        return True
    return False


@damage("a part with other columns")
def other_columns(rng: Random, source: Source) -> bool:
    name = _one(rng, source, Frame)
    part = source.parts[name] if name else None
    if not isinstance(part, Frame) or not part.frame.columns:
        return False
    frame = part.frame
    changes: tuple[Callable[[], pl.DataFrame], ...] = (
        lambda: frame.drop(rng.choice(frame.columns)),
        lambda: frame.with_columns(extra=pl.lit("x")),
        lambda: frame.clear(),
        lambda: frame.select(reversed(frame.columns)),
        lambda: frame.rename({frame.columns[0]: frame.columns[0].upper()}),
        lambda: frame.select([]),
        lambda: pl.DataFrame({"a": [1]}),
        lambda: pl.DataFrame(),
    )
    at = rng.randrange(len(changes))
    part.frame = changes[at]()
    source.rows = None
    if len(source.parts) == 1:
        source.known = source.known and at in (1, 2, 3)  # without a column, others have its role
    return True


FOLDERS = (
    *("", "event=/dt=2026-01-01", "dt=2026-01-01/event=buy", "event=buy", "event=buy/dt=gestern"),
    *("event=7/dt=2026-13-45", "event=buy/dt=__HIVE_DEFAULT_PARTITION__", "a=b=c/d=%FF%00", "_x"),
    *("user_id=7/dt=2026-01-01", "year=2026/month=13", "event=buy/event=view", "=x/dt=2026-01-01"),
    "event=buy/dt=9999999999999999999",
)


@damage("other folders")
def folders(rng: Random, source: Source) -> bool:
    if source.given != "warehouse" and source.given != "parts":
        return False
    name = _one(rng, source)
    file = name.rsplit("/", 1)[-1]
    new = f"{source.given}/{rng.choice(FOLDERS)}/{file}"
    source.parts[new] = source.parts.pop(name)
    source.known, source.rows = False, None
    return True


@damage("a stranger in the folder")
def stranger(rng: Random, source: Source) -> bool:
    if "/" not in source.given and source.given in source.parts:
        return False
    folder = next(iter(source.parts)).split("/")[0]
    name, data = rng.choice(
        (("notes.txt", b"hello"), ("z.parquet", b""), ("z.parquet", b"PAR1PAR1"),
         ("z.csv", b"a,b\n1,2\n"), ("z.csv", b""), (".hidden.parquet", b"x"), ("_SUCCESS", b""),
         ("sub/z.parquet", b"PAR1" + bytes(50)), ("part-0", b"PAR1"), ("z.csv", b"\0\1\2\3"),
         ("recipe.json", b"{}"), ("_delta_log/0.json", b"{}"))
    )  # fmt: skip
    source.parts[f"{folder}/{name}"] = Raw(data)
    source.rows = None
    return True


# ---- options


@damage("wrong delimiter given")
def delimiter(rng: Random, source: Source) -> bool:
    source.options["delimiter"] = rng.choice(
        (",", ";", "tab", "|", "::", " ", "_", "", ",,", '"', "\n", "1", "é", ":", "-", ".", "\t")
    )
    if source.rows is None:
        source.known = False  # lists have no number of fields that could tell
    source.rows = None
    return True


@damage("wrong shape given")
def shape(rng: Random, source: Source) -> bool:
    source.options["shape"] = rng.choice(("adjacency", "baskets", "matrix", "impressions", "x"))
    source.known, source.rows = False, None
    return True


COLUMNS = (
    *("user_id", "item_id", "timestamp", "column_1", "column_2", "column_9", "x", "", " ", "@row"),
    *("events.aid", "items", "product", "product.id", "timestamp:written", "-", "time", "user"),
    *("timestamp:milliseconds", "item", "a+b", "user_id+item_id", "timestamp:day-first", "dt"),
    *("column_1:position", "event", "items.item_id"),
)


@damage("wrong columns given")
def columns(rng: Random, source: Source) -> bool:
    roles = ("user", "item", "time", "weight", "event", "basket")
    for role in rng.sample(roles, rng.randint(1, 2)):
        source.options[role] = rng.choice(COLUMNS)
    source.known, source.rows = False, None
    return True


@damage("rules given")
def rules(rng: Random, source: Source) -> bool:
    source.options |= rng.choice(
        (
            {"positive": "timestamp > 5"},
            {"positive": "weight >= 4"},
            {"positive": "user_id != u1"},
            {"positive": "item_id = 7 and user_id > 3"},
            {"positive": ">= 4"},
            {"since": "2026-01-01T00:10:00"},
            {"until": str(TIME + 600)},
            {"since": "2027-01-01", "until": "2026-01-01"},
            {"events": ["buy"]},
            {"events": []},
            {"events": ["x"]},
            {"duplicates": "keep"},
        )
    )
    return True


@damage("packed once more")
def packed_again(rng: Random, source: Source) -> bool:
    name = _one(rng, source)
    how = rng.choice(("gz", "zst", "zip"))
    data = packed(source.parts[name].data(), source.packed)
    if how == "gz" and rng.random() < 0.3:
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
            file.write(data)
        data = buffer.getvalue() + rng.choice((b"", b"\0" * 9, b"x"))
    else:
        data = packed(data, how)
    source.parts[name] = Raw(data)
    source.packed = ""
    return True
