"""What docs/adding-a-….md say is true: their code runs as it stands, and what they promise
appears.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType

import numpy as np
import pytest

import spadework as sw
from makers import ROOT
from spadework.data import splitting
from spadework.evaluation import metrics
from spadework.kernels.similarity import entry_weights, pair_weights
from spadework.models.base import models
from spadework.workbench.glossary import describe
from spadework.workbench.search.design import design


def code_of(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL
    )


@pytest.fixture
def placed():
    """Shelves as they were before, once the test is over."""
    shelves = [
        models,
        pair_weights.pair_weights,
        entry_weights.entry_weights,
        metrics.metrics,
        splitting.splits,
    ]
    before = [dict(shelf._entries) for shelf in shelves]
    yield
    for shelf, things in zip(shelves, before, strict=True):
        shelf._entries.clear()
        shelf._entries.update(things)


def test_a_model(placed, world, monkeypatch):
    (code,) = code_of("adding-a-model.md")
    module = ModuleType("spadework.models.linear.ridge")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "ridge.py", "exec"), vars(module))
    split = sw.split.by_time(world("order").log, test=0.1, valid=0.1)
    board = sw.scoreboard([sw.model("ridge(l2=50)"), sw.model("popular")], split)
    means = {row["label"]: row["metrics"]["ndcg@10"] for row in board.entries}
    assert means["ridge(l2=50)"] > means["popular"]
    assert "λ" in str(describe("ridge")["parameters"])
    assert models["ridge"].family == "ridge"
    assert sw.model("ridge").parameters()["l2"].search is not None


def test_weights(placed, world):
    pair, entry = code_of("adding-a-weight.md")
    exec(compile(pair, "pair_weights.py", "exec"), vars(pair_weights).copy())
    exec(compile(entry, "entry_weights.py", "exec"), vars(entry_weights).copy())
    log = world("repeats").log
    tried = [one.params for one in design(log, None).others()]
    assert {one["shrink"] for one in tried if one["weight"] == "kulczynski"} == {0.0, 10.0}
    assert {one["weight"] for one in tried if one["entry"] == "capped"} == {"raw", "cosine"}
    for label in ("cooccurrence(weight=kulczynski)", "cooccurrence(entry=capped)"):
        assert (
            sw.model(label)
            .fit(log)
            .recommend(log.of_users(log.user_vocabulary.ids[:3]))
            .frame()
            .height
        )
    assert "Mean of two shares" in describe("kulczynski")["says"]


def test_a_metric(placed, world):
    (code,) = code_of("adding-a-metric.md")
    exec(compile(code, "metrics.py", "exec"), vars(metrics).copy())
    split = sw.split.by_time(world("order").log, test=0.1, valid=0.1)
    (row,) = sw.scoreboard(
        [sw.model("popular")], split, metrics=["f1@10", "precision@10", "recall@10"]
    ).entries
    assert (
        0
        < row["metrics"]["f1@10"]
        <= max(row["metrics"]["precision@10"], row["metrics"]["recall@10"])
    )
    assert np.isfinite(row["interval"]).all()


def test_a_split(placed, world):
    (code,) = code_of("adding-a-split.md")
    exec(compile(code, "splitting.py", "exec"), vars(splitting).copy())
    log = world("order").log
    split = splitting.splits["last_items"](log, count=2, valid=True)
    assert set(np.bincount(split.expected.users)) <= {0, 2}
    assert split.leak is not None
    assert split.valid is not None
    assert "last_items" in splitting.splits
    assert "leaks" in describe("last_items")["says"]
