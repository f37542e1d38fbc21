"""JSON to a table of text: one object a line, or one document; numbers exactly as written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from spadework import formatting
from spadework.data.reading.formats import python_lines
from spadework.data.reading.formats.encodings import decoded
from spadework.data.reading.formats.json_documents import documents, records_of
from spadework.data.reading.formats.json_tables import table_of_records
from spadework.data.reading.synonyms import SESSIONS, candidates, plain_name
from spadework.data.reading.tables import Table
from spadework.errors import BadData

_DEEPEST = 64  # levels of objects and arrays
_PYTHON = "Each line is a Python dict."
LineParser: TypeAlias = Callable[[bytes], dict[str, Any]]


class _BadLine(ValueError):
    """Why a line is no row."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _BadLine(f"has the key {_shown(twice)} twice")
    return record


def _not_a_number(constant: str) -> None:
    """NaN and the infinities are no JSON; they are what a missing value looks like when Python
    writes it.
    """
    return


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_not_a_number
)


def parse_jsonlines(
    data: bytes, name: str, *, encoding: str, skip_bad: bool, wanted: Sequence[str] = ()
) -> Table:
    """Table of text of JSON lines, of lines that are Python dicts, or of one JSON document; NaN and
    the infinities are missing values.

    Raises BadData at the first line that is not one object, telling its number; with `skip_bad`
    such lines are set aside.
    """
    data, remarks = decoded(data, name, encoding, header=False)
    text = data.lstrip()
    first = _first_line(text)
    if python_lines.looks_like(first):
        remarks.append(_PYTHON)
        return parse_lines(data, name, _parsed_python, remarks, skip_bad)
    if _may_open_a_document(first):
        values = _documents(data, name)
        if values is not None and not (len(values) > 1 and isinstance(values[0], list)):
            return _of_document(values, name, wanted, remarks, skip_bad, len(data))
    elif (record := _only_record(text, first)) is not None:
        entries, _ = records_of([record], name, wanted)
        if entries != [record]:
            return _of_document([record], name, wanted, remarks, skip_bad, len(data))
    return parse_lines(data, name, _parsed, remarks, skip_bad)


def line_parser(data: bytes, remarks: list[str]) -> LineParser | None:
    """What parses each line of a text that begins with these bytes, where its lines are records;
    None where it may be one document.
    """
    text = data.lstrip()
    first = _first_line(text)
    if python_lines.looks_like(first):
        remarks.append(_PYTHON)
        return _parsed_python
    if len(first.rstrip()) == len(text.rstrip()) or _may_open_a_document(first):
        return None
    return _parsed


def _first_line(text: bytes) -> bytes:
    return text[: text.find(b"\n")] if b"\n" in text else text


def _only_record(text: bytes, first: bytes) -> dict[str, Any] | None:
    """The object of a file of one line, unless it has a value of a user or an item itself: then it
    is a record, and lists in it are those of a user.
    """
    if len(first.rstrip()) < len(text.rstrip()):
        return None
    try:
        record = _parsed(first)
    except _BadLine:
        return None
    single = [key for key, value in record.items() if not isinstance(value, (list, dict))]
    if any(plain_name(key) in SESSIONS for key in single):
        return None
    return None if any(candidates(role, single) for role in ("user", "item")) else record


def _may_open_a_document(line: bytes) -> bool:
    try:
        _parsed(line)
    except _BadLine as error:
        return line.lstrip().startswith((b"{", b"[")) and str(error).startswith(
            ("is not JSON", "is a JSON array")
        )
    return False


def _documents(data: bytes, name: str) -> list[Any] | None:
    try:
        return documents(data.decode(), _DECODER)
    except _BadLine as error:
        raise BadData(f"{name}: an object {error}.", "Mend it.") from None


def _of_document(
    values: list[Any],
    name: str,
    wanted: Sequence[str],
    remarks: list[str],
    skip_bad: bool,
    size: int,
) -> Table:
    entries, notes = records_of(values, name, wanted)
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[int] = []
    for number, entry in enumerate(entries, start=1):
        try:
            objects.append(_checked(entry))
            numbers.append(number)
        except _BadLine as error:
            if not skip_bad:
                raise BadData(
                    f"{name}: entry {number} {error}.",
                    "Mend it, or use --skip-bad to set such entries aside.",
                ) from None
            bad.append(number)
    if not objects:
        raise BadData(f"{name} holds no objects.", "Give a file with one object for each row.")
    return table_of_records(
        name,
        objects,
        rows=len(entries),
        size=size,
        numbers=numbers,
        bad=bad,
        bad_reason="entry is not a JSON object",
        remarks=[*remarks, *notes],
    )


def parse_lines(
    data: bytes,
    name: str,
    parse: LineParser,
    remarks: list[str],
    skip_bad: bool,
    *,
    is_piece: bool = False,
) -> Table:
    """The table of lines, each of which is a record; a piece of a file may have none that is."""
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[int] = []
    rows = blank = 0
    fault = ""
    for line_number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            blank += 1
            continue
        rows += 1
        try:
            objects.append(parse(line))
            numbers.append(rows)
        except _BadLine as error:
            fault = fault or f"line {line_number} {error}"
            if not skip_bad:
                raise BadData(
                    f"{name}: {fault}.", "Mend it, or use --skip-bad to set such lines aside."
                ) from None
            bad.append(rows)
    if rows == 0:
        raise BadData(f"{name} is empty.", "Give a file with one JSON object a line.")
    if not objects and not is_piece:
        raise BadData(
            f"Not one of the {formatting.count(rows, 'line')} of {name} is an object: {fault}.",
            "Give a file with one JSON object a line.",
        )
    if blank > (data.endswith(b"\n")):
        remarks.append("Blank lines are ignored.")
    return table_of_records(
        name,
        objects,
        rows=rows,
        size=len(data),
        numbers=numbers,
        bad=bad,
        remarks=remarks,
    )


def _parsed_python(line: bytes) -> dict[str, Any]:
    try:
        return _checked(python_lines.parsed(line))
    except _BadLine:
        raise
    except ValueError as error:
        raise _BadLine(str(error)) from None


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        record = _DECODER.decode(line.decode().strip())
    except RecursionError:
        raise _BadLine("is nested too deep") from None
    except _BadLine:
        raise
    except ValueError as error:
        raise _BadLine(f"is not JSON ({error})") from None
    if isinstance(record, dict) and b"\\ud" not in line.lower() and _is_shallow(line):
        return record
    return _checked(record)


def _is_shallow(line: bytes) -> bool:
    return line.count(b"[") + line.count(b"{") <= _DEEPEST


def _checked(record: Any) -> dict[str, Any]:
    """The record, if it is an object whose texts are whole."""
    if not isinstance(record, dict):
        found = "a JSON array" if isinstance(record, list) else "a single JSON value"
        raise _BadLine(f"is {found}, not an object")
    level: list[Any] = [record]
    for _ in range(_DEEPEST):
        level = [
            entry
            for value in level
            for entry in (value.values() if isinstance(value, dict) else value)
            if isinstance(entry, (dict, list))
        ]
        if not level:
            break
    else:
        raise _BadLine("is nested too deep")
    _check_surrogates(record, "")
    return record


def _check_surrogates(value: Any, key: str) -> None:
    """Escapes can spell half a character, which no text may hold."""
    if isinstance(value, dict):
        for inner, content in value.items():
            _check_surrogates(inner, inner)
            _check_surrogates(content, inner)
    elif isinstance(value, list):
        for entry in value:
            _check_surrogates(entry, key)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _BadLine(f"has half a character (a lone surrogate) in {_shown(key)}") from None


def _shown(text: str) -> str:
    return ascii(text[:60])
