"""Content neighbours that are mixed into a table of counted ones."""

from __future__ import annotations

from typing import TypedDict

from spadework.arrays import Array, Codes, Offsets
from spadework.data.content import ItemContent
from spadework.kernels.similarity import table_mixing


class _Content(TypedDict):
    keep: int
    text: float
    categories: float
    vectors: float
    components: int | None


CONTENT: _Content = {
    "keep": 100,
    "text": 1.0,
    "categories": 0.3,
    "vectors": 1.0,
    "components": None,
}
"""The content neighbours that are mixed in; categories at 0.3 did best on three logs
(docs/lab/log.md).
"""


def with_content(
    table: tuple[Offsets, Codes, Array],
    content: ItemContent,
    item_counts: Array,
    share: float,
    cold: float,
    keep: int,
) -> tuple[Offsets, Codes, Array]:
    """The table with content neighbours mixed in: `share` of them in every column, and more by
    cold / (cold + events) where an item has few events.
    """
    from spadework.models.content_neighbours import content_table

    theta = share + (1 - share) * table_mixing.leaning(item_counts, cold)
    return table_mixing.mix(*table, *content_table(content, **CONTENT), theta, keep)
