"""Users who were forgotten leave the log: what they had done before goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from spadework.arrays import Array, Mask, Seconds, counts_of
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import IN_MEMORY, RowRoom, pieces
from spadework.data.vocabulary import Vocabulary
from spadework.serving.stores.store import Store
from spadework.workbench.updating.kept_log import KeptLog

ASKED_USERS = 1 << 18
"""Users for whom the store is asked at once."""


def forget(kept: KeptLog, store: Store, room: RowRoom = IN_MEMORY) -> tuple[KeptLog, int]:
    """The log without the rows and dislikes that users had before they were forgotten, and how many
    these were. Without times all of such a user go.
    """
    log = kept.log
    ids, items = log.user_vocabulary.ids, log.item_vocabulary.ids
    gone = _gone(store, ids, log.users, lambda rows: items.gather(log.items[rows]), log.times)
    unwanted, lost = log.unwanted, 0
    if unwanted is not None:
        # a user may have dislikes alone, and then no code
        users, codes = Vocabulary.build(unwanted.users)
        is_lost = _gone(store, users.ids, codes, unwanted.items.gather, unwanted.times)
        unwanted, lost = unwanted.where(~is_lost), int(is_lost.sum())
    if not gone.any() and not lost:
        return kept, 0
    rest = kept.where(~gone, room)
    log = _without_absent(replace(rest.log, unwanted=unwanted), room)
    return replace(rest, log=log), int(gone.sum()) + lost


def _gone(
    store: Store,
    users: pl.Series,
    codes: Array,
    items: Callable[[Array], pl.Series],
    times: Seconds | None,
) -> Mask:
    """Which rows are of a user who was forgotten later; `items` gives the ids of some rows. Shape
    [rows].
    """
    marks = np.full(len(users), -1, np.int64)
    for part in pieces(len(users), ASKED_USERS):
        names = [str(each) for each in users[part.start : part.stop].to_list()]
        found = store.forgotten_at(names)
        marks[part] = [-1 if mark is None else mark for mark in found]
    gone, close = np.zeros(len(codes), np.bool_), [np.zeros(0, np.int64)]
    for part in pieces(len(codes)):
        own = marks[codes[part]]
        gone[part] = own >= 0
        if times is not None:
            gone[part] &= times[part] * 1000 <= own
            close.append(np.flatnonzero(gone[part] & (times[part] == own // 1000)) + part.start)
    if times is None:
        return gone
    # rows are to the second: of what came after, but within it, the store has the event
    near = np.concatenate(close)
    back: dict[int, set[str]] = {}
    for row, item in zip(near.tolist(), items(near).to_list(), strict=True):
        user, mark = int(codes[row]), int(marks[codes[row]])
        if user not in back:
            later = store.history(str(users[user])).events
            back[user] = {one.item for one in later if mark < one.time < int(times[row] + 1) * 1000}
        gone[row] = str(item) not in back[user]
    return gone


def _without_absent(log: Interactions, room: RowRoom) -> Interactions:
    """The log without users and items that no row has any more."""
    users, items = (
        Vocabulary(vocabulary.take(np.flatnonzero(counts_of(codes, len(vocabulary)))))
        for vocabulary, codes in (
            (log.user_vocabulary, log.users),
            (log.item_vocabulary, log.items),
        )
    )
    return replace(
        log,
        users=room.looked_up(users.codes(log.user_vocabulary.ids), log.users),
        items=room.looked_up(items.codes(log.item_vocabulary.ids), log.items),
        user_vocabulary=users,
        item_vocabulary=items,
    )
