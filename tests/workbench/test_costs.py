"""Forecasts: from a model's own guess to what this run has measured."""

from __future__ import annotations

import time

import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.needs import Cost
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import GENEROUS, MIXING, STARTING, Costs, calibrate
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.trial_cache import Ledger


@pytest.fixture
def guesses(monkeypatch):
    """What models foretell of themselves, in seconds."""
    told = {"ease": 10.0, "cease": 20.0, "cosine": 4.0, "elsa": 8.0, "popular": 0.001}
    monkeypatch.setattr(Recommender, "cost", lambda self, _train: Cost(bytes=1, seconds=told[self.name]))
    for name in told:
        monkeypatch.setattr(type(model(name)), "cost", lambda self, _train: Cost(bytes=1, seconds=told[self.name]))


def test_before_anything_is_measured_the_guess_counts_as_far_as_this_machine_is_quick(guesses):
    assert Costs(machine=3.0).fit(model("ease"), None) == pytest.approx(10 * 3 * GENEROUS)


def test_a_trial_corrects_its_model_its_family_and_the_others(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), None, 2.0)
    assert costs.fit(model("ease"), None) == pytest.approx(2.0)
    assert costs.fit(model("cease"), None) == pytest.approx(4.0), "of the same family"
    assert costs.fit(model("elsa"), None) == pytest.approx(1.6), "of another one: the usual ratio"
    costs.learn_fit(model("popular"), None, 1.0)
    assert costs.fit(model("elsa"), None) == pytest.approx(1.6), "what is quick teaches nothing about what is slow"


def test_answers_are_foretold_by_users(guesses):
    costs = Costs()
    costs.learn_answer(model("ease"), 1000, 0.5 + STARTING)
    assert costs.answer(model("ease"), 190_000) == pytest.approx(95.0), "what it takes to begin is not taken for each user"
    assert costs.answer(model("cease"), 2000) == pytest.approx(1.0)
    assert costs.answer(model("elsa"), 1000, unknown=1e-4) == pytest.approx(0.1)


def test_what_was_stopped_is_foretold_to_take_longer(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), None, 2.0)
    costs.at_least(model("ease"), None, 100, 8.0, fitted=False)
    assert costs.fit(model("ease"), None) == pytest.approx(12.0)
    costs.at_least(model("ease"), None, 100, 3.0, fitted=False)
    assert costs.fit(model("ease"), None) == pytest.approx(12.0), "a shorter stop says nothing new"


def test_calibration_takes_less_than_a_second_of_work():
    begun = time.process_time()
    assert 0.5 <= calibrate().machine <= 6.0
    assert time.process_time() - begun < 1.0


def test_the_clock_counts_earlier_starts_and_no_change_of_the_wall_clock_moves_it(monkeypatch):
    clock = Clock(60.0)
    clock.replayed += 20.0
    assert 20.0 <= clock.spent < 25.0
    monkeypatch.setattr(time, "time", lambda: 0.0)  # somebody sets the clock back by decades
    assert 35.0 < clock.left <= 40.0
    assert clock.moment(-5.0) - clock.now <= 0.01, "a moment is never in the past"
    assert clock.deadline(clock.moment(7.0)) - time.monotonic() == pytest.approx(7.0, abs=0.1)
    later = clock.moment(30.0)
    clock.replay(20.0)
    assert later - clock.now < 10.01, "what is taken from the ledger is time that went by"


def test_a_fit_among_others_lowers_a_forecast_and_never_raises_one(shop):
    costs, one = Costs(), model("cosine")
    costs.learn_fit(one, shop, 8.0)
    costs.at_most(one, shop, 3.0)
    assert costs.fit(one, shop) == pytest.approx(3.0)
    costs.at_most(one, shop, 5.0)
    assert costs.fit(one, shop) == pytest.approx(3.0)


def test_the_first_answer_of_a_process_does_not_foretell_the_others(tmp_path, world, monkeypatch):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    judging = Judging(Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow"), None, Ledger(tmp_path), Clock(600.0), Costs(), None)
    recommend, first = Recommender.recommend_codes, list[int]()

    def slow_at_first(self, histories, k=10, **how):
        if not first:
            time.sleep(0.5)
            first.append(k)
        return recommend(self, histories, k, **how)

    monkeypatch.setattr(Recommender, "recommend_codes", slow_at_first)
    (found,) = judging.ask([model("popular")], 0, float("inf"))
    assert first
    assert found.score.recommend_seconds < 0.4
    assert judging.costs.answer(model("popular"), 1_000_000) < 0.4 * 1_000_000 / len(judging.rungs[0].rows)


def test_what_was_stopped_while_it_answered_is_no_slow_fit(guesses):
    costs = Costs()
    costs.learn_fit(model("ease"), None, 1.0)
    costs.learn_answer(model("ease"), 1000, 0.02)
    costs.at_least(model("ease"), None, 200_000, 10.0, fitted=True)
    assert costs.fit(model("ease"), None) == pytest.approx(1.0)
    assert costs.answer(model("ease"), 200_000) == pytest.approx(15.0 - STARTING)


def test_what_was_stopped_while_it_learned_says_nothing_of_its_lists(guesses):
    costs = Costs()
    for name in ("ease", "cosine"):
        costs.learn_fit(model(name), None, 1.0)
        costs.learn_answer(model(name), 1000, 0.1 + STARTING)
    one = model("blend", parts="cosine + ease")
    costs.learn_answer(one, 1000, 0.3 + STARTING)
    costs.at_least(one, None, 1000, 40.0, fitted=False)
    assert costs.answer(one, 1000) == pytest.approx(0.3)
    assert costs.fit(one, None) == pytest.approx(60.0)


def test_a_mixture_is_foretold_from_its_parts(guesses):
    """A slow mixture says nothing of one whose parts are quick."""
    costs = Costs()
    for name, fit, answer in (("ease", 5.0, 0.4), ("cosine", 0.1, 0.1), ("elsa", 60.0, 0.2)):
        costs.learn_fit(model(name), None, fit)
        costs.learn_answer(model(name), 1000, answer + STARTING)
    quick, slow = model("blend", parts="cosine + ease"), model("blend", parts="cosine + elsa")
    assert costs.fit(quick, None) == pytest.approx(5.1, rel=0.01)
    assert costs.answer(quick, 1000) == pytest.approx(MIXING * 0.5)
    costs.learn_fit(slow, None, 1.2 * costs.fit(slow, None))
    costs.learn_answer(slow, 1000, 3 * 0.3 + STARTING)
    assert costs.fit(quick, None) == pytest.approx(1.2 * 5.1, rel=0.01)
    assert costs.answer(quick, 1000) == pytest.approx(3 * 0.5)
    assert costs.fit(model("cease"), None) == pytest.approx(10.0, rel=0.01), "mixtures teach nothing about single models"
