"""Errors of reading an item table: they name the options that reach it."""

from __future__ import annotations

from spadework.errors import BadData

_OWN = (
    ("--delimiter", "--items-delimiter"),
    ("--encoding", "--items-encoding"),
    (", or use --skip-bad to set such rows aside", ""),
    (", or use --skip-bad to set such lines aside", ""),
)


def with_item_options(error: BadData) -> BadData:
    """The same error with a hint for an item table."""
    hint = error.hint
    for option, own in _OWN:
        hint = hint.replace(option, own)
    return type(error)(error.message, hint)
