"""Counts as a folder: readable JSON, arrays (npz) and a table of items. Reading runs no code from
it.
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
from spadework.models.cooccurrence.user_sets import UserSet

HEADER, ARRAYS, ITEMS = "counts.json", "arrays.npz", "items.parquet"
HASHES = "user_hashes"
FORM = bundle.Form(
    3,
    "holds no counts",
    "Name a folder that counts were saved in.",
    "count the log again",
    (ARRAYS, ITEMS),
)
_DTYPES = {
    "starts": "int64",
    "columns": "int32",
    "joint": "float64",
    "sizes": "float64",
    "diagonal": "float64",
    "entries": "int64",
    "popularity": "int64",
    "item_users": "int64",
    HASHES: "uint64",
}


def write(
    folder: Path,
    header: Mapping[str, Any],
    arrays: Mapping[str, Array],
    users: UserSet,
    items: pl.Series,
) -> Path:
    """Write into a folder that must not exist or be empty."""
    bundle.new_folder(folder)  # refused before the arrays are packed, which takes long
    who = {"ids": users.kind, "count": users.count, "edges": list(users.edges)}
    members = {
        ARRAYS: files.npz({**arrays, HASHES: users.hashes}),
        ITEMS: files.parquet(pl.DataFrame({"id": items})),
    }
    bundle.write(folder / HEADER, FORM, {**header, "users": who}, members)
    return folder


def read(
    folder: Path, names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Array], UserSet, pl.Series]:
    """The header, the arrays of these names, the users and the ids of items; what is damaged or
    does not fit is refused.
    """
    header, members = bundle.read(folder / HEADER, FORM)
    again = "Count the log again."
    try:
        arrays = files.arrays_of(members.pop(ARRAYS))  # frees the packed bytes
        items = files.table_of(members[ITEMS])["id"]
        who = header["users"]
        edges = tuple(int(edge) for edge in who["edges"])
        users = UserSet(str(who["ids"]), int(who["count"]), edges, arrays.pop(HASHES))
        facts = {
            "channel": dict(header["channel"]),
            "now": header["now"],
            "groups": int(header["groups"]),
        }
    except (ValueError, KeyError, TypeError, PolarsError) as error:
        raise BadRequest(f"The counts in {folder} cannot be read: {error}.", again) from error
    wrong = _wrong({**arrays, HASHES: users.hashes}, items, (*names, HASHES)) or users.wrong
    if wrong is not None:
        raise BadRequest(f"The counts in {folder} cannot be used: {wrong}.", again)
    return facts, arrays, users, items


def _wrong(arrays: Mapping[str, Array], ids: pl.Series, names: Sequence[str]) -> str | None:
    """What is wrong with arrays that come from a file, since kernels trust them; None when they
    fit.
    """
    if set(arrays) != set(names) or any(
        str(array.dtype) != _DTYPES[name] or array.ndim != 1 for name, array in arrays.items()
    ):
        return "its arrays are others than expected"
    items, starts, columns = len(ids), arrays["starts"], arrays["columns"]
    of_items = ("sizes", "diagonal", "entries", "popularity", "item_users")
    if any(len(arrays[name]) != items for name in of_items):
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
    if ids.null_count() or not ids.is_sorted() or ids.n_unique() < items:
        return "its ids are not in order"
    return None
