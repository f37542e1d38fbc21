"""Counts as a folder: readable JSON, arrays (npz), a table of items and one of users. Reading runs
no code from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from spadework import bundle, files
from spadework.arrays import Array
from spadework.errors import BadRequest

HEADER, ARRAYS = "counts.json", "arrays.npz"
TABLES = ("items", "users")
FORM = bundle.Form(
    2,
    "holds no counts",
    "Name a folder that counts were saved in.",
    "count the log again",
    (ARRAYS, *(f"{name}.parquet" for name in TABLES)),
)
_DTYPES = {
    "starts": "int64",
    "columns": "int32",
    "joint": "float64",
    "sizes": "float64",
    "entries": "int64",
    "popularity": "int64",
}


def write(
    folder: Path,
    header: Mapping[str, Any],
    arrays: Mapping[str, Array],
    ids: Mapping[str, pl.Series],
) -> Path:
    """Write into a folder that must not exist or be empty."""
    bundle.new_folder(folder)  # refused before the arrays are packed, which takes long
    members = {ARRAYS: files.npz(arrays)}
    for name in TABLES:
        members[f"{name}.parquet"] = files.parquet(pl.DataFrame({"id": ids[name]}))
    bundle.write(folder / HEADER, FORM, header, members)
    return folder


def read(
    folder: Path, names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Array], dict[str, pl.Series]]:
    """The header, the arrays of these names and the ids of items and users; what is damaged or does
    not fit is refused.
    """
    header, members = bundle.read(folder / HEADER, FORM)
    again = "Count the log again."
    try:
        arrays = files.arrays_of(members.pop(ARRAYS))  # frees the packed bytes
        ids = {name: files.table_of(members[f"{name}.parquet"])["id"] for name in TABLES}
        facts = {
            "channel": dict(header["channel"]),
            "now": header["now"],
            "units": int(header["units"]),
        }
    except (ValueError, KeyError, TypeError, PolarsError) as error:
        raise BadRequest(f"The counts in {folder} cannot be read: {error}.", again) from error
    wrong = _wrong(arrays, ids, names)
    if wrong is not None:
        raise BadRequest(f"The counts in {folder} cannot be used: {wrong}.", again)
    return facts, arrays, ids


def _wrong(
    arrays: Mapping[str, Array], ids: Mapping[str, pl.Series], names: Sequence[str]
) -> str | None:
    """What is wrong with arrays that come from a file, since kernels trust them; None when they
    fit.
    """
    if set(arrays) != set(names) or any(
        str(array.dtype) != _DTYPES[name] or array.ndim != 1 for name, array in arrays.items()
    ):
        return "its arrays are others than expected"
    items, starts, columns = len(ids["items"]), arrays["starts"], arrays["columns"]
    if any(len(arrays[name]) != items for name in ("sizes", "entries", "popularity")):
        return "the sizes do not fit the items"
    if (
        len(starts) != items + 1
        or starts[0] != 0
        or starts[-1] != len(columns)
        or (np.diff(starts) < 0).any()
    ):
        return "row starts do not fit the pairs"
    if len(columns) != len(arrays["joint"]) or (
        len(columns) and (columns.min() < 0 or columns.max() >= items)
    ):
        return "it counts items that are not there"
    if any(
        series.null_count() or not series.is_sorted() or series.n_unique() < len(series)
        for series in ids.values()
    ):
        return "its ids are not in order"
    return None
