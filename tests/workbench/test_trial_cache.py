"""Finished trials on disk: equal inputs find them, other inputs do not, and what was the machine's
fault is tried again.
"""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pytest

from makers import Recorder
from spadework import events
from spadework.data import splitting
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.models.labels import model
from spadework.workbench.search import trial_cache
from spadework.workbench.search.trial_cache import AGAIN, Ledger


@pytest.fixture(scope="module")
def protocol(shop):
    return Protocol.of(splitting.last_item(shop, valid=True), metrics=["ndcg@5", "coverage@5"])


def test_a_trial_comes_back_as_it_was(tmp_path, protocol):
    ledger, setting = Ledger(tmp_path / "trials"), model("cosine", history=0.7)
    lists: list[np.ndarray] = []
    score = trial(setting, protocol, lists=lists)
    key = ledger.key(setting, protocol, "test")
    assert ledger.find(key) is None
    ledger.keep(key, score, lists[0], 1.5)
    assert ledger.find(key)[2] == 0.0, (
        "the clock of the start that wrote it has counted its seconds"
    )
    found, kept, seconds = Ledger(tmp_path / "trials").find(key)
    assert seconds == 1.5
    np.testing.assert_array_equal(kept, lists[0])
    for field in dataclasses.fields(Score):
        if field.name != "values":
            assert getattr(found, field.name) == getattr(score, field.name), field.name
    assert found.values.keys() == score.values.keys()
    np.testing.assert_array_equal(found.values["ndcg@5"], score.values["ndcg@5"])
    ledger.clear()
    assert not (tmp_path / "trials").exists()
    ledger.clear()


def test_other_inputs_have_other_names(protocol, shop):
    ledger = Ledger(None)
    keys = {
        ledger.key(model("cosine"), protocol, "test"),
        ledger.key(model("cosine"), protocol, "validation"),
        ledger.key(model("cosine", history=0.7), protocol, "test"),
        ledger.key(model("raw"), protocol, "test"),
        *(
            ledger.key(model("cosine"), dataclasses.replace(protocol, **change), "test")
            for change in (
                {"seed": 1},
                {"repeats": "only"},
                {"split": protocol.split.valid},
                {"metrics": protocol.metrics[:1]},
            )
        ),
        ledger.key(
            model("cosine"),
            Protocol.of(protocol.split, metrics=["ndcg@5", "coverage@5"], dialect="vaecf"),
            "test",
        ),
    }
    assert len(keys) == 9
    assert ledger.key(model("cosine", history=1), protocol, "test") == ledger.key(
        model("cosine"), protocol, "test"
    )


@pytest.mark.parametrize("state", AGAIN)
def test_what_failed_for_the_machine_is_tried_again(tmp_path, state):
    ledger = Ledger(tmp_path)
    ledger.keep("k", Score(model="cosine", label="cosine", state=state, reason="so"), None, 1.0)
    assert ledger.find("k") is None


def test_a_failure_of_the_model_is_not_tried_again(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.keep(
        "k",
        Score(model="cosine", label="cosine", state="failed", reason="ValueError: so"),
        None,
        1.0,
    )
    found, lists, _ = ledger.find("k")
    assert (found.state, found.reason, lists) == ("failed", "ValueError: so", None)


def test_a_trial_that_is_damaged_or_of_an_earlier_form_is_made_again(tmp_path):
    ledger = Ledger(tmp_path)
    score = Score(model="m", label="m", values={"ndcg@10": np.zeros(3, np.float32)})
    ledger.keep("k", score, None, 1.0)
    header, arrays = tmp_path / "k.json", tmp_path / "k.npz"
    stored = json.loads(header.read_text())
    assert list(stored) == ["format", "score", "seconds", "files"]
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:-1] + b"?")
    assert ledger.find("k") is None
    arrays.write_bytes(whole)
    assert ledger.find("k") is not None
    header.write_text(json.dumps({"score": stored["score"], "seconds": 1.0}))
    assert ledger.find("k") is None
    renamed = {"other.npz": stored["files"]["k.npz"]}
    (tmp_path / "other.npz").write_bytes(whole)
    score_without = {name: stored["score"][name] for name in stored["score"] if name != "label"}
    for damaged in (
        *(None, [], 17, {}),
        {name: value for name, value in stored.items() if name != "score"},
        *({**stored, "score": value} for value in (None, [], 17, {}, score_without)),
        *({**stored, "seconds": value} for value in (None, [], "long")),
        {**stored, "files": renamed},
    ):
        header.write_text(json.dumps(damaged))
        assert ledger.find("k") is None, damaged
    header.write_text(json.dumps(stored))
    assert ledger.find("k") is not None


def test_a_damaged_trial_is_told_once(tmp_path):
    ledger = Ledger(tmp_path)
    score = Score(model="m", label="m", values={"ndcg@10": np.zeros(3, np.float32)})
    for damaged in ("k.json", "k.npz"):
        ledger.keep("k", score, None, 1.0)
        content = (tmp_path / damaged).read_bytes()
        (tmp_path / damaged).write_bytes(content[: len(content) // 2])
        started, recorder = Ledger(tmp_path), Recorder()
        with events.listening(recorder):
            assert started.find("k") is None
            assert started.find("k") is None
        assert recorder.notes == [
            f"{tmp_path / 'k.json'} cannot be read, so this trial is made again"
        ]
        started.keep("k", score, None, 1.0)
        assert Ledger(tmp_path).find("k") is not None


def test_a_trial_that_a_process_was_killed_with_is_known_at_the_next_start(tmp_path):
    with pytest.raises(ZeroDivisionError), Ledger(tmp_path).trying("a"):
        raise ZeroDivisionError
    assert Ledger(tmp_path).kills("a") == 0, "it ended by itself"
    for kills in (1, 2):
        child = os.fork()
        if not child:
            with Ledger(tmp_path).trying("a"):
                os._exit(0)  # nothing after it is done, as after a kill
        os.waitpid(child, 0)
        assert Ledger(tmp_path).kills("a") == kills
    assert Ledger(tmp_path).kills("b") == 0
    (tmp_path / "b.trying").write_text("")
    assert Ledger(tmp_path).kills("b") == 1, "cut short"
    with Ledger(tmp_path).trying("a"):
        pass
    assert Ledger(tmp_path).kills("a") == 0


def test_a_large_model_that_was_killed_twice_is_not_tried_a_third_time(protocol, tmp_path):
    mark = tmp_path / "large.trying"
    mark.write_text("2\n")
    one, ledger = model("cosine"), Ledger(tmp_path)
    assert not ledger.kills_again("other", one, protocol)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trial_cache, "available_bytes", lambda: 1000)
        assert ledger.kills_again("large", one, protocol)
        assert Ledger(tmp_path).kills_again("large", one, protocol), "until this run is finished"
    assert not ledger.kills_again("large", one, protocol), "there is more memory"
    assert (ledger.kills("large"), mark.exists()) == (0, False)


def test_a_trial_that_was_left_out_once_is_tried_again_by_the_next_start(protocol, tmp_path):
    (tmp_path / "large.trying").write_text("2\n")
    Ledger(tmp_path).forget_kills()
    assert Ledger(tmp_path).kills("large") == 0
