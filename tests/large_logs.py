"""A log that is held in files, against the same log in memory."""

from __future__ import annotations

import numpy as np

from spadework.data.interactions import COLUMNS, Interactions

LITTLE = 2**-30
"""GiB, so that no log fits."""


def check_same(large: Interactions, small: Interactions) -> None:
    ours, theirs = large.account, small.account
    assert ours is not None
    assert theirs is not None
    for name in ("source", "read", "used", "columns", "other_columns", "counts", "excluded_items"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert dict(ours.set_aside) == dict(theirs.set_aside)
    assert sorted(ours.remarks) == sorted(theirs.remarks)
    assert ours.parts == theirs.parts
    assert [word.words for word in ours.unread_words] == [w.words for w in theirs.unread_words]
    assert ours.rows_set_aside is not None
    assert ours.rows_set_aside.equals(theirs.rows_set_aside)
    for name in COLUMNS:
        one, other = getattr(large, name), getattr(small, name)
        assert (one is None) == (other is None), name
        if one is not None and name != "baskets":
            assert one.dtype == other.dtype
            assert np.array_equal(one, other), name
    assert np.array_equal(large.basket_keys(), small.basket_keys())
    assert large.fingerprint == small.fingerprint
    assert large.user_vocabulary == small.user_vocabulary
    assert large.item_vocabulary == small.item_vocabulary
    assert large.event_type_names == small.event_type_names
    assert (large.unwanted is None) == (small.unwanted is None)
    if large.unwanted is not None and small.unwanted is not None:
        assert large.unwanted.fingerprint == small.unwanted.fingerprint
    assert (large.returns is None) == (small.returns is None)
    if large.returns is not None and small.returns is not None:
        for name, column in small.returns.columns().items():
            mine = large.returns.columns()[name]
            assert mine.dtype == column.dtype, name
            assert name == "baskets" or np.array_equal(mine, column), name
    assert not large.items.flags.owndata
