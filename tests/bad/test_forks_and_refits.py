"""A process that was forked, where tables would wait for ever; and models that learn again while
they answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import spadework as sw
from makers import SOURCE, make_log, random_rows
from spadework.errors import BadRequest

FORKED = """
import os, signal, sys
import polars as pl
import spadework as sw
log = sw.world("order").log
fitted = sw.model("cosine").fit(log)
split = sw.split.by_time(log)
pl.DataFrame({"a": [1, 1]}).group_by("a").len()
folder = sw.save(fitted, sys.argv[1])
calls = {
    "read": lambda: sw.read_interactions({"user": ["a"], "item": ["x"]}),
    "content": lambda: sw.read_content({"item_id": ["i0003"], "c": ["x"]}, log),
    "world": lambda: sw.world("order"),
    "fit": lambda: sw.model("popular").fit(log),
    "recommend": lambda: fitted.recommend(log, 3, users=log.user_vocabulary.ids[:1]),
    "recommend_codes": lambda: fitted.recommend_codes(log, 3),
    "similar": lambda: fitted.similar_items(["i0003"], 3),
    "explain": lambda: fitted.explain(log, "i0003", log.user_vocabulary.ids[0]),
    "load": lambda: sw.load(folder),
    "scoreboard": lambda: sw.scoreboard([sw.model("popular")], split),
    "diagnose": lambda: sw.diagnose(log),
    "dig": lambda: sw.dig(log, folder=sys.argv[1] + "-run"),
}
for name, call in calls.items():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            call()
        except sw.SpadeworkError as error:
            os.write(writer, error.message[:40].encode())
        os._exit(0)
    os.close(writer)
    print(name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), os.read(reader, 99).decode())
fitted.recommend(log, 3).frame()
"""


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_is_told_instead_of_waiting(tmp_path):
    done = process(FORKED, str(tmp_path / "model"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 12
    for line in lines:
        assert line.endswith(" 0 This process was forked from one that ha"), line


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_was_forked_before_any_table_works():
    """As pools do that are started first."""
    code = (
        "import os, signal\n"
        "import spadework as sw\n"
        "from spadework.data import addresses\n"
        "if os.fork() == 0:\n"
        "    signal.alarm(60)\n"
        "    log = sw.read_interactions({'user': ['a', 'b'], 'item': ['x', 'x']})\n"
        "    print(len(sw.model('popular').fit(log).recommend(log, 1).frame()), flush=True)\n"
        "    os._exit(0)\n"
        "print('status', os.wait()[1])\n"
    )
    assert process(code).stdout.split("\n") == ["2", "status 0", ""]


# ---- models that learn again


MODELS = ["cosine", "popular", "ease", "tifu-knn", "session-knn", "prior(cosine, weight=0.5)"]


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
    for turn in range(40):
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
