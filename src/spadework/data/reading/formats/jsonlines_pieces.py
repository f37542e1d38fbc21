"""JSON lines that do not fit into memory: pieces of whole lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spadework.data.reading.formats.encodings import decoded, is_utf8
from spadework.data.reading.formats.jsonlines import line_parser, parse_lines
from spadework.data.reading.formats.text_pieces import Pieces, TextFile
from spadework.data.reading.tables import Table


def jsonlines_in_pieces(path: Path, *, encoding: str, skip_bad: bool) -> Table | None:
    """The table of a file that is read twice: now to count and to check its lines, and piece by
    piece when they are wanted. None where its lines are no records: a document, or no UTF-8.

    Raises what parsing raises, with rows counted from the piece; BadData where a column has other
    types in other pieces.
    """
    if not is_utf8(encoding):
        return None
    file = TextFile.of(path)
    spans: Sequence[tuple[int, int]] = file.spans(quotes=False)
    begun, notes = decoded(file.read(spans[0]), path.name, encoding, header=False)
    parser = line_parser(begun, notes)
    if parser is None:
        return None

    def parse(at: int, data: bytes) -> Table | None:
        data, remarks = decoded(data, path.name, encoding, header=False)
        if not data.strip():
            return None
        remarks = notes if at == 0 else remarks
        return parse_lines(data, path.name, parser, list(remarks), skip_bad, is_piece=True)

    return Pieces(file=file, spans=spans, parse=parse).table()
