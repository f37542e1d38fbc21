"""The verdict: rules are data, each with its source; what they say of logs whose nature is
known.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from makers import make_log
from spadework.data.worlds.worlds import world
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.ingredients import INGREDIENTS, check_settings, read_recipe
from spadework.diagnosis.prediction import Prediction, check, finding_of
from spadework.diagnosis.probe import all_probes
from spadework.diagnosis.readiness import EXPECTED, facts_of, readiness
from spadework.diagnosis.rules import RULES
from spadework.errors import BadRequest


def finding(
    code: str, level: str = "note", interval: tuple[float, float] = (-0.01, 0.01)
) -> Finding:
    return Finding(
        code=code,
        level=level,
        says="",
        advice="",
        effect=sum(interval) / 2,
        interval=interval,
        unit="share",
    )


LOG = make_log([f"u{n % 50}" for n in range(500)], [f"i{n % 30}" for n in range(500)])


def test_every_rule_is_about_a_known_finding_or_fact_and_has_a_source():
    facts = {*facts_of(LOG), "repeat_share", "described"}
    for rule in RULES:
        assert rule.about in {*all_probes(), *facts}
        assert (rule.test in ("below", "from")) == (rule.about in facts) == (rule.bound > 0)
        assert len(rule.source) > 20
        assert rule.reason
        assert rule.reason[0].islower(), "it follows 'Because'"
        assert rule.points or rule.settings or rule.copied_settings, "a rule does something"
        check_settings(rule.settings)
        assert set(rule.copied_settings) <= set(INGREDIENTS)


def test_expectations_rise_with_the_points_for_the_excavator():
    assert [points for points, _, _ in EXPECTED] == list(range(-2, 3))
    assert [low for _, low, _ in EXPECTED] == sorted(low for _, low, _ in EXPECTED)
    assert [high for _, _, high in EXPECTED] == sorted(high for _, _, high in EXPECTED)


@pytest.mark.parametrize(
    ("findings", "points", "begins", "setting"),
    [
        (
            [finding("REP-1", "strong", (0.5, 0.6)), finding("ORD-1")],
            -3,
            "The spade is enough",
            "personal_popularity",
        ),
        (
            [finding("ORD-1", "strong", (0.2, 0.3))],
            0,
            "A transformer is worth one small run",
            "causal",
        ),
        ([finding("ORD-1", "note", (-0.1, 0.2))], -1, "The spade is enough", None),
        ([finding("POP-1", "weak", (0.02, 0.1))], -1, "The spade is enough", "logq"),
    ],
)
def test_a_small_log_by_what_was_found(findings, points, begins, setting):
    found = readiness(findings, LOG)
    assert found.points == points, [rule.reason for rule in found.reasons]
    assert found.sentences[0].startswith(begins)
    assert setting is None or setting in found.settings
    result = found.finding()
    assert result.code == "VER-1"
    assert result.interval == (found.low, found.high)
    assert json.loads(json.dumps(found.as_json()))["predictions"][0]["low"] == found.low


def test_an_order_that_is_not_ruled_out_gives_no_points():
    assert not [
        rule
        for rule in readiness([finding("ORD-1", "note", (-0.1, 0.2))], LOG).reasons
        if rule.about == "ORD-1"
    ]
    assert [
        rule.test for rule in readiness([finding("ORD-1")], LOG).reasons if rule.about == "ORD-1"
    ] == ["ruled out"]


def test_facts_are_counted():
    assert facts_of(LOG) == {
        "rows": 500,
        "users": 50,
        "items": 30,
        "median_history": 10,
        "long_history": 10,
    }
    assert facts_of(world("order").log)["rows"] == 9600


def strong_finding(code: str, **patch: object) -> Finding:
    return Finding(
        code=code, level="strong", says="", advice="", effect=0.2, interval=(0.1, 0.3), patch=patch
    )


FOUND = [
    strong_finding("POP-1"),
    strong_finding("ORD-1"),
    strong_finding("REP-1"),
    strong_finding("TIME-2", training_window="80d"),
    strong_finding("TIME-5", retrain="7d"),
    strong_finding("CON-3"),
]


def test_the_training_recipe_can_be_read_back_and_has_reasons():
    found = readiness(FOUND, LOG)
    text = found.recipe("For a test.\nTwo lines.")
    assert text.startswith("# For a test.\n# Two lines.\n")
    settings = read_recipe(text, "train.toml")
    assert set(settings) == set(INGREDIENTS)
    assert settings | dict(found.settings) == settings, "what rules ask for is what is written"
    assert settings["training_window"] == "80d", "a finding's own value"
    assert (settings["retrain"], settings["item_content"], settings["negatives"]) == (
        "7d",
        True,
        "in-batch",
    )
    assert "Because popular items drown out the others (POP-1)" in text
    assert text.count("Plain: no finding asks for another.") == len(INGREDIENTS) - len(
        found.settings
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logq = 1", "logq = 1"),
        ("logk = true", "no key 'logk'"),
        ('negatives = "some"', 'negatives = "some"'),
        ("max_length = true", "max_length = true"),
        ("max_length", "is not TOML"),
    ],
)
def test_a_training_recipe_with_a_fault_is_refused_in_words(text, message):
    with pytest.raises(BadRequest) as raised:
        read_recipe(text, "train.toml")
    assert message in raised.value.message
    assert raised.value.hint


def test_an_empty_training_recipe_is_plain():
    assert read_recipe("", "train.toml") == {name: one.plain for name, one in INGREDIENTS.items()}
    for name, one in INGREDIENTS.items():
        assert not one.choices or one.plain in one.choices, name


def test_every_piece_of_advice_is_a_prediction_that_can_be_checked():
    found = readiness(FOUND, LOG)
    predictions = {one.about: one for one in found.predictions}
    assert set(predictions) == {
        "verdict",
        "negatives",
        "logq",
        "causal",
        "repeats",
        "personal_popularity",
        "training_window",
        "item_content",
    }
    assert (predictions["negatives"].model, predictions["negatives"].against) == (
        "in-batch",
        "uniform",
    )
    assert (predictions["causal"].model, predictions["causal"].against) == (True, False), (
        "what is plain is held against its opposite"
    )
    for one in found.predictions:
        assert Prediction.from_json(json.loads(json.dumps(one.as_json()))) == one
    no_advice = readiness([], LOG)
    assert [one.about for one in no_advice.predictions] == ["verdict"]


@pytest.mark.parametrize(
    ("low", "high", "gain", "outcome"),
    [
        (-0.1, 0.3, 0.1, "as expected"),
        (-0.1, 0.05, 0.3, "wrong"),
        (0.0, None, 0.2, "as expected"),
        (0.0, None, -0.2, "wrong"),
        (0.0, None, 0.0, "cannot tell"),
        (0.19, 0.21, 0.2, "cannot tell"),
    ],
)
def test_a_prediction_is_compared_with_what_was_measured(low, high, gain, outcome):
    rng = np.random.default_rng(0)
    base = rng.random(500)
    model = base * (1 + gain) + rng.normal(0, 0.15, 500)
    prediction = Prediction(
        about="verdict",
        says="One model compared with the other.",
        because="",
        model="a",
        against="b",
        low=low,
        high=high,
    )
    checked = check(prediction, base, model)
    assert checked.outcome == outcome
    assert "observed" in checked.says
    json.dumps(checked.as_json(), allow_nan=False)


def test_equal_models_and_a_base_of_zero_leave_a_prediction_open():
    prediction = Prediction(
        about="logq", says="With and without.", because="POP-1", model=True, against=False, low=0.0
    )
    assert check(prediction, np.ones(50), np.ones(50)).outcome == "cannot tell"
    found = check(prediction, np.zeros(50), np.ones(50))
    assert found.outcome == "cannot tell"
    json.dumps(found.as_json(), allow_nan=False)


def test_what_came_true_is_one_finding():
    rng = np.random.default_rng(0)
    base = rng.random(400)
    verdict = Prediction(
        about="verdict", says="Both.", because="", model="a", against="b", low=-0.1, high=0.3
    )
    logq = Prediction(
        about="logq", says="LogQ.", because="POP-1", model=True, against=False, low=0.0
    )
    result = finding_of([check(verdict, base, base * 1.1), check(logq, base, base * 0.8)])
    assert (result.code, result.level) == ("VER-2", "weak")
    assert result.says.startswith("1 of 2 predictions came true, 1 did not, 0 are open.")
    assert result.effect == pytest.approx(0.1)
    assert "observed +10.0%" in result.says


def test_a_rule_that_was_overruled_predicts_nothing_and_gives_no_reason():
    found = readiness([strong_finding("ORD-3"), strong_finding("ORD-4")], LOG)
    assert found.settings["positions"] is False
    assert "positions" not in {one.about for one in found.predictions}
    text = found.recipe("For a test.")
    assert "the order of the file (ORD-4)" in text
    assert "(ORD-3)" not in text


@pytest.mark.parametrize(
    ("found", "share", "expected"), [((), 0.0, True), ((), 0.2, False), (("CON-2",), 0.2, True)]
)
def test_an_item_table_is_read_where_users_choose_new_items_or_where_it_adds_to_behaviour(
    found, share, expected
):
    result = readiness(
        [finding("CON-1", "note", (-0.3, -0.1)), *map(strong_finding, found)], LOG, share, 0.9
    )
    assert result.settings["item_content"] is expected
    low = {one.about: one.low for one in result.predictions}.get("item_content")
    assert low == (-0.02 if expected else None), "of two rules the more careful one"
    assert "item_content" not in readiness([], LOG, 0.0, 0.1).settings, (
        "of a few items a network learns little"
    )


def test_an_effect_in_the_metric_rules_nothing_out():
    order = Finding(
        code="ORD-1",
        level="note",
        says="",
        advice="",
        effect=0.005,
        interval=(-0.001, 0.01),
        unit="metric",
    )
    assert not [rule for rule in readiness([order], LOG).reasons if rule.about == "ORD-1"]


def test_what_users_cannot_tell_widens_the_range():
    sure, unsure = (
        readiness([finding("ORD-1")], LOG),
        readiness([finding("ORD-1", "note", (-0.1, 0.2))], LOG),
    )
    assert (unsure.low, unsure.high) != (sure.low, sure.high)


def test_reasons_against_follow_although():
    sentence = readiness([finding("ORD-1", "strong", (0.2, 0.3))], LOG).sentences[1]
    assert sentence.startswith(
        "Because what users chose first tells what they choose next, although there are fewer "
        "than a million events."
    )
    assert "although" not in readiness([], LOG).sentences[1]


def test_where_repeats_are_expected_they_are_allowed():
    assert readiness([], LOG, repeat_share=0.2).settings["repeats"] == "allow"
    assert "repeats" not in readiness([], LOG, repeat_share=0.05).settings


def test_what_the_size_of_the_log_asks_for_is_no_prediction():
    found = readiness([finding("ORD-2", "strong", (0.2, 0.3))], LOG)
    assert found.settings["max_length"] == 50
    assert "max_length" not in {one.about for one in found.predictions}
