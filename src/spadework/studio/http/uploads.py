"""Files that are dropped: written to disk as they come, so that memory holds a piece of them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import python_multipart
from python_multipart.multipart import parse_options_header
from starlette.datastructures import QueryParams

from spadework import formatting
from spadework.errors import BadRequest, OutOfDisk

LARGEST = 20 * 2**30
"""Bytes of one request at most; a larger log is named by its path and read where it is."""
SPARE = 2 * 2**30
"""Bytes that stay free on the disk."""
FIELDS = 2**20
"""Bytes of all fields that are no files."""
_LONGEST = 120  # bytes of a name


@dataclass
class Received:
    """The fields and the files of a form."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field, without blanks around it; empty where there is none."""
        return self.fields.get(name, [""])[-1].strip()


class _Form:
    """The callbacks of the parser: each part goes to a file or to a field."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.received = folder, Received()
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._text = bytearray()
        self._fields = 0

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._of_header,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._text, self._file, self._path = {}, bytearray(), None, None

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _of_header(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        name = options[b"filename"].decode("utf-8", "replace")
        if name:
            self._path = self.folder / secrets.token_hex(6) / safe_name(name)
            self._path.parent.mkdir(parents=True)
            self._file = self._path.open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._fields += end - start
        if self._fields > FIELDS:
            raise BadRequest("The form is too long.", f"Its fields may have {FIELDS:,} bytes.")
        self._text += data[start:end]

    def _end(self) -> None:
        if self._file is not None:
            assert self._path is not None
            self._file.close()
            self.received.files.setdefault(self._name, []).append(self._path)
            self._file = None
        else:
            text = self._text.decode("utf-8", "replace")
            self.received.fields.setdefault(self._name, []).append(text)

    def close(self, whole: bool) -> None:
        """Close the file that was not finished, and remove all unless the form is `whole`."""
        if self._file is not None:
            self._file.close()
        if not whole:
            known = [path for paths in self.received.files.values() for path in paths]
            for path in [*known, *([] if self._path is None else [self._path])]:
                shutil.rmtree(path.parent, ignore_errors=True)


async def received(
    content_type: str, length: str | None, stream: AsyncIterator[bytes], folder: Path
) -> Received:
    """The form of a request; its files are in `folder`. Raises `BadRequest` for what is no form or
    too large, `OutOfDisk` where the disk has no room.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    if length is not None and length.isdigit():
        _check_size(int(length), folder)
    form, size = _Form(folder), 0
    if kind == b"application/x-www-form-urlencoded":
        body = b""
        async for piece in stream:
            body += piece
            if len(body) > FIELDS:
                raise BadRequest("The form is too long.", f"It may have {FIELDS:,} bytes.")
        return Received(_pairs(body))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise BadRequest(
            f"A form was expected, not {content_type[:60]!r}.", "Use the pages of the studio."
        )
    whole = False
    try:
        parser = python_multipart.MultipartParser(options[b"boundary"], form.callbacks())
        async for piece in stream:
            size += len(piece)
            if size > LARGEST:
                _check_size(size, folder)
            parser.write(piece)
        parser.finalize()
        whole = True
    except python_multipart.exceptions.FormParserError as error:
        raise BadRequest(f"The form cannot be read: {error}.", "Send it again.") from None
    except OSError as error:
        raise OutOfDisk(
            f"The file cannot be kept: {error.strerror}.",
            "Make room, or name the file by its path, so that it is read where it is.",
        ) from None
    finally:
        form.close(whole)
    return form.received


def _pairs(body: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in QueryParams(body.decode("utf-8", "replace")).multi_items():
        found.setdefault(name, []).append(value)
    return found


def _check_size(size: int, folder: Path) -> None:
    if size > LARGEST:
        raise BadRequest(
            f"The files have {formatting.size(size)}, and {formatting.size(LARGEST)} can be "
            "dropped.",
            "Name the log by its path, so that it is read where it is.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free - SPARE:
        raise OutOfDisk(
            f"The files have {formatting.size(size)}, and the disk of {folder} has "
            f"{formatting.size(free)} free.",
            "Name the log by its path, so that it is read where it is.",
        )


def safe_name(name: str) -> str:
    """The last part of a name, with nothing that has a meaning in a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(sign if sign.isalnum() or sign in "._- " else "_" for sign in last)
    stem = kept.lstrip(". ")
    while len(stem.encode()) > _LONGEST:
        stem = stem[1:]
    return stem or "log"
