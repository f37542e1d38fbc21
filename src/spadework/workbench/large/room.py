"""How many rows a dig holds within a limit of memory. The numbers are measured: see
docs/decisions/0034.
"""

from __future__ import annotations

from spadework import formatting
from spadework.data.interactions import Interactions
from spadework.data.mapped.column_files import mapping_of
from spadework.errors import BadRequest
from spadework.limits import available_bytes, resident_bytes
from spadework.sizes import GIB
from spadework.workbench.recipe import Recipe

BASE = 1100 * 2**20
"""Bytes of a dig of any log: libraries, compiled code, tables of a batch, models that are held."""
A_ROW = 300
"""Bytes per row: the columns of the log, of its cuts and of their cuts, and their arrangements."""
AN_ID = 60
"""Bytes per user or item of the whole log: the ids, and where each user's rows begin."""
A_COLUMNS = 24
"""Bytes per row of the columns of a log alone."""
LEAST_ROWS = 500_000
"""A log of so many rows is never sampled."""
A_SECOND = 10_000
"""Rows of a sample per second of the budget, at most. Where a sample is drawn anyway, it is no
larger than what the budget compares some hundred settings on.
"""


LEAST_FREE = 256 * 2**20
"""Bytes that a dig needs to fit any model, above what the process holds before."""


def check_limit(recipe: Recipe, when: str) -> None:
    """Refuse a limit of memory under which no model could be fitted; `when` says what the process
    has done so far. Raises `BadRequest`.
    """
    held = resident_bytes()
    if recipe.memory and recipe.memory * GIB < held + LEAST_FREE:
        at_least = -(-(held + 2 * LEAST_FREE) // (100 * 2**20)) * 100
        raise BadRequest(
            f"The memory limit of {formatting.size(int(recipe.memory * GIB))} is too small: {when} "
            f"this process holds {formatting.size(held)}.",
            f"Give at least --memory {at_least}m.",
        )


def limit_of(recipe: Recipe) -> int:
    """The most bytes that this process may hold."""
    if recipe.memory:
        return int(recipe.memory * GIB)
    return resident_bytes() + int(0.8 * available_bytes())


def parts_within(memory: int, rows: int, budget_seconds: float) -> int:
    """The smallest power of two by which the users of a log that is elsewhere are divided so that
    the rows of a part fit into so many bytes, and are no more than the budget compares settings on.
    """
    fit = max((memory - BASE) // A_ROW, LEAST_ROWS)
    if rows <= fit:
        return 1
    most, parts = min(fit, max(int(A_SECOND * budget_seconds), LEAST_ROWS)), 2
    while rows > most * parts:
        parts *= 2
    return parts


def why_sampled(memory: int, log: Interactions) -> str:
    """Why a dig learns from a sample of this log, in a sentence."""
    need = BASE + AN_ID * (log.user_count + log.item_count) + A_ROW * len(log)
    return (
        f"A dig of all rows would hold about {formatting.size(need)}, and "
        f"{formatting.size(memory)} may be used (--memory)."
    )


def rows_within(memory: int, log: Interactions, budget_seconds: float) -> int:
    """The rows that a dig of this log learns from: all where they fit into so many bytes, else at
    most as many as fit, and as the budget compares settings on.
    """
    own = BASE + AN_ID * (log.user_count + log.item_count)
    fit = max((memory - own) // A_ROW, LEAST_ROWS)
    if len(log) <= fit:
        return len(log)
    if mapping_of(log.items) is None:  # it stays in memory beside the sample
        fit = max((memory - own - A_COLUMNS * len(log)) // A_ROW, LEAST_ROWS)
    return min(fit, max(int(A_SECOND * budget_seconds), LEAST_ROWS))
