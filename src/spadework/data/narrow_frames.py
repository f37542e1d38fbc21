"""Rows that are put away for a while, in fewer bytes."""

from __future__ import annotations

import numpy as np
import polars as pl

_INT32 = np.iinfo(np.int32)


def narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose columns of whole numbers take four bytes each where all their values fit."""
    found = {}
    for column in frame.get_columns():
        if column.dtype == pl.Int64 and column.null_count() < len(column):
            low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
            if _INT32.min <= low and high <= _INT32.max:
                found[column.name] = column.cast(pl.Int32)
    return frame.with_columns(**found) if found else frame


def united(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames of one part below each other; what is wide in one of them is wide in all rows."""
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical_relaxed")
