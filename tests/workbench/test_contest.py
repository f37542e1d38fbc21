"""Many models under one budget, and what learned the same is fitted once."""

from __future__ import annotations

from collections import Counter

import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender, catalogue, model
from spadework.workbench import plan
from spadework.workbench.contest import Contest
from spadework.workbench.ledger import Ledger


@pytest.fixture(scope="module")
def protocols(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return tuple(Protocol.of(part, metrics=["ndcg@5"], repeats="allow") for part in (split.valid, split))


def contest(tmp_path, budget: float) -> Contest:
    return Contest(Ledger(tmp_path / "trials"), None, budget, None, 0)


def hold(one: Contest, groups, protocols):
    choosing, final = protocols
    validation = one.validate(groups, choosing)
    return validation, one.judge(validation, groups, choosing, final)


def test_the_plan_tries_every_model_and_each_configuration_once():
    groups = plan.candidates()
    labels = [member.label for group in groups for member in group.members]
    assert len(set(labels)) == len(labels)
    single = {name for name, cls in catalogue().items() if not cls.composed and not cls.neural}
    assert {member.name for group in groups for member in group.members} == single, (
        "mixtures come when these have been judged, networks after the dig"
    )
    assert [member.label for group in groups if group.always for member in group.members] == ["random", "popular", "popular(window=7d)"]
    assert all(group.always for group in groups[:3]), "what is on every board comes first"
    for name in single:
        assert {model(name, **params).label for params in catalogue()[name].variants()} <= set(labels)


def test_what_costs_a_second_comes_before_what_costs_minutes(protocols):
    train = protocols[0].split.train
    groups, _ = plan.defaults_and_variants()
    for repeats in (False, True):
        ordered = plan.cheap_first(groups, train, repeats=repeats)
        assert sorted(map(id, ordered)) == sorted(map(id, groups))
        names = [group.members[0].name for group in ordered]
        assert names[:3] == ["random", "popular", "popular"]
        buyers = ["personal", "p-topfreq", "gp-topfreq", "tifu-knn", "up-cf"]
        assert (set(names[3:8]) == set(buyers)) == repeats, "where people buy again, what counts own purchases is tried first"
        costs = [group.members[0].cost(train).seconds for group in ordered[8 if repeats else 3 :]]
        assert costs == sorted(costs)


def test_named_models_only_and_what_is_on_every_board():
    names = {member.name for group in plan.candidates(["cosine", "cosine"]) for member in group.members}
    assert names == {"random", "popular", "cosine"}


def test_what_learns_the_same_is_fitted_once(tmp_path, protocols, monkeypatch):
    fits = Counter()
    original = Recommender.fit

    def counted(self, *args, **options):
        fits[self.label] += 1
        return original(self, *args, **options)

    monkeypatch.setattr(Recommender, "fit", counted)
    validation, _ = hold(contest(tmp_path, 60), plan.candidates(["cosine"]), protocols)
    cosines = [score for score in validation if score.model == "cosine"]
    assert len(cosines) == 4
    assert all(score.state == "done" for score in cosines)
    assert len({score.fit_seconds for score in cosines}) == 1, "each tells what it would take alone"
    assert sum(count for label, count in fits.items() if label.startswith("cosine")) == 2, "one on validation, one on the test span"


def test_the_best_configuration_of_each_model_is_judged_once(tmp_path, protocols):
    validation, test = hold(contest(tmp_path, 60), plan.candidates(["cosine", "popular"]), protocols)
    best = max((s for s in validation if s.model == "cosine"), key=lambda s: s.means()["ndcg@5"])
    assert [s.label for s in test if s.model == "cosine"] == [best.label]
    assert {"random", "popular", "popular(window=7d)"} <= {s.label for s in test}
    values = {s.label: s.means()["ndcg@5"] for s in validation if s.state == "done"}
    order = [values[s.label] for s in test]
    assert order == sorted(order, reverse=True), "in the order of validation, so the winner is chosen before the test span is seen"


def test_a_budget_of_next_to_nothing_leaves_what_is_on_every_board(tmp_path, protocols):
    validation, test = hold(contest(tmp_path, 1e-6), plan.candidates(["cosine", "forward"]), protocols)
    done = {score.label for score in validation if score.state == "done"}
    assert done == {"random", "popular", "popular(window=7d)"}
    for score in validation:
        if score.label not in done:
            assert (score.state, score.reason) == (
                "skipped",
                "The budget of 0.0 s ended before its turn; half of it is kept for the test span.",
            )
    assert {score.label for score in test if score.state == "done"} == done
    assert {score.model for score in test} == {"random", "popular", "cosine", "forward"}


def test_a_second_contest_takes_what_the_ledger_has(tmp_path, protocols, monkeypatch):
    groups = plan.candidates(["cosine"])
    first = hold(contest(tmp_path, 60), groups, protocols)
    monkeypatch.setattr(Recommender, "fit", lambda *_args, **_options: pytest.fail("fitted again"))
    second = hold(contest(tmp_path, 60), groups, protocols)
    for before, after in zip(first, second, strict=True):
        assert [(s.label, s.state, s.means()) for s in before] == [(s.label, s.state, s.means()) for s in after]
