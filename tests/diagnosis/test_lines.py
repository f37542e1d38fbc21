"""Findings are sorted by level and effect; each with advice ends in a line that the command line
accepts.
"""

from __future__ import annotations

import math
import shlex

import click
import numpy as np
import pytest

from makers import make_log
from spadework.apps.cli import Commands
from spadework.apps.recipe_options import recipe_of
from spadework.data import splitting
from spadework.data.worlds.worlds import world
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.command_lines import LINES, filled, line_of
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding, by_weight, command_for
from spadework.diagnosis.probe import Unanswered, all_probes, ask_all
from spadework.diagnosis.readiness import readiness
from spadework.evaluation.trial import Protocol
from spadework.workbench.glossary import describe
from spadework.workbench.recipe import Recipe
from spadework.workbench.report.next_line import READ_WITH, line_for

WORLDS = (
    "hits",
    "popularity",
    "trend",
    "order",
    "refills",
    "novelties",
    "errands",
    "comebacks",
    "kits",
    "resellers",
    "coarse_clock",
)


def accepted(line: str) -> list[str]:
    """The words of a line that the command line parses; nothing is run."""
    words = shlex.split(line)
    assert words[0] == "spadework"
    commands = Commands("spadework")
    command = commands.get_command(click.Context(commands), words[1])
    assert command is not None, line
    arguments = command.make_context(words[1], words[2:])
    if words[1] in ("dig", "look"):  # values of settings are checked beyond the parser
        known = {
            "items": arguments.params.get("items"),
            "budget": arguments.params.get("budget"),
            "settings": arguments.params["settings"],
        }
        recipe_of(arguments.params["sources"], **known)
    if words[1] == "explain":
        describe(arguments.params["name"])
    return words


def findings_of(name: str) -> list[Finding]:
    made_world = world(name, 0)
    split = splitting.by_time(made_world.log, test=0.15, valid=0.15, target=made_world.target)
    protocol = Protocol.of(split.valid, metrics=["ndcg@10"], seed=0)
    answers, unanswered = ask_all(
        Evidence(protocol, made_world.content, np.flatnonzero(protocol.judged))
    )
    without_time = [Unanswered("ORD-1", "", "not asked", 9.0)]
    without_order = [one for one in answers if one.code != "ORD-1"]
    verdicts = [
        readiness(answers, made_world.log, unanswered=unanswered),
        readiness(without_order, made_world.log, unanswered=without_time, larger="2m"),
    ]
    verdicts.append(readiness(without_order, made_world.log, unanswered=without_time))
    return [
        *diagnose(made_world.log, made_world.content, split),
        *answers,
        *(verdict.finding() for verdict in verdicts),
    ]


@pytest.mark.slow
def test_every_finding_with_advice_ends_in_a_line_that_is_accepted():
    codes_seen = set()
    for name in WORLDS:
        for one in findings_of(name):
            assert bool(one.command) == bool(one.advice), one
            if one.command:
                codes_seen.add(one.code)
                accepted(command_for(one, "a log.csv", "runs/a run"))
    assert len(codes_seen & set(all_probes())) >= 18, f"few probes weighed anything: {codes_seen}"
    assert "VER-1" in codes_seen


@pytest.mark.parametrize(
    "code", [*LINES, "INT-7", "INT-12", "INT-15", "INT-16", "INT-18", "INT-19", "VER-1"]
)
def test_lines_of_findings_without_settings_are_accepted(code):
    accepted(filled(line_of(code, {}), "log.csv", "runs/one"))


@pytest.mark.parametrize(
    ("patch", "line"),
    [
        (
            {"models": ["personal", "blend"], "personal_popularity": True},
            "spadework dig SOURCE --set models=personal,blend",
        ),
        (
            {"metrics": ["debiased_ndcg@10"]},
            "spadework dig SOURCE --set metrics=ndcg@10,debiased_ndcg@10",
        ),
        ({"weight": "confidence", "logq": True}, "spadework dig SOURCE --set models=cooccurrence"),
        ({"window": "7d", "time_encoding": True}, "spadework dig SOURCE --set models=popular"),
        ({"max_distance": 5}, "spadework dig SOURCE --set models=cooccurrence"),
        ({"interval": 0.5}, "spadework dig SOURCE --set models=personal"),
        ({"causal": True}, "spadework train RUN"),
        ({}, "spadework explain TIME-3"),
    ],
)
def test_a_line_follows_from_the_settings(patch, line):
    assert line_of("TIME-3", patch) == line
    accepted(filled(line, "log.csv", "runs/one"))


def test_placeholders_are_filled_and_quoted():
    one = Finding(
        code="TIME-3", level="weak", says="", advice="Sweep.", patch={"gap_half_life": "3d"}
    )
    line = command_for(one.as_json(), "my log.csv", "runs/one", ["--set", "user=Customer ID"])
    assert line == "spadework dig 'my log.csv' --set 'user=Customer ID' --set models=cooccurrence"
    assert command_for(Finding(code="X-1", level="note", says="", advice=""), "a", "b") == ""
    assert filled("spadework 'torn", "a", "b") == "spadework 'torn"


def test_a_log_is_read_again_as_it_was_read():
    assert set(READ_WITH) <= set(Recipe.model_fields)
    one = {"code": "INT-1", "command": "spadework look SOURCE"}
    recipe = {
        "source": "log.csv",
        "items": "items.csv",
        "user": "CustomerID",
        "events": ["buy", "view"],
        "skip_bad": True,
        "encoding": "utf-8",
    }
    line = line_for(one, recipe, "runs/one")
    assert line == (
        "spadework look log.csv --items items.csv --set user=CustomerID --set "
        '\'events=["buy", "view"]\' --set skip_bad=true'
    )
    words = accepted(line)
    settings = [word for before, word in zip(words, words[1:], strict=False) if before == "--set"]
    again = recipe_of(["log.csv"], items="items.csv", settings=settings)
    assert {key: getattr(again, key) for key in recipe} == recipe
    assert line_for(one, {}, "runs/one") == "spadework look sample:grocery"


def test_findings_are_sorted_by_level_then_by_effect():
    def one(code: str, level: str, effect: float | None, unit: str = "share") -> Finding:
        return Finding(code=code, level=level, says="", advice="", effect=effect, unit=unit)

    findings = [
        one("A-1", "weak", 0.05),
        one("B-1", "strong", -0.4),
        one("C-1", "strong", 0.1),
        one("D-1", "strong", 0.02, "metric"),
        one("E-1", "note", None),
        one("VER-1", "note", -0.2, "expected"),
        one("F-1", "note", 0.9),
        one("G-1", "blocker", None),
        one("H-1", "note", math.nan),
    ]
    codes = [each.code for each in sorted(findings, key=by_weight)]
    assert codes == ["G-1", "D-1", "B-1", "C-1", "A-1", "VER-1", "F-1", "E-1", "H-1"]
    assert [
        each["code"] for each in sorted((each.as_json() for each in findings), key=by_weight)
    ] == codes


def test_checks_and_probes_come_in_this_order():
    log = make_log([f"u{n % 60}" for n in range(900)], [f"i{(n * 7) % 41}" for n in range(900)])
    found = diagnose(log)
    assert list(found) == sorted(found, key=by_weight)
    made_world = world("trend", 0)
    valid = splitting.by_time(made_world.log, test=0.15, valid=0.15).valid
    protocol = Protocol.of(valid, metrics=["ndcg@10"], seed=0)
    answers, _ = ask_all(
        Evidence(protocol, None, np.flatnonzero(protocol.judged)),
        ["ORD-1", "TIME-2", "TIME-1", "POP-1"],
    )
    assert answers == sorted(answers, key=by_weight)
    assert answers[0].code.startswith("TIME")
