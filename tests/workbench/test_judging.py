"""Judging on samples: each setting once, what learned the same fitted once, and a reason for
whatever has no number.
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
from spadework.workbench.search import rungs as judgings
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.judgement import NOVEL
from spadework.workbench.search.judging import Judging, groups
from spadework.workbench.search.rungs import rungs_of
from spadework.workbench.search.sweep import Sweep
from spadework.workbench.search.trial_cache import Ledger


@pytest.fixture(scope="module")
def protocol(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")


def judging(folder, protocol, *, memory=None) -> Judging:
    return Judging(protocol, None, Ledger(folder), Clock(600.0), Costs(), memory)


def soon(seconds: float = 120.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def small_rungs(monkeypatch):
    monkeypatch.setattr(judgings, "FIRST_USERS", 50)
    monkeypatch.setattr(judgings, "MOST_USERS", 50)


def test_rungs_are_nested_samples_and_the_last_one_is_everybody():
    rows = np.arange(5, 80_000, 2)
    rungs = rungs_of(rows, 3)
    assert [len(rung) for rung in rungs] == [
        judgings.MOST_USERS,
        4 * judgings.MOST_USERS,
        len(rows),
    ]
    assert np.array_equal(rungs[-1], rows)
    for smaller, larger in zip(rungs, rungs[1:], strict=False):
        assert np.isin(smaller, larger).all()
    for rung, again, other in zip(rungs[:2], rungs_of(rows, 3), rungs_of(rows, 4), strict=False):
        assert (np.diff(rung) > 0).all()
        assert np.array_equal(rung, again)
        assert not np.array_equal(rung, other)


@pytest.mark.parametrize("users", [1, 10, 2 * judgings.FIRST_USERS])
def test_few_users_are_one_rung(users):
    (only,) = rungs_of(np.arange(users), 0)
    assert np.array_equal(only, np.arange(users))


def test_a_setting_among_many_says_what_it_says_alone(tmp_path, protocol):
    one = judging(tmp_path, protocol)
    settings = Sweep(one).stage(0)
    found = one.ask(settings, 0, soon())
    assert [result.one.label for result in found] == [setting.label for setting in settings]
    for result in found[::5]:
        alone = trial(CoOccurrence(**result.one.params), one.rungs[0].protocol)
        np.testing.assert_allclose(
            result.values, alone.values["ndcg@5"], atol=1e-6, err_msg=result.one.label
        )
    assert not [result for result in one.judged.values() if "_state" in result.one.__dict__], (
        "tables are let go once they are judged"
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
    one = judging(tmp_path, protocol)
    settings = [model("ease"), model("ease", history=0.7), model("ease", history=0.5)]
    assert [len(group) for group in groups(settings)] == [3]
    first = one.ask(settings, 0, soon())
    more = one.ask([first[0].one], 1, soon())
    assert fits["ease"] == 1
    assert len({result.score.fit_seconds for result in first}) == 1, (
        "each tells what it would take alone"
    )
    assert one.judged["ease"].rung == 1
    assert len(more[0].rows) == len(one.rungs[1].rows)
    assert one.first["ease"].rung == 0, "what it had on the first sample stays known"


def test_a_second_start_takes_what_the_ledger_has(tmp_path, protocol, monkeypatch):
    settings = [model("ease"), model("cosine"), model("personal")]
    one = judging(tmp_path, protocol)
    before = one.ask(settings, 0, soon(), novel=True)
    monkeypatch.setattr(Recommender, "fit", lambda *_, **__: pytest.fail("fitted again"))
    monkeypatch.setattr(CoOccurrence, "fit_together", lambda *_, **__: pytest.fail("counted again"))
    two = judging(tmp_path, protocol)
    after = two.ask(settings, 0, soon(), novel=True)
    for mine, yours in zip(before, after, strict=True):
        np.testing.assert_array_equal(mine.values, yours.values)
        assert mine.novel_mean == yours.novel_mean
    assert two.clock.replayed == pytest.approx(
        sum(result.seconds for result in before), rel=1e-6
    ), "the budget counts earlier starts"


def test_no_time_leaves_a_reason_for_each_setting_and_is_tried_again(tmp_path, protocol):
    one = judging(tmp_path, protocol)
    settings = [model("ease"), model("cosine"), model("lift"), model("personal")]
    late = one.ask(settings, 0, time.monotonic() - 1)
    assert {result.score.state for result in late} == {"no time"}
    assert all(result.mean == float("-inf") and not one.settled(result.one) for result in late)
    assert {result.score.state for result in one.ask(settings, 0, soon())} == {"done"}
    assert all(one.settled(setting) for setting in settings)


def test_no_memory_leaves_a_reason_for_each_setting(tmp_path, protocol):
    one = judging(tmp_path, protocol, memory=1)
    found = one.ask([model("ease"), model("cosine"), model("lift")], 0, soon())
    assert all(
        result.score.state in ("out of memory", "failed") and result.reason for result in found
    )


def test_without_time_on_more_users_a_setting_keeps_what_it_had(
    tmp_path, protocol, small_rungs, monkeypatch
):
    one = judging(tmp_path, protocol)
    (first,) = one.ask([model("personal")], 0, soon())

    def late(*_, **__):
        raise OutOfTime("Out of time.", "Give more.")

    monkeypatch.setattr(Recommender, "recommend_codes", late)
    (second,) = one.ask([model("personal")], 1, soon())
    assert second.score.state == "timed out"
    assert one.judged["personal"].rung == 0
    assert one.judged["personal"].mean == first.mean


def test_a_setting_the_log_cannot_answer_is_a_line_and_not_the_end(tmp_path, protocol):
    one = judging(tmp_path, protocol)
    found = one.ask(
        [
            CoOccurrence(content=0.5),
            CoOccurrence(weight="llr", distance="inverse"),
            CoOccurrence(keep=20),
        ],
        0,
        soon(),
    )
    assert "content" in (found[0].reason or "")
    assert "whole numbers" in (found[1].reason or "")
    assert found[2].reason is None


def test_new_items_are_asked_about_where_people_repeat(tmp_path, world):
    split = splitting.by_time(world("repeats").log, test=0.1, valid=0.1)
    protocol = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")
    (found,) = judging(tmp_path, protocol).ask([model("personal")], 0, soon(), novel=True)
    values = found.score.values[NOVEL + "ndcg@5"]
    assert values.shape == found.values.shape
    expected = trial(
        model("personal"), Protocol.of(split.valid, metrics=["ndcg@5"], repeats="novel")
    )
    asked = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="novel")
    assert found.novel_mean == pytest.approx(expected.means(asked.judged)["ndcg@5"], abs=1e-6)
    forbidden = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid")
    (plain,) = judging(tmp_path / "two", forbidden).ask([model("personal")], 0, soon(), novel=True)
    assert plain.novel_mean == float("-inf")


def test_a_log_without_times_is_swept(tmp_path):
    users, items, _ = random_rows(2, users=60, rows=900)
    split = splitting.random(make_log(users, items), test=0.2, valid=True, rng=0)
    one = Sweep(judging(tmp_path, Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid")))
    for stage in range(3):
        one.run(stage, soon())
    assert one.search(soon())
    assert {result.reason for result in one.judged.values()} == {None}


def test_the_stages_of_a_sweep_are_the_design_each_setting_once(tmp_path, protocol):
    one = Sweep(judging(tmp_path, protocol))
    stages = [[setting.label for setting in one.stage(number)] for number in range(3)]
    labels = [label for stage in stages for label in stage]
    assert len(set(labels)) == len(labels)
    assert set(labels) == {setting.label for setting in [*one.design.core(), *one.design.others()]}
    assert all(
        "age_half_life" not in label and "group_power" not in label for label in stages[0]
    ), "the plain part first"
