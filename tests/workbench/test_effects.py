"""Effects: those of the core agree with a slow recount, and a planted cause is found."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol, trial
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.workbench.search import effects, model_effects
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.sweep import Sweep, SweepStage
from spadework.workbench.search.trial_cache import Ledger


@pytest.fixture(scope="module")
def swept(world, tmp_path_factory):
    def run(name: str) -> Sweep:
        split = splitting.by_time(world(name).log, test=0.1, valid=0.1)
        protocol = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")
        sweep = Sweep(
            Judging(
                protocol,
                None,
                Ledger(tmp_path_factory.mktemp("trials")),
                Clock(120.0),
                Costs(),
                None,
            )
        )
        for stage in SweepStage:
            sweep.run(stage, time.monotonic() + 120)
        return sweep

    return {name: run(name) for name in ("order", "trend")}


def row_of(rows, topic):
    return next(row for row in rows if row["kind"] == topic and row["pairs"] > 1)


@pytest.mark.parametrize(("name", "topic"), [("order", "order"), ("trend", "time")])
def test_a_planted_cause_helps_beyond_its_interval(swept, name, topic):
    row = row_of(effects.effects(swept[name]), topic)
    assert row["effect"] > 0
    assert row["interval"][0] > 0


def test_rows_are_sorted_and_intervals_hold_their_effect(swept):
    rows = effects.effects(swept["order"])
    sizes = [abs(row["effect"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert len({row["what"] for row in rows}) == len(rows)
    for row in rows:
        assert row["interval"][0] <= row["effect"] <= row["interval"][1]
        assert row["effect"] == pytest.approx(row["value"] - row["base"], abs=1e-6)
        assert row["users"] == len(swept["order"].rungs[0])


def test_main_effects_agree_with_a_slow_recount(swept):
    sweep = swept["order"]
    plan = sweep.design
    by_levels = dict(zip(plan.combinations(), plan.core(), strict=True))
    found = {row["what"]: row["effect"] for row in effects.effects(sweep)}
    checked = 0
    for at, factor in enumerate(plan.factors):
        for level in range(1, len(factor.levels)):
            differences = []
            for levels in by_levels:
                if levels[at] == level:
                    plain = list(levels)
                    plain[at] = 0
                    value, base = (
                        sweep.first[by_levels[key].label].values for key in (levels, tuple(plain))
                    )
                    differences.append(value - base)
            what = f"{factor.levels[level].description}, instead of {factor.levels[0].description}"
            assert found[what] == pytest.approx(float(np.mean(differences)), abs=1e-6)
            checked += 1
    assert checked == sum(len(factor.levels) - 1 for factor in plan.factors)


def test_single_changes_name_a_setting_that_differs_in_one_parameter(swept):
    sweep = swept["order"]
    core = [setting.params for setting in sweep.design.core()]
    singles = [row for row in effects.effects(sweep) if row["pairs"] == 1]
    assert len(singles) > 20
    for row in singles:
        params = sweep.first[row["model"]].setting.params
        changes = [[name for name in params if params[name] != base[name]] for base in core]
        assert [row["kind"]] in changes


def test_each_cell_of_the_heat_map_is_the_best_that_was_reached_there(swept):
    sweep = swept["order"]
    heat = effects.heat(sweep)
    assert heat is not None
    weights, order, history = (
        next(f for f in sweep.design.factors if f.name == name)
        for name in ("weight", "order", "history")
    )
    assert heat["rows"] == [level.description for level in weights.levels]
    assert heat["columns"] == [
        f"{a.description}, {b.description}" for a in order.levels for b in history.levels
    ]
    assert f"{len(sweep.rungs[0]):,} users" in heat["metric"]
    assert heat["users"] == len(sweep.rungs[0])
    outside = 0
    for at, weight in enumerate(weights.levels):
        for to, (way, past) in enumerate(itertools.product(order.levels, history.levels)):
            wanted = CoOccurrence(**weight.settings, **way.settings, **past.settings).params
            keys = ("weight", "left_power", "right_power", "distance", "backward", "history")
            inside = [
                r
                for r in sweep.first.values()
                if r.reason is None and all(r.setting.params[key] == wanted[key] for key in keys)
            ]
            top = max(result.mean for result in inside)
            assert heat["values"][at][to] == top
            assert sweep.first[heat["settings"][at][to]].mean == top
            outside += heat["settings"][at][to] not in {
                other.label for other in sweep.design.core()
            }
    assert outside, "settings outside the core count, too"


def test_the_heat_map_of_named_models_shows_the_best_setting_of_each(world):
    split = splitting.by_time(world("order").log, test=0.1, valid=0.1)
    protocol = Protocol.of(split.valid, metrics=["ndcg@5"], repeats="allow")
    tried = [
        model("ease", history=0.7),
        model("ease", history=0.7, item_power=0.3),
        model("ease"),
        model("forward", history=0.7),
    ]
    scores = [trial(setting, protocol) for setting in tried]
    for order in (scores, scores[::-1]):
        heat = model_effects.heat(order, protocol)
        assert heat is not None
        cell = heat["values"][heat["rows"].index("ease")][heat["columns"].index("history 0.7")]
        values = {score.label: score.means(protocol.judged)["ndcg@5"] for score in scores[:2]}
        assert cell == max(values.values()) > min(values.values())
        assert (
            values[
                heat["settings"][heat["rows"].index("ease")][heat["columns"].index("history 0.7")]
            ]
            == cell
        )
        assert heat["users"] == int(protocol.judged.sum())
        assert (
            heat["values"][heat["rows"].index("forward")][heat["columns"].index("history 1")]
            is None
        )


def test_every_setting_has_an_entry_unless_the_board_shows_it(swept):
    sweep = swept["order"]
    shown = {sweep.design.core()[0].label}
    entries = {entry.label: entry for entry in effects.entries(sweep.judged, sweep.protocol, shown)}
    assert set(entries) == set(sweep.judged) - shown
    for label, entry in entries.items():
        result = sweep.judged[label]
        assert entry.metrics == {"ndcg@5": result.mean}
        assert entry.interval[0] <= result.mean <= entry.interval[1]
        assert entry.users == len(result.rows)


def test_a_sweep_without_a_judgement_has_no_effects(swept, tmp_path):
    sweep = Sweep(
        Judging(swept["order"].protocol, None, Ledger(tmp_path), Clock(120.0), Costs(), None)
    )
    assert {result.reason for result in sweep.run(SweepStage.PLAIN, time.monotonic() - 1)} == {
        "There was no time for it."
    }
    assert effects.effects(sweep) == []
    assert effects.heat(sweep) is None
    for entry in effects.entries(sweep.judged, sweep.protocol, set()):
        assert entry.state == "no time"
        assert entry.reason
        assert entry.metrics == {}
