"""Tuning: equal numbers of settings for all, fits shared where they can be, and a reason for whatever has no number."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.data import splitting
from spadework.evaluation.trial import Protocol, trial
from spadework.models.base import catalogue, model
from spadework.models.cooccurrence import CoOccurrence
from spadework.workbench import tuning as tunings
from spadework.workbench.ledger import Ledger
from spadework.workbench.telling import not_tried
from spadework.workbench.tuning import SETTINGS, Tuning

SMALL = ("ease", "forward-ridge")


@pytest.fixture(scope="module")
def protocol(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")


def tuning(folder, protocol, *, seconds=120.0, memory=None) -> Tuning:
    return Tuning(protocol, None, Ledger(folder), time.monotonic() + seconds, memory)


def test_every_model_gets_the_same_number_of_settings(tmp_path, protocol, monkeypatch):
    fits: Counter[str] = Counter()
    original = CoOccurrence.__mro__[3].fit  # Recommender.fit

    def counted(self, *args, **options):
        fits[self.name] += 1
        return original(self, *args, **options)

    monkeypatch.setattr(CoOccurrence.__mro__[3], "fit", counted)
    one = tuning(tmp_path, protocol)
    found = one.run([(model(name), 0.01) for name in SMALL])
    assert sorted(best.name for best in found) == sorted(SMALL)
    for name in SMALL:
        own = [result for result in one.judged.values() if result.one.name == name]
        assert 1 < len(own) <= SETTINGS
        assert model(name).label in one.judged, "the default is among them"
        assert fits[name] <= -(-SETTINGS // tunings.ANSWERS), "one fit answers several settings"
        (best,) = (best for best in found if best.name == name)
        assert one.judged[best.label].mean == max(result.mean for result in own)
        assert "_state" not in best.__dict__


def test_a_judgement_is_what_the_setting_gets_alone(tmp_path, protocol):
    one = tuning(tmp_path, protocol)
    one.run([(model("ease"), 0.01)])
    for result in list(one.judged.values())[:6]:
        alone = trial(model("ease", **result.one.params), protocol)
        np.testing.assert_allclose(result.values, alone.values["ndcg@5"][result.rows], atol=1e-6)


def test_the_same_tuning_finds_its_settings_in_the_ledger(tmp_path, protocol, monkeypatch):
    first = tuning(tmp_path, protocol)
    best = first.run([(model("ease"), 0.01)])
    monkeypatch.setattr(type(model("ease")), "fit", lambda *_, **__: pytest.fail("fitted again"))
    again = tuning(tmp_path, protocol)
    assert [one.label for one in again.run([(model("ease"), 0.01)])] == [one.label for one in best]
    assert again.spent == pytest.approx(first.spent)


def test_a_model_that_takes_longer_than_its_share_is_a_line(tmp_path, protocol):
    one = tuning(tmp_path, protocol, seconds=5.0)
    assert [best.name for best in one.run([(model("ease"), 0.01), (model("forward-ridge"), 1000.0)])] == ["ease"]
    assert one.passed_over == ["forward-ridge"]


def test_no_time_and_no_memory_leave_a_reason(tmp_path, protocol):
    late = tuning(tmp_path, protocol, seconds=-1.0)
    assert late.run([(model("ease"), 0.0)]) == []
    tight = tuning(tmp_path, protocol, memory=1)
    assert tight.run([(model("ease"), 0.0)]) == []
    assert all(result.reason and "GiB" in result.reason for result in tight.judged.values())
    assert tight.judged


def test_a_log_without_times_is_asked_nothing_about_time(tmp_path):
    users, items, _ = random_rows(2, users=60, rows=900)
    split = splitting.random(make_log(users, items), test=0.2, valid=True, rng=0)
    one = tuning(tmp_path, Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid"))
    assert one.run([(model("ease"), 0.01)])
    assert {(result.one.history, result.one.age_half_life) for result in one.judged.values()} == {(1.0, None)}


@pytest.mark.parametrize("name", catalogue())
def test_where_a_search_looks_is_allowed_and_holds_the_default_or_more(name):
    for parameter in model(name).parameters().values():
        if parameter.search is None:
            continue
        ends = parameter.search.choices or (parameter.search.low, parameter.search.high)
        for value in ends:
            value = parameter.kind(value) if value is not None and not parameter.search.choices else value
            model(name, **{parameter.name: value})
        assert not parameter.search.log or parameter.search.low > 0


def test_what_was_passed_over_is_told_on_the_board():
    told = not_tried([], [], {"forward-ridge": tunings.OUT_OF_SHARE})
    assert {"what": "other settings of forward-ridge", "why": tunings.OUT_OF_SHARE} in told
