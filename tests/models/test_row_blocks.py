"""Parts of whole users are counted alone, blocks of items are added up and pruned alone, and the
model is that of the log.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.cooccurrence import row_blocks
from spadework.models.cooccurrence.counts import count
from spadework.models.cooccurrence.counts import fit as fit_counts
from spadework.models.cooccurrence.pruning import finished
from spadework.models.cooccurrence.row_blocks import (
    CountedRows,
    ItemSums,
    add_up,
    count_part,
    reduce_block,
)
from spadework.models.labels import model
from spadework.ragged import offsets_of
from spadework.spark import payloads, tasks

SETTINGS = {
    "cosine": {},
    "forward": {},
    "cooccurrence": {"entry": "value", "age_half_life": "30d", "group_power": 0.5, "keep": 5},
    "cooccurrence(llr=3.0)": {},
}


def a_log(rows: int = 600):
    users, items, times = random_rows(7, rows=rows)
    weights = np.random.default_rng(7).integers(1, 9, rows) / 4
    return make_log(users, items, times, weights=weights)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("parts", "blocks"), [(1, 1), (3, 2), (5, 7)])
def test_a_model_of_parts_and_blocks_is_that_of_the_log(name, parts, blocks, monkeypatch):
    monkeypatch.setattr(row_blocks, "AT_ONCE", 50)
    log = a_log()
    mine = model(name, **SETTINGS[name])
    ages = mine.channel.age_half_life is not None
    edges = np.unique(np.linspace(0, log.item_count, blocks + 1).astype(int))
    sums, groups, records = ItemSums.zeros(log.item_count), 0, []
    for part in range(parts):
        counted = count_part(
            log.where(log.users % parts == part), mine.channel, log.end if ages else None
        )
        for rows in counted.rows():
            records += [*payloads.records_of(rows, edges)]
        groups += counted.groups
        for field, array in sums.arrays.items():
            array += getattr(counted.sums, field)
    tables = []
    for block, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True), start=1):
        own = [payloads.rows_of(record) for record in records if record["block"] == block]
        table = reduce_block(mine, own, int(first), int(last), sums, groups)
        tables += payloads.neighbours_of(table, int(first))
    table = payloads.table_of(tables[::-1], log.item_count)
    whole = fit_counts(model(name, **SETTINGS[name]), count(mine, log))
    found = finished(mine, table, sums.sizes, sums.popularity)
    for field, array in found.items():
        np.testing.assert_array_equal(array, whole.state[field])
    if mine.channel.plain:
        assert model(name, **SETTINGS[name]).fit(log) == whole


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_a_model_of_blocks_that_were_counted_from_all_rows_is_that_of_the_log(name, blocks):
    log = a_log()
    mine = model(name, **SETTINGS[name])
    now = log.end if mine.channel.age_half_life is not None else None
    edges = np.unique(np.linspace(0, log.item_count, blocks + 1).astype(int))
    codes, records = np.arange(log.item_count, dtype=np.int32), []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = count_part(log, mine.channel, now, (codes >= first) & (codes < last))
        table = tasks.among_all(part.neighbours(mine), codes, first, last)
        records += payloads.neighbours_of(table, first)
    table = payloads.table_of(records, log.item_count)
    found = finished(mine, table, part.sums.sizes, part.sums.popularity)
    whole = fit_counts(model(name, **SETTINGS[name]), count(mine, log))
    for field, array in found.items():
        np.testing.assert_array_equal(array, whole.state[field])


def test_counts_travel_in_few_bytes():
    for joint, width in (([1, 255], 1), ([1, 256], 2), ([1, 65_536], 4), ([0.5, 1], 8)):
        counted = CountedRows(
            np.asarray([4], np.int32),
            np.asarray([0, 2]),
            np.asarray([7, 3], np.int32),
            np.asarray(joint, np.float64),
        )
        (record,) = payloads.records_of(counted, np.asarray([0, 5, 9]))
        assert record["block"] == 1
        assert len(record["joint"]) == 2 * width
        back = payloads.rows_of(record)
        assert back.rows.tolist() == [4]
        assert back.columns.tolist() == [7, 3]
        assert back.joint.tolist() == joint


def test_long_blocks_are_cut_between_rows(monkeypatch):
    monkeypatch.setattr(payloads, "RECORD_CELLS", 5)
    starts = offsets_of([2, 3, 9, 0, 1, 4])
    assert list(payloads.pieces(starts)) == [(0, 2), (2, 3), (3, 6)]
    table = Table(starts, np.arange(19, dtype=np.int32), np.ones(19, np.float32))
    again = payloads.table_of(payloads.neighbours_of(table, 10), 16)
    assert np.diff(again.starts).tolist() == [0] * 10 + [2, 3, 9, 0, 1, 4]
    np.testing.assert_array_equal(again.columns, table.columns)


def test_nothing_is_added_up_to_empty_rows():
    added = add_up([], 3, 6, 10)
    assert added.rows.tolist() == [3, 4, 5]
    assert added.starts.tolist() == [0, 0, 0, 0]
