"""Tables of many co-occurrence models from few counts.

Models share a table where they differ only in the scale of entire rows, in changes of the finished
table or in how they answer. Tables are made in batches of bounded memory, and each batch has its
own counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from spadework import events
from spadework.arrays import Array, Mask
from spadework.data.interactions import Interactions
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.similarity.neighbour_table import Table, most_cells, tables
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import Pass, count_pass, passes

if TYPE_CHECKING:
    from spadework.models.cooccurrence.operator import CoOccurrence

TOGETHER_BYTES = 1 << 29
"""Bytes of tables that are held at once when many models are fitted together."""
FINISHING = ("keep_columns", "normalise", "content_share", "content_cold")
"""Parameters of the changes to a finished table."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Models that share a table."""

    channel: Channel
    models: tuple[CoOccurrence, ...]

    @property
    def first(self) -> CoOccurrence:
        """The first of them: all weigh pairs in the same way."""
        return self.models[0]

    def finishings(self) -> list[list[CoOccurrence]]:
        """The models, grouped by equal changes to the finished table."""
        found: dict[tuple[object, ...], list[CoOccurrence]] = {}
        for model in self.models:
            found.setdefault(
                (model.row_exponent, *(getattr(model, name) for name in FINISHING)), []
            ).append(model)
        return list(found.values())

    def bytes(self, groups: Groups) -> int:
        """Bytes that the models hold at most, without the parts that the table was joined from.
        O(items).
        """
        finished = [model for model, *_ in self.finishings()]
        half, keep = (
            4 * most_cells(groups, self.first.keep),
            min(self.first.keep, groups.item_count),
        )
        mixed = sum(model.content_share > 0 or model.content_cold > 0 for model in finished)
        # these have their own columns; all have their own values
        own = sum(model.keep_columns is not None for model in finished)
        return half * (1 + len(finished) + own) + 8 * mixed * groups.item_count * keep

    def parts(self, groups: Groups) -> list[Fit]:
        """These models, or halves of them where together they hold more than a batch may: each with
        a table of its own.
        """
        finishings = self.finishings()
        if len(finishings) == 1 or self.bytes(groups) <= TOGETHER_BYTES:
            return [self]
        middle = len(finishings) // 2
        halves = (
            tuple(itertools.chain(*half)) for half in (finishings[:middle], finishings[middle:])
        )
        return [part for half in halves for part in Fit(self.channel, half).parts(groups)]


def tables_of(
    models: Sequence[CoOccurrence], train: Interactions, rows: Mask | None
) -> Iterator[list[tuple[Fit, Table, Array]]]:
    """Models that share a table, the table, and the sizes of items [items], batch by batch; a
    caller that empties a list frees its tables one by one.

    `rows` [items] masks the history items whose neighbours are needed.
    """
    by_table: dict[str, list[CoOccurrence]] = {}
    for model in models:
        by_table.setdefault(model.table_key, []).append(model)
    by_channel: dict[Channel, list[Fit]] = {}
    for same in by_table.values():
        by_channel.setdefault(same[0].channel, []).append(Fit(same[0].channel, tuple(same)))
    for channels in passes(train, list(by_channel)):
        counted = count_pass(train, channels, wanted=rows)
        parts = [
            (position, part)
            for position, channel in enumerate(channels)
            for fit in by_channel[channel]
            for part in fit.parts(counted.groups)
        ]
        batches = list(_batches(counted.groups, parts))
        for batch in batches:
            needed = tuple(
                channels[position] for position in sorted({position for position, _ in batch})
            )
            if needed != counted.channels:  # channels that the batch does not need are not counted
                del counted  # frees it before the next pass
                with events.aside():  # its notes were made by the first pass
                    counted = count_pass(train, needed, wanted=rows)
            yield from _fit_batch(
                counted, [(needed.index(channels[position]), fit) for position, fit in batch]
            )


def _batches(groups: Groups, parts: list[tuple[int, Fit]]) -> Iterator[list[tuple[int, Fit]]]:
    """Parts that hold no more than `TOGETHER_BYTES`; tables of a channel stay together where they
    can.
    """
    batch: list[tuple[int, Fit]] = []
    held = 0
    for _, fits in itertools.groupby(parts, itemgetter(0)):
        sized = [(part, part[1].bytes(groups)) for part in fits]
        if batch and held + sum(size for _, size in sized) > TOGETHER_BYTES:
            yield batch
            batch, held = [], 0
        for part, size in sized:
            if batch and held + size > TOGETHER_BYTES:
                yield batch
                batch, held = [], 0
            batch.append(part)
            held += size
    if batch:
        yield batch


def _fit_batch(
    counted: Pass, batch: list[tuple[int, Fit]]
) -> Iterator[list[tuple[Fit, Table, Array]]]:
    powers: dict[tuple[int, float], Array] = {}

    def powers_of(sizes: Array, exponent: float) -> Array:
        if (id(sizes), exponent) not in powers:
            powers[id(sizes), exponent] = sizes**exponent
        return powers[id(sizes), exponent]

    weighings = [
        fit.first.weighing(position, counted.sizes[position], counted.totals[position], powers_of)
        for position, fit in batch
    ]
    models = sum(len(fit.models) for _, fit in batch)
    label = f"fit {batch[0][1].first.label}" + (f" and {models - 1} more" if models > 1 else "")
    # No variable here holds the tables, so they are freed with the list.
    yield [
        (fit, table, counted.sizes[position][counted.groups.rank_of_code])
        for (position, fit), table in zip(
            batch, tables(counted.counter, counted.groups, weighings, label), strict=True
        )
    ]
