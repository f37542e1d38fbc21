"""The form of a score in files: what is written is read again, and what earlier versions wrote or a
person changed is read, too.
"""

from __future__ import annotations

import dataclasses
import json
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.data import splitting
from spadework.evaluation.entries import Entry, Gap, as_json, read_trial, trial_as_json
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, Score, State, trial
from spadework.models.labels import model

KEYS = [
    "model",
    "label",
    "params",
    "metrics",
    "interval",
    "difference",
    "rank",
    "fit_seconds",
    "recommend_seconds",
    "memory_mib",
    "filled_share",
    "state",
    "reason",
    "remarks",
    "pareto",
]
"""Keys of an entry since the first version: files depend on them."""
FULL = Entry(
    model="cosine",
    label="cosine(history=0.7)",
    params={"history": 0.7, "window": None, "group": "user"},
    metrics={"ndcg@10": 0.125, "coverage@10": 0.5, "recall@10": None},
    interval=(0.1, 0.15),
    difference=Gap(-0.01, (-0.02, 0.0), 0.04, 0.08),
    rank=2,
    fit_seconds=1.5,
    recommend_seconds=0.25,
    memory_mib=76.5,
    filled_share=0.01,
    remarks=("only 15 users",),
    pareto=True,
    lists={"coverage@10": 0.5},
    users=2000,
    stage="test",
)


def written(value):
    """The value as a file gives it back."""
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("state", get_args(State))
def test_a_score_of_every_state_survives(state):
    done = state == "done"
    values = {"ndcg@10": np.array([0.5, 0.25], np.float32)} if done else {}
    score = Score(
        model="ease",
        label="ease(l2=100)",
        params={"l2": 100.0},
        state=state,
        reason=None if done else "There was no time for it.",
        values=values,
        totals={"coverage@10": 0.5} if done else {},
        fit_seconds=1.5 if done or state == "timed out" else None,
        recommend_seconds=0.5 if done else None,
        memory_mib=3.25 if done else None,
        filled_share=0.125 if done else 0.0,
        remarks=("a remark",) if done else (),
    )
    board = dataclasses.replace(Entry.of(score), metrics=score.means())
    assert Entry.read(written(board.as_json())) == board
    assert board.done == done
    for again in (
        Entry.read(written(board.as_json())).score(values),
        read_trial(written(trial_as_json(score)), values),
    ):
        for field in dataclasses.fields(Score):
            assert getattr(again, field.name) == getattr(score, field.name), field.name


def test_every_part_of_an_entry_survives():
    assert Entry.read(written(FULL.as_json())) == FULL
    assert list(FULL.as_json()) == [*KEYS, "lists", "users", "stage"]
    bare = Entry(model="ease", label="ease", state="failed", reason="ValueError: so")
    assert list(bare.as_json()) == KEYS
    assert as_json([bare], "validation")[0]["stage"] == "validation"
    assert (FULL.seconds, bare.seconds, FULL.value("nope")) == (1.75, None, None)


def test_a_board_survives(shop):
    protocol = Protocol.of(splitting.last_item(shop), metrics=["ndcg@5", "coverage@5"])
    scores = tuple(
        trial(one, protocol) for one in (model("cosine"), model("popular"), model("content"))
    )
    board = Scoreboard(protocol, scores)
    assert [Entry.read(row) for row in written(board.entries)] == board.rows
    assert [row.rank is None for row in board.rows] == [not row.done for row in board.rows]
    for row in board.rows:
        score = next(score for score in scores if score.label == row.label)
        assert row.score(score.values).totals == score.totals


def test_an_entry_of_an_earlier_version_opens():
    old = {
        "model": "popular",
        "label": "popular(window=7d)",
        "params": {"window": "7d"},
        "metrics": {"ndcg@10": 0.0712},
        "interval": [0.065, 0.078],
        "difference": {"value": -0.05, "interval": [-0.06, -0.04], "p": 0.001},
        "rank": 7,
        "fit_seconds": 0.05,
        "recommend_seconds": 0.1,
        "state": "done",
        "reason": None,
    }
    entry = Entry.read(old)
    assert (entry.rank, entry.interval, entry.stage, entry.users) == (7, (0.065, 0.078), None, None)
    assert entry.difference == Gap(-0.05, (-0.06, -0.04), 0.001, None)
    assert (entry.memory_mib, entry.filled_share, entry.remarks) == (None, 0.0, ())
    assert Entry.read(written(entry.as_json())) == entry
    first = Entry.read({"model": "ease", "metrics": {"ndcg@10": 1}})
    assert (first.label, first.state, first.value("ndcg@10")) == ("ease", "done", 1.0)
    assert Entry.read({}).label == "a model without a name"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "value", "p"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*KEYS, "lists", "users", "stage"]), json_values))
def test_an_entry_that_was_changed_by_hand_never_breaks_its_reader(row):
    entry = Entry.read(row)
    assert entry.label
    assert entry.seconds is None or np.isfinite(entry.seconds)
    assert all(value is None or np.isfinite(value) for value in entry.metrics.values())
