"""Weights of a column: decimal points or commas decided for all values, and a rule for every odd
number.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Floats
from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData, Undecided

LARGEST = 1e15
"""Largest weight: sums of squares in single precision end at 3e38."""

BELOW_ZERO = "weight below zero (a return)"
"""The reason of the row account where returns are not netted."""

_POINTS, _COMMAS = "with decimal points", "with decimal commas"
_POINT = r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$"
_COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?$"


def read_weights(
    column: pl.Series, name: str, ledger: Ledger, *, keep_returns: bool = False
) -> NDArray[np.float64]:
    """Weights above zero. What is no number, infinite, zero or below is set aside, each under its
    own reason; with `keep_returns` those below zero stay. O(n).
    """
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
        dtype = column.dtype
    if dtype == pl.String:
        numbers = numbers_of(column, name, ledger, "weights")
    elif dtype.is_numeric() or dtype == pl.Null:
        numbers = column.cast(pl.Float64)
    else:
        raise BadData(
            f"The weight column {name!r} holds {dtype}, which is no number.",
            "Name another column, or read none: --weight -.",
        )
    values = numbers.fill_null(np.nan).to_numpy()
    sizes = np.abs(values) if keep_returns else values
    huge = np.isfinite(sizes) & (sizes > LARGEST)
    if huge.any():
        most = float(values[int(np.argmax(np.where(huge, sizes, 0)))])
        raise BadData(
            f"The weights in {name!r} reach {most:.3g} "
            f"({formatting.count(int(huge.sum()), 'row')} beyond {LARGEST:g}), too large for sums.",
            "Mend them, or divide all of them by one number; --weight - reads none.",
        )
    with np.errstate(invalid="ignore"):
        if len(values) and not (float(values.min()) > 0 and np.isfinite(values).all()):
            unknown = np.isnan(values)
            if unknown.any():
                ledger.tell(
                    "weights that are no numbers",
                    {"rows": int(unknown.sum())},
                    lambda facts: [
                        f"Set aside for want of a number in {name!r}: "
                        f"{formatting.count(facts['rows'], 'row')}; --weight - reads the log "
                        "without weights."
                    ],
                )
            ledger.set_aside(unknown, "weight not a number")
            ledger.set_aside(np.isinf(values), "weight infinite")
            if not keep_returns:
                ledger.set_aside(values < 0, BELOW_ZERO)
            ledger.set_aside(values == 0, "weight zero")
    return values


def compact(values: NDArray[np.float64]) -> Floats:
    """Single precision where that loses nothing."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if (single == values).all() else values


def numbers_of(column: pl.Series, name: str, ledger: Ledger, what: str = "numbers") -> pl.Series:
    """Numbers of a column of text, null where a text is none. `what` they are called in sentences.
    Raises where they can be read in two ways.
    """
    text = column.str.strip_chars()
    about = f"the {what} in {name!r}"
    known = ledger.known.get(about)
    is_plain = not text.str.contains(",", literal=True).any()
    if known != _COMMAS and is_plain and not text.str.contains(r"\..*\.").any():
        if text.str.contains(".", literal=True).any():
            ledger.choose(about, _POINTS)
        return text.cast(pl.Float64, strict=False)
    point, comma = (text.str.contains(pattern).fill_null(False) for pattern in (_POINT, _COMMA))
    numeric = point | comma
    only_point, only_comma = int((point & ~comma).sum()), int((comma & ~point).sum())
    if only_point and only_comma:
        raise BadData(
            (
                f"The {what} in {name!r} are written in two ways: {only_point:,} with decimal "
                f"points, {only_comma:,} with decimal commas."
            ),
            "Write them all in one way.",
        )
    if not only_point and not only_comma and known is not None:
        only_comma = int(known == _COMMAS)
    elif not only_point and not only_comma:
        example = text.filter(numeric & text.str.contains(",", literal=True))
        if len(example) == 0:
            return text.cast(pl.Float64, strict=False)
        raise Undecided(
            (
                f"{what.capitalize()} in {name!r} such as {example[0]!r} can be read with a "
                "decimal comma or with a comma between thousands."
            ),
            "Write them with a decimal point, or "
            + ("read none: --weight -." if what == "weights" else "leave the rule out."),
        )
    ledger.choices[about] = _COMMAS if only_comma else _POINTS  # another than is known: an error
    if only_comma:
        ledger.remark(f"{what.capitalize()} in {name!r} are written with decimal commas.")
        text = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    else:
        ledger.remark(f"{what.capitalize()} in {name!r} are written with commas between thousands.")
        text = text.str.replace_all(",", "", literal=True)
    return text.set(~numeric, None).cast(pl.Float64, strict=False)
