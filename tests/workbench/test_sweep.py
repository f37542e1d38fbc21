"""The sweep: every setting gets a judgement or a reason, and what it says is what the setting says alone."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.data import splitting
from spadework.errors import OutOfTime
from spadework.evaluation.trial import Protocol, trial
from spadework.models.cooccurrence import CoOccurrence
from spadework.workbench import effects, judging
from spadework.workbench import sweep as sweeps
from spadework.workbench.judging import rungs_of
from spadework.workbench.ledger import Ledger
from spadework.workbench.sweep import LAST, Sweep
from spadework.workbench.telling import not_tried


@pytest.fixture(scope="module")
def protocol(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    return Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")


def sweep(folder, protocol, *, seconds=120.0, memory=None) -> Sweep:
    return Sweep(protocol, None, Ledger(folder), time.monotonic() + seconds, memory)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, protocol):
    folder = tmp_path_factory.mktemp("trials")
    one = sweep(folder, protocol)
    return SimpleNamespace(folder=folder, sweep=one, best=one.run())


def labels(models) -> list[str]:
    return [one.label for one in models]


def learned(one: CoOccurrence) -> bool:
    return "_state" in one.__dict__


def test_rungs_are_nested_samples_of_the_users_given():
    rows = np.arange(5, 40_000, 2)
    rungs = rungs_of(rows, 3)
    assert [len(rung) for rung in rungs] == [judging.MOST_USERS, 4 * judging.MOST_USERS]
    smaller, larger = rungs
    assert np.isin(smaller, larger).all()
    assert np.isin(larger, rows).all()
    for rung, again, other in zip(rungs, rungs_of(rows, 3), rungs_of(rows, 4), strict=True):
        assert (np.diff(rung) > 0).all()
        assert np.array_equal(rung, again)
        assert not np.array_equal(rung, other)


def test_few_users_are_one_rung():
    rows = np.arange(2 * judging.FIRST_USERS)
    (only,) = rungs_of(rows, 0)
    assert np.array_equal(only, rows)


def test_the_best_come_first_and_have_learned_nothing_yet(finished):
    means = [finished.sweep.judged[label].mean for label in labels(finished.best)]
    assert 1 <= len(finished.best) <= LAST
    assert means == sorted(means, reverse=True)
    assert means[0] == max(result.mean for result in finished.sweep.judged.values() if len(result.rows) == len(finished.sweep.rungs[-1]))
    assert not any(learned(one) for one in finished.best)


def test_every_setting_of_the_design_has_a_judgement(finished):
    design = finished.sweep.design
    for one in [*design.core(), *design.others()]:
        result = finished.sweep.judged[one.label]
        assert result.reason is None, f"{one.label}: {result.reason}"
        assert len(result.values) == len(result.rows)


def test_tables_are_let_go_once_they_are_judged(finished):
    held = [result.one.label for found in (finished.sweep.judged, finished.sweep.first) for result in found.values() if learned(result.one)]
    assert held == []


def test_a_setting_among_hundreds_says_what_it_says_alone(finished, protocol):
    rung = finished.sweep.rungs[0]
    known = list(finished.sweep.first.values())
    for result in known[:: len(known) // 12]:
        alone = trial(CoOccurrence(**result.one.params), protocol.among(rung))
        assert alone.reason is None
        np.testing.assert_allclose(result.values, alone.values["ndcg@5"], atol=1e-6, err_msg=result.one.label)


def test_a_sweep_that_was_stopped_takes_what_is_known(finished, protocol, monkeypatch):
    def refuse(models, *_, **__):
        assert list(models) == [], "all of these were judged before"
        return iter(())

    monkeypatch.setattr(CoOccurrence, "fit_together", refuse)
    again = sweep(finished.folder, protocol)
    assert labels(again.run()) == labels(finished.best)
    assert again.spent == pytest.approx(finished.sweep.spent)


def test_no_time_leaves_a_reason_for_each_setting(tmp_path, protocol):
    one = sweep(tmp_path, protocol, seconds=-1.0)
    assert one.run() == []
    expected = {other.label for other in [*one.design.core(), *one.design.others()]}
    assert set(one.judged) == expected
    assert {result.reason for result in one.judged.values()} == {one.judged[next(iter(expected))].reason}
    assert all(result.reason and result.mean == float("-inf") for result in one.judged.values())


def test_no_memory_leaves_a_reason_for_each_setting(tmp_path, protocol):
    one = sweep(tmp_path, protocol, memory=1)
    assert one.run() == []
    assert all("over the limit of 0.0 GiB" in (result.reason or "") for result in one.judged.values())


def test_out_of_time_on_more_users_the_smaller_sample_decides(tmp_path, protocol, monkeypatch):
    monkeypatch.setattr(judging, "FIRST_USERS", 50)
    monkeypatch.setattr(judging, "MOST_USERS", 50)
    one = sweep(tmp_path, protocol)
    assert [len(rung) for rung in one.rungs] == [50, 200]
    original = CoOccurrence.fit_together

    def short(models, *args, **options):
        if one.first:  # the first rung is behind us
            raise OutOfTime("Out of time.", "Give more.")
        return original(models, *args, **options)

    monkeypatch.setattr(CoOccurrence, "fit_together", short)
    best = one.run()
    assert len(best) == LAST
    design = {other.label for other in [*one.design.core(), *one.design.others()]}
    assert all(one.judged[label].reason is None and len(one.judged[label].rows) == 50 for label in design)
    proposed = set(one.judged) - design
    assert all(one.judged[label].reason == sweeps.OUT_OF_SHARE for label in proposed)
    told = not_tried([], effects.entries(one.judged, one.protocol, set()))
    assert {"what": f"{len(proposed)} settings of the sweep and the tuning", "why": sweeps.OUT_OF_SHARE} in told, (
        "on the report, with their number"
    )


def test_a_setting_the_log_cannot_answer_is_a_line_and_not_the_end(tmp_path, protocol, monkeypatch):
    one = sweep(tmp_path, protocol)
    impossible = CoOccurrence(content=0.5)
    fine = CoOccurrence(weight="cosine", keep=20)
    monkeypatch.setattr(type(one.design), "core", lambda _: [impossible, fine])
    monkeypatch.setattr(type(one.design), "others", lambda _: [])
    assert len(one.run()) == LAST
    assert one.judged[fine.label].reason is None
    assert "content" in one.judged[impossible.label].reason


def test_a_log_without_times_is_swept(tmp_path):
    users, items, _ = random_rows(2, users=60, rows=900)
    split = splitting.random(make_log(users, items), test=0.2, valid=True, rng=0)
    one = sweep(tmp_path, Protocol.of(split.valid, metrics=["ndcg@5"], repeats="forbid"))
    assert len(one.run()) == LAST
    assert {result.reason for result in one.judged.values()} == {None}
