"""Settings that all co-occurrence models of a dig share. They depend on the log alone, so that no
budget changes what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spadework.data.interactions import Interactions

KEEP = 200
"""Neighbours kept per item in probes and in the sweep: a quarter of the time of 1,000, and as good
on most logs.
"""
MANY_PAIRS, FEW_EVENTS = 3e9, 500
"""From so many pairs of events of one user on, only the latest `FEW_EVENTS` events of each user are
counted: else users with long histories would be most of the cost.
"""
MANY_NEW_PAIRS, FEWER_EVENTS = 3e8, 300
"""The same for questions about new items alone or about repeats, whose settings no sweep judged
before.
"""


def common_settings(train: Interactions) -> dict[str, Any]:
    """The parameters that every setting of the sweep and of the probes has for this train log.
    O(users).
    """
    return {"keep": KEEP} | ({"max_length": FEW_EVENTS} if pairs_in(train) > MANY_PAIRS else {})


def fewer_events(common: Mapping[str, Any], train: Interactions) -> dict[str, Any]:
    """The same with fewer events per user, where the log has many pairs. O(users)."""
    if pairs_in(train) <= MANY_NEW_PAIRS:
        return dict(common)
    return {**common, "max_length": min(FEWER_EVENTS, common.get("max_length", FEWER_EVENTS))}


def pairs_in(train: Interactions) -> float:
    """Number of pairs of events of one user, each event with itself included. O(users)."""
    return float((np.diff(train.starts).astype(np.float64) ** 2).sum())
