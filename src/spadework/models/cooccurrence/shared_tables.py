"""Tables of many co-occurrence models from few counts.

Models whose tables differ only in how whole rows are scaled, in what is done to the finished table
or in how they answer share one. Tables are made in batches of bounded memory, and each batch is
counted for itself.
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
from spadework.models.cooccurrence.channel import Channel
from spadework.models.cooccurrence.count_passes import Pass, count_pass, passes

if TYPE_CHECKING:
    from spadework.models.cooccurrence.operator import CoOccurrence

TOGETHER_BYTES = 1 << 29
"""Tables that are held at once when many models are fitted together."""
FINISHING = ("keep_columns", "normalise", "content", "content_cold")
"""Parameters of what is done to a finished table."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Models that share a table."""

    channel: Channel
    models: tuple[CoOccurrence, ...]

    @property
    def first(self) -> CoOccurrence:
        """Any of them: it knows how pairs are weighed."""
        return self.models[0]

    def finishings(self) -> list[list[CoOccurrence]]:
        """The models, those together that finish the table alike."""
        found: dict[tuple[object, ...], list[CoOccurrence]] = {}
        for one in self.models:
            found.setdefault(
                (one.scales_rows, *(getattr(one, name) for name in FINISHING)), []
            ).append(one)
        return list(found.values())

    def bytes(self, groups: Groups) -> int:
        """What the models hold at most; the parts that the table was joined from are let go.
        O(items).
        """
        finished = [one for one, *_ in self.finishings()]
        half, keep = (
            4 * most_cells(groups, self.first.keep),
            min(self.first.keep, groups.item_count),
        )
        mixed = sum(one.content > 0 or one.content_cold > 0 for one in finished)
        # these have columns of their own; values all have
        own = sum(one.keep_columns is not None for one in finished)
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
    """What shares a table, the table, and the sizes of items [items], batch by batch; who empties a
    list frees its tables one by one.

    `rows` [items] masks the history items whose neighbours are wanted.
    """
    alike: dict[str, list[CoOccurrence]] = {}
    for one in models:
        alike.setdefault(one.table_key, []).append(one)
    by_channel: dict[Channel, list[Fit]] = {}
    for same in alike.values():
        by_channel.setdefault(same[0].channel, []).append(Fit(same[0].channel, tuple(same)))
    for channels in passes(train, list(by_channel)):
        counted = count_pass(train, channels, asked=rows)
        wanted = [
            (place, part)
            for place, channel in enumerate(channels)
            for fit in by_channel[channel]
            for part in fit.parts(counted.groups)
        ]
        batches = list(_batches(counted.groups, wanted))
        for batch in batches:
            needed = tuple(channels[place] for place in sorted({place for place, _ in batch}))
            if needed != counted.channels:  # what one batch does not need is not counted for it
                del counted  # before others are arranged
                with events.aside():  # what is to be said of the log was said
                    counted = count_pass(train, needed, asked=rows)
            yield from _fit_batch(
                counted, [(needed.index(channels[place]), fit) for place, fit in batch]
            )


def _batches(groups: Groups, wanted: list[tuple[int, Fit]]) -> Iterator[list[tuple[int, Fit]]]:
    """Parts that hold no more than `TOGETHER_BYTES`; tables of a channel stay together where they
    can.
    """
    batch: list[tuple[int, Fit]] = []
    held = 0
    for _, fits in itertools.groupby(wanted, itemgetter(0)):
        sized = [(one, one[1].bytes(groups)) for one in fits]
        if batch and held + sum(size for _, size in sized) > TOGETHER_BYTES:
            yield batch
            batch, held = [], 0
        for one, size in sized:
            if batch and held + size > TOGETHER_BYTES:
                yield batch
                batch, held = [], 0
            batch.append(one)
            held += size
    if batch:
        yield batch


def _fit_batch(
    counted: Pass, batch: list[tuple[int, Fit]]
) -> Iterator[list[tuple[Fit, Table, Array]]]:
    powers: dict[tuple[int, float], Array] = {}

    def regularised(sizes: Array, exponent: float) -> Array:
        if (id(sizes), exponent) not in powers:
            powers[id(sizes), exponent] = sizes**exponent
        return powers[id(sizes), exponent]

    weighings = [
        fit.first.weighing(place, counted.sizes[place], counted.totals[place], regularised)
        for place, fit in batch
    ]
    models = sum(len(fit.models) for _, fit in batch)
    label = f"fit {batch[0][1].first.label}" + (f" and {models - 1} more" if models > 1 else "")
    # No name here holds the tables, so they are freed with the list.
    yield [
        (fit, table, counted.sizes[place][counted.groups.ranks])
        for (place, fit), table in zip(
            batch, tables(counted.counter, counted.groups, weighings, label), strict=True
        )
    ]
