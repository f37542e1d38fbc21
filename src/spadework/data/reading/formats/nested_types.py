"""Types with structures inside: what is in a list, and the paths that lead to single values."""

from __future__ import annotations

from typing import Any, TypeAlias

import polars as pl

Fields: TypeAlias = tuple[str, ...]
"""Names from the outer to the inner."""


def leaves(fields: Fields, dtype: pl.DataType) -> list[tuple[Fields, pl.DataType]]:
    """The paths to all that is no object, with its types."""
    if not isinstance(dtype, pl.Struct):
        return [(fields, dtype)]
    return [
        leaf for field in dtype.fields for leaf in leaves((*fields, field.name), made(field.dtype))
    ]


def value_at(fields: Fields, outer: pl.Expr | None = None) -> pl.Expr:
    """The value at a path; `outer` stands for the column that its first name is."""
    value = pl.col(fields[0]) if outer is None else outer
    for name in fields[1:]:
        value = value.struct.field(name)
    return value


def made(dtype: Any) -> pl.DataType:
    """The type itself, where polars gives its class."""
    found: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return found


def inner_of(dtype: pl.DataType) -> pl.DataType | None:
    """The type of the entries of a list; None where it is none."""
    return made(dtype.inner) if isinstance(dtype, (pl.List, pl.Array)) else None


def names_inside(column: str, dtype: pl.DataType) -> dict[str, str]:
    """Column after unnesting, also of lists within, → the last part of its name."""
    inner = inner_of(dtype)
    if not isinstance(inner, pl.Struct):
        return {column: column.rpartition(".")[2]}
    found: dict[str, str] = {}
    for leaf, leaf_type in leaves((column,), inner):
        path = ".".join(leaf)
        found |= {path: leaf[-1]} if inner_of(leaf_type) is None else names_inside(path, leaf_type)
    return found


def steps(dtype: pl.DataType | None, path: str) -> list[str]:
    """The fields that lead to a path; the name of a field may hold dots itself."""
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            if path == field.name:
                return [path]
            if path.startswith(f"{field.name}."):
                rest = steps(made(field.dtype), path.removeprefix(f"{field.name}."))
                if rest:
                    return [field.name, *rest]
    return []
