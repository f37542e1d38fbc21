"""Logs and settings at the edge of what co-occurrence can count: a clear refusal or a plain limit,
never a score that is no number.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import spadework as sw
from makers import START, make_log
from spadework import events
from spadework.errors import BadRequest, Unsuitable
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence

FAMILY = sorted(name for name, cls in catalogue().items() if issubclass(cls, CoOccurrence))
COUNT_WEIGHTS = [
    "llr",
    "signed_llr",
    "pmi",
    "ppmi",
    "npmi",
    "pmi_k",
    "mutual_information",
    "lexicographers_mi",
]
LOGS = {
    "one event per group": make_log(
        [f"u{at}" for at in range(6)],
        [f"i{at % 3}" for at in range(6)],
        [START + at for at in range(6)],
    ),
    "all events in one group": make_log(
        ["u"] * 6, [f"i{at}" for at in range(6)], [START + at for at in range(6)]
    ),
    "equal times": make_log(["u", "u", "v", "v"], ["a", "b", "a", "c"], [START] * 4),
    "one item": make_log(["u", "v", "v"], ["a", "a", "a"], [START, START + 1, START + 2]),
    "one row": make_log(["u"], ["a"], [START]),
    "weights of zero": make_log(["u", "u", "v"], ["a", "b", "a"], [START] * 3, weights=[0, 0, 0]),
    "all users have all items": make_log(
        ["u", "u", "v", "v"], ["a", "b", "b", "a"], [START, START + 1] * 2
    ),
    "ages of a century": make_log(["u", "u", "v"], ["a", "b", "c"], [0, 1, 4_000_000_000]),
}


def refused(error: type[Exception], act) -> str:
    """Both sentences of the refusal."""
    with pytest.raises(error) as caught:
        act()
    text = str(caught.value)
    assert text.count("\n") == 1
    assert text.endswith(".")
    return text


def numbers_only(fitted, log) -> np.ndarray:
    """Fit and recommend; no value and no score may be NaN or infinite. Returns the table's
    values.
    """
    fitted.fit(log)
    values = fitted.state["values"]
    assert np.isfinite(values).all()
    assert (values > 0).all()
    for repeats in ("allow", "forbid", "only"):
        lists = fitted.recommend(log, 3, repeats=repeats)
        assert np.isfinite(lists.scores[lists.items >= 0]).all()
    return values


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize("name", FAMILY)
def test_no_model_of_the_family_gives_what_is_no_number(name, log):
    numbers_only(sw.model(name), log)


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize(
    "params",
    [
        {"age_half_life": "1m"},
        {"entry": "recency", "entry_half_life": "1m"},
        {"gap_half_life": "1m", "group_power": 2.0},
        {"weight": "llr"},
        {"weight": "npmi"},
        {"weight": "pmi", "shrink": 5.0},
        {"weight": "power", "left_power": 2.0, "right_power": 2.0, "age_half_life": "1m"},
        {"aggregate": "noisy-or", "repeated": "count", "weight": "lift"},
        {"normalise": True, "keep_columns": 1, "support": 5.0},
    ],
    ids=str,
)
def test_no_setting_gives_what_is_no_number(params, log):
    numbers_only(sw.model("cooccurrence", **params), log)


@pytest.mark.parametrize("name", FAMILY)
def test_groups_of_one_event_have_no_pairs_and_lists_are_the_popular_items(name):
    log = make_log(["u", "v", "w"], ["a", "a", "b"], [START, START + 1, START + 2])
    fitted = sw.model(name)
    assert len(numbers_only(fitted, log)) == 0
    lists = fitted.recommend(log, 2)
    assert lists.items.tolist() == [[0, 1]] * 3
    assert lists.filled == 6


def test_equal_times_count_in_both_directions():
    log = LOGS["equal times"]
    fitted = sw.model("cooccurrence", weight="raw", distance="inverse", backward=0.0).fit(log)
    assert fitted.state["values"].tolist() == [1, 1, 1, 1]


def test_a_group_of_a_hundred_thousand_events_is_cut_to_its_latest_with_a_note():
    size = 100_000
    items = [f"i{at % 20_000}" for at in range(size)] + ["i1", "i2"]
    log = make_log(["robot"] * size + ["ann"] * 2, items, [START + at for at in range(size + 2)])
    for params, what in (({}, "items"), ({"distance": "inverse"}, "events")):
        notes: list[str] = []

        class Recorder:
            def step(self, label: str, done: int, total: int | None) -> None:
                pass

            def note(self, message: str, notes: list[str] = notes) -> None:
                notes.append(message)

        begin = time.perf_counter()
        with events.listening(Recorder()):
            fitted = sw.model("cooccurrence", keep=50, **params).fit(log)
        assert time.perf_counter() - begin < 30
        assert notes == [
            f"1 user holds more than 5,000 {what}; only their newest ones are counted (max_length)."
        ]
        assert int((np.diff(fitted.state["starts"]) > 0).sum()) == 5002, (
            "the newest 5,000 items of the robot and the two of ann"
        )


@pytest.mark.parametrize("params", [{}, {"distance": "inverse"}, {"group": "basket"}], ids=str)
def test_entry_weights_below_zero_are_refused(params):
    log = make_log(["u", "u", "v"], ["a", "b", "a"], [START] * 3, weights=[1, -2, 1])
    text = refused(Unsuitable, lambda: sw.model("cooccurrence", entry="value", **params).fit(log))
    assert text.startswith(
        "The entry weight 'value' gives -2: an entry weight below zero.\nLeave out events "
        "of negative weight"
    )
    numbers_only(sw.model("cooccurrence", **params), log)
    numbers_only(sw.model("sar"), log)


def test_entry_weights_of_zero_leave_no_pairs():
    assert len(numbers_only(sw.model("cooccurrence", entry="value"), LOGS["weights of zero"])) == 0


@pytest.mark.parametrize(
    "name",
    ["age_half_life", "gap_half_life", "entry_half_life", "history_half_life", "session_gap"],
)
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("0d", "is not above zero"),
        ("-3d", "cannot be understood"),
        ("soon", "cannot be understood"),
    ],
)
def test_half_lives_are_above_zero(name, value, why):
    text = refused(BadRequest, lambda: sw.model("cooccurrence", **{name: value}))
    assert text == (
        f"The {name} {value!r} {why}.\nWrite the {name} with a unit, such as 60s, 10m, 12h, "
        "7d or 2w."
    )


def test_keep_above_the_catalogue_keeps_all():
    log = LOGS["equal times"]
    all_kept = sw.model("cooccurrence", keep=100_000).fit(log)
    assert (
        all_kept.state["columns"].tolist()
        == sw.model("cooccurrence", keep=2).fit(log).state["columns"].tolist()
    )
    assert refused(BadRequest, lambda: sw.model("cooccurrence", keep=0)).startswith(
        "Parameter 'keep' of 'cooccurrence' is 0, outside 1"
    )
    assert "is 100001, outside 1" in refused(
        BadRequest, lambda: sw.model("cooccurrence", keep=100_001)
    )


@pytest.mark.parametrize(
    "decayed",
    [
        {"distance": "inverse"},
        {"age_half_life": "3d"},
        {"gap_half_life": "3d"},
        {"group_power": 0.5},
        {"entry": "tfidf"},
        {"max_distance": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "setting", [*({"weight": name} for name in COUNT_WEIGHTS), {"llr": 3.84}], ids=str
)
def test_weights_of_whole_counts_are_refused_where_pairs_are_decayed(setting, decayed):
    log = LOGS["equal times"]
    fitted = sw.model("cooccurrence", **setting, **decayed)
    text = refused(Unsuitable, lambda: fitted.fit(log))
    what = "The filter 'llr'" if "llr" in setting else f"The weight {setting['weight']!r}"
    assert text.startswith(
        f"{what} compares whole numbers of groups, but {fitted.label!r} counts pairs with "
        "distances, decays or weights.\nUse it"
    )
    assert refused(Unsuitable, lambda: list(CoOccurrence.fit_together([fitted], log))) == text


@pytest.mark.parametrize(
    "params",
    [{"distance": "inverse"}, {"age_half_life": "3d"}, {"group": "session"}, {"history": 0.5}],
    ids=str,
)
def test_settings_that_read_times_are_refused_without_them(params):
    log = make_log(["u", "u"], ["a", "b"])
    text = refused(Unsuitable, lambda: sw.model("cooccurrence", **params).fit(log))
    assert text.endswith(
        "needs times, and there are none.\nName the time column, or leave this model out."
    )


def test_baskets_need_a_basket_column_or_times():
    log = make_log(["a", "a", "b"], ["x", "y", "x"])
    text = refused(Unsuitable, lambda: sw.model("cooccurrence", group="basket").fit(log))
    assert text.startswith(
        "The model 'cooccurrence(group=basket)' counts by basket, and the log has neither "
        "baskets nor times."
    )
