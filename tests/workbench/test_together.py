"""Settings that are counted together: as many as time allows; each of the others has a reason."""

from __future__ import annotations

import time

import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol
from spadework.workbench.search import together
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.sweep import Sweep, SweepStage
from spadework.workbench.search.together import judge_in_time
from spadework.workbench.search.trial_cache import Ledger


@pytest.fixture
def judging(tmp_path, world) -> Judging:
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Judging(
        Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow"),
        None,
        Ledger(tmp_path),
        Clock(600.0),
        Costs(),
        None,
    )


def test_with_time_enough_all_are_judged_and_none_twice(judging):
    settings = Sweep(judging).stage(SweepStage.PLAIN)
    found = judge_in_time(judging, settings, float("inf"))
    assert {result.setting.label for result in found} == {setting.label for setting in settings}
    assert {result.score.state for result in found} == {"done"}
    assert judge_in_time(judging, settings, float("inf")) == []


def test_only_as_many_as_are_estimated_to_end_are_begun(judging, monkeypatch):
    settings = Sweep(judging).stage(SweepStage.PLAIN)
    estimates = iter([10.0, 40.0, 1000.0])
    monkeypatch.setattr(together, "_seconds", lambda *_: next(estimates))
    found = judge_in_time(judging, settings, judging.clock.now + 105.0)
    states = [result.score.state for result in found]
    # a tenth of the time is left as it is; then two more fit, and no third
    assert states.count("done") == 9 + 2
    assert states.count("no time") == len(settings) - 11
    assert all(result.reason for result in found if result.score.state == "no time")
    monkeypatch.undo()
    # settings that had no time are judged when there is some
    rest = judge_in_time(judging, settings, float("inf"))
    assert len(rest) == len(settings) - 11
    assert {result.score.state for result in rest} == {"done"}


def test_without_time_nothing_is_begun(judging):
    begun = time.monotonic()
    found = judge_in_time(judging, Sweep(judging).stage(SweepStage.REST), judging.clock.now - 1.0)
    assert {result.score.state for result in found} == {"no time"}
    assert time.monotonic() - begun < 1.0


def test_settings_that_count_the_same_pairs_are_together(judging, monkeypatch):
    judged: list[object] = []
    original = judging.judge
    monkeypatch.setattr(
        judging,
        "judge",
        lambda settings, *rest, **more: (
            judged.extend(settings),
            original(settings, *rest, **more),
        )[1],
    )
    judge_in_time(judging, Sweep(judging).stage(SweepStage.REST), float("inf"))
    channels = [setting.channel for setting in judged]
    changes = sum(before != after for before, after in zip(channels, channels[1:], strict=False))
    assert changes == len(set(channels)) - 1


def test_what_an_earlier_start_judged_is_used_whatever_the_time(judging, world):
    settings = Sweep(judging).stage(SweepStage.PLAIN)
    judge_in_time(judging, settings[:5], float("inf"))
    again = Judging(
        judging.protocol, None, Ledger(judging.ledger.folder), Clock(600.0), Costs(), None
    )
    found = judge_in_time(again, settings, again.clock.now - 1.0)
    assert {result.setting.label for result in found if result.score.state == "done"} == {
        setting.label for setting in settings[:5]
    }


def test_where_none_was_judged_yet_estimates_still_limit_the_count(judging, monkeypatch):
    monkeypatch.setattr(Costs, "fit", lambda *_: 1e6)
    found = judge_in_time(judging, Sweep(judging).stage(SweepStage.PLAIN), judging.clock.now + 60.0)
    assert {result.score.state for result in found} == {"no time"}
