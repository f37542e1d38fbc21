"""What the library of tables says about foreign data, as one sentence that names the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from spadework.errors import BadData

LIBRARY_ERRORS: tuple[type[BaseException], ...] = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    OSError,
)
"""What reading a foreign file may raise. A panic of the library is no `Exception`."""
_CAUGHT: tuple[type[BaseException], ...] = (*LIBRARY_ERRORS, OverflowError)


def first_line(error: BaseException) -> str:
    """The first line of an error's text, without a full stop; its type where there is none."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def broken(name: str, source_format: str, error: BaseException) -> BadData:
    """The error for a file that cannot be decoded."""
    return BadData(
        f"{name} is a broken {source_format} file: {first_line(error)}.",
        "Write or download the file again.",
    )


@contextmanager
def named(name: str, types: Mapping[str, str]) -> Iterator[None]:
    """Turn what the library raises inside into BadData; `types` are role and column → type."""
    try:
        yield
    except _CAUGHT as error:
        listed = ", ".join(f"{column} holds {kind}" for column, kind in types.items())
        raise BadData(
            f"{name} cannot be read: {first_line(error)}. Its columns: {listed}.",
            "Write the column as text, whole numbers or dates, or name another; where the file "
            "changed while it was read, read it again.",
        ) from None
