"""What nobody asked is neither yes nor no: in the answers, in the verdict, in the recipe, and in
what is predicted.
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
    made = world(name, 0)
    valid = splitting.by_time(made.log, test=0.15, valid=0.15, target=made.target).valid
    protocol = Protocol.of(valid, metrics=["ndcg@10"], seed=0)
    return Evidence(protocol, made.content, np.flatnonzero(protocol.judged), **settings)


class Ends(Clock):
    """A clock that is over after so many logs were learned from."""

    def __init__(self, fits: int) -> None:
        super().__init__(None)
        self.most = fits

    @property
    def over(self) -> bool:
        return self.fits >= self.most


# ---- asking


def test_what_decides_nothing_is_asked_from_the_cheapest_on():
    shelf = all_probes()
    asked = cheapest_first(list(shelf))
    assert set(asked) == set(shelf)
    assert [shelf[code].fits for code in asked] == sorted(one.fits for one in shelf.values())
    assert asked.index("REP-3") < asked.index("TIME-3")  # two logs to learn from against eight


def test_without_time_nothing_is_answered_and_what_the_data_lack_is_told_apart():
    answers, unanswered = ask_all(evidence_of("order", until=time.monotonic() - 1))
    assert not answers
    assert {one.code for one in unanswered} == set(all_probes())
    for one in unanswered:
        if one.kind == "not asked":
            assert one.why == "The time for probes was over."
            assert one.needs is not None
            assert one.needs > 0
        else:
            assert one.needs is None
    impossible = {one.code for one in unanswered if one.kind == "cannot be asked"}
    assert impossible >= {"CON-1", "REP-1"}
    assert impossible <= {one.code for one in ask_all(evidence_of("order"))[1]}, "with time, too"
    assert json.loads(json.dumps(unanswered[0].as_json())) == unanswered[0].as_json()


@pytest.mark.parametrize("name", ["order", "habits_in_fashion"])
def test_an_answer_does_not_depend_on_when_the_time_was_over(name):
    full, impossible = ask_all(evidence_of(name))
    said = {one.code: one.as_json() for one in full}
    counts = set()
    for fits in (1, 4, 9, 17, 30):
        part = evidence_of(name)
        part.clock = Ends(fits)
        answers, unanswered = ask_all(part)
        assert {one.code: one.as_json() for one in answers}.items() <= said.items()
        assert {one.code for one in unanswered if one.kind == "cannot be asked"} <= {
            one.code for one in impossible
        }
        counts.add(len(answers))
    assert len(counts) > 2, "the time was over early, and late"


@pytest.mark.parametrize("name", ["order", "ordered_hits"])
def test_an_answer_is_the_same_where_a_sweep_judged_its_settings_before(name):
    """Each setting alone, fitted in full and judged as a trial is, in place of what is counted
    together for the rows that are asked.
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
    made = evidence_of("order", until=time.monotonic() - 1)
    assert not ask_all(made, ["ORD-1"])[0]
    made.clock.until = None
    assert [one.code for one in ask_all(made, ["ORD-1"])[0]] == ["ORD-1"]


def test_only_the_codes_that_are_named_are_asked_in_their_order(monkeypatch):
    asked = []
    for code, one in all_probes().items():
        monkeypatch.setitem(
            one.__dict__,
            "function",
            lambda evidence, code=code, ask=one.function: asked.append(code) or ask(evidence),
        )
    answers, unanswered = ask_all(evidence_of("order"), DECIDING)
    assert asked == list(DECIDING)
    assert {one.code for one in answers} | {one.code for one in unanswered} == set(DECIDING)
    with pytest.raises(SpadeworkError, match="ORD-9"):
        ask_all(evidence_of("order"), ["ORD-9"])


def test_what_decides_is_read_off_the_rules():
    assert (
        {rule.about for rule in RULES if rule.speaks} - set(FACTS)
        <= set(DECIDING)
        <= set(all_probes())
    )
    assert len(set(DECIDING)) == len(DECIDING)


def test_a_fault_is_no_answer_about_the_data(monkeypatch):
    monkeypatch.setattr(
        CoOccurrence, "fit_together", lambda *_, **__: (_ for _ in ()).throw(MemoryError())
    )
    _, unanswered = ask_all(evidence_of("order"), ["ORD-1", "REP-1"])
    assert {one.code: (one.kind, one.needs) for one in unanswered} == {
        "ORD-1": ("not asked", None),
        "REP-1": ("cannot be asked", None),
    }


def test_what_it_would_take_is_what_fits_took():
    made = evidence_of("order")
    before = seconds_for(["POP-1"], made)
    assert before == pytest.approx(CoOccurrence(keep=KEEP).cost(made.train).seconds)
    ask_all(made, ["POP-1"])
    assert made.clock.fits == 1
    assert seconds_for(["POP-1"], made) == pytest.approx(made.clock.seconds)
    assert seconds_for(["ORD-1", "POP-1"], made) > seconds_for(["ORD-1"], made) > 0


@pytest.mark.parametrize(("pairs", "newest"), [(100, FEW_EVENTS), (1e18, None)])
def test_common_settings_are_read_off_the_log_alone(pairs, newest, monkeypatch):
    monkeypatch.setattr("spadework.diagnosis.common.MANY_PAIRS", pairs)
    made = evidence_of("order")
    assert (
        made.common
        == common_settings(made.train)
        == {"keep": KEEP} | ({} if newest is None else {"newest": newest})
    )


def test_questions_of_what_is_new_and_of_repeats_count_fewer_events_where_there_are_many_pairs(
    monkeypatch,
):
    monkeypatch.setattr("spadework.diagnosis.common.MANY_NEW_PAIRS", 100)
    made = evidence_of("repeats")
    assert made.new_items.common["newest"] == made.thrifty.common["newest"] == FEWER_EVENTS
    assert "newest" not in made.common
    found = {one.code: one for one in ask_all(made, ["REP-1"])[0]}
    assert found["REP-1"].level == "strong"
    assert f"the newest {FEWER_EVENTS} events of each are counted" in found["REP-1"].measured


def test_one_control_is_drawn_where_a_log_has_many_pairs(monkeypatch):
    assert len(evidence_of("order").without_order) == evidences.DRAWS
    monkeypatch.setattr(evidences, "LARGE", 100)
    assert len(evidence_of("order").without_order) == 1


# ---- the verdict

LOG = make_log([f"u{n % 50}" for n in range(500)], [f"i{n % 30}" for n in range(500)])
SPEAKING = [code for code in DECIDING if any(rule.about == code and rule.speaks for rule in RULES)]
ANSWERS = {
    "found": {"level": "strong", "interval": (0.2, 0.3)},
    "ruled out": {"level": "note", "interval": (-0.01, 0.01)},
    "cannot tell": {"level": "note", "interval": (-0.1, 0.2)},
}


def finding(code: str, answer: str) -> Finding:
    return Finding(code=code, says="", advice="", effect=0.1, unit="share", **ANSWERS[answer])


def late(*codes: str) -> list[Unanswered]:
    return [Unanswered(code, "The time for probes was over.", "not asked", 3.0) for code in codes]


@given(
    st.dictionaries(st.sampled_from(SPEAKING), st.sampled_from(list(ANSWERS))),
    st.sets(st.sampled_from(SPEAKING)),
)  # fmt: skip
def test_a_verdict_holds_whatever_was_not_asked_or_there_is_none(known, open_codes):
    open_codes -= set(known)
    told = readiness([finding(*one) for one in known.items()], LOG, unanswered=late(*open_codes))
    whole = [
        readiness(
            [
                finding(*one)
                for one in (known | dict(zip(sorted(open_codes), answers, strict=True))).items()
            ],
            LOG,
        )
        for answers in itertools.product(ANSWERS, repeat=len(open_codes))
    ]
    possible = {one.verdict for one in whole}
    if told.low is None:
        assert len(possible) > 1, "it could have been told"
        assert told.verdict == "Undecided"
        assert told.high is None
        assert "verdict" not in {one.about for one in told.predictions}
        assert told.finding().interval is None
        assert told.finding().effect is None
    else:
        assert possible == {told.verdict}
        assert told.low == min(one.low for one in whole)
        assert told.high == max(one.high for one in whole)
        assert told.finding().interval == (told.low, told.high)
    json.dumps(told.as_json(), allow_nan=False)


def test_undecided_says_what_to_type():
    told = readiness(
        [finding("POP-2", "ruled out")], LOG, unanswered=late("REP-1", "ORD-1"), larger="2m"
    )
    assert (
        told.sentences[0]
        == "Undecided: REP-1 and ORD-1 were not asked; give --budget 2m to ask them."
    )
    assert told.sentences[1].startswith("Known so far: there are fewer than a million events.")
    assert told.finding().command == "spadework dig SOURCE --budget 2m"
    assert (told.finding().level, told.finding().unit) == ("note", "")
    one = readiness([finding("POP-2", "ruled out")], LOG, unanswered=late("ORD-1"))
    assert one.sentences[0] == "Undecided: ORD-1 was not asked; give a larger --budget to ask it."
    broken = [Unanswered("ORD-1", "The system had no memory left.", "not asked")]
    assert (
        readiness([], LOG, unanswered=broken).sentences[0]
        == "Undecided: ORD-1 was not asked (The system had no memory left)."
    )


def test_a_verdict_that_holds_in_every_case_says_what_was_not_asked():
    known = [finding("REP-1", "found"), finding("ORD-1", "ruled out")]
    told = readiness(known, LOG, unanswered=late("POP-2", "ORD-4"))
    assert told.verdict == "The spade is enough"
    assert "Not asked: POP-2, ORD-4; the verdict holds whatever they say." in told.sentences[1]
    assert (told.low, told.high) == (EXPECTED[0][1], EXPECTED[0][2])


def test_what_cannot_be_asked_leaves_the_verdict_as_it_was():
    impossible = [
        Unanswered("REP-1", "Only 0% of the targets are repeats."),
        Unanswered("ORD-1", "The log has no times."),
    ]
    told, plain = readiness([], LOG, unanswered=impossible), readiness([], LOG)
    assert (told.low, told.high, told.unknown) == (plain.low, plain.high, plain.unknown)
    assert not told.not_asked
    assert "REP-1" not in told.unknown, "there is nothing of the kind"
    assert "ORD-1" in told.unknown


def test_the_recipe_says_which_values_hang_on_what_was_not_asked():
    told = readiness([finding("ORD-3", "found")], LOG, unanswered=late("REP-1", "ORD-4", "TIME-3"))
    text = told.recipe("For a test.")
    assert read_recipe(text, "train.toml")["personal_popularity"] is False
    assert (
        "# Not known: REP-1 was not asked. This is the plain value.\npersonal_popularity = false"
        in text
    )
    assert "(ORD-3). But ORD-4 was not asked.\npositions = true" in text
    assert "time_encoding" in told.hanging
    settled = len(INGREDIENTS) - len({*told.settings, *told.hanging})
    assert text.count("Plain: no finding asks for another.") == settled
    stored = told.as_json()
    assert stored["not_known_ingredients"]["personal_popularity"] == ["REP-1"]
    assert [one["code"] for one in stored["not_asked"]] == ["REP-1", "ORD-4", "TIME-3"]
    assert "Not known, for probes that were not asked:" in told.sentences[2]


@pytest.mark.parametrize(
    ("share", "asked", "wanted"), [(0.43, False, True), (0.2, False, False), (0.43, True, False)]
)
def test_a_share_of_repeats_answers_where_the_probe_was_not_asked(share, asked, wanted):
    known, open_codes = ([finding("REP-1", "ruled out")], ()) if asked else ([], ("REP-1",))
    told = readiness(known, LOG, share, unanswered=late(*open_codes))
    assert told.settings.get("personal_popularity", False) is wanted
    assert "personal_popularity" not in {one.about for one in told.predictions}, (
        "a fact predicts nothing"
    )
    if wanted:
        assert "(repeat_share). But REP-1 was not asked." in told.recipe("")
    for rule in RULES:
        assert not rule.stands_for or (rule.stands_for in all_probes() and not rule.speaks)


@pytest.mark.parametrize(
    ("share", "hits", "said"),
    [(0.44, 0.998, True), (0.05, 0.9, False), (0.44, None, False), (0.44, math.nan, False)],
)
def test_where_people_repeat_the_first_sentence_says_how_much_of_the_hits_that_is(
    share, hits, said
):
    told = readiness(
        [finding("REP-1", "found"), finding("ORD-1", "ruled out")], LOG, share, repeat_hits=hits
    )
    first = (
        "99.8% of the saved model's hits are items that people had before; 44% of the targets "
        "are. The spade is enough: "
    )
    assert told.sentences[0].startswith(first) is said
    assert told.finding().says.startswith(told.sentences[0])


def test_no_finding_asks_for_a_training_that_the_verdict_speaks_against():
    asks = Finding(
        code="TAIL-1",
        level="strong",
        says="",
        advice="Train with more of the tail.",
        patch={"max_length": 64},
    )
    assert asks.command == "spadework train RUN"
    against = readiness([finding("REP-1", "found"), finding("ORD-1", "ruled out"), asks], LOG)
    assert against.verdict == "The spade is enough"
    assert against.agreeing(asks).command == "spadework explain TAIL-1"
    assert replace(against, speaks=1).agreeing(asks) == asks
