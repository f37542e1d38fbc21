"""The verdict: rules are data, each with its source; what they say of logs whose nature is known."""

from __future__ import annotations

import json

import pytest

from makers import make_log
from spadework.data.worlds import world
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import all_probes
from spadework.diagnosis.readiness import EXPECTED, RULES, facts_of, readiness


def finding(code: str, level: str = "note", interval: tuple[float, float] = (-0.01, 0.01)) -> Finding:
    return Finding(code=code, level=level, says="", advice="", effect=sum(interval) / 2, interval=interval)


LOG = make_log([f"u{n % 50}" for n in range(500)], [f"i{n % 30}" for n in range(500)])


def test_every_rule_is_about_something_that_there_is_and_says_where_it_is_from():
    for rule in RULES:
        assert rule.about in {*all_probes(), *facts_of(LOG)}
        assert (rule.test in ("below", "from")) == (rule.about in facts_of(LOG)) == (rule.bound > 0)
        assert len(rule.source) > 20
        assert rule.says
        assert rule.says[0].islower(), "it stands after 'Because'"
        assert rule.speaks or rule.settings, "a rule does something"


def test_expectations_rise_with_what_speaks_for_the_excavator():
    assert [speaks for speaks, _, _ in EXPECTED] == list(range(-2, 3))
    assert [low for _, low, _ in EXPECTED] == sorted(low for _, low, _ in EXPECTED)
    assert [high for _, _, high in EXPECTED] == sorted(high for _, _, high in EXPECTED)


@pytest.mark.parametrize(
    ("findings", "speaks", "begins", "setting"),
    [
        ([finding("REP-1", "strong", (0.5, 0.6)), finding("ORD-1")], -3, "The spade is enough", "personal_popularity"),
        ([finding("ORD-1", "strong", (0.2, 0.3))], 0, "A transformer is worth one small run", "causal"),
        ([finding("ORD-1", "note", (-0.1, 0.2))], -1, "The spade is enough", None),
        ([finding("POP-1", "weak", (0.02, 0.1))], -1, "The spade is enough", "logq"),
    ],
)
def test_a_small_log_by_what_was_found(findings, speaks, begins, setting):
    found = readiness(findings, LOG)
    assert found.speaks == speaks, [rule.says for rule in found.reasons]
    assert found.sentences[0].startswith(begins)
    assert setting is None or setting in found.settings
    told = found.finding()
    assert told.code == "VER-1"
    assert told.interval == (found.low, found.high)
    assert json.loads(json.dumps(found.as_json()))["prediction"]["low"] == found.low


def test_an_order_that_nobody_can_rule_out_speaks_for_neither_side():
    assert not [rule for rule in readiness([finding("ORD-1", "note", (-0.1, 0.2))], LOG).reasons if rule.about == "ORD-1"]
    assert [rule.test for rule in readiness([finding("ORD-1")], LOG).reasons if rule.about == "ORD-1"] == ["ruled out"]


def test_facts_are_counted():
    assert facts_of(LOG) == {"rows": 500, "users": 50, "items": 30, "median_history": 10}
    assert facts_of(world("order").log)["rows"] == 9600
