"""What is wrong with arrays that come from a file. Kernels check nothing, so an array of a wrong
shape or type would be read beyond its end.

A model declares its arrays as forms: type, lengths, and whether all numbers are finite. What one
array says of another, such as codes that must be below a length, is up to the other functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from spadework.arrays import Array
from spadework.errors import SpadeworkError
from spadework.ragged import SparseRows

ITEMS, ITEM_STARTS = "items", "items + 1"
"""Lengths that are known before any array is looked at; every other word is the length of the
first array that has it.
"""
_PART = 1 << 16
"""Numbers that are looked at together."""


class Form(NamedTuple):
    """The type of an array and the length of each dimension: a number, or a word that stands for
    one length in all arrays of a model.
    """

    dtype: str
    lengths: tuple[int | str, ...]
    finite: bool = True


Forms = Mapping[str, Form]
TABLE: Forms = MappingProxyType(
    {
        "starts": Form("int64", (ITEM_STARTS,)),
        "columns": Form("int32", ("cells",)),
        "values": Form("float32", ("cells",)),
    }
)
"""A sparse table whose rows are items."""


def misfit(arrays: Mapping[str, Array], forms: Forms, items: int) -> str | None:
    """What the first array that is not of its form is instead: "'columns' is float64, not int32".
    None where all fit; arrays without a form are not looked at.
    """
    known = {ITEMS: items, ITEM_STARTS: items + 1}
    for name, form in forms.items():
        array = arrays.get(name)
        if array is None:
            return f"the array {name!r} is missing"
        if str(array.dtype) != form.dtype:
            return f"{name!r} is {array.dtype}, not {form.dtype}"
        if array.ndim != len(form.lengths):
            return f"{name!r} has {array.ndim} dimensions, not {len(form.lengths)}"
        for found, length in zip(array.shape, form.lengths, strict=True):
            wanted = length if isinstance(length, int) else known.setdefault(length, found)
            if found != wanted:
                which = "" if isinstance(length, int) else f" ({length})"
                return f"{name!r} has the length {found:,}, not {wanted:,}{which}"
        if form.finite and array.dtype.kind == "f" and not are_finite(array):
            return f"{name!r} holds a value that is not finite"
    return None


def first_fault(
    state: Mapping[str, Array],
    items: int,
    forms: Callable[[Mapping[str, Array]], Forms],
    further: Callable[[Mapping[str, Array], int], str | None],
) -> str | None:
    """What is wrong with all arrays of a model: the counts of items first, then the forms, then
    what `further` finds in arrays of these forms.
    """
    popularity = state.get("popularity")
    if popularity is None or not are_numbers(popularity, (items,)):
        return "the counts of items do not fit the items"
    if popularity.dtype.kind not in "iu" or (popularity < 0).any():
        return "the counts of items ('popularity') are no whole numbers from 0"
    try:
        with np.errstate(all="ignore"):
            return misfit(state, forms(state), items) or further(state, items)
    except KeyError as error:
        return f"the array {error} is missing"
    except SpadeworkError:
        raise  # such as an extra that is not installed
    except Exception as error:  # whatever numpy makes of arrays that nobody has checked yet
        return f"the arrays do not fit each other: {error}"


def are_starts(starts: Array, cells: int) -> bool:
    """Whether these are row starts of so many cells: whole numbers with a sign, from 0, never
    falling.
    """
    return (
        starts.ndim == 1
        and starts.dtype.kind == "i"
        and len(starts) > 0
        and bool(starts[0] == 0 and starts[-1] == cells)
        # compared, not subtracted: a difference may overflow
        and bool((starts[1:] >= starts[:-1]).all())
    )


def are_codes(codes: Array, limit: int, *, least: int = 0) -> bool:
    """Whether these are whole numbers with a sign, `least` or more and below `limit`, in one
    dimension.
    """
    return (
        codes.ndim == 1
        and codes.dtype.kind == "i"
        and (not len(codes) or bool(least <= codes.min() and codes.max() < limit))
    )


def are_finite(array: Array) -> bool:
    """Whether all numbers of an array are finite. By parts: a mask of all of them would take a
    quarter of the memory of what is only mapped.
    """
    numbers = array.reshape(-1)
    return all(
        bool(np.isfinite(numbers[at : at + _PART]).all()) for at in range(0, len(numbers), _PART)
    )


def are_numbers(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether these are finite real numbers in this shape."""
    return array.shape == shape and array.dtype.kind in "fiu" and are_finite(array)


def wrong_rows(table: SparseRows, rows: int, width: int) -> str | None:
    """What is wrong with a table of `rows` rows whose columns are below `width`; None where it
    fits.
    """
    starts, columns, values = table
    if columns.shape != values.shape or columns.ndim != 1 or values.dtype.kind not in "fiu":
        return "the cells of the table do not fit each other"
    if not are_starts(starts, len(columns)) or len(starts) != rows + 1:
        return "row starts do not fit the table"
    if not are_codes(columns, width):
        return "the table names items that are not there"
    return None if are_finite(values) else "the table holds a value that is not finite"
