"""A process that was forked, where tables would wait for ever; and models that learn again while
they answer.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import make_log, random_rows
from spadework import forks
from spadework.errors import BadRequest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
LIMIT = 20


def in_a_child(call) -> tuple[int, str]:
    """What a forked process says and how it ends; a wait ends it by a signal."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT)
        try:
            said = repr(call())
        except sw.SpadeworkError as error:
            said = error.message
        os.write(writer, said[:400].encode())
        os._exit(0)
    os.close(writer)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reader, "rb") as pipe:
        return status, pipe.read().decode()


@pytest.fixture(scope="module")
def calls(shop, tmp_path_factory):
    """What reads, fits, answers or saves, or looks ids up."""
    folder = tmp_path_factory.mktemp("forks")
    fitted, split = sw.model("cosine").fit(shop), sw.split.by_time(shop)
    sw.save(fitted, folder / "model")
    frame = pl.DataFrame({"user": ["a"], "item": ["x"]})
    frame.group_by("user").len()  # the threads run from here on
    return {
        "read": lambda: sw.read_interactions(frame),
        "content": lambda: sw.read_content(pl.DataFrame({"item_id": ["i003"]}), shop),
        "world": lambda: sw.world("order"),
        "fit": lambda: sw.model("popular").fit(shop),
        "recommend": lambda: fitted.recommend(shop, 3, users=shop.user_vocabulary.ids[:1]),
        "recommend_codes": lambda: fitted.recommend_codes(shop, 3),
        "similar": lambda: fitted.similar_items(["i003"], 3),
        "explain": lambda: fitted.explain(shop, "i003", shop.user_vocabulary.ids[0]),
        "load": lambda: sw.load(folder / "model"),
        "save": lambda: sw.save(fitted, folder / "again"),
        "recoded": lambda: shop.recoded(shop.user_vocabulary, shop.item_vocabulary),
        "with_items": lambda: shop.with_items(["new"]),
        "with_unwanted": lambda: shop.with_unwanted(shop.user_vocabulary.ids[:1], ["i003"]),
        "scoreboard": lambda: sw.scoreboard([sw.model("popular")], split),
        "diagnose": lambda: sw.diagnose(shop),
        "dig": lambda: sw.dig(shop, folder=folder / "run"),
    }


def test_a_forked_process_is_told_instead_of_waiting(calls):
    for name, call in calls.items():
        status, said = in_a_child(call)
        assert status == 0, name
        assert said.startswith("This process was forked from one that had used tables"), name
    assert call_of_grandchild(calls["load"]).startswith("This process was forked")
    assert forks._lost == [False], "the process that forks works on"
    assert calls["recommend"]().frame().height == 3


def call_of_grandchild(call) -> str:
    return in_a_child(lambda: in_a_child(call)[1])[1].strip("'")


def test_a_process_that_was_forked_before_any_table_works(monkeypatch):
    """As in pools that are started first: then the threads begin in the child."""
    monkeypatch.setattr(forks, "_threads_run", lambda: False)
    assert in_a_child(forks.check) == (0, "None")
    monkeypatch.undo()
    assert in_a_child(forks.check)[1].startswith("This process was forked")


def test_where_threads_are_not_listed_the_import_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(forks, "_TASKS", str(tmp_path / "nothing"))
    assert forks._threads_run()
    monkeypatch.delitem(sys.modules, "polars")
    assert not forks._threads_run()


# ---- models that learn again


MODELS = ["cosine", "popular", "ease", "tifu-knn", "vmis-knn", "prior(weight=0.5)"]


@pytest.mark.parametrize("name", MODELS)
def test_an_answer_is_of_one_model_though_it_learns_again_meanwhile(name, shop, monkeypatch):
    """A refit in the middle of an answer changes later answers alone."""
    first, second = sw.model(name).fit(shop), sw.model(name)
    other = make_log(*random_rows(2, users=10, items=60, rows=200))
    expected = first.recommend(shop, 5).frame()
    fitted = sw.model(name).fit(shop)
    genuine = type(fitted)._in_own_codes

    def refitting(asked, histories):
        known = genuine(asked, histories)
        fitted.fit(other)
        return known

    monkeypatch.setattr(type(fitted), "_in_own_codes", refitting)
    assert fitted.recommend(shop, 5).frame().equals(expected)
    monkeypatch.undo()
    assert fitted.recommend(other, 5).frame().equals(second.fit(other).recommend(other, 5).frame())


def test_answers_while_a_model_learns_again(shop):
    other = make_log(*random_rows(2, users=10, items=60, rows=200))
    logs = (shop, other)
    known = [sw.model("cosine").fit(log).recommend(shop, 5).items for log in logs]
    fitted, ended, wrong = sw.model("cosine").fit(shop), threading.Event(), []

    def ask():
        while not ended.is_set():
            found = fitted.recommend(shop, 5).items
            if not any(np.array_equal(found, one) for one in known):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(12):
        fitted.fit(logs[turn % 2])
    ended.set()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_model_that_has_not_learned_says_so(shop):
    with pytest.raises(sw.SpadeworkError, match="has not learned yet"):
        sw.model("cosine").recommend(shop, 5)
    with pytest.raises(BadRequest, match="k is 0"):
        sw.model("cosine").fit(shop).recommend(shop, 0)
