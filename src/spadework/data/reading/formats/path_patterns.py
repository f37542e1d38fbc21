"""Patterns such as `logs/*.csv` to the files that they match."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from spadework.errors import BadRequest

_SIGNS = frozenset("*?[")


def matched(addresses: Sequence[str | Path]) -> list[str | Path]:
    """The addresses, with each pattern replaced by its files in the order of their names. A file
    whose name holds such signs is meant itself.

    Raises BadRequest where a pattern matches nothing.
    """
    found: list[str | Path] = []
    for address in addresses:
        if not isinstance(address, str | Path):
            raise BadRequest(
                f"A list of sources holds a {type(address).__name__}.",
                "Give paths only, or one frame.",
            )
        if not str(address).strip():
            raise BadRequest("The source is an empty text.", "Give a file or a folder.")
        found += _files_of(address)
    return found


def _files_of(address: str | Path) -> list[str | Path]:
    text = str(address)
    if "://" in text or not _SIGNS & set(text) or Path(address).exists():
        return [address]
    try:
        files: list[str | Path] = sorted(glob.glob(text, recursive=True))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{text!r} cannot be read: {error}.", "Check the pattern.") from None
    if not files:
        raise BadRequest(
            f"There is no file {text!r}, and as a pattern it matches none.", "Check the path."
        )
    return files


def given_twice(addresses: Sequence[str | Path]) -> list[str]:
    """Names of the files that stand more than once among the addresses."""
    counts = Counter(Path(address).resolve() for address in addresses)
    return [path.name for path, count in counts.items() if count > 1]
