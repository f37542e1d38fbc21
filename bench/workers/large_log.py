"""large_log.py ROWS FOLDER [--parquet]: a log of any size from a fixed seed, written part by part.

The folder becomes a mapped log (`sw.open_log`); with `--parquet` it holds the same rows as parts in
order of time, with the columns user, item and time. Twenty rows a user, 500,000 items, two years.
Memory: one block of users for each thread, and twelve bytes a user.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from generate import SEED, SPREAD, popularity
from numba import njit
from numpy.typing import NDArray

from spadework.data.mapped.mapped_log import MappedLogWriter

Array = NDArray[Any]
Block = tuple[int, Array, Array, Array]  # first user, rows of each user, items, seconds
ITEMS = 500_000
ROWS_PER_USER = 20
FIRST, SECONDS = 1_600_000_000, 2 * 365 * 86_400
USERS = 1 << 17
"""Users of a block."""
LARGEST_SHARE = 60.0
LONG_GAP = 0.25
"""Share of the pauses between two events that are long, so that events come in sessions."""
PART_ROWS = 8_000_000
"""Rows of a parquet part, about."""
THREADS = 2


@njit(cache=False, nogil=True)
def _alias(share: Array, edge: Array, other: Array) -> None:
    """Vose's tables: a cell is itself below its edge, and else the other item."""
    size = share.shape[0]
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    smalls, larges = 0, 0
    for at in range(size):
        edge[at], other[at] = share[at] * size, at
        if edge[at] < 1.0:
            small[smalls] = at
            smalls += 1
        else:
            large[larges] = at
            larges += 1
    while smalls and larges:
        smalls -= 1
        low, high = small[smalls], large[larges - 1]
        other[low] = high
        edge[high] -= 1.0 - edge[low]
        if edge[high] < 1.0:
            larges -= 1
            small[smalls] = high
            smalls += 1


@njit(cache=False, nogil=True)
def _uniform(state: Any) -> Any:
    """The next state of splitmix64, and a number in (0, 1]."""
    state += np.uint64(0x9E3779B97F4A7C15)
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return state, (np.float64(mixed >> np.uint64(11)) + 1.0) / 9007199254740992.0


@njit(cache=False, nogil=True)
def _fill(seed: int, lengths: Array, edge: Array, other: Array, items: Array, times: Array) -> None:
    state, begin, size = np.uint64(seed) << np.uint64(32), 0, edge.shape[0]
    for user in range(lengths.shape[0]):
        end, walked = begin + lengths[user], 0.0
        for at in range(begin, end):
            state, drawn = _uniform(state)
            scaled = (1.0 - drawn) * size
            cell = min(int(scaled), size - 1)
            items[at] = cell if scaled - cell < edge[cell] else other[cell]
            state, drawn = _uniform(state)
            state, pause = _uniform(state)
            walked -= np.log(pause) * (3e6 if drawn < LONG_GAP else 20.0)
            times[at] = np.int64(walked)
        # Histories that are longer than their span are pressed into it; no second is used twice.
        room = SECONDS - 4 * (end - begin) - 1
        state, drawn = _uniform(state)
        span = min(walked, room * (0.5 + drawn / 2))
        state, drawn = _uniform(state)
        start, last = (1.0 - drawn) * (room - span), -1
        scale = span / walked if walked > 0 else 1.0
        for at in range(begin, end):
            last = max(np.int64(start + times[at] * scale), last + 1)
            times[at] = FIRST + last
        begin = end


def _shares(block: int, users: int) -> Array:
    rng = np.random.default_rng([SEED, block])
    drawn = np.minimum(rng.lognormal(0.0, SPREAD, USERS), LARGEST_SHARE)
    return drawn[: min(USERS, users - block * USERS)]


def blocks(rows: int) -> Iterator[Block]:
    """The log in blocks of users, in order. Each user has at least one row."""
    users = max(rows // ROWS_PER_USER, 1)
    count = -(-users // USERS)
    cumulated = np.cumsum([_shares(block, users).sum() for block in range(count)])
    cells = np.diff(popularity(np.random.default_rng(SEED), ITEMS), prepend=0.0)
    edge, other = np.empty(ITEMS), np.empty(ITEMS, np.int32)
    _alias(cells, edge, other)

    def made(block: int) -> Block:
        before = cumulated[block - 1] if block else 0.0
        reached = (before + np.cumsum(_shares(block, users))) / cumulated[-1]
        ends = np.round(reached * (rows - users)).astype(np.int64)
        first = int(np.round(before / cumulated[-1] * (rows - users)))
        if block == count - 1:
            ends[-1] = rows - users
        lengths = 1 + np.diff(ends, prepend=first)
        size = int(lengths.sum())
        items, times = np.empty(size, np.int32), np.empty(size, np.int64)
        _fill(block + 1, lengths, edge, other, items, times)
        return block * USERS, lengths, items, times

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, count, THREADS):  # no more blocks at once than threads
            yield from pool.map(made, range(begin, min(begin + THREADS, count)))


def write_mapped(rows: int, folder: Path) -> None:
    """A mapped log; users and items have the numbers from 1 on as ids."""
    dtypes = {name: np.dtype(np.int32) for name in ("users", "items")}
    writer, users = MappedLogWriter(folder, {**dtypes, "times": np.dtype(np.int64)}), 0
    for first, lengths, items, times in blocks(rows):
        users = first + len(lengths)
        owners = np.repeat(np.arange(first, users, dtype=np.int32), lengths)
        writer.append({"users": owners, "items": items, "times": times}, lengths)
    user_ids, item_ids = (
        pl.int_range(1, count + 1, dtype=pl.Int32, eager=True) for count in (users, ITEMS)
    )
    writer.finish(user_ids, item_ids)


def write_parquet(rows: int, folder: Path) -> None:
    """Parts in order of time. Rows are put into files of spans of time first, twelve bytes a row,
    since a part may have rows of any user.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = -(-rows // PART_ROWS)
    row = np.dtype([("user", np.int32), ("item", np.int32), ("time", np.int32)])
    spans = [folder / f"span-{part:05d}.rows" for part in range(parts)]
    with ExitStack() as stack:
        files = [stack.enter_context(span.open("wb")) for span in spans]
        for first, lengths, items, times in blocks(rows):
            found = np.empty(len(items), row)
            found["user"] = np.repeat(np.arange(first, first + len(lengths)) + 1, lengths)
            found["item"], found["time"] = items + 1, times - FIRST
            of_row = (found["time"].astype(np.int64) * parts // SECONDS).astype(np.int32)
            order = np.argsort(of_row, kind="stable")
            edges = np.searchsorted(of_row[order], np.arange(parts + 1))
            found = found[order]
            for part, file in enumerate(files):
                file.write(found[edges[part] : edges[part + 1]].data)
    for part, span in enumerate(spans):
        found = np.fromfile(span, row)
        frame = pl.DataFrame({name: np.ascontiguousarray(found[name]) for name in row.names or ()})
        del found
        seconds = pl.col("time").cast(pl.Int64) + FIRST
        frame.sort("time", maintain_order=True).with_columns(seconds).write_parquet(
            folder / f"part-{part:05d}.parquet"
        )
        span.unlink()


if __name__ == "__main__":
    write = write_parquet if "--parquet" in sys.argv[3:] else write_mapped
    write(int(sys.argv[1]), Path(sys.argv[2]))
