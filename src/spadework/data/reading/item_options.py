"""Errors of reading an item table: they name the options that reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from spadework.errors import BadData, BadRequest, Undecided

_SKIP_BAD = re.compile(r", or use --skip-bad to set such (?:rows|lines) aside")
_OF_THE_LOG = re.compile(r"--(item|encoding|delimiter)(?![\w-])")


@contextmanager
def item_options() -> Iterator[None]:
    """Within the block, errors name the options of the item table, not those of the log."""
    try:
        yield
    except (BadData, BadRequest) as error:
        if type(error) not in (BadData, BadRequest, Undecided):
            raise
        raise type(error)(_own(error.message), _own(error.hint)) from None


def _own(text: str) -> str:
    text = _SKIP_BAD.sub("", text)
    return _OF_THE_LOG.sub(
        lambda found: "--items-id" if found[1] == "item" else f"--items-{found[1]}", text
    )
