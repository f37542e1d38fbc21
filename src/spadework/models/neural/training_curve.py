"""The curve of a training: a row for every epoch, as an array of the model and as a table; and the
identity of a training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import digest
from spadework.models.neural.device import machine

COLUMNS = ("epoch", "loss", "ndcg", "popularity", "coverage")
"""Without seconds, since what a model learns is the same to the byte each time."""


def curve_rows(curve: Sequence[Mapping[str, float]]) -> Array:
    """The rows of a curve as an array [epochs, columns]."""
    return np.asarray([[line[name] for name in COLUMNS] for line in curve], np.float64).reshape(
        -1, len(COLUMNS)
    )


def curve_frame(rows: Array) -> pl.DataFrame:
    """One row an epoch: epoch, loss, and ndcg, popularity and coverage of the lists of
    held-out users.
    """
    return pl.DataFrame(rows, schema=list(COLUMNS)).with_columns(pl.col("epoch").cast(pl.Int64))


def identity_of(
    params: Mapping[str, Any], seed: int, train: Interactions, content: ItemContent | None
) -> str:
    """A name for a training: the same name for the same parameters, seed, data and precision, so
    that it resumes from its own checkpoint only.
    """
    parts = [
        dict(params),
        seed,
        None if content is None else content.fingerprint,
        machine().precision,
        machine().devices,
    ]
    return digest(json.dumps(parts, sort_keys=True).encode(), train.fingerprint.encode())
