"""Histories as sets of items, which an autoencoder learns from."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, distinct
from spadework.models.neural.training_log import TrainingLog
from spadework.models.neural.training_windows import TrainingEvents
from spadework.ragged import Ragged, offsets_of, places_in_rows, row_of_cells


def bags_of(events: TrainingEvents) -> Ragged:
    """The distinct items of each history, ascending; histories of one item are left out. O(events ·
    log events).
    """
    owners, items = _cells(events)
    size = int(items.max(initial=0)) + 1
    rows, columns = np.divmod(distinct(owners * size + items), size)
    lengths = np.bincount(rows, minlength=len(events.firsts))
    bags = Ragged(offsets_of(lengths), columns.astype(np.int32))
    return bags.take(np.flatnonzero(lengths >= 2))


def counts_in_bags(training: TrainingLog) -> tuple[Array, int]:
    """Events of each item in histories of two items or more, [items] float64, and how many such
    histories there are. O(rows · log rows of a block) time, the memory of a block.
    """
    counts, bags = np.zeros(len(training.network_codes), np.float64), 0
    for part in training.parts():
        owners, items = _cells(part)
        # a history has two items where one event has another item than the first
        first = part.items[part.firsts][owners]
        wide = np.bincount(owners, weights=items != first, minlength=len(part.firsts)) > 0
        counts += np.bincount(items[wide[owners]], minlength=len(counts))
        bags += int(wide.sum())
    return counts, bags


def _cells(events: TrainingEvents) -> tuple[Array, Array]:
    """The history of each event, and its item."""
    lengths = events.ends - events.firsts
    owners = row_of_cells(offsets_of(lengths))
    return owners, events.items[events.firsts[owners] + places_in_rows(lengths)]
