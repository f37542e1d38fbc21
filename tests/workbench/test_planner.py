"""The planner: breadth first, nothing twice, the end reserved, equal results with enough time."""

from __future__ import annotations

import time

import pytest

import spadework as sw
from spadework import events
from spadework.data import splitting
from spadework.errors import SpadeworkError
from spadework.evaluation.trial import Protocol
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.models.linear.ease import Ease
from spadework.workbench.large.sample import Sample
from spadework.workbench.recipe import make
from spadework.workbench.search import model_families
from spadework.workbench.search import rungs as rungs_module
from spadework.workbench.search.budgeting import BUDGETS
from spadework.workbench.search.choice import by_sense
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.ending import Ending
from spadework.workbench.search.everything import Everything
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import contenders
from spadework.workbench.search.planner import Planner
from spadework.workbench.search.trial_cache import Ledger

FEW = ["popular", "random", "cosine", "forward", "ease", "personal", "v-sknn", "blend"]


@pytest.fixture(scope="module")
def split(world):
    return splitting.by_time(world("order").log, test=0.1, valid=0.1)


def planner_of(folder, split, world, *, names=FEW, budget=300.0) -> Planner:
    validation, test = (
        Protocol.of(part, metrics=["ndcg@5"], repeats="allow") for part in (split.valid, split)
    )
    costs = Costs()
    judging = Judging(validation, None, Ledger(folder), Clock(budget), costs, None)
    log = world("order").log
    everything = Everything(Sample(log, log), costs, 2**34, budget)
    return Planner(judging, Ending(costs, test, everything, budget), names, lambda until: None)


@pytest.fixture(scope="module")
def done(tmp_path_factory, split, world):
    planner = planner_of(tmp_path_factory.mktemp("trials"), split, world)
    judged: list[tuple[str, int]] = []
    original = planner.judging.judge

    def recorded(settings, rung, until, *, judge_novel=False):
        settings = list(settings)
        judged.extend((setting.label, rung) for setting in settings)
        return original(settings, rung, until, judge_novel=judge_novel)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planner.judging, "judge", recorded)
        planner.run()
    return planner, judged


def test_one_member_of_each_family_comes_before_any_second(done):
    planner, judged = done
    after = [label for label, _ in judged if label not in model_families.BASELINES]
    first = [label for label in after if model(label).name != "blend"][: len(planner.families)]
    # what is popular is a baseline
    names = [model(label).family for label in first[: len(planner.families) - 1]]
    assert len(set(names)) == len(names) == len(planner.families) - 1, first
    assert after[0].startswith("blend(parts="), (
        "the opening mixture is among the very first candidates"
    )


def test_every_family_has_an_answer_and_the_baselines_do_too(done):
    planner, _ = done
    assert all(family.judged for family in planner.families)
    assert set(model_families.BASELINES) <= set(planner.judging.judged)


def test_two_searches_with_enough_time_have_equal_results(done, tmp_path, split, world):
    planner, _ = done
    again = planner_of(tmp_path, split, world)
    again.run()
    assert {label: result.mean for label, result in again.judging.judged.items()} == {
        label: result.mean for label, result in planner.judging.judged.items()
    }


def test_a_family_too_slow_for_the_breadth_comes_before_second_settings_of_others(
    tmp_path, split, world, monkeypatch
):
    """Estimated at more than a third of the breadth, and at less than the time of the rounds."""
    original = Costs.fit

    def estimated(self, asked, train):
        return 5.0 if asked.name == "ease" else original(self, asked, train)

    monkeypatch.setattr(Costs, "fit", estimated)
    planner = planner_of(
        tmp_path, split, world, names=["popular", "random", "tifu-knn", "ease"], budget=40.0
    )
    planner.run()
    labels = list(planner.judging.judged)
    assert labels.index("tifu-knn") < labels.index("ease"), "the breadth had no time for it"
    found = [label for label in labels if label.startswith(("tifu-knn(", "ease("))]
    assert all(labels.index("ease") < labels.index(label) for label in found)


def test_without_time_the_baselines_alone_are_judged(tmp_path, split, world):
    planner = planner_of(tmp_path, split, world, budget=0.0)
    planner.run()
    assert {
        label for label, result in planner.judging.judged.items() if result.reason is None
    } == set(model_families.BASELINES)
    assert {"cosine", "ease", "personal", "v-sknn"} <= set(planner.schedule.no_time), (
        "and each is known to have had no time"
    )


def test_only_those_that_may_still_win_go_up(tmp_path, split, world, monkeypatch):
    monkeypatch.setattr(rungs_module, "FIRST_USERS", 60)
    monkeypatch.setattr(rungs_module, "MOST_USERS", 60)
    planner = planner_of(tmp_path, split, world)
    planner.run()
    last = len(planner.judging.rungs) - 1
    assert last > 0
    assert planner.reached_rung == last
    on_all_users = [
        result
        for result in planner.judging.judged.values()
        if result.reason is None and result.rung == last
    ]
    assert (
        1
        <= len(
            [result for result in on_all_users if not model_families.is_baseline(result.setting)]
        )
        <= 24
    )
    assert len(on_all_users) < len(planner.judging.judged) / 2, "most settings never see all users"
    leader = max(on_all_users, key=lambda result: result.mean)
    assert leader in contenders(on_all_users, 0)


def test_finalists_climb_to_all_users_in_time_that_is_reserved_for_other_models(
    tmp_path, split, world, monkeypatch
):
    monkeypatch.setattr(rungs_module, "FIRST_USERS", 60)
    monkeypatch.setattr(rungs_module, "MOST_USERS", 60)
    planner = planner_of(tmp_path, split, world)
    planner.run()
    planner.ending.question_seconds = 10 * planner.judging.clock.budget
    left = planner.schedule.left
    found, last = list(planner.judging.first.values()), len(planner.judging.rungs) - 1
    climbing, until = planner.schedule.climb(found, last)
    assert until > planner.judging.clock.now + left, "the winner comes before questions"
    best = max(found, key=lambda result: result.mean)
    assert best in climbing
    assert len(climbing) <= 8
    able = contenders(found, planner.judging.protocol.seed)
    near = by_sense(
        [result.setting for result in able],
        [result.values for result in able],
        planner.judging.protocol.split.train,
    )
    assert able[near[0]] in climbing, "the simplest that is near the best is compared, too"


def test_a_trial_that_began_in_time_may_take_half_as_long_again_but_not_the_time_of_the_end(
    tmp_path, split, world
):
    planner = planner_of(tmp_path, split, world)
    schedule, now = planner.schedule, planner.judging.clock.now
    setting, estimated = model("ease"), planner.judging.seconds(model("ease"), 0)
    assert schedule.stopped_at([setting], 0, now) - now >= 1.4 * estimated > 0
    assert schedule.stopped_at([setting], 0, now + 1000) == now + 1000, "a later deadline stays"
    planner.judging.clock.budget = planner.judging.clock.spent + planner.ending.seconds(None)
    assert schedule.left < 0
    assert schedule.stopped_at([setting], 0, now) <= planner.judging.clock.now


def test_a_winner_that_costs_next_to_nothing_is_not_lost_to_a_budget_that_is_over(
    tmp_path, split, world
):
    """A dig of ten seconds served what is popular, though the best had taken 34 ms to fit."""
    planner = planner_of(tmp_path, split, world, budget=10.0)
    costs, quick, slow = planner.judging.costs, model("cosine"), model("ease")
    costs.learn_fit(quick, split.train, 0.03)
    costs.learn_answer(quick, 100, 0.01)
    costs.learn_fit(slow, split.train, 60.0)
    costs.learn_answer(slow, 100, 0.01)
    assert planner.ending.seconds(quick) > 0
    assert planner.ending.possible(quick, 0.0, 0.05)
    assert not planner.ending.possible(slow, 0.0, 0.05)
    assert planner.ending.possible(slow, 1000.0, 0.05)


def test_a_search_is_over_where_more_of_it_would_cost_the_best_its_place(
    tmp_path, split, world, monkeypatch
):
    planner = planner_of(tmp_path, split, world)
    planner.judging.judge([model("popular")], 0, float("inf"))
    left = planner.judging.clock.left
    for late, over in ((0.07, True), (0.5, False)):

        def seconds(winner, late=late, *, least=False):
            return 0.0 if winner is None else left + late * planner.ending.budget

        monkeypatch.setattr(planner.ending, "seconds", seconds)
        assert (planner.schedule.left < 0) == over


def test_no_setting_climbs_past_a_leader_that_has_no_time_for_it(
    tmp_path, split, world, monkeypatch
):
    """Else the best of the remaining ones would win on more users, though behind on fewer."""
    monkeypatch.setattr(rungs_module, "FIRST_USERS", 60)
    monkeypatch.setattr(rungs_module, "MOST_USERS", 60)
    planner = planner_of(tmp_path, split, world)
    could = planner.schedule.could_end

    def end(setting, rung):
        leader = max(planner.judging.first.values(), key=lambda result: result.mean).setting
        return could(setting, rung) and setting.label != leader.label

    monkeypatch.setattr(planner.schedule, "could_end", end)
    planner.run()
    assert len(planner.judging.rungs) > 1
    assert planner.reached_rung == 0
    assert {result.rung for result in planner.judging.judged.values() if result.reason is None} == {
        0
    }


def test_a_slow_model_does_not_keep_the_dig_from_a_winner(tmp_path, monkeypatch):
    """A model that sleeps for a minute, with a progress event at each step, is stopped; the end is
    reached with a winner on the test span.
    """

    def slow(self, train, content, rng):
        for at in range(600):
            events.step("sleeping", at, 600)
            time.sleep(0.1)
        raise AssertionError("the dig does not wait for it")

    monkeypatch.setattr(Ease, "_fit", slow)
    begun = time.monotonic()
    run = sw.dig(
        "world:order",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "cosine", "ease"], "budget": "12s"}),
    )
    assert time.monotonic() - begun < 40
    labels = {entry["label"]: entry for entry in run.scores}
    assert labels[run.winner]["state"] == "done"
    assert run.winner.startswith("cosine")
    assert labels["ease"]["state"] in ("timed out", "no time")
    assert run.board["budget"]["starved"]
    assert run.board["budget"]["families_without_a_trial"] == ["ease"]


@pytest.mark.parametrize("names", [["ease"], ["tifu-knn"], ["popular"], ["forward"]])
def test_one_family_alone_is_enough(names, tmp_path):
    run = sw.dig(
        "world:order", folder=tmp_path / "run", recipe=make({"models": names, "budget": "60s"})
    )
    assert run.complete
    assert run.winner is not None
    assert run.winner.split("(")[0] in (*names, "popular")
    assert not run.board["budget"]["starved"]


def test_a_budget_of_a_week_ends_when_all_is_done(tmp_path):
    begun = time.monotonic()
    run = sw.dig(
        "world:order",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "personal"], "budget": "7d"}),
    )
    assert time.monotonic() - begun < 120
    assert run.board["budget"]["ended"] == "done"
    assert run.board["budget"]["would_do"] is None


def test_a_dig_with_content_families_tries_them(tmp_path):
    recipe = make({"models": ["popular", "content", "cease", "cosine"], "budget": "60s"})
    run = sw.dig("world:content", folder=tmp_path / "run", recipe=recipe)
    tried = {entry["model"] for entry in run.board["validation"] if entry["state"] == "done"}
    assert {"content", "cease", "cosine"} <= tried


def test_families_of_a_log_and_why_others_are_none(split):
    found, refused = model_families.families(None, split.valid.train, None)
    names = {member.name for family in found for member in family.members}
    assert {"content", "cease", "cross-occurrence"} <= set(refused)
    assert not names & set(refused)
    composed = {name for name, cls in catalogue().items() if cls.composed or cls.neural}
    assert names | set(refused) == set(catalogue()) - composed - {"random"}


def test_budgets_that_are_named_ascend():
    assert list(BUDGETS) == sorted(BUDGETS)


def test_a_smaller_budget_only_leaves_rows_out(done, tmp_path, split, world):
    """A setting that both tried on the same users has the same number: a budget decides what is
    tried, never how well.
    """
    planner, _ = done
    small = planner_of(tmp_path, split, world, budget=8.0)
    small.run()
    both = [
        label
        for label, result in small.judging.first.items()
        if result.reason is None and label in planner.judging.first
    ]
    assert len(both) >= len(model_families.BASELINES)
    for label in both:
        assert small.judging.first[label].mean == planner.judging.first[label].mean


def test_ten_rows_of_one_user_end_the_dig(tmp_path):
    frame = sw.world("order").log.frame().head(10)
    with pytest.raises(SpadeworkError, match="There is one user"):
        sw.dig(frame, folder=tmp_path / "run", recipe=make({"budget": "1s"}))


@pytest.mark.parametrize("rows", [60, 200])
def test_a_budget_of_a_second_answers_with_what_it_had_time_for(rows, tmp_path):
    frame = sw.world("order").log.frame().head(rows)
    run = sw.dig(frame, folder=tmp_path / "run", recipe=make({"budget": "1s"}))
    assert run.complete
    assert run.model().recommend(sw.world("order").log, 3).frame().height
    assert run.winner is None or run.winner.split("(")[0] != "random"
