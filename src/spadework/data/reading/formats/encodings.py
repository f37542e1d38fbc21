"""Bytes to UTF-8, and errors where they cannot be decoded."""

from __future__ import annotations

import codecs

from spadework import formatting
from spadework.errors import BadData, BadRequest

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32 (little endian)", "utf-32"),
    (codecs.BOM_UTF32_BE, "UTF-32 (big endian)", "utf-32"),
    (codecs.BOM_UTF16_LE, "UTF-16 (little endian)", "utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16 (big endian)", "utf-16"),
)
_UTF8 = ("utf-8", "utf-8-sig", "ascii")
_STEP = 1 << 24


def is_utf8(encoding: str) -> bool:
    """Whether any part of such a text can be decoded alone, as each line break is one byte."""
    try:
        return codecs.lookup(encoding).name in _UTF8
    except (LookupError, ValueError):
        return False


def decoded(
    data: bytes, name: str, encoding: str = "utf-8", header: bool = True
) -> tuple[bytes, list[str]]:
    """The same text as UTF-8 without a byte order mark, and remarks. With `header` the first
    line is no row.
    """
    try:
        codec = codecs.lookup(encoding).name
        b"".decode(codec)
    except (LookupError, ValueError, UnicodeError):
        raise BadRequest(
            f"There is no encoding {encoding!r}.",
            "Common ones are utf-8, latin-1, cp1252, cp1251, utf-16.",
        ) from None
    if codec in _UTF8:
        for mark, mark_name, option in _MARKS:
            if data.startswith(mark):
                raise BadData(
                    f"{name} is {mark_name}, not UTF-8.", f"Read it with --encoding {option}."
                )
        data, remarks = _without_marks(data)
        _check_utf8(data, name, header)
        return data, remarks
    try:
        data, remarks = _without_marks(data.decode(codec).encode())
        return data, [f"Text is decoded from {codec}.", *remarks]
    except UnicodeError as error:
        raise BadData(
            f"{name} is not {codec}: {error}.",
            "Give the encoding in which the file was written: --encoding.",
        ) from None


def _without_marks(data: bytes) -> tuple[bytes, list[str]]:
    """The text without the mark at its start, and without those that begin a line where files with
    marks were joined.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    inside = b"\n" + codecs.BOM_UTF8
    if codecs.BOM_UTF8[:1] not in data or inside not in data:  # one byte is sought much faster
        return data, []
    remark = (
        "Left out, since files were joined: "
        f"{formatting.count(data.count(inside), 'byte order mark')} at the start of a line."
    )
    return data.replace(inside, b"\n"), [remark]


def _check_utf8(data: bytes, name: str, header: bool) -> None:
    begin = 0
    while begin < len(data):
        stop = min(begin + _STEP, len(data))
        while stop < len(data) and data[stop] & 0xC0 == 0x80:  # not in the middle of a character
            stop += 1
        piece = data[begin:stop]
        if not piece.isascii():
            try:
                piece.decode("utf-8")
            except UnicodeDecodeError as error:
                at = begin + error.start
                line = data.count(b"\n", 0, at) + 1
                where = "the header" if header and line == 1 else f"row {line - header}"
                raise BadData(
                    (
                        f"{name} is not UTF-8: {where} (line {line}) has the byte "
                        f"0x{data[at]:02X}, which is byte {at + 1:,} of the file."
                    ),
                    "Say how it was written, for example --encoding latin-1 or --encoding cp1252.",
                ) from None
        begin = stop


def check_encoding(key: str, name: str) -> None:
    """Refuse what is no encoding of text; `key` is the setting that names it."""
    try:
        "a,1".encode(name).decode(name)
    except (LookupError, ValueError):  # unknown, or no encoding of texts, such as hex
        shown = repr(name) if len(name) <= 78 else f"{name[:78]!r}…"
        raise BadRequest(
            f"The {key} is {shown}, which is no encoding of text.",
            "Write utf-8, latin-1, cp1252 or utf-16, or another that Python knows.",
        ) from None
