"""What is kept of every epoch of a training, as an array of the model and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from spadework.arrays import Array

COLUMNS = ("epoch", "loss", "ndcg", "popularity", "coverage")
"""No seconds among them, since what a model learns is the same to the byte each time."""


def curve_rows(curve: Sequence[Mapping[str, float]]) -> Array:
    """The lines of a curve as an array [epochs, columns]."""
    return np.asarray([[line[name] for name in COLUMNS] for line in curve], np.float64).reshape(-1, len(COLUMNS))


def curve_frame(rows: Array) -> pl.DataFrame:
    """One row an epoch: epoch, loss, and ndcg, popularity and coverage of the lists of withheld users."""
    return pl.DataFrame(rows, schema=list(COLUMNS)).with_columns(pl.col("epoch").cast(pl.Int64))
