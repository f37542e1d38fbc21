"""Whatever has the Arrow interface as a frame."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl


@runtime_checkable
class ArrowFrame(Protocol):
    """Objects with the Arrow PyCapsule interface: frames of pandas, polars and pyarrow, results of
    duckdb.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of record batches."""


class _Capsule:
    """Only the Arrow interface of a frame, so that polars has no special path for pandas, and does
    not keep the class of a library that complains at the end about what is still there.
    """

    def __init__(self, frame: ArrowFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def frame_of(source: ArrowFrame) -> pl.DataFrame:
    """All rows, in one copy."""
    return pl.DataFrame(_Capsule(source))
