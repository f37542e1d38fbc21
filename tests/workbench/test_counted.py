"""Settings that are counted together: as many as there is time for, and a line for each of the others."""

from __future__ import annotations

import time

import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol
from spadework.workbench import counted
from spadework.workbench.clock import Clock
from spadework.workbench.costs import Costs
from spadework.workbench.counted import ask_in_time
from spadework.workbench.judging import Judging
from spadework.workbench.ledger import Ledger
from spadework.workbench.sweep import Sweep


@pytest.fixture
def judging(tmp_path, world) -> Judging:
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Judging(Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow"), None, Ledger(tmp_path), Clock(600.0), Costs(), None)


def test_with_time_enough_all_are_judged_and_none_twice(judging):
    settings = Sweep(judging).stage(0)
    found = ask_in_time(judging, settings, float("inf"))
    assert {result.one.label for result in found} == {one.label for one in settings}
    assert {result.score.state for result in found} == {"done"}
    assert ask_in_time(judging, settings, float("inf")) == []


def test_only_as_many_as_are_foretold_to_end_are_begun(judging, monkeypatch):
    settings = Sweep(judging).stage(0)
    monkeypatch.setattr(counted, "_seconds", lambda judging: 10.0)
    found = ask_in_time(judging, settings, judging.clock.now + 105.0)
    states = [result.score.state for result in found]
    assert states.count("done") == 9  # a tenth of the time is left as it is
    assert states.count("no time") == len(settings) - 9
    assert all(result.reason for result in found if result.score.state == "no time")
    rest = ask_in_time(judging, settings, float("inf"))  # what had no time is asked when there is some
    assert len(rest) == len(settings) - 9
    assert {result.score.state for result in rest} == {"done"}


def test_without_time_nothing_is_begun(judging):
    begun = time.monotonic()
    found = ask_in_time(judging, Sweep(judging).stage(1), judging.clock.now - 1.0)
    assert {result.score.state for result in found} == {"no time"}
    assert time.monotonic() - begun < 1.0


def test_those_that_look_at_the_same_pairs_stand_together(judging, monkeypatch):
    asked: list[object] = []
    original = judging.ask
    monkeypatch.setattr(judging, "ask", lambda settings, *rest, **more: (asked.extend(settings), original(settings, *rest, **more))[1])
    ask_in_time(judging, Sweep(judging).stage(1), float("inf"))
    channels = [one.channel for one in asked]
    changes = sum(before != after for before, after in zip(channels, channels[1:], strict=False))
    assert changes == len(set(channels)) - 1
