"""Errors and logs go to other processes and come back whole: else a pool waits for ever."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import spadework as sw
from spadework import errors
from spadework.data.addresses import read_interactions

EVERY = [
    errors.UnknownName("model", "cosin", ["cosine"]),
    errors.MissingExtra("torch", "neural"),
    *(
        kind("What happened.", "What to do.")
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.SpadeworkError)
        and kind not in (errors.UnknownName, errors.MissingExtra)
    ),
]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_a_pickle(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.message, again.hint, str(again)) == (error.message, error.hint, str(error))


def test_a_log_is_the_same_after_a_pickle(shop, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\na,x,2026-01-01\n,y,2026-01-02\nb,y,2026-01-03\n")
    for log in (shop, read_interactions(path)):
        again = pickle.loads(pickle.dumps(log))
        assert again.fingerprint == log.fingerprint
        assert not again.users.flags.writeable
        assert (again.account is None) == (log.account is None)
        if log.account is not None:
            assert again.account.as_json() == log.account.as_json()
            assert again.account.rows_set_aside.equals(log.account.rows_set_aside)


@pytest.mark.slow
def test_a_pool_of_processes_gets_the_error():
    told = pytest.raises(errors.UnknownName, match="There is no model named 'cosin'")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, told:
        pool.submit(sw.model, "cosin").result(timeout=120)
