"""Logs, item tables, cuts and errors through a copy and through a pool of processes."""

from __future__ import annotations

import copy
import pickle

import polars as pl
import pytest

import spadework as sw
from spadework import errors
from spadework.data import splitting


def copies(value):
    return (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value))


def read_log():
    table = pl.DataFrame(
        {"user": ["a", "a", "b", None], "item": ["x", "y", "x", "y"], "time": [86400 * 19900] * 4}
    )
    return sw.read_interactions(table)


def test_a_log_with_its_account():
    log = read_log().as_of(86400 * 19901)
    for other in copies(log):
        assert other.fingerprint == log.fingerprint
        assert other.account.as_json() == log.account.as_json()
        assert other.now == log.now
        assert other.account.rows_set_aside.equals(log.account.rows_set_aside)
        with pytest.raises(ValueError, match="read-only"):
            other.users[0] = 1
        with pytest.raises(TypeError):
            other.account.counts["new"] = 1


def test_an_item_table_and_a_cut(shop, shelves):
    for other in copies(shelves):
        assert other.fingerprint == shelves.fingerprint
        with pytest.raises(TypeError):
            other.roles["new"] = "text"
    split = splitting.by_time(shop, test=0.2, valid=0.2)
    for other in copies(split):
        assert other.describe() == split.describe()
        assert other.valid.describe() == split.valid.describe()


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownName("model", "cosin", ["cosine", "ease"]),
        errors.MissingExtra("PyTorch", "neural"),
        errors.BadData("What.", "Do."),
        errors.OutOfTime("Late.", "More."),
        errors.Undecided("Two.", "Which?"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors(error):
    for other in copies(error):
        assert type(other) is type(error)
        assert (str(other), other.message, other.hint, other.args) == (
            str(error),
            error.message,
            error.hint,
            error.args,
        )
