"""Probes on known worlds: each planted property is found by its probe over many seeds, and the other probes stay silent."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import polars as pl
import pytest

from makers import make_log
from spadework.data import splitting
from spadework.data.content import read_content
from spadework.data.worlds import world
from spadework.diagnosis.evidence import Evidence, exchanged
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import ask_all, probes
from spadework.evaluation.trial import Protocol
from spadework.models.base import model
from spadework.models.cooccurrence import CoOccurrence

SEEDS = 20
PLANTED = {
    "hits": {"POP-1"},
    "popularity": {"POP-2"},
    "trend": {"TIME-1", "TIME-2"},
    "order": {"ORD-1", "ORD-2"},
    "repeats": {"REP-1"},
    "content": {"CON-1"},
    "habits_in_fashion": {"REP-1", "TIME-1", "TIME-2"},
    "ordered_hits": {"POP-1", "ORD-1", "ORD-2"},
    "checkerboard": set(),
    "noise": set(),
}
"""World → probes that must find something there; all others must not."""
MISSED = SEEDS // 20
"""Seeds of which a probe may be wrong: one in twenty."""


def evidence_of(name: str, seed: int) -> Evidence:
    made = world(name, seed)
    split = splitting.by_time(made.log, test=0.15, valid=0.15, target=made.target)
    assert split.valid is not None
    protocol = Protocol.of(split.valid, metrics=["ndcg@10"], seed=seed)
    return Evidence(protocol, made.content, np.flatnonzero(protocol.judged))


@cache
def answers(name: str) -> list[dict[str, Finding]]:
    """What each probe says of a world, by seed."""
    return [{finding.code: finding for finding in ask_all(evidence_of(name, seed))[0]} for seed in range(SEEDS)]


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_is_found_and_nothing_else(name):
    loud = Counter(code for found in answers(name) for code, finding in found.items() if finding.level in ("strong", "weak"))
    for code in PLANTED[name]:
        assert loud[code] >= SEEDS - MISSED, f"{code} finds what {name} plants: {loud}"
    for code in set(probes) - PLANTED[name]:
        assert loud[code] <= MISSED, f"{code} is silent on {name}: {loud}"


def test_nothing_is_strong_in_noise():
    assert not [finding for found in answers("noise") for finding in found.values() if finding.level == "strong"]


def test_an_item_table_that_says_nothing_is_found_to_say_nothing():
    """Categories at random beside items: neither content alone nor content beside behaviour may be found to help."""
    loud: Counter[str] = Counter()
    for seed in range(SEEDS):
        made = evidence_of("checkerboard", seed)
        ids = made.train.item_vocabulary.ids
        drawn = np.random.default_rng(seed).integers(0, 8, len(ids))
        table = pl.DataFrame({"item_id": ids, "category": [f"c{number}" for number in drawn]})
        made.content = read_content(table, made.train)
        loud.update(finding.code for finding in ask_all(made)[0] if finding.level != "note" and finding.code.startswith("CON"))
    assert all(count <= MISSED for count in loud.values()), loud


def test_probes_that_cannot_run_say_why_and_the_others_run():
    log = make_log([f"u{n % 150}" for n in range(900)], [f"i{n % 7}" for n in range(900)])
    split = splitting.random(log, rng=0)
    answers, unanswered = ask_all(Evidence(Protocol.of(split, metrics=["ndcg@10"]), None, np.arange(100)))
    assert {one.code for one in answers} | {one.code for one in unanswered} == set(probes)
    assert {one.code: one.why for one in unanswered}["ORD-2"] == "The log has no times."
    assert {one.code: one.why for one in unanswered}["CON-1"] == "There is no item table."


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_few_users_are_told_with_a_warning_or_not_at_all(rows):
    made = evidence_of("order", 0)
    few = Evidence(made.protocol, None, made.rows[:rows])
    answers, _ = ask_all(few)
    assert answers
    for one in answers:
        assert one.interval is not None, "no finding without an interval"
        assert f"{rows} users" in one.measured or f"{rows} user" in one.measured
        if one.code != "TAIL-1":
            assert "so the interval is rough" in one.measured


def test_settings_that_were_judged_before_are_not_fitted_again(monkeypatch):
    made = evidence_of("order", 0)
    first, _ = ask_all(made)
    again = Evidence(made.protocol, None, made.rows, dict(made.known))
    monkeypatch.setattr(CoOccurrence, "fit_together", lambda *args, **how: pytest.fail("fitted again"))
    base, other = (model("cooccurrence", **again.common, weight=weight) for weight in ("raw", "confidence"))
    assert again.change([(base, other)]).effect == made.change([(base, other)]).effect
    assert first


def test_exchanged_items_keep_who_when_and_what_is_popular_when():
    log = evidence_of("trend", 0).train
    mixed = exchanged(log, np.random.default_rng(0))
    np.testing.assert_array_equal(mixed.users, log.users)
    np.testing.assert_array_equal(mixed.times, log.times)
    np.testing.assert_array_equal(mixed.item_counts, log.item_counts)
    assert (mixed.items != log.items).mean() > 0.5
    early = log.times < np.median(log.times)
    drift = np.abs(np.bincount(mixed.items[early], minlength=log.item_count) - np.bincount(log.items[early], minlength=log.item_count))
    assert drift.sum() <= 2 * max(len(log) // 200, 40), "what was popular in each half stays as it was, but for one span"
