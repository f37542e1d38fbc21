"""Judging on samples: each setting once, one fit for settings that learn the same, and a reason for
each setting without a number.
"""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.data import splitting
from spadework.errors import OutOfTime
from spadework.evaluation.trial import Protocol, trial
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.workbench.search import rungs as rungs_module
from spadework.workbench.search import trial_cache
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.judgement import NOVEL
from spadework.workbench.search.judging import Judging, groups
from spadework.workbench.search.rungs import rungs_of
from spadework.workbench.search.sweep import Sweep, SweepStage
from spadework.workbench.search.trial_cache import Ledger


@pytest.fixture(scope="module")
def protocol(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")


def judging_of(folder, protocol, *, memory=None) -> Judging:
    return Judging(protocol, None, Ledger(folder), Clock(600.0), Costs(), memory)


def soon(seconds: float = 120.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def small_rungs(monkeypatch):
    monkeypatch.setattr(rungs_module, "FIRST_USERS", 50)
    monkeypatch.setattr(rungs_module, "MOST_USERS", 50)


def test_rungs_are_nested_samples_and_the_last_one_is_all_users():
    rows = np.arange(5, 80_000, 2)
    rungs = rungs_of(rows, 3)
    assert [len(rung) for rung in rungs] == [
        rungs_module.MOST_USERS,
        4 * rungs_module.MOST_USERS,
        len(rows),
    ]
    assert np.array_equal(rungs[-1], rows)
    for smaller, larger in zip(rungs, rungs[1:], strict=False):
        assert np.isin(smaller, larger).all()
    for rung, again, other in zip(rungs[:2], rungs_of(rows, 3), rungs_of(rows, 4), strict=False):
        assert (np.diff(rung) > 0).all()
        assert np.array_equal(rung, again)
        assert not np.array_equal(rung, other)


@pytest.mark.parametrize("users", [1, 10, 2 * rungs_module.FIRST_USERS])
def test_few_users_are_one_rung(users):
    (only,) = rungs_of(np.arange(users), 0)
    assert np.array_equal(only, np.arange(users))


def test_a_setting_judged_among_many_has_the_values_it_has_alone(tmp_path, protocol):
    judging = judging_of(tmp_path, protocol)
    settings = Sweep(judging).stage(SweepStage.PLAIN)
    found = judging.judge(settings, 0, soon())
    assert [result.setting.label for result in found] == [setting.label for setting in settings]
    for result in found[::5]:
        alone = trial(CoOccurrence(**result.setting.params), judging.rungs[0].protocol)
        np.testing.assert_allclose(
            result.values, alone.values["ndcg@5"], atol=1e-6, err_msg=result.setting.label
        )
    assert not [result for result in judging.judged.values() if result.setting.is_fitted], (
        "tables are freed once they are judged"
    )


def test_what_learns_the_same_is_fitted_once_also_for_more_users(
    tmp_path, protocol, monkeypatch, small_rungs
):
    fits: Counter[str] = Counter()
    original = Recommender.fit

    def counted(self, *args, **options):
        fits[self.name] += 1
        return original(self, *args, **options)

    monkeypatch.setattr(Recommender, "fit", counted)
    judging = judging_of(tmp_path, protocol)
    settings = [model("ease"), model("ease", history=0.7), model("ease", history=0.5)]
    assert [len(group) for group in groups(settings)] == [3]
    first = judging.judge(settings, 0, soon())
    more = judging.judge([first[0].setting], 1, soon())
    assert fits["ease"] == 1
    assert len({result.score.fit_seconds for result in first}) == 1, (
        "each has the seconds that it would take alone"
    )
    assert judging.judged["ease"].rung == 1
    assert len(more[0].rows) == len(judging.rungs[1].rows)
    assert judging.first["ease"].rung == 0, "its judgement on the first sample stays known"


def test_co_occurrence_is_not_counted_again_for_what_was_a_part_of_a_mixture(
    tmp_path, protocol, small_rungs, monkeypatch
):
    judging, alone = judging_of(tmp_path / "one", protocol), judging_of(tmp_path / "two", protocol)
    judging.judge([model('blend(parts="popular + cosine(history=0.3)")')], 0, soon())
    monkeypatch.setattr(CoOccurrence, "fit_together", None)
    monkeypatch.setattr(CoOccurrence, "_fit", None)
    (found,) = judging.judge([model("cosine")], 0, soon())
    monkeypatch.undo()
    (own,) = alone.judge([model("cosine")], 0, soon())
    assert np.array_equal(found.values, own.values)
    assert found.score.fit_seconds, "its seconds are told, as estimated"


def test_a_second_start_uses_what_the_ledger_has(tmp_path, protocol, monkeypatch):
    settings = [model("ease"), model("cosine"), model("personal")]
    judging = judging_of(tmp_path, protocol)
    before = judging.judge(settings, 0, soon(), judge_novel=True)
    monkeypatch.setattr(Recommender, "fit", lambda *_, **__: pytest.fail("fitted again"))
    monkeypatch.setattr(CoOccurrence, "fit_together", lambda *_, **__: pytest.fail("counted again"))
    again = judging_of(tmp_path, protocol)
    after = again.judge(settings, 0, soon(), judge_novel=True)
    for earlier, later in zip(before, after, strict=True):
        np.testing.assert_array_equal(earlier.values, later.values)
        assert earlier.novel_mean == later.novel_mean
    assert again.clock.replayed == pytest.approx(
        sum(result.seconds for result in before), rel=1e-6
    ), "the budget counts earlier starts"


def test_no_time_leaves_a_reason_for_each_setting_and_is_tried_again(tmp_path, protocol):
    judging = judging_of(tmp_path, protocol)
    settings = [model("ease"), model("cosine"), model("lift"), model("personal")]
    late = judging.judge(settings, 0, time.monotonic() - 1)
    assert {result.score.state for result in late} == {"no time"}
    assert all(
        result.mean == float("-inf") and not judging.settled(result.setting) for result in late
    )
    assert {result.score.state for result in judging.judge(settings, 0, soon())} == {"done"}
    assert all(judging.settled(setting) for setting in settings)


def test_no_memory_leaves_a_reason_for_each_setting(tmp_path, protocol):
    judging = judging_of(tmp_path, protocol, memory=1)
    found = judging.judge([model("ease"), model("cosine"), model("lift")], 0, soon())
    assert all(
        result.score.state in ("out of memory", "failed") and result.reason for result in found
    )


def test_without_time_on_more_users_a_setting_keeps_what_it_had(
    tmp_path, protocol, small_rungs, monkeypatch
):
    judging = judging_of(tmp_path, protocol)
    (first,) = judging.judge([model("personal")], 0, soon())

    def late(*_, **__):
        raise OutOfTime("Out of time.", "Give more.")

    monkeypatch.setattr(Recommender, "recommend_codes", late)
    (second,) = judging.judge([model("personal")], 1, soon())
    assert second.score.state == "timed out"
    assert judging.judged["personal"].rung == 0
    assert judging.judged["personal"].mean == first.mean


def test_a_setting_the_log_cannot_answer_is_a_line_and_not_the_end(tmp_path, protocol):
    judging = judging_of(tmp_path, protocol)
    found = judging.judge(
        [
            CoOccurrence(content_share=0.5),
            CoOccurrence(weight="llr", distance="inverse"),
            CoOccurrence(keep=20),
        ],
        0,
        soon(),
    )
    assert "content" in (found[0].reason or "")
    assert "whole numbers" in (found[1].reason or "")
    assert found[2].reason is None


def test_new_items_are_judged_where_users_repeat_items(tmp_path, world):
    split = splitting.by_time(world("repeats").log, test=0.1, valid=0.1)
    protocol = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")
    (found,) = judging_of(tmp_path, protocol).judge(
        [model("personal")], 0, soon(), judge_novel=True
    )
    values = found.score.values[NOVEL + "ndcg@5"]
    assert values.shape == found.values.shape
    novel = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="novel")
    expected = trial(model("personal"), novel)
    assert found.novel_mean == pytest.approx(expected.means(novel.judged)["ndcg@5"], abs=1e-6)
    forbidden = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid")
    (plain,) = judging_of(tmp_path / "two", forbidden).judge(
        [model("personal")], 0, soon(), judge_novel=True
    )
    assert plain.novel_mean == float("-inf")


def test_a_log_without_times_is_swept(tmp_path):
    users, items, _ = random_rows(2, users=60, rows=900)
    split = splitting.random(make_log(users, items), test=0.2, valid=True, rng=0)
    sweep = Sweep(
        judging_of(tmp_path, Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid"))
    )
    for stage in SweepStage:
        sweep.run(stage, soon())
    assert sweep.search(soon())
    assert {result.reason for result in sweep.judged.values()} == {None}


def test_the_stages_of_a_sweep_are_the_design_each_setting_once(tmp_path, protocol):
    sweep = Sweep(judging_of(tmp_path, protocol))
    stages = [[setting.label for setting in sweep.stage(stage)] for stage in SweepStage]
    labels = [label for stage in stages for label in stage]
    assert len(set(labels)) == len(labels)
    assert set(labels) == {
        setting.label for setting in [*sweep.design.core(), *sweep.design.others()]
    }
    assert all(
        "age_half_life" not in label and "group_power" not in label for label in stages[0]
    ), "the plain part first"


def test_a_setting_that_a_process_was_killed_with_comes_last_and_then_not_again(
    tmp_path, protocol, monkeypatch
):
    settings = [model(name) for name in ("random", "popular", "p-topfreq")]
    key = judging_of(tmp_path, protocol)._key(settings[0], 0)
    mark = tmp_path / f"{key}{trial_cache.MARK}"
    monkeypatch.setattr(trial_cache, "LARGE", 0.0)
    for kills in (1, 2):
        for old in tmp_path.glob("*"):
            old.unlink()
        mark.write_text(f"{kills}\n")
        judging = judging_of(tmp_path, protocol)
        found = judging.judge(settings, 0, soon())
        assert [result.setting.label for result in found] == [one.label for one in settings]
        done = [label for label, result in judging.judged.items() if result.reason is None]
        assert done == (["popular", "p-topfreq"] + ["random"] * (kills == 1))
        assert found[0].reason == (None if kills == 1 else trial_cache.KILLED)
        assert mark.exists() == (kills == 2)
