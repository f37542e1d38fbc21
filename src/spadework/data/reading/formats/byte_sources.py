"""Bytes of a source: what is at an address, its format, and how far it may expand."""

from __future__ import annotations

import io
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from spadework import formatting
from spadework.data.reading.formats.known_formats import READ, refuse_known
from spadework.errors import BadData, BadRequest, nearest

LEAST_LIMIT = 1 << 30
"""A compressed file may always expand to this many bytes (1 GiB)."""

EXPANSION_LIMIT = 200
"""Beyond that, to this many times its own size. Logs shrink by 3 to 30; only a bomb shrinks by
more.
"""

_GZ_INPUT = 1 << 16  # expands to 64 MiB at worst
_ZST_INPUT = 1 << 10  # expands to 32 MiB at worst
_AGAIN = "Download or write the file again."

_BESIDE = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_ODD_NAME = "Rename it: other programs fail on such a name, too."


def printable(text: str) -> str:
    """The text with escapes for control characters and for bytes that are not UTF-8."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def check_name(path: Path) -> None:
    """Refuse a name that cannot be written into a report."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise BadRequest(f"The file name {str(path)!a} is not UTF-8.", _ODD_NAME) from None


def check_path(path: Path) -> None:
    """Refuse what is not a readable file or folder, with a sentence each."""
    check_name(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise BadRequest(f"There is no file {str(path)!r}.", _hint_of(path)) from None
    except (OSError, ValueError) as error:
        raise BadRequest(f"{str(path)!r} cannot be opened: {error}.", "Check the path.") from None
    if stat.S_ISFIFO(mode):
        raise BadRequest(
            f"{str(path)!r} is a pipe.", "Pipe it into the command and give '-' as the source."
        )
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadRequest(
            f"{str(path)!r} is neither a file nor a folder.",
            "Give a file, or a folder of parquet files.",
        )
    if not os.access(path, os.R_OK):
        raise BadRequest(
            f"You have no right to read {str(path)!r}.",
            "Ask its owner, or copy it to your own folder.",
        )


def _hint_of(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()][:2000]
    except OSError:
        return f"There is no folder {str(path.parent)!r} either."
    found = nearest(path.name, names)
    return f"Did you mean {found!r}?" if found else "Check the path."


def head_of(path: Path, length: int = 4096) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise BadRequest(
            f"{str(path)!r} cannot be opened: {error.strerror}.", "Check the path and your rights."
        ) from None


def format_of(head: bytes, name: str) -> str:
    """parquet, arrow, gz, zst, zip, office, sqlite, duckdb, json, jsonl or text, by content first
    and name second; other binary formats are refused by name.
    """
    for magic, file_format in READ:
        if head.startswith(magic):
            return file_format
    if head[8:12] == b"DUCK":
        return "duckdb"
    refuse_known(head, name)
    suffix = Path(name.removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    if suffix in (".parquet", ".arrow", ".feather", ".ipc"):
        file_format = "parquet" if suffix == ".parquet" else "Arrow"
        raise BadData(
            f"{name} is not a {file_format} file: it begins with {head[:4]!r}.",
            "Write the file again, or give it its true name.",
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"  # UTF-16, which the text reader names
    odd = sum(byte < 9 or 13 < byte < 32 for byte in head if byte)
    if odd > len(head) // 10:
        raise BadData(
            f"{name} is neither text nor parquet nor Arrow: it begins with {head[:4]!r}.",
            "Save it as parquet or csv.",
        )
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"{" or suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if first == b"[":
        return "json"
    return "text"


def read_bytes(path: Path) -> bytes:
    """The bytes of a text file, unpacked where it is gz or zst."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadRequest(
            f"{str(path)!r} cannot be read: {error.strerror}.", "Check the path and your rights."
        ) from None
    return unpacked(data, path.name)


def read_standard_input() -> bytes:
    """All bytes that are piped in, unpacked where it is gz or zst."""
    return unpacked(sys.stdin.buffer.read(), "standard input")


def unpacked(data: bytes, name: str) -> bytes:
    """The data themselves, or what gz or zst holds."""
    if data.startswith(b"\x1f\x8b"):
        pieces = _pieces_of_gz(data, name)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        pieces = _pieces_of_zst(data, name)
    else:
        return data
    out = io.BytesIO()
    for piece in pieces:
        out.write(piece)
        check_unpacked(out.tell(), len(data), name)
    return out.getvalue()


def check_unpacked(size: int, packed: int, name: str) -> None:
    """Refuse what expands from `packed` bytes to a `size` that no log has."""
    limit = max(LEAST_LIMIT, EXPANSION_LIMIT * packed)
    if size > limit:
        raise BadData(
            f"{name} expands from {packed:,} bytes to more than {limit:,}.",
            (
                f"A log shrinks far less than {EXPANSION_LIMIT} times. If the file is "
                "sound, unpack it and give the result."
            ),
        )


def _pieces_of_gz(data: bytes, name: str) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if data[at : at + 2] != b"\x1f\x8b":
            if data[at:].strip(b"\0"):
                raise BadData(
                    f"{name} has {len(data) - at:,} bytes after the end of its gzip data.", _AGAIN
                )
            return  # zeros after the end are padding of tapes
        machine = zlib.decompressobj(wbits=31)
        while not machine.eof:
            given = data[at : at + _GZ_INPUT]
            at += len(given)
            if not given:
                raise BadData(f"{name} is cut off: its gzip data have no end.", _AGAIN)
            try:
                yield machine.decompress(given)
            except zlib.error as error:
                raise BadData(f"{name} is broken gzip data: {error}.", _AGAIN) from None
        at -= len(machine.unused_data)


def _pieces_of_zst(data: bytes, name: str) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        machine = zstandard.ZstdDecompressor().decompressobj()
        while not machine.eof:
            given = data[at : at + _ZST_INPUT]
            at += len(given)
            if not given:
                raise BadData(f"{name} is cut off: its zstd data have no end.", _AGAIN)
            try:
                yield machine.decompress(given)
            except zstandard.ZstdError as error:
                raise BadData(f"{name} is broken zstd data: {error}.", _AGAIN) from None
        at -= len(machine.unused_data)


def unzipped(path: Path) -> tuple[bytes, str]:
    """Bytes and name of the only file of a zip archive. Raises BadData that lists the files of an
    archive of several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # `is_dir` fails for an entry without a name
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if "[Content_Types].xml" in names:
                raise BadData(
                    f"{path.name} is an Office document, but no workbook that is read.",
                    "Save the sheet as xlsx or csv.",
                )
            own = [name for name in names if not name.startswith(_BESIDE)]
            if len(own) == 1:
                return _member(archive, own[0], path), f"{path.name}/{printable(Path(own[0]).name)}"
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise BadData(f"{path.name} is a broken zip archive.", _AGAIN) from None
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in another way
        raise BadData(
            f"{path.name} cannot be unpacked: {error}.", "Unpack it and give the file to read."
        ) from None
    shown = ", ".join(map(printable, names[:5])) + (", …" if len(names) > 5 else "")
    files = formatting.count(len(names), "file")
    raise BadData(
        f"{path.name} is a zip archive of {files}: {shown}.", "Unpack it and give the file to read."
    )


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    packed = path.stat().st_size
    with archive.open(name) as file:
        data = file.read(max(LEAST_LIMIT, EXPANSION_LIMIT * packed) + 1)
    check_unpacked(len(data), packed, path.name)
    return data
