"""Nested samples of the users of a log, with all of their events.

Whether a user is in a sample depends on their id and the seed alone: the sample of one in 64 users
is contained in that of one in 32, and new users change nobody's place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spadework.arrays import Array, Mask
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.mapped.user_blocks import user_blocks
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.hashing import mixed, of_numbers
from spadework.models.cooccurrence.user_sets import user_hashes


def draws(log: Interactions, seed: int) -> Array:
    """A number for each user that looks random, the same in every version and on every machine.
    Shape [users], uint64.
    """
    return mixed(user_hashes(log.user_vocabulary.ids) ^ of_numbers(np.asarray([seed])))


def among(drawn: Array, parts: int) -> Mask:
    """Which users are among one of so many; `parts` is a power of two. Shape [users]."""
    return np.asarray(drawn <= np.uint64(2**64 // parts - 1))


def rows_of(log: Interactions, chosen: Mask) -> int:
    """Rows of the users of a mask [users]. O(users)."""
    return int(np.diff(log.starts)[chosen].sum())


def of_users(log: Interactions, chosen: Mask) -> Interactions:
    """The rows of the users of a mask [users], in memory, block by block. These users alone are in
    its vocabulary of users; items keep the codes of the whole log, so that what is fitted on one
    can be compared with what is fitted on the other. O(rows), and the memory of the rows it has.
    """
    kept: dict[str, list[Array]] = {
        name: [] for name in COLUMNS if getattr(log, name) is not None and name != "users"
    }
    for block in user_blocks(log):
        mine = chosen[block.first_user : block.first_user + block.log.user_count]
        rows = np.repeat(mine, np.diff(block.log.starts))
        for name, parts in kept.items():
            parts.append(getattr(block.log, name)[rows])
    columns: dict[str, Any] = {}
    for name in list(kept):  # the parts of one column at a time are there twice
        columns[name] = np.concatenate(kept.pop(name))
    lengths = np.diff(log.starts)[chosen]
    codes = np.cumsum(chosen, dtype=np.int32) - np.int32(1)
    sample = replace(
        log,
        users=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        **columns,
        user_vocabulary=Vocabulary(log.user_vocabulary.ids.filter(chosen)),
        returns=None,
        account=None,
    )
    if log.returns is None:
        return sample
    moved = log.returns.of_whole_users(np.where(chosen, codes, -1), log.starts, sample.starts)
    return replace(sample, returns=moved)
