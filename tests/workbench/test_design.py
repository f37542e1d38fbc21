"""The settings of the sweep: a full factorial and single changes outside it; only what the log has
columns for.
"""

from __future__ import annotations

import itertools

import pytest

from makers import content_of, make_log, random_rows
from spadework.diagnosis import common
from spadework.kernels.similarity.entry_weights import entry_weight, entry_weights
from spadework.kernels.similarity.pair_weights import pair_weight, pair_weights
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.design import design


def log_of(*, timed: bool = True, **columns):
    users, items, times = random_rows(1)
    rows = len(users)
    made = {
        name: [1 + row % 3 for row in range(rows)] for name, present in columns.items() if present
    }
    return make_log(users, items, times if timed else None, **made)


def everything():
    log = log_of(weights=True, baskets=True)
    return log, content_of(log)


def test_the_core_is_a_full_factorial_in_the_order_of_its_combinations():
    plan = design(*everything())
    assert [factor.name for factor in plan.factors] == [
        "weight",
        "order",
        "time",
        "users",
        "history",
    ]
    sizes = [len(factor.levels) for factor in plan.factors]
    assert plan.combinations() == list(itertools.product(*(range(size) for size in sizes)))
    core = plan.core()
    assert len({setting.label for setting in core}) == len(core) == len(plan.combinations())
    for levels, setting in zip(plan.combinations(), core, strict=True):
        for factor, at in zip(plan.factors, levels, strict=True):
            for name, value in factor.levels[at].settings.items():
                assert setting.params[name] == CoOccurrence(**{name: value}).params[name], (
                    factor.name,
                    name,
                )


def test_the_first_level_of_a_factor_is_the_plain_answer():
    plan = design(*everything())
    plain = plan.core()[0]
    assert plain.params == CoOccurrence(weight="raw", keep=common.KEEP).params | {"history": 1.0}


def test_every_setting_is_tried_once_and_can_be_fitted():
    log, content = everything()
    plan = design(log, content)
    settings = [*plan.core(), *plan.others()]
    assert len({setting.label for setting in settings}) == len(settings) >= 200
    for setting in settings:
        setting.check_needs(log, content)
        assert isinstance(setting, CoOccurrence)
        setting.check_weight()


@pytest.mark.parametrize("name", ["order", "trend", "content"])
def test_a_world_gets_hundreds_of_settings(world, name):
    made = world(name)
    plan = design(made.log, made.content)
    assert len(plan.core()) + len(plan.others()) >= 200


def test_every_registered_weight_is_tried():
    """A weight names the settings it is tried with; registering it is enough."""
    log, content = everything()
    plan = design(log, content)
    tried = [setting.params for setting in [*plan.core(), *plan.others()]]
    assert {params["weight"] for params in tried} == {
        name for name, weight in pair_weights.items() if weight.sweep
    }
    assert {params["entry"] for params in tried} == set(entry_weights)
    for name, weight in pair_weights.items():
        for point in weight.sweep:
            wanted = CoOccurrence(weight=name, **point).params
            assert any(
                all(params[key] == wanted[key] for key in ("weight", *point)) for params in tried
            ), (name, point)


def test_a_newly_registered_weight_is_in_the_sweep():
    def newcomer(pair):
        """For this test."""
        return pair.joint

    def arrived(entry):
        """For this test."""
        return entry.counts

    pair_weight(symmetric=True, sweep=({}, {"shrink": 7.0}))(newcomer)
    entry_weight(sweep=("newcomer",))(arrived)
    try:
        tried = [setting.params for setting in design(*everything()).others()]
        assert {params["shrink"] for params in tried if params["weight"] == "newcomer"} == {
            0.0,
            7.0,
        }
        assert {params["weight"] for params in tried if params["entry"] == "arrived"} == {
            "newcomer"
        }
    finally:
        del pair_weights._entries["newcomer"], entry_weights._entries["arrived"]


def test_weights_of_repeats_are_tried_where_there_are_repeats():
    once = make_log([1, 1, 2, 2, 3, 3], [1, 2, 2, 3, 1, 3], [1, 2, 3, 4, 5, 6])
    twice = make_log([1, 1, 2, 2, 3, 3], [1, 1, 2, 3, 1, 3], [1, 2, 3, 4, 5, 6])
    assert {"count", "root", "log"}.isdisjoint(
        setting.params["entry"] for setting in design(once, None).others()
    )
    assert {"count", "root", "log"} <= {
        setting.params["entry"] for setting in design(twice, None).others()
    }


def test_a_log_without_times_has_no_settings_about_time():
    log = log_of(timed=False)
    plan = design(log, None)
    assert [factor.name for factor in plan.factors] == ["weight", "users"]
    settings = [*plan.core(), *plan.others()]
    assert len(settings) >= 30
    for setting in settings:
        setting.check_needs(log, None)


def test_what_a_log_has_decides_what_is_tried_outside_the_core():
    def params_of(log, content=None):
        return [setting.params for setting in design(log, content).others()]

    bare = params_of(log_of())
    assert not any(params["content_share"] or params["content_cold"] for params in bare)
    assert not any(params["entry"] == "value" or params["group"] == "basket" for params in bare)
    log, content = everything()
    full = params_of(log, content)
    assert any(params["content_share"] for params in full)
    assert any(params["content_cold"] for params in full)
    assert any(params["entry"] == "value" for params in full)
    assert any(params["group"] == "basket" for params in full)


def test_heavy_users_are_capped_where_pairs_would_be_too_many(monkeypatch):
    log = log_of()
    assert {setting.max_length for setting in design(log, None).core()} == {
        CoOccurrence().max_length
    }
    monkeypatch.setattr(common, "MANY_PAIRS", 100)
    assert {setting.max_length for setting in design(log, None).core()} == {common.FEW_EVENTS}
