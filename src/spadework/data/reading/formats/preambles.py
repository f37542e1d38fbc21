"""Lines before a table of text: comments (`% bip unweighted`) and the line `sep=;` of workbooks."""

from __future__ import annotations

import re

from spadework import formatting

_MARKS = (b"#", b"%")
_MATRIX_MARKET = b"%%MatrixMarket"
_MOST = 200  # lines of comments
_SIGNS = (b",", b";", b"\t", b"|", b"::")
_SEPARATOR = re.compile(rb"sep=([,;|\t])\r?\n", re.IGNORECASE)


def without_preamble(data: bytes) -> tuple[bytes, str | None, list[str]]:
    """The text from its header or first row on, the delimiter that its first line names, and
    remarks.

    A line of comments begins with %, or with # and has not as many fields as the rows; one that
    has is the header.
    """
    named = _SEPARATOR.match(data[:16])
    if named is not None:
        sign = named[1].decode()
        return data[named.end() :], sign, [f"The first line names the delimiter {sign!r}."]
    if not data.startswith(_MARKS):
        return data, None, []
    lines: list[bytes] = []
    at = 0
    row = b""
    while len(lines) <= _MOST:
        end = data.find(b"\n", at)
        line = data[at : len(data) if end < 0 else end]
        if not line.startswith(_MARKS):
            row = line
            break
        if end < 0:
            return data, None, []  # there is nothing else
        lines.append(line)
        at = end + 1
    if data.startswith(_MATRIX_MARKET):
        return _of_matrix_market(data, at, lines[0])
    comments = next((n for n, line in enumerate(lines) if _fits(line, row)), len(lines))
    if not row.strip() or comments == 0:
        return data, None, []
    skipped = sum(len(line) + 1 for line in lines[:comments])
    first = lines[0][:60].decode(errors="replace").strip()
    remark = (
        f"Left out before the table, {formatting.count(comments, 'line')} of comments: {first!r}."
    )
    return data[skipped:], None, [remark]


def _of_matrix_market(data: bytes, at: int, banner: bytes) -> tuple[bytes, str | None, list[str]]:
    """The entries of a matrix: what follows its comments and the line of its sizes."""
    if b"coordinate" not in banner.lower():
        return data[at:], None, []
    end = data.find(b"\n", at)
    sizes = data[at : len(data) if end < 0 else end].decode(errors="replace").strip()
    remark = (
        f"This is a matrix of MatrixMarket; its comments and the line of its sizes ({sizes}) are "
        "left out."
    )
    return (b"" if end < 0 else data[end + 1 :]), None, [remark]


def _fits(line: bytes, row: bytes) -> bool:
    """Whether a line has as many fields as a row, under the delimiter of the row; no header
    begins with %.
    """
    if line.startswith(b"%"):
        return False
    for sign in _SIGNS:
        if sign in row:
            return line.count(sign) == row.count(sign)
    fields = len(row.split())
    return fields > 1 and len(line.lstrip(b"#% ").split()) == fields
