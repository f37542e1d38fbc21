"""Formats by their first bytes: those that are read, and those that are refused by name with the
way out.
"""

from __future__ import annotations

from spadework.errors import BadData

READ: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\x1f\x8b", "gz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"\xd0\xcf\x11\xe0", "office"),  # of the old kind, or with a password
)
_UNPACK = "Unpack it and give the file to read."
_R = "Write it from R: write.csv(x, 'log.csv', row.names = FALSE)."
_REFUSED: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"FEA1", "a Feather file of the first version", ""),
    (0, b"\xff\xff\xff\xff", "an Arrow stream without a file header", ""),
    (0, b"\x89HDF", "an HDF5 file", ""),
    (0, b"\x93NUMPY", "a NumPy array", ""),
    *((0, bytes((128, version)), "a pickle", "") for version in range(2, 6)),
    (0, b"%PDF", "a PDF document", ""),
    (0, b"ORC", "an ORC file", ""),
    (0, b"Obj\x01", "an Avro file", ""),
    (0, b"BZh", "a bzip2 file", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "an lz4 file", _UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a rar archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x89PNG", "a PNG image", ""),
    (0, b"RDX", "a file of R", _R),
    (0, b"X\n\x00\x00", "a file of R", _R),
    (0, b"MATLAB 5.0", "a MATLAB file", ""),
    (0, b"$FL2", "an SPSS file", ""),
    (0, b"<stata_dta>", "a Stata file", ""),
    (0, b"\x00\x01\x00\x00Standard", "an Access database", "Export the table as csv."),
)


def refuse_known(head: bytes, name: str) -> None:
    """Raise BadData where the first bytes are those of a format that is not read."""
    for at, magic, what, way in _REFUSED:
        if head.startswith(magic, at):
            raise BadData(
                f"{name} is {what}, which is not read.", way or "Save it as parquet or csv."
            )
