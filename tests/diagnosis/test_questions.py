"""Probes on known worlds: each planted property is found by its probe over many seeds, and the
other probes find nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import numpy as np
import polars as pl
import pytest

from makers import DAY, START, make_log
from spadework.data import splitting
from spadework.data.addresses import read_content
from spadework.data.worlds.worlds import world
from spadework.diagnosis.controls import exchange_items
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.diagnosis.probe import all_probes, ask_all, finding_of_change
from spadework.diagnosis.readiness import readiness
from spadework.evaluation.trial import Protocol
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.models.popular import Popular
from spadework.workbench.recipe import Recipe

SEEDS = 20
FEW_SEEDS = 5
"""Seeds of `make test`; `make long` takes all. More than one wrong seed fails among both: a probe
that is wrong in every third seed is found with five more often than not, one that is wrong in every
tenth with twenty.
"""
LARGE_WORLDS = ("resellers", "errands", "kits")
"""Worlds that take as long as all others: `make long` alone asks of them."""
MISSED = 1
"""Seeds of which a probe may be wrong."""
PLANTED = {
    "hits": {"POP-1", "POP-3", "POP-4", "TAIL-1"},
    "popularity": {"POP-2"},
    "trend": {"TIME-1", "TIME-2", "TIME-5"},
    "order": {"ORD-1", "ORD-2", "ORD-5"},
    "repeats": {"REP-1", "REP-3"},
    "content": {"CON-1"},
    "errands": {"TIME-3", "ORD-3"},
    "comebacks": {"TIME-4", "ORD-2", "ORD-5"},
    "kits": {"UNIT-1"},
    "resellers": {"UNIT-2"},
    "refills": {"REP-1", "REP-2", "REP-3"},
    "coarse_clock": {"ORD-1", "ORD-2", "ORD-4", "ORD-5"},
    "novelties": {"CON-1", "CON-2", "CON-3"},
    # two things at once, and the next
    "habits_in_fashion": {"REP-1", "REP-3", "TIME-1", "TIME-2", "TIME-5"},
    "ordered_hits": {"POP-1", "POP-3", "ORD-1", "ORD-2", "ORD-5", "SIZE-1"},
    "checkerboard": set(),
    "crossed": set(),
    "noise": set(),
}
"""World → probes that must find something there; all others must not, but for these."""
TRUE_TOO = {
    "trend": {"POP-3"},  # what is popular in the whole log is out of fashion
    "habits_in_fashion": {"POP-3"},
    # steps are learned one by one: near pairs and more users help a little, and so does removing
    # what chance made popular
    "order": {"ORD-3", "SIZE-1", "POP-3"},
    "coarse_clock": {"ORD-3", "SIZE-1", "POP-1", "POP-3"},
    "novelties": {"SIZE-1"},
    # robots hide the taste of users: counts are noise, and dividing by popularity removes noise
    "resellers": {"SIZE-1", "POP-3"},
    "errands": {"POP-3"},
    "kits": {"POP-3", "ORD-3", "SIZE-1"},  # items of one basket are near each other
    "ordered_hits": {"POP-4"},
}
"""World → probes that may find something there, since it is so."""


def evidence_of(name: str, seed: int) -> Evidence:
    made_world = world(name, seed)
    split = splitting.by_time(made_world.log, test=0.15, valid=0.15, target=made_world.target)
    assert split.valid is not None
    protocol = Protocol.of(split.valid, metrics=["ndcg@10"], seed=seed)
    return Evidence(protocol, made_world.content, np.flatnonzero(protocol.judged))


@cache
def found_in(name: str, seed: int) -> dict[str, Finding]:
    """The finding of each probe in a world, by code."""
    return {finding.code: finding for finding in ask_all(evidence_of(name, seed))[0]}


few_or_all_seeds = pytest.mark.parametrize(
    "seeds", [FEW_SEEDS, pytest.param(SEEDS, marks=pytest.mark.long)]
)


def test_every_probe_is_planted_somewhere():
    assert set().union(*PLANTED.values()) == set(all_probes())


@pytest.mark.parametrize(
    ("name", "seeds"),
    [(name, FEW_SEEDS) for name in PLANTED if name not in LARGE_WORLDS]
    + [pytest.param(name, SEEDS, marks=pytest.mark.long) for name in PLANTED],
)
def test_what_was_planted_is_found_and_nothing_else(name, seeds):
    found_counts = Counter(
        code
        for seed in range(seeds)
        for code, finding in found_in(name, seed).items()
        if finding.level in ("strong", "weak")
    )
    for code in PLANTED[name]:
        assert found_counts[code] >= seeds - MISSED, (
            f"{code} finds what {name} plants: {found_counts}"
        )
    for code in set(all_probes()) - PLANTED[name] - TRUE_TOO.get(name, set()):
        assert found_counts[code] <= MISSED, f"{code} finds nothing in {name}: {found_counts}"


@few_or_all_seeds
def test_nothing_is_strong_in_noise(seeds):
    assert not [
        finding
        for seed in range(seeds)
        for finding in found_in("noise", seed).values()
        if finding.level == "strong"
    ]


@few_or_all_seeds
def test_a_random_item_table_is_not_found_to_help(seeds):
    """Random categories of items: neither content alone nor content with behaviour may be found to
    help.
    """
    found_counts: Counter[str] = Counter()
    for seed in range(seeds):
        evidence = evidence_of("checkerboard", seed)
        ids = evidence.train.item_vocabulary.ids
        drawn = np.random.default_rng(seed).integers(0, 8, len(ids))
        table = pl.DataFrame({"item_id": ids, "category": [f"c{number}" for number in drawn]})
        evidence.content = read_content(table, evidence.train)
        found_counts.update(
            finding.code
            for finding in ask_all(evidence)[0]
            if finding.level != "note" and finding.code.startswith("CON")
        )
    assert all(count <= MISSED for count in found_counts.values()), found_counts


def test_probes_that_cannot_run_say_why_and_the_others_run():
    log = make_log([f"u{n % 150}" for n in range(900)], [f"i{n % 7}" for n in range(900)])
    split = splitting.random(log, rng=0)
    answers, unanswered = ask_all(
        Evidence(Protocol.of(split, metrics=["ndcg@10"]), None, np.arange(100))
    )
    assert {one.code for one in answers} | {one.code for one in unanswered} == set(all_probes())
    assert {one.code: one.why for one in unanswered}["ORD-2"] == "The log has no times."
    assert {one.code: one.why for one in unanswered}["CON-1"] == "There is no item table."


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_findings_of_few_users_have_a_warning(rows):
    evidence = evidence_of("order", 0)
    few = Evidence(evidence.protocol, None, evidence.rows[:rows])
    answers, _ = ask_all(few)
    assert answers
    for one in answers:
        assert one.interval is not None, "no finding without an interval"
        assert f"{rows} user" in one.measured
        assert "so the interval is rough" in one.measured


def test_settings_that_were_judged_before_are_not_fitted_again(monkeypatch):
    evidence = evidence_of("order", 0)
    ask_all(evidence)
    again = Evidence(evidence.protocol, None, evidence.rows, dict(evidence.known))
    monkeypatch.setattr(
        CoOccurrence, "fit_together", lambda *args, **how: pytest.fail("fitted again")
    )
    base, other = (
        model("cooccurrence", **again.common, weight=weight) for weight in ("raw", "confidence")
    )
    assert again.change([(base, other)]).effect == evidence.change([(base, other)]).effect


def test_exchanged_items_keep_users_times_and_trends():
    log = evidence_of("trend", 0).train
    exchanged = exchange_items(log, np.random.default_rng(0))
    np.testing.assert_array_equal(exchanged.users, log.users)
    np.testing.assert_array_equal(exchanged.times, log.times)
    pair_counts = [
        len(np.unique(np.stack([one.users, one.items]), axis=1)[0]) for one in (exchanged, log)
    ]
    assert abs(pair_counts[0] - pair_counts[1]) < 0.05 * pair_counts[1], (
        "users have about as many different items"
    )
    assert (exchanged.items != log.items).mean() > 0.5
    early = log.times < np.median(log.times)
    drift = np.abs(
        np.bincount(exchanged.items[early], minlength=log.item_count)
        - np.bincount(log.items[early], minlength=log.item_count)
    )
    assert drift.sum() <= 0.15 * early.sum(), "what was popular in each half stays about as it was"


def test_a_gain_from_zero_is_in_the_metric_and_can_be_written():
    """Two hundred tastes: the most popular items hit no target, so nothing is a share of that."""
    rng = np.random.default_rng(0)
    rows = [
        (u, 10 * (u % 200) + int(i), n)
        for u in range(400)
        for n, i in enumerate(rng.permutation(10)[:8])
    ]
    log = make_log(
        [f"u{u:03d}" for u, _, _ in rows],
        [f"i{i:04d}" for _, i, _ in rows],
        [START + 3600 * n + u for u, _, n in rows],
    )
    split = splitting.last_item(log)
    answers, _ = ask_all(Evidence(Protocol.of(split, metrics=["ndcg@10"]), None, np.arange(400)))
    json.dumps([one.as_json() for one in answers], allow_nan=False)
    personal = next(one for one in answers if one.code == "POP-2")
    assert "Personal lists are better than the most popular items." in personal.says
    assert "inf" not in personal.says


def test_what_cannot_differ_is_no_absence():
    """All times are equal, so no question about order or trends has an answer."""
    log = make_log(
        [f"u{n % 60}" for n in range(900)], [f"i{(n * 7) % 41}" for n in range(900)], [START] * 900
    )
    split = splitting.random(log, rng=0)
    answers, unanswered = ask_all(
        Evidence(Protocol.of(split, metrics=["ndcg@10"]), None, np.arange(60))
    )
    assert not {"ORD-1", "ORD-2", "TIME-1"} & {one.code for one in answers}
    assert {one.code for one in unanswered} >= {"ORD-1", "ORD-2", "TIME-1"}
    verdict = readiness(answers, log)
    assert "ORD-1" in verdict.unknown
    assert not [rule for rule in verdict.reasons if rule.about.startswith("ORD")]


def test_users_who_only_repeat_have_no_questions_about_new_items():
    log = make_log(
        [f"u{u}" for u in range(150) for _ in range(6)],
        [f"i{u % 30}" for u in range(150) for _ in range(6)],
        [START + DAY * day for _ in range(150) for day in range(6)],
    )
    answers, unanswered = ask_all(
        Evidence(Protocol.of(splitting.last_basket(log), metrics=["ndcg@10"]), None, np.arange(150))
    )
    assert {one.code for one in answers} <= {"REP-1", "REP-2", "REP-3"}
    assert "With an item that is new to them: only 0 of 150 users." in {
        one.why for one in unanswered
    }


def test_a_setting_that_breaks_does_not_end_the_others(monkeypatch):
    def broken(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Popular, "_fit", broken)
    answers, unanswered = ask_all(evidence_of("order", 0))
    assert {"ORD-1", "POP-1"} <= {one.code for one in answers}
    assert {"POP-2", "TIME-1"} <= {one.code for one in unanswered}


def test_a_probe_that_breaks_is_unanswered(monkeypatch):
    def broken(*_):
        raise ValueError("no such thing")

    monkeypatch.setattr("spadework.diagnosis.evidence.Evidence.difference", broken)
    answers, unanswered = ask_all(evidence_of("noise", 0))
    assert not answers
    assert {one.code for one in unanswered} == set(all_probes())
    assert "ValueError: no such thing" in {one.why for one in unanswered}


def test_positions_cannot_tell_trends_from_order():
    dated = world("order", 0).log
    positions = np.arange(len(dated)) - dated.starts[dated.users]
    log = make_log(
        dated.user_vocabulary.ids.gather(dated.users.tolist()).to_list(),
        dated.item_vocabulary.ids.gather(dated.items.tolist()).to_list(),
        positions.tolist(),
    )
    answers, unanswered = ask_all(
        Evidence(Protocol.of(splitting.last_item(log), metrics=["ndcg@10"]), None, np.arange(300))
    )
    order = next(one for one in answers if one.code == "ORD-1")
    assert order.level == "weak", "without a calendar no more than that"
    assert "times are positions, so trends are included" in order.says
    assert {"TIME-1", "TIME-2", "UNIT-1"} <= {one.code for one in unanswered}


def test_histories_outside_the_training_data_have_no_control():
    log = world("order", 0).log
    evidence = Evidence(
        Protocol.of(splitting.strong(log, rng=0), metrics=["ndcg@10"]), None, np.arange(60)
    )
    found = {one.code: one for one in ask_all(evidence)[0]}
    assert "histories are not in the training data, so trends are included" in found["ORD-1"].says
    assert all(found[code].level != "strong" for code in ("ORD-1", "ORD-2", "ORD-3", "ORD-5"))


def test_the_share_has_an_interval_of_its_own():
    """A ratio of means is not a mean over a known number: its upper end lies farther out."""
    rng = np.random.default_rng(0)
    base = (rng.random(60) < 0.2).astype(float)
    other = base + (rng.random(60) < 0.15)
    change = evidence_of("noise", 0).difference(base, other)
    assert change.share == pytest.approx(change.effect / change.base)
    assert change.share_low < change.share < change.share_high
    assert change.share_high - change.share_low > (change.high - change.low) / change.base


def test_a_large_log_is_sampled_where_it_is_destroyed(monkeypatch):
    evidence = evidence_of("order", 0)
    monkeypatch.setattr("spadework.diagnosis.evidence.MANY_ROWS", len(evidence.train) - 300)
    by_code = {one.code: one for one in ask_all(evidence)[0]}
    assert by_code["ORD-1"].level == "strong"
    assert "learned from" in by_code["ORD-1"].measured
    assert "learned from" not in by_code["POP-1"].measured
    part = evidence.sampled
    assert set(part.truth.users) <= set(part.train.users), (
        "the sampled users are in the training data"
    )


def test_only_the_latest_events_are_reversed_where_only_they_are_counted():
    evidence = evidence_of("order", 0)
    evidence.common = {**evidence.common, "max_length": 5}
    part = evidence.sampled
    assert np.diff(part.train.starts).max() == 5
    with_events = np.flatnonzero(np.diff(evidence.train.starts))
    last = [one.items[one.starts[1:][with_events] - 1] for one in (part.train, evidence.train)]
    np.testing.assert_array_equal(*last)
    assert {one.code: one.level for one in ask_all(evidence)[0]}["ORD-1"] == "strong"


def test_a_sure_harm_is_called_harm():
    rng = np.random.default_rng(0)
    base = rng.random(400)
    texts = {}
    others = {
        "harm": base * 0.8,
        "nothing": base + rng.normal(0, 0.001, 400),
        "little": base * 1.02,
        "unsure": base + rng.normal(0, 1, 400),
    }
    for name, other in others.items():
        evidence = evidence_of("noise", 0)
        texts[name] = finding_of_change(
            "X-1",
            evidence.difference(base, other),
            evidence,
            what="",
            yes="",
            no="Absent.",
            means="",
            advice="",
            patch={},
        ).says
    assert "It does harm." in texts["harm"]
    assert "Absent." in texts["nothing"]
    assert "It helps a little." in texts["little"]
    assert "There are too few users to tell." in texts["unsure"]


def test_patches_are_made_of_words_that_are_known():
    known = {
        *INGREDIENTS,
        *Recipe.model_fields,
        *(name for cls in catalogue().values() for name in cls.parameters()),
    }
    for name in PLANTED:
        for one in found_in(name, 0).values():
            assert set(one.patch) <= known, f"{one.code}: {one.patch}"


def test_popular_items_come_back_without_habits_of_users():
    """Everybody draws from one skewed distribution again and again: no list of one's own things is
    better than what is popular.
    """
    found_counts: Counter[str] = Counter()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        chances = 1 / np.arange(1, 61)
        items = rng.choice(60, (300, 30), p=chances / chances.sum())
        times = START + np.sort(rng.integers(0, 100 * DAY, (300, 30)), axis=1)
        log = make_log(
            [f"u{u:03d}" for u in range(300) for _ in range(30)],
            [f"i{i:02d}" for i in items.ravel()],
            times.ravel().tolist(),
        )
        valid = splitting.by_time(log, test=0.15, valid=0.15).valid
        protocol = Protocol.of(valid, metrics=["ndcg@10"], seed=seed)
        assert protocol.repeats == "allow"
        found_counts.update(
            one.code
            for one in ask_all(Evidence(protocol, None, np.flatnonzero(protocol.judged)))[0]
            if one.level != "note"
        )
    assert found_counts["REP-1"] + found_counts["REP-3"] == 0, found_counts
