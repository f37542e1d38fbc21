"""Arrays and tables as a bundle whose arrays are mapped, so that gigabytes are there at once and
only what is read comes into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from spadework import bundle, files
from spadework.arrays import Array
from spadework.artifacts import mapped_arrays
from spadework.errors import BadRequest

ARRAYS = "arrays.safetensors"


def form(number: int, name: str, again: str, tables: tuple[str, ...] = ()) -> bundle.Form:
    """What is the same in all bundles of one purpose; `name` such as "kept log" is for messages."""
    members = (ARRAYS, *(f"{table}.parquet" for table in tables))
    return bundle.Form(number, f"holds no {name}", f"To make it, {again}.", again, members)


def write(
    header: Path,
    form: bundle.Form,
    facts: Mapping[str, Any],
    arrays: Mapping[str, Array],
    tables: Mapping[str, pl.DataFrame],
) -> None:
    """Write the arrays and tables next to the header, and the header last."""
    members = {f"{name}.parquet": files.parquet(table) for name, table in tables.items()}
    bundle.write(header, form, facts, {ARRAYS: mapped_arrays.pieces_of(arrays), **members})


def read(
    header: Path, form: bundle.Form
) -> tuple[dict[str, Any], dict[str, Array], dict[str, pl.DataFrame]]:
    """The header, the arrays, read-only and mapped, and the tables. Raises `BadRequest` for what is
    not what was saved.
    """
    facts = bundle.facts_of(header, form)
    names = [name.removesuffix(".parquet") for name in facts["files"] if name != ARRAYS]
    try:
        arrays = mapped_arrays.arrays_of(bundle.mapped(header, form, ARRAYS))
        tables = {
            name: files.table_of(bundle.member(header, form, f"{name}.parquet")) for name in names
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"{header.parent} cannot be read: {error}.", form.again) from error
    return facts, arrays, tables
