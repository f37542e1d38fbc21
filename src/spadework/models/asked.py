"""Who and what is asked about: ids of callers become codes, and what is not there is refused in the same words by every model."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Codes
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest
from spadework.models.needs import listed


def items_asked(vocabulary: Vocabulary, items: Any) -> Codes:
    """Codes of items by id, one or several, in their order. Raises `BadRequest` with the first that the model does not know."""
    asked = pl.Series(listed(items))
    codes = vocabulary.codes(asked)
    if (codes < 0).any():
        missing = asked[int(np.flatnonzero(codes < 0)[0])]
        raise BadRequest(f"Item {missing!r} is not in the log that the model learned from.", "Check the id; numbers and text differ.")
    return codes


def user_asked(history: Interactions, user: Any) -> Codes:
    """The code of a user by id, or of the only one with events where none is named: [1]. Raises `BadRequest` where that is not one user."""
    users = history.active_users if user is None else history.user_vocabulary.codes([user])
    if len(users) != 1 or users[0] < 0:
        told = f"There is no user {user!r} in the history." if user is not None else f"The history is of {len(users)} users."
        raise BadRequest(told, "Name one with user=.")
    return users
