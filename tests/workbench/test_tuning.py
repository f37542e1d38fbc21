"""Tuning: the range of a search, and that it repeats itself."""

from __future__ import annotations

import time

import pytest

from makers import make_log, random_rows
from spadework.data import splitting
from spadework.evaluation.trial import Protocol
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.held import learned
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.search.tuning import ANSWERS, Tuning


@pytest.fixture(scope="module")
def protocol(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")


def judging_of(folder, protocol) -> Judging:
    return Judging(protocol, None, Ledger(folder), Clock(600.0), Costs(), None)


@pytest.mark.parametrize("name", ["ease", "personal", "tifu-knn"])
def test_a_search_starts_from_the_default_and_repeats_itself(name, tmp_path, protocol):
    runs = []
    for turn in range(2):
        tuning, judging = (
            Tuning(model(name), protocol.split.train, None, 0),
            judging_of(tmp_path / str(turn), protocol),
        )
        labels = []
        for _ in range(4):
            settings = tuning.propose()
            assert 1 <= len(settings) <= ANSWERS
            assert len({learned(setting) for setting in settings}) == 1, "one fit answers them all"
            labels += [setting.label for setting in settings]
            tuning.learn(judging.judge(settings, 0, time.monotonic() + 60))
        runs.append(labels)
    assert runs[0][0] == name
    assert runs[0] == runs[1]


def test_a_model_without_a_search_has_its_variants_once_and_until_they_were_tried(
    tmp_path, protocol
):
    tuning, judging = (
        Tuning(model("popular"), protocol.split.train, None, 0),
        judging_of(tmp_path, protocol),
    )
    assert not tuning.searches
    first = [setting.label for setting in tuning.propose()]
    # no time: they wait for another round
    tuning.learn(judging.judge(tuning.propose(), 0, time.monotonic() - 1))
    assert [setting.label for setting in tuning.propose()] == first
    found: list[str] = []
    while (settings := tuning.propose()) and len(found) < 100:
        found += [setting.label for setting in settings]
        tuning.learn(judging.judge(settings, 0, float("inf")))
    assert sorted(found) == sorted(
        model("popular", **params).label for params in catalogue()["popular"].variants() if params
    )


def test_the_search_learns_what_failed(tmp_path, protocol):
    tuning, judging = (
        Tuning(model("ease"), protocol.split.train, None, 0),
        judging_of(tmp_path, protocol),
    )
    tuning.learn(
        judging.judge(tuning.propose(), 0, time.monotonic() - 1)
    )  # no time: none has a number
    assert tuning.propose()


def test_a_log_without_times_has_no_proposal_about_time():
    users, items, _ = random_rows(2, users=60, rows=900)
    split = splitting.random(make_log(users, items), test=0.2, valid=True, rng=0)
    for _ in range(3):
        for setting in Tuning(model("ease"), split.valid.train, None, 0).propose():
            assert setting.params["age_half_life"] is None


@pytest.mark.parametrize(
    "name",
    [name for name, cls in catalogue().items() if any(p.search for p in cls.parameters().values())],
)
def test_the_range_of_a_search_is_allowed(name):
    for parameter in catalogue()[name].parameters().values():
        if parameter.search is not None:
            for value in parameter.search.choices or (
                parameter.value_type(parameter.search.low),
                parameter.value_type(parameter.search.high),
            ):
                parameter.check(value, name)
