"""Users and items of a request: ids of callers become codes, and every model refuses unknown ones
with the same messages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spadework import events, forks
from spadework.arrays import Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.joins import join
from spadework.data.vocabulary import Vocabulary, listed
from spadework.errors import BadData, BadRequest
from spadework.kernels import parallel
from spadework.models.needs import check_log

MODEL = "the log that the model learned from"
HISTORIES = "What the histories are taken from"
BLOCK_CELLS = 16_000_000
"""Scores held at once (4 bytes each)."""
BLOCK_ROWS = 256
"""Up to so many users are answered by one thread; more are split into several blocks a thread."""


def requested_items(vocabulary: Vocabulary, items: Any) -> Codes:
    """Codes of items by id, one or several, in their order. Raises `BadRequest` with the first that
    the model does not know.
    """
    forks.check()
    return vocabulary.known(items, "Item", MODEL)


def allowed_items(vocabulary: Vocabulary, candidates: Any, exclude: Any = None) -> Mask | None:
    """The only items that may be recommended, from ids, one or several, but for those to exclude: a
    mask [items]; None where none are named.

    Ids that the model does not know are left out, and a note says how many. Raises `BadRequest`
    where it knows none of them, or none is left.
    """
    if candidates is None and exclude is None:
        return None
    allowed = np.ones(len(vocabulary), np.bool_)
    if candidates is not None:
        allowed &= _among(vocabulary, candidates, "candidates")
    if exclude is not None:
        allowed &= ~_among(vocabulary, exclude, "items to exclude")
        if not allowed.any():
            raise BadRequest("All items are excluded.", "Exclude fewer of them.")
    return allowed


def _among(vocabulary: Vocabulary, ids: Any, what: str) -> Mask:
    """Which items are among the ids."""
    found = np.zeros(len(vocabulary), np.bool_)
    requested = pl.Series("id", listed(ids))
    if not len(requested):
        return found
    try:
        joined = join(requested, vocabulary, what="item", here=f"the {what}", there=MODEL)
    except BadData as error:
        raise BadRequest(error.message, error.hint) from None
    for remark in joined.remarks:
        events.note(remark)
    found[joined.codes[joined.codes >= 0]] = True
    return found


def requested_users(histories: Interactions, users: Any) -> Codes:
    """Codes of users by id, one or several, in their order; those with events where none are named.

    Raises `BadRequest` with the first that the histories do not know, and for histories that are no
    log.
    """
    check_log(histories, HISTORIES)
    return (
        histories.active_users
        if users is None
        else histories.user_vocabulary.known(users, "User", "the histories")
    )


def requested_codes(histories: Interactions, users: Any) -> Codes:
    """Codes of users as they are given; those with events where none are.

    Raises `BadRequest` for what is no code of the histories, and for histories that are no log.
    """
    check_log(histories, HISTORIES)
    if users is None:
        return histories.active_users
    codes, hint = np.asarray(users), "By id: model.recommend(histories, users=ids)."
    if codes.dtype.kind not in "iu":
        raise BadRequest("users are codes of the histories' vocabulary, whole numbers.", hint)
    wrong = np.flatnonzero((codes < 0) | (codes >= histories.user_count))
    if len(wrong):
        raise BadRequest(
            (
                f"There is no user with the code {codes[wrong[0]]}; there are "
                f"{histories.user_count:,}, from 0."
            ),
            hint,
        )
    return codes.astype(np.int32)


def blocks_of(users: Codes, row_cells: int) -> list[Codes]:
    """The users in blocks that are answered one by one, where a user's lists hold so many scores
    while they are made.
    """
    at_once = max(BLOCK_ROWS, len(users) // (4 * parallel.threads()))
    rows = max(1, min(BLOCK_CELLS // max(1, row_cells) // parallel.threads(), at_once))
    return [users[at : at + rows] for at in range(0, len(users), rows)]


def requested_user(history: Interactions, user: Any) -> Codes:
    """The code of a user by id, or of the only one with events where none is named: [1]. Raises
    `BadRequest` where that is not exactly one user.
    """
    users = history.active_users if user is None else history.user_vocabulary.codes([user])
    if len(users) != 1 or users[0] < 0:
        message = (
            f"There is no user {user!r} in the history."
            if user is not None
            else f"The history is of {len(users)} users."
        )
        raise BadRequest(message, "Name one with user=.")
    return users


def in_codes_of(items: Vocabulary, histories: Interactions) -> Interactions:
    """The histories with the codes of these items. Raises `BadRequest` where ids of numbers meet
    ids of text, so that nothing could match.
    """
    if histories.item_vocabulary is items or histories.item_vocabulary == items:
        return histories
    if histories.item_vocabulary.ids.dtype.is_integer() != items.ids.dtype.is_integer():
        raise BadRequest(
            (
                f"The histories have {_id_type(histories.item_vocabulary)} as item ids, the model "
                f"has {_id_type(items)}, so nothing can match."
            ),
            (
                "Write the histories with ids of the model's type; parquet keeps whole numbers, "
                "csv is text."
            ),
        )
    return histories.recoded(histories.user_vocabulary, items)


def _id_type(vocabulary: Vocabulary) -> str:
    return "whole numbers" if vocabulary.ids.dtype.is_integer() else "texts"
