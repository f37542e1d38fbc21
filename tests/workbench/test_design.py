"""What the sweep tries: a full factorial, and beside it single changes; nothing the log cannot
answer.
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
        name: [1 + row % 3 for row in range(rows)] for name, wanted in columns.items() if wanted
    }
    return make_log(users, items, times if timed else None, **made)


def everything():
    log = log_of(weights=True, baskets=True)
    return log, content_of(log)


def test_the_core_is_a_full_factorial_in_the_order_of_its_places():
    plan = design(*everything())
    assert [factor.name for factor in plan.factors] == [
        "weight",
        "order",
        "time",
        "users",
        "history",
    ]
    sizes = [len(factor.levels) for factor in plan.factors]
    assert plan.places() == list(itertools.product(*(range(size) for size in sizes)))
    core = plan.core()
    assert len({one.label for one in core}) == len(core) == len(plan.places())
    for place, one in zip(plan.places(), core, strict=True):
        for factor, at in zip(plan.factors, place, strict=True):
            for name, value in factor.levels[at].settings.items():
                assert one.params[name] == CoOccurrence(**{name: value}).params[name], (
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
    assert len({one.label for one in settings}) == len(settings) >= 200
    for one in settings:
        one.check_needs(log, content)
        assert isinstance(one, CoOccurrence)
        one.check_weight()


@pytest.mark.parametrize("name", ["order", "trend", "content"])
def test_a_world_gets_hundreds_of_settings(world, name):
    one = world(name)
    plan = design(one.log, one.content)
    assert len(plan.core()) + len(plan.others()) >= 200


def test_every_weight_on_the_shelves_is_tried():
    """A weight says what it is tried with; placing one on its shelf is enough."""
    log, content = everything()
    plan = design(log, content)
    tried = [one.params for one in [*plan.core(), *plan.others()]]
    assert {one["weight"] for one in tried} == {
        name for name, weight in pair_weights.items() if weight.sweep
    }
    assert {one["entry"] for one in tried} == set(entry_weights)
    for name, weight in pair_weights.items():
        for point in weight.sweep:
            wanted = CoOccurrence(weight=name, **point).params
            assert any(
                all(one[key] == wanted[key] for key in ("weight", *point)) for one in tried
            ), (name, point)


def test_a_weight_placed_on_its_shelf_is_in_the_sweep():
    def newcomer(pair):
        """For this test."""
        return pair.joint

    def arrived(entry):
        """For this test."""
        return entry.counts

    pair_weight(symmetric=True, sweep=({}, {"shrink": 7.0}))(newcomer)
    entry_weight(sweep=("newcomer",))(arrived)
    try:
        tried = [one.params for one in design(*everything()).others()]
        assert {one["shrink"] for one in tried if one["weight"] == "newcomer"} == {0.0, 7.0}
        assert {one["weight"] for one in tried if one["entry"] == "arrived"} == {"newcomer"}
    finally:
        del pair_weights._things["newcomer"], entry_weights._things["arrived"]


def test_weights_of_repeats_are_tried_where_there_are_repeats():
    once = make_log([1, 1, 2, 2, 3, 3], [1, 2, 2, 3, 1, 3], [1, 2, 3, 4, 5, 6])
    twice = make_log([1, 1, 2, 2, 3, 3], [1, 1, 2, 3, 1, 3], [1, 2, 3, 4, 5, 6])
    assert {"count", "root", "log"}.isdisjoint(
        one.params["entry"] for one in design(once, None).others()
    )
    assert {"count", "root", "log"} <= {one.params["entry"] for one in design(twice, None).others()}


def test_a_log_without_times_is_asked_nothing_about_time():
    log = log_of(timed=False)
    plan = design(log, None)
    assert [factor.name for factor in plan.factors] == ["weight", "users"]
    settings = [*plan.core(), *plan.others()]
    assert len(settings) >= 30
    for one in settings:
        one.check_needs(log, None)


def test_what_a_log_has_decides_what_is_tried_beside_the_core():
    def params(log, content=None):
        return [one.params for one in design(log, content).others()]

    bare = params(log_of())
    assert not any(one["content"] or one["content_cold"] for one in bare)
    assert not any(one["entry"] == "value" or one["group"] == "basket" for one in bare)
    log, content = everything()
    full = params(log, content)
    assert any(one["content"] for one in full)
    assert any(one["content_cold"] for one in full)
    assert any(one["entry"] == "value" for one in full)
    assert any(one["group"] == "basket" for one in full)


def test_heavy_users_are_capped_where_pairs_would_be_too_many(monkeypatch):
    log = log_of()
    assert {one.newest for one in design(log, None).core()} == {CoOccurrence().newest}
    monkeypatch.setattr(common, "MANY_PAIRS", 100)
    assert {one.newest for one in design(log, None).core()} == {common.FEW_EVENTS}
