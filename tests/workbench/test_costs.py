"""Estimated seconds: from a model's own guess to this run's measurements."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest

from spadework.data import splitting
from spadework.errors import OutOfTime
from spadework.evaluation.trial import REHEARSED, Protocol
from spadework.models.base import Recommender, models
from spadework.models.labels import model
from spadework.models.needs import Cost
from spadework.models.popular import Popular
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import (
    CALL_SECONDS,
    FIRST_RATIO,
    JOIN_SECONDS,
    LEAST_USER,
    Costs,
    calibrate,
)
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.trial_cache import Ledger


class NoLog:
    """Stands for a log: estimates of models are replaced here."""


LOG = NoLog()


@pytest.fixture
def guesses(monkeypatch):
    """Own estimates of models, in seconds."""
    seconds = {"ease": 10.0, "cease": 20.0, "cosine": 4.0, "elsa": 8.0, "popular": 0.001}
    monkeypatch.setattr(
        Recommender, "cost", lambda self, _train: Cost(bytes=1, seconds=seconds[self.name])
    )
    for name in seconds:
        monkeypatch.setattr(
            type(model(name)),
            "cost",
            lambda self, _train: Cost(bytes=1, seconds=seconds[self.name]),
        )


def test_before_anything_is_measured_the_guess_is_scaled_by_this_machines_speed(guesses):
    assert Costs(machine=3.0).fit(model("ease"), LOG) == pytest.approx(10 * 3 * FIRST_RATIO)


def test_a_trial_corrects_its_model_its_family_and_the_others(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), LOG, 2.0)
    assert costs.fit(model("ease"), LOG) == pytest.approx(2.0)
    assert costs.fit(model("cease"), LOG) == pytest.approx(4.0), "of the same family"
    assert costs.fit(model("elsa"), LOG) == pytest.approx(1.6), "of another one: the usual ratio"
    costs.learn_fit(model("popular"), LOG, 1.0)
    assert costs.fit(model("elsa"), LOG) == pytest.approx(1.6), (
        "a quick model does not correct the estimates of slow ones"
    )


def test_lists_are_estimated_by_users(guesses):
    costs = Costs()
    costs.learn_answer(model("ease"), 1000, 0.5 + CALL_SECONDS)
    assert costs.answer(model("ease"), 190_000) == pytest.approx(95.0), (
        "constant seconds are not counted per user"
    )
    assert costs.answer(model("cease"), 2000) == pytest.approx(1.0)
    assert costs.answer(model("elsa"), 1000, unknown=1e-4) == pytest.approx(0.1)


def test_what_was_stopped_is_estimated_to_take_longer(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), LOG, 2.0)
    costs.stopped_learning(model("ease"), LOG, 8.0)
    assert costs.fit(model("ease"), LOG) == pytest.approx(12.0)
    costs.stopped_learning(model("ease"), LOG, 3.0)
    assert costs.fit(model("ease"), LOG) == pytest.approx(12.0), "a shorter stop changes nothing"


def test_calibration_takes_less_than_a_second_of_work():
    begun = time.process_time()
    assert 0.5 <= calibrate().machine <= 6.0
    assert time.process_time() - begun < 1.0


def test_the_clock_counts_earlier_starts_and_no_change_of_the_wall_clock_moves_it(monkeypatch):
    clock = Clock(60.0)
    clock.replayed += 20.0
    assert 20.0 <= clock.spent < 25.0
    monkeypatch.setattr(time, "time", lambda: 0.0)  # the clock is set back by decades
    assert 35.0 < clock.left <= 40.0
    assert clock.deadline_in(-5.0) - clock.now <= 0.01, "a deadline is never in the past"
    assert clock.on_monotonic(clock.deadline_in(7.0)) - time.monotonic() == pytest.approx(
        7.0, abs=0.1
    )
    later = clock.deadline_in(30.0)
    clock.replay(20.0)
    assert later - clock.now < 10.01, "trials read from the ledger count as time spent"


def test_a_joint_fit_lowers_an_estimate_and_never_raises_one(shop):
    costs, setting = Costs(), model("cosine")
    costs.learn_fit(setting, shop, 8.0)
    costs.at_most(setting, shop, 3.0)
    assert costs.fit(setting, shop) == pytest.approx(3.0)
    costs.at_most(setting, shop, 5.0)
    assert costs.fit(setting, shop) == pytest.approx(3.0)


def test_the_first_answer_of_a_process_does_not_count_for_the_others(tmp_path, world, monkeypatch):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    judging = Judging(
        Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow"),
        None,
        Ledger(tmp_path),
        Clock(600.0),
        Costs(),
        None,
    )
    recommend, first = Recommender.recommend_codes, list[int]()

    def slow_at_first(self, histories, k=10, **how):
        if not first:
            time.sleep(0.5)
            first.append(k)
        return recommend(self, histories, k, **how)

    monkeypatch.setattr(Recommender, "recommend_codes", slow_at_first)
    (found,) = judging.judge([model("popular")], 0, float("inf"))
    assert first
    assert found.score.recommend_seconds < 0.4
    assert judging.costs.answer(model("popular"), 1_000_000) < 0.4 * 1_000_000 / len(
        judging.rungs[0].rows
    )


def test_what_was_stopped_while_it_answered_is_no_slow_fit_and_leaves_its_family(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), LOG, 1.0)
    costs.learn_answer(model("ease"), 1000, 0.02)
    costs.stopped_answering(model("ease"), 200_000, 10.0)
    assert costs.fit(model("ease"), LOG) == pytest.approx(1.0)
    assert costs.answer(model("ease"), 200_000) == pytest.approx(15.0)
    costs.stopped_answering(model("elsa"), 1000, 3.0)
    assert costs.answer(model("elsa"), 1000) == pytest.approx(4.5)
    assert costs.answer(model("cease"), 1000) == pytest.approx(1000 * LEAST_USER), (
        "its family keeps the measured rate"
    )


def measured(costs, **seconds):
    """Costs that know the fit and the lists of 1,000 users of these models."""
    for name, (fit, answer) in seconds.items():
        costs.learn_fit(model(name), LOG, fit)
        costs.learn_answer(model(name), 1000, answer + CALL_SECONDS)
    return costs


def test_what_was_stopped_while_it_learned_leaves_the_estimate_of_its_lists(guesses):
    costs = measured(Costs(), ease=(1.0, 0.1), cosine=(1.0, 0.1))
    mixture = model("blend", parts="cosine + ease")
    costs.learn_answer(mixture, 1000, 0.3 + CALL_SECONDS)
    costs.stopped_learning(mixture, LOG, 40.0)
    assert costs.answer(mixture, 1000) == pytest.approx(0.3)
    assert costs.fit(mixture, LOG) == pytest.approx(60.0)
    other = model("blend", parts="cosine + elsa")
    assert costs.fit(other, LOG) < 10.0, "nor those of mixtures of other parts"
    costs.stopped_answering(mixture, 1000, 20.0)
    assert costs.answer(mixture, 2000) == pytest.approx(60.0)
    assert costs.answer(other, 1000) < 1.0


def test_a_mixture_is_estimated_from_its_parts(guesses):
    """A slow mixture does not change the estimate of one whose parts are quick."""
    costs = measured(Costs(), ease=(5.0, 0.4), cosine=(0.1, 0.1), elsa=(60.0, 0.2))
    quick, slow = model("blend", parts="cosine + ease"), model("blend", parts="cosine + elsa")
    assert costs.fit(quick, LOG) == pytest.approx(5.1, rel=0.01)
    assert costs.answer(quick, 1000) == pytest.approx(0.5 + 2 * 1000 * JOIN_SECONDS)
    costs.learn_fit(slow, LOG, costs.fit(slow, LOG) + 2.0)
    costs.learn_answer(slow, 1000, 0.3 + 0.4 + CALL_SECONDS)
    assert costs.fit(quick, LOG) == pytest.approx(5.1 + 2.0, rel=0.01), "its own work"
    assert costs.answer(quick, 1000) == pytest.approx(0.5 + 0.4)
    costs.learn_fit(quick, LOG, 1.0)
    assert costs.fit(slow, LOG) == pytest.approx(60.1 - 4.1, rel=0.01)
    assert costs.fit(quick, LOG) >= 0.5 * 5.1
    assert costs.fit(model("cease"), LOG) == pytest.approx(10.0, rel=0.01), (
        "mixtures do not correct the estimates of single models"
    )


def test_a_mixture_that_was_measured_before_its_parts_is_not_corrected_twice(guesses):
    costs = Costs()
    opening = model("blend", parts="cosine + ease")
    costs.learn_fit(opening, LOG, 20.0)
    costs.learn_answer(opening, 1000, 0.4 + CALL_SECONDS)
    measured(costs, ease=(19.0, 0.3), cosine=(0.5, 0.05))
    assert costs.fit(opening, LOG) == pytest.approx(20.0)
    assert costs.answer(opening, 1000) == pytest.approx(0.4)
    assert costs.fit(model("blend", parts="ease + elsa"), LOG) == pytest.approx(
        0.5 + 19 + costs.fit(model("elsa"), LOG)
    )


def test_what_a_mixture_does_itself_is_not_as_quick_or_slow_as_its_parts(monkeypatch, guesses):
    """Trees take the same time, however quick the parts are."""
    own = {"boosted": 2 * 14.0 + 6.0}  # parts twice, and trees
    monkeypatch.setattr(
        type(model("boosted")), "cost", lambda self, _train: Cost(bytes=1, seconds=own[self.name])
    )
    costs = measured(Costs(), ease=(100.0, 0.1), cosine=(0.1, 0.1))
    costs._ratios[:] = [0.5]
    assert costs.fit(model("boosted", parts="cosine + ease"), LOG) == pytest.approx(
        2 * 100.1 + 0.5 * 6.0
    )


class Stops(Popular):
    """A model that runs out of time where a test sets it."""

    name = "stops"
    fit_takes: ClassVar[float] = 0.0
    learning: ClassVar[bool] = False

    def _fit(self, train, content, rng):
        time.sleep(self.fit_takes)
        if self.learning:
            raise OutOfTime("Time ran out.", "Give more.")
        return super()._fit(train, content, rng)

    def recommend_codes(self, histories, k=10, **how):
        if len(how.get("users", ())) <= REHEARSED:
            time.sleep(0.5)  # the first answer of a process
            return super().recommend_codes(histories, k, **how)
        time.sleep(0.2)
        raise OutOfTime("Time ran out.", "Give more.")


models._entries.pop("stops")  # for this file alone


def test_a_trial_that_ran_out_of_time_corrects_the_estimate_of_its_stage(
    tmp_path, world, monkeypatch
):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    train = split.valid.train

    def trial(**how):
        for name, value in how.items():
            monkeypatch.setattr(Stops, name, value)
        judging = Judging(
            Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow"),
            None,
            Ledger(tmp_path),
            Clock(600.0),
            Costs(),
            None,
        )
        (found,) = judging.judge([Stops()], 0, float("inf"))
        assert found.score.state == "timed out"
        return found.score, judging.costs

    score, costs = trial(fit_takes=0.4, learning=False)
    assert 0.4 <= score.fit_seconds < 0.6
    assert 0.2 <= score.recommend_seconds < 0.4, "without the first answer"
    assert 0.4 <= costs.fit(Stops(), train) < 0.6, "the seconds of a finished fit are known"
    users = len(Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow").truth.users)
    assert 0.3 <= costs.answer(Stops(), users) < 0.6
    score, costs = trial(fit_takes=0.4, learning=True)
    assert score.fit_seconds is score.recommend_seconds is None
    assert 0.6 <= costs.fit(Stops(), train) < 0.9, "it takes longer than it was allowed"
    assert costs.new(Stops()), "the seconds of its lists are unknown"
