"""A probe that was not asked is neither yes nor no: in the answers, in the verdict, in the recipe
and in the predictions.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import make_log
from spadework.data import splitting
from spadework.data.worlds.worlds import world
from spadework.diagnosis import evidence as evidences
from spadework.diagnosis.answers import Clock
from spadework.diagnosis.common import FEW_EVENTS, FEWER_EVENTS, KEEP, common_settings
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.ingredients import INGREDIENTS, read_recipe
from spadework.diagnosis.probe import Unanswered, all_probes, ask_all, cheapest_first, seconds_for
from spadework.diagnosis.readiness import EXPECTED, readiness
from spadework.diagnosis.rules import DECIDING, FACTS, RULES
from spadework.errors import SpadeworkError
from spadework.evaluation.trial import Protocol, trial
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import parse


def evidence_of(name: str, **settings: object) -> Evidence:
    made_world = world(name, 0)
    valid = splitting.by_time(made_world.log, test=0.15, valid=0.15, target=made_world.target).valid
    protocol = Protocol.of(valid, metrics=["ndcg@10"], seed=0)
    return Evidence(protocol, made_world.content, np.flatnonzero(protocol.judged), **settings)


class ClockOfFits(Clock):
    """A clock that is over after so many fits."""

    def __init__(self, fits: int) -> None:
        super().__init__(None)
        self.most_fits = fits

    @property
    def over(self) -> bool:
        return self.fits >= self.most_fits


# ---- asking


def test_what_decides_nothing_is_asked_from_the_cheapest_on():
    known_probes = all_probes()
    ordered = cheapest_first(list(known_probes))
    assert set(ordered) == set(known_probes)
    assert [known_probes[code].fits for code in ordered] == sorted(
        one.fits for one in known_probes.values()
    )
    # two fits against eight
    assert ordered.index("REP-3") < ordered.index("TIME-3")


def test_without_time_nothing_is_answered_except_what_the_data_lack():
    answers, unanswered = ask_all(evidence_of("order", until=time.monotonic() - 1))
    assert not answers
    assert {one.code for one in unanswered} == set(all_probes())
    for one in unanswered:
        if one.status == "not asked":
            assert one.why == "The time for probes was over."
            assert one.needs is not None
            assert one.needs > 0
        else:
            assert one.needs is None
    impossible = {one.code for one in unanswered if one.status == "cannot be asked"}
    assert impossible >= {"CON-1", "REP-1"}
    assert impossible <= {one.code for one in ask_all(evidence_of("order"))[1]}, "with time, too"
    assert json.loads(json.dumps(unanswered[0].as_json())) == unanswered[0].as_json()


@pytest.mark.parametrize("name", ["order", "habits_in_fashion"])
def test_an_answer_does_not_depend_on_when_the_time_was_over(name):
    full, impossible = ask_all(evidence_of(name))
    expected = {one.code: one.as_json() for one in full}
    counts = set()
    for fits in (1, 4, 9, 17, 30):
        part = evidence_of(name)
        part.clock = ClockOfFits(fits)
        answers, unanswered = ask_all(part)
        assert {one.code: one.as_json() for one in answers}.items() <= expected.items()
        assert {one.code for one in unanswered if one.status == "cannot be asked"} <= {
            one.code for one in impossible
        }
        counts.add(len(answers))
    assert len(counts) > 2, "the time was over early, and late"


@pytest.mark.parametrize("name", ["order", "ordered_hits"])
def test_an_answer_is_the_same_where_a_sweep_judged_its_settings_before(name):
    """Each setting alone, fitted in full and judged as a trial is, in place of what is counted
    together for the sampled rows.
    """
    fresh = evidence_of(name)
    found = [one.as_json() for one in ask_all(fresh)[0]]
    part = fresh.protocol.among(fresh.rows)
    settings = {
        one.label: one
        for label in fresh.known
        for one in parse(label)
        if isinstance(one, CoOccurrence)
    }
    assert len(settings) > 15
    known = {label: trial(one, part).values["ndcg@10"] for label, one in settings.items()}
    assert [one.as_json() for one in ask_all(evidence_of(name, known=known))[0]] == found


def test_what_had_no_time_is_asked_again_when_there_is_more():
    evidence = evidence_of("order", until=time.monotonic() - 1)
    assert not ask_all(evidence, ["ORD-1"])[0]
    evidence.clock.until = None
    assert [one.code for one in ask_all(evidence, ["ORD-1"])[0]] == ["ORD-1"]


def test_only_the_codes_that_are_named_are_asked_in_their_order(monkeypatch):
    codes_asked = []
    for code, one in all_probes().items():
        monkeypatch.setitem(
            one.__dict__,
            "function",
            lambda evidence, code=code, ask=one.function: codes_asked.append(code) or ask(evidence),
        )
    answers, unanswered = ask_all(evidence_of("order"), DECIDING)
    assert codes_asked == list(DECIDING)
    assert {one.code for one in answers} | {one.code for one in unanswered} == set(DECIDING)
    with pytest.raises(SpadeworkError, match="ORD-9"):
        ask_all(evidence_of("order"), ["ORD-9"])


def test_what_decides_is_read_off_the_rules():
    assert (
        {rule.about for rule in RULES if rule.points} - set(FACTS)
        <= set(DECIDING)
        <= set(all_probes())
    )
    assert len(set(DECIDING)) == len(DECIDING)


def test_a_fault_is_no_answer_about_the_data(monkeypatch):
    monkeypatch.setattr(
        CoOccurrence, "fit_together", lambda *_, **__: (_ for _ in ()).throw(MemoryError())
    )
    _, unanswered = ask_all(evidence_of("order"), ["ORD-1", "REP-1"])
    assert {one.code: (one.status, one.needs) for one in unanswered} == {
        "ORD-1": ("not asked", None),
        "REP-1": ("cannot be asked", None),
    }


def test_the_estimated_seconds_are_those_of_past_fits():
    evidence = evidence_of("order")
    before = seconds_for(["POP-1"], evidence)
    assert before == pytest.approx(CoOccurrence(keep=KEEP).cost(evidence.train).seconds)
    ask_all(evidence, ["POP-1"])
    assert evidence.clock.fits == 1
    assert seconds_for(["POP-1"], evidence) == pytest.approx(evidence.clock.seconds)
    assert seconds_for(["ORD-1", "POP-1"], evidence) > seconds_for(["ORD-1"], evidence) > 0


@pytest.mark.parametrize(("pairs", "max_length"), [(100, FEW_EVENTS), (1e18, None)])
def test_common_settings_are_read_off_the_log_alone(pairs, max_length, monkeypatch):
    monkeypatch.setattr("spadework.diagnosis.common.MANY_PAIRS", pairs)
    evidence = evidence_of("order")
    assert (
        evidence.common
        == common_settings(evidence.train)
        == {"keep": KEEP} | ({} if max_length is None else {"max_length": max_length})
    )


def test_questions_of_what_is_new_and_of_repeats_count_fewer_events_where_there_are_many_pairs(
    monkeypatch,
):
    monkeypatch.setattr("spadework.diagnosis.common.MANY_NEW_PAIRS", 100)
    evidence = evidence_of("repeats")
    assert (
        evidence.new_items.common["max_length"]
        == evidence.with_fewer_events.common["max_length"]
        == FEWER_EVENTS
    )
    assert "max_length" not in evidence.common
    found = {one.code: one for one in ask_all(evidence, ["REP-1"])[0]}
    assert found["REP-1"].level == "strong"
    assert f"the latest {FEWER_EVENTS} events of each user are counted" in found["REP-1"].measured


def test_one_control_is_drawn_where_a_log_has_many_pairs(monkeypatch):
    assert len(evidence_of("order").without_order) == evidences.DRAWS
    monkeypatch.setattr(evidences, "LARGE", 100)
    assert len(evidence_of("order").without_order) == 1


# ---- the verdict

LOG = make_log([f"u{n % 50}" for n in range(500)], [f"i{n % 30}" for n in range(500)])
GIVING_POINTS = [
    code for code in DECIDING if any(rule.about == code and rule.points for rule in RULES)
]
ANSWERS = {
    "found": {"level": "strong", "interval": (0.2, 0.3)},
    "ruled out": {"level": "note", "interval": (-0.01, 0.01)},
    "cannot tell": {"level": "note", "interval": (-0.1, 0.2)},
}


def finding(code: str, answer: str) -> Finding:
    return Finding(code=code, says="", advice="", effect=0.1, unit="share", **ANSWERS[answer])


def without_time(*codes: str) -> list[Unanswered]:
    return [Unanswered(code, "The time for probes was over.", "not asked", 3.0) for code in codes]


@given(
    st.dictionaries(st.sampled_from(GIVING_POINTS), st.sampled_from(list(ANSWERS))),
    st.sets(st.sampled_from(GIVING_POINTS)),
)  # fmt: skip
def test_a_verdict_holds_whatever_was_not_asked_or_there_is_none(known, open_codes):
    open_codes -= set(known)
    verdict = readiness(
        [finding(*one) for one in known.items()], LOG, unanswered=without_time(*open_codes)
    )
    possible_verdicts = [
        readiness(
            [
                finding(*one)
                for one in (known | dict(zip(sorted(open_codes), answers, strict=True))).items()
            ],
            LOG,
        )
        for answers in itertools.product(ANSWERS, repeat=len(open_codes))
    ]
    possible = {one.verdict for one in possible_verdicts}
    if verdict.low is None:
        assert len(possible) > 1, "else it could have been decided"
        assert verdict.verdict == "Undecided"
        assert verdict.high is None
        assert "verdict" not in {one.about for one in verdict.predictions}
        assert verdict.finding().interval is None
        assert verdict.finding().effect is None
    else:
        assert possible == {verdict.verdict}
        assert verdict.low == min(one.low for one in possible_verdicts)
        assert verdict.high == max(one.high for one in possible_verdicts)
        assert verdict.finding().interval == (verdict.low, verdict.high)
    json.dumps(verdict.as_json(), allow_nan=False)


def test_undecided_has_a_line_to_type():
    verdict = readiness(
        [finding("POP-2", "ruled out")], LOG, unanswered=without_time("REP-1", "ORD-1"), larger="2m"
    )
    assert (
        verdict.sentences[0]
        == "Undecided: REP-1 and ORD-1 were not asked; give --budget 2m to ask them."
    )
    assert verdict.sentences[1].startswith("Known so far: there are fewer than a million events.")
    assert verdict.finding().command == "spadework dig SOURCE --budget 2m"
    assert (verdict.finding().level, verdict.finding().unit) == ("note", "")
    one = readiness([finding("POP-2", "ruled out")], LOG, unanswered=without_time("ORD-1"))
    assert one.sentences[0] == "Undecided: ORD-1 was not asked; give a larger --budget to ask it."
    broken = [Unanswered("ORD-1", "The system had no memory left.", "not asked")]
    assert (
        readiness([], LOG, unanswered=broken).sentences[0]
        == "Undecided: ORD-1 was not asked (The system had no memory left)."
    )


def test_a_verdict_that_holds_in_every_case_names_what_was_not_asked():
    known = [finding("REP-1", "found"), finding("ORD-1", "ruled out")]
    verdict = readiness(known, LOG, unanswered=without_time("POP-2", "ORD-4"))
    assert verdict.verdict == "The spade is enough"
    assert (
        "Not asked: POP-2, ORD-4; the verdict holds whatever their answers are."
        in verdict.sentences[1]
    )
    assert (verdict.low, verdict.high) == (EXPECTED[0][1], EXPECTED[0][2])


def test_what_cannot_be_asked_leaves_the_verdict_as_it_was():
    impossible = [
        Unanswered("REP-1", "Only 0% of the targets are repeats."),
        Unanswered("ORD-1", "The log has no times."),
    ]
    verdict, without_probes = readiness([], LOG, unanswered=impossible), readiness([], LOG)
    assert (verdict.low, verdict.high, verdict.unknown) == (
        without_probes.low,
        without_probes.high,
        without_probes.unknown,
    )
    assert not verdict.not_asked
    assert "REP-1" not in verdict.unknown, "where it cannot be asked there are no repeats"
    assert "ORD-1" in verdict.unknown


def test_the_recipe_names_the_values_that_depend_on_what_was_not_asked():
    verdict = readiness(
        [finding("ORD-3", "found")], LOG, unanswered=without_time("REP-1", "ORD-4", "TIME-3")
    )
    text = verdict.recipe("For a test.")
    assert read_recipe(text, "train.toml")["personal_popularity"] is False
    assert (
        "# Not known: REP-1 was not asked. This is the plain value.\npersonal_popularity = false"
        in text
    )
    assert "(ORD-3). But ORD-4 was not asked.\npositions = true" in text
    assert "time_encoding" in verdict.open_ingredients
    settled = len(INGREDIENTS) - len({*verdict.settings, *verdict.open_ingredients})
    assert text.count("Plain: no finding asks for another.") == settled
    stored = verdict.as_json()
    assert stored["not_known_ingredients"]["personal_popularity"] == ["REP-1"]
    assert [one["code"] for one in stored["not_asked"]] == ["REP-1", "ORD-4", "TIME-3"]
    assert "Not known, since probes were not asked:" in verdict.sentences[2]


@pytest.mark.parametrize(
    ("share", "asked", "expected"), [(0.43, False, True), (0.2, False, False), (0.43, True, False)]
)
def test_a_share_of_repeats_answers_where_the_probe_was_not_asked(share, asked, expected):
    known, open_codes = ([finding("REP-1", "ruled out")], ()) if asked else ([], ("REP-1",))
    verdict = readiness(known, LOG, share, unanswered=without_time(*open_codes))
    assert verdict.settings.get("personal_popularity", False) is expected
    assert "personal_popularity" not in {one.about for one in verdict.predictions}, (
        "a fact predicts nothing"
    )
    if expected:
        assert "(repeat_share). But REP-1 was not asked." in verdict.recipe("")
    for rule in RULES:
        assert not rule.replaces_probe or (rule.replaces_probe in all_probes() and not rule.points)


@pytest.mark.parametrize(
    ("share", "hits", "expected"),
    [(0.44, 0.998, True), (0.05, 0.9, False), (0.44, None, False), (0.44, math.nan, False)],
)
def test_where_users_repeat_the_first_sentence_has_the_share_of_the_hits(share, hits, expected):
    verdict = readiness(
        [finding("REP-1", "found"), finding("ORD-1", "ruled out")], LOG, share, repeat_hits=hits
    )
    first = (
        "99.8% of the saved model's hits are items that users had before; 44% of the targets "
        "are. The spade is enough: "
    )
    assert verdict.sentences[0].startswith(first) is expected
    assert verdict.finding().says.startswith(verdict.sentences[0])


def test_no_finding_suggests_a_training_that_the_verdict_is_against():
    wants_training = Finding(
        code="TAIL-1",
        level="strong",
        says="",
        advice="Train with more of the tail.",
        patch={"max_length": 64},
    )
    assert wants_training.command == "spadework train RUN"
    against = readiness(
        [finding("REP-1", "found"), finding("ORD-1", "ruled out"), wants_training], LOG
    )
    assert against.verdict == "The spade is enough"
    assert against.agreeing(wants_training).command == "spadework explain TAIL-1"
    assert replace(against, points=1).agreeing(wants_training) == wants_training
