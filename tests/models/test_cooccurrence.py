"""The co-occurrence operator as a model: what it shares, what it refuses, what it costs, what it
needs.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.errors import Unsuitable
from spadework.models.cooccurrence import shared_tables
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.counting import count_passes
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import count_pass, passes
from spadework.models.labels import model

GRID = [
    {},
    {"weight": "jaccard"},
    {"weight": "power", "left_power": 0.7, "right_power": 0.3},
    {"distance": "inverse", "backward": 0.3},
    {"distance": "inverse", "backward": 0.3, "history": 0.7},
    {"distance": "inverse", "age_half_life": "20d"},
    {"group": "session", "session_gap": "2d"},
    {"entry": "bm25", "weight": "raw"},
    {"normalise": True, "keep_columns": 3},
    {"weight": "npmi", "llr": 1.0},
]


def grid() -> list[CoOccurrence]:
    return [model("cooccurrence", **params) for params in GRID]  # type: ignore[misc]


def together(models, log, **options):
    return [one for batch in CoOccurrence.fit_together(models, log, **options) for one in batch]


def same_state(one, other) -> None:
    for name in one.state:
        np.testing.assert_array_equal(
            one.state[name], other.state[name], err_msg=f"{name} of {one.label}"
        )


@pytest.fixture
def counted(monkeypatch) -> list[tuple[Channel, ...]]:
    """The channels of each pass, as they are counted."""
    passed: list[tuple[Channel, ...]] = []
    real = count_passes.count_pass

    def listen(train, channels, **options):
        passed.append(channels)
        return real(train, channels, **options)

    monkeypatch.setattr(shared_tables, "count_pass", listen)
    return passed


def test_fitting_together_counts_once_and_gives_what_fitting_alone_gives(shop, counted):
    models = grid()
    fitted = {one.label: one for one in together(models, shop)}
    assert len(fitted) == len(models)
    assert len([channel for channels in counted for channel in channels]) == len(
        {one.channel for one in models}
    )
    assert len(counted) == len(passes(shop, [one.channel for one in models])) < len(models)
    for one, params in zip(models, GRID, strict=True):
        same_state(fitted[one.label], model("cooccurrence", **params).fit(shop))


def test_models_that_answer_otherwise_learn_the_same_table(shop):
    models = [model("cooccurrence", history=gamma) for gamma in (1.0, 0.5)]
    (batch,) = CoOccurrence.fit_together(models, shop)
    assert [one.label for one in batch] == [one.label for one in models]
    same_state(*batch)


def test_tables_come_in_batches_of_bounded_memory(shop, monkeypatch):
    models = [
        model("cooccurrence", weight="power", left_power=a) for a in (0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    assert [len(batch) for batch in CoOccurrence.fit_together(models, shop)] == [5]
    one_table = 8 * shop.item_count * shop.item_count
    monkeypatch.setattr(shared_tables, "TOGETHER_BYTES", 2 * one_table)
    assert [len(batch) for batch in CoOccurrence.fit_together(models, shop)] == [2, 3]
    for one in together(models, shop):
        same_state(one, model("cooccurrence", **one.params).fit(shop))


def test_a_batch_counts_only_the_channels_that_it_needs(shop, monkeypatch, counted):
    monkeypatch.setattr(shared_tables, "TOGETHER_BYTES", 24 * shop.item_count * shop.item_count)
    models = [
        model("cooccurrence", weight=weight, group_power=power)
        for power in (0.2, 0.4, 0.6)
        for weight in ("jaccard", "raw", "confidence")
    ]
    fitted = together(models, shop)
    assert [len(channels) for channels in counted] == [3, 1, 1, 1], (
        "a look at all, then each channel with its own tables"
    )
    for one in fitted:
        same_state(one, model("cooccurrence", **one.params).fit(shop))


def test_weights_that_only_scale_rows_share_a_table(shop, monkeypatch):
    tables_made: list[int] = []
    real = shared_tables.tables

    def listen(counter, groups, weighings, label):
        tables_made.append(len(weighings))
        return real(counter, groups, weighings, label)

    monkeypatch.setattr(shared_tables, "tables", listen)
    scaled = [
        {"weight": "raw"},
        {"weight": "confidence"},
        {"weight": "power", "left_power": 0.3, "right_power": 0.0},
    ]
    halves = [
        {"weight": "cosine"},
        {"weight": "asymmetric"},
        {"weight": "power", "left_power": 1.2, "right_power": 0.5},
    ]
    alone = [
        {"weight": "confidence", "shrink": 5.0},
        {"weight": "confidence", "llr": 0.1},
        {"weight": "confidence", "support": 2.0},
    ]
    models = [model("cooccurrence", keep=3, **params) for params in [*scaled, *halves, *alone]]
    for one in together(models, shop):
        same_state(one, model("cooccurrence", **one.params).fit(shop))
    assert tables_made[0] == 2 + len(alone)


def test_only_the_requested_rows_need_neighbours(shop):
    rows = np.zeros(shop.item_count, np.bool_)
    rows[[1, 4]] = True
    part, of_all = (
        {one.label: one for one in found}
        for found in (together(grid(), shop, rows=rows), together(grid(), shop))
    )
    # pruning by column depends on which rows there are
    for label in [one.label for one in grid() if one.keep_columns is None]:
        one, other = part[label], of_all[label]
        for row in np.flatnonzero(rows):
            mine, theirs = (slice(*x.state["starts"][row : row + 2]) for x in (one, other))
            np.testing.assert_array_equal(
                one.state["columns"][mine], other.state["columns"][theirs]
            )
            np.testing.assert_array_equal(one.state["values"][mine], other.state["values"][theirs])


def test_what_the_log_lacks_is_refused_before_anything_is_counted(monkeypatch):
    log = make_log(["u", "u"], ["a", "b"])

    def never(*_, **__):
        pytest.fail("counted")

    monkeypatch.setattr(shared_tables, "count_pass", never)
    for params, message in [
        ({"distance": "inverse"}, "needs times"),
        ({"content_share": 0.5}, "needs content"),
        ({"weight": "llr", "group_power": 1.0}, "compares whole numbers"),
    ]:
        with pytest.raises(Unsuitable, match=message):
            together([model("cooccurrence"), model("cooccurrence", **params)], log)


def test_up_to_eight_channels_share_a_pass_and_plain_counts_go_alone(shop):
    decays = [
        Channel(distance="geometric", distance_decay=decay) for decay in np.linspace(0.1, 0.9, 11)
    ]
    found = passes(shop, [Channel(), *decays, Channel(), *decays[:2]])
    assert [len(group) for group in found] == [1, 8, 3]
    assert {channel for group in found for channel in group} == {Channel(), *decays}


def test_a_channel_knows_what_it_reads():
    assert Channel().plain
    assert not Channel().needs_times
    assert Channel(group="basket").plain
    for ordered in (
        {"distance": "log"},
        {"backward": 0.5},
        {"max_distance": 3},
        {"gap_half_life": 60.0},
    ):
        assert Channel(**ordered).ordered
        assert Channel(**ordered).needs_times
    for weighted in ({"age_half_life": 60.0}, {"group_power": 0.5}, {"entry": "count"}):
        assert not Channel(**weighted).ordered
        assert not Channel(**weighted).plain
    assert not Channel(group_power=0.5).needs_times


def test_ages_are_counted_from_the_given_time(shop):
    channel = Channel(age_half_life=10 * 86_400.0)
    end = int(shop.times.max())
    early, late = (count_pass(shop, (channel,), now=now) for now in (end, end + 10 * 86_400))
    np.testing.assert_allclose(
        late.counter.later_weights, early.counter.later_weights / 2, rtol=1e-6
    )
    np.testing.assert_array_equal(late.sizes[0], early.sizes[0])  # sizes do not decay


def test_content_gives_neighbours_to_items_without_users(shelves, shop):
    cold = int(shop.item_count - 1)
    log = shop.where(shop.items != cold)
    plain = model("cooccurrence").fit(log).state
    mixed = model("cooccurrence", content_cold=2.0).fit(log, shelves).state
    assert cold not in plain["columns"]
    assert cold in mixed["columns"]
    assert np.diff(mixed["starts"])[cold] > 0


def test_the_cost_grows_with_what_is_counted():
    small, large = make_log(*random_rows(1)), make_log(*random_rows(1, rows=3000))
    for params in ({}, {"distance": "inverse"}):
        one = model("cooccurrence", **params)
        assert one.cost(large).seconds > one.cost(small).seconds > 0
    unbounded, windowed = (
        model("cooccurrence", distance="inverse"),
        model("cooccurrence", distance="inverse", max_distance=2),
    )
    assert windowed.cost(large).seconds < unbounded.cost(large).seconds
    assert model("cooccurrence", keep=1).cost(large).bytes < model("cooccurrence").cost(large).bytes


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("cosine", {}),
        (
            "forward",
            {
                "weight": "power",
                "distance": "inverse",
                "backward": 0.5,
                "left_power": 0.7,
                "right_power": 0.3,
                "history": 0.7,
            },
        ),
        ("item-knn-bm25", {"weight": "raw", "entry": "bm25"}),
        (
            "rp3beta",
            {
                "weight": "power",
                "group_power": 0.7,
                "left_power": 0.7,
                "right_power": 0.4,
                "keep": 200,
                "normalise": True,
            },
        ),
        (
            "sar",
            {"weight": "jaccard", "repeated": "value", "history_half_life": "30d", "keep": 5000},
        ),
        (
            "sequential-rules",
            {
                "weight": "raw",
                "distance": "inverse",
                "max_distance": 10,
                "backward": 0.0,
                "last": 1,
            },
        ),
    ],
)
def test_a_named_model_is_a_setting_of_the_operator(name, setting, shop):
    named, plain = model(name).fit(shop), model("cooccurrence", **setting).fit(shop)
    same_state(named, plain)
    np.testing.assert_array_equal(named.recommend(shop, 5).items, plain.recommend(shop, 5).items)
