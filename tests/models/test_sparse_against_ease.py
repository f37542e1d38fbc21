"""MRF and SANSA compared with the dense model: with everything kept they are the same. And logs
that are too small or too uniform to learn from.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import DAY, make_log, random_rows
from spadework import events
from spadework.models.labels import model

EVERYTHING = {
    "mrf": {"neighbours": 5000, "keep": 1000},
    "sansa": {"density": 1.0, "keep": 1000},
    "slim": {"neighbours": 5000, "keep": 1000},
}
NAMES = sorted(EVERYTHING)


@pytest.fixture(scope="module")
def log():
    return make_log(*random_rows(4, users=40, items=25, rows=400))


class Notes:
    """A listener that keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        """Progress is ignored."""

    def note(self, message: str) -> None:
        """Kept."""
        self.notes.append(message)


def weights_of(fitted) -> np.ndarray:
    """The weights from each history item to all items, row by row; zero where there is none."""
    rows = np.array(
        [fitted.scorer.row(code) for code in range(len(fitted.item_vocabulary))], np.float64
    )
    return np.where(np.isneginf(rows), 0, rows)


@pytest.mark.parametrize(
    "params",
    [
        {"l2": 0.5},
        {"l2": 20.0, "dropout": 0.4},
        {"l2": 5.0, "group_power": 0.6},
        {"l2": 5.0, "item_power": 0.4},
        {"l2": 1.0, "age_half_life": "20d"},
        {"l2": 1.0, "age_half_life": "20d", "item_power": 0.5, "group_power": 0.3, "dropout": 0.2},
        {"l2": 2.0, "window": "50d", "item_power": 0.3},
        {"l2": 2.0, "max_length": 4, "item_power": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mrf", {}),
        ("mrf", {"share": 0.4}),
        ("sansa", {"ordering": "popular"}),
        ("sansa", {"ordering": "rare"}),
    ],
    ids=str,
)
def test_with_everything_kept_the_weights_are_those_of_the_dense_model(log, name, settings, params):
    plain = {"dropout": 0.0, "group_power": 0.0}
    expected = weights_of(model("ease", **{**plain, **params}).fit(log))
    found = weights_of(model(name, **EVERYTHING[name], **settings, **{**plain, **params}).fit(log))
    np.testing.assert_allclose(found, expected, atol=5e-5)


@pytest.mark.parametrize("pair_power", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_scale_of_the_work_is_a_matter_of_rounding(log, name, pair_power):
    exact = {"tolerance": 1e-7, "rounds": 5000} if name == "slim" else {}
    found = weights_of(model(name, **EVERYTHING[name], **exact, pair_power=pair_power).fit(log))
    np.testing.assert_allclose(
        found, weights_of(model(name, **EVERYTHING[name], **exact).fit(log)), atol=2e-4
    )


def test_blocks_that_serve_several_items_come_near_the_columns_of_their_own(log):
    settings = weights_of(model("mrf", neighbours=12).fit(log))
    shared = weights_of(model("mrf", neighbours=12, share=0.3).fit(log))
    assert not np.array_equal(settings, shared)
    assert np.corrcoef(settings.ravel(), shared.ravel())[0, 1] > 0.9


# ---- data that are no good


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"l2": 0.0},
        {"l2": 0.0, "dropout": 0.0},
        {"l2": 0.0, "dropout": 0.0, "scale_power": 2.0},
        {"pair_power": 2.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("users", "items"),
    [
        (["a", "a", "a"], ["x", "y", "z"]),
        (["a"], ["x"]),
        (["a", "b", "c", "a", "b", "c", "c"], ["x", "x", "x", "y", "y", "y", "z"]),
        (["a", "b", "c"], ["x", "y", "z"]),
    ],
    ids=["one user", "one event", "two items of the same users", "no pairs"],
)
def test_small_and_singular_logs_give_lists_of_numbers(name, keep_all, params, users, items):
    log = make_log(users, items)
    fitted = model(name, **(EVERYTHING[name] if keep_all else {}), **params).fit(log)
    lists = fitted.recommend(log, 3, repeats="allow", fill=False)
    assert np.isfinite(lists.scores[lists.items >= 0]).all()
    assert all(np.isfinite(array).all() for array in fitted.state.values())
    has_pairs = len(users) > len(
        set(users)
    )  # a user has two items, so each is evidence for the other
    assert (lists.items >= 0).any() == has_pairs


@pytest.mark.parametrize("l2", [0.0, 1.0])
@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_items_without_a_common_user_have_no_weight_for_each_other(name, keep_all, l2):
    """Even where all items are partners: a weight of zero is no evidence."""
    log = make_log(["a", "a", "b", "b", "c", "c", "d"], ["w", "x", "y", "z", "w", "x", "v"])
    fitted = model(
        name,
        **(EVERYTHING[name] if keep_all else {}),
        l2=l2,
        **({"l1": 0.0} if name == "slim" else {}),
    ).fit(log)
    pairs = {("w", "x"), ("x", "w"), ("y", "z"), ("z", "y")}
    ids = log.item_vocabulary.ids.to_list()
    for code, source in enumerate(ids):
        row = fitted.scorer.row(code)
        assert {(source, ids[other]) for other in np.flatnonzero(~np.isneginf(row))} == {
            pair for pair in pairs if pair[0] == source
        }


@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_an_item_without_users_has_no_scores(name, keep_all):
    log = make_log(["a", "a", "b", "b", "c"], ["x", "y", "x", "z", "w"])
    rest = log.where(log.items != 3)
    for l2 in (0.0, 1.0):
        fitted = model(name, **(EVERYTHING[name] if keep_all else {}), l2=l2, dropout=0.0).fit(rest)
        lists = fitted.recommend(rest, 4, repeats="allow", fill=False)
        assert 3 not in lists.items
        assert np.isfinite(lists.scores[lists.items >= 0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_events_that_decayed_to_nothing_do_no_harm(name):
    log = make_log(
        ["a", "a", "b", "b", "c", "c"],
        ["x", "y", "x", "y", "y", "z"],
        [0, 1, 2, 3, 9000 * DAY, 9000 * DAY + 1],
    )
    fitted = model(name, age_half_life="1h").fit(log)
    lists = fitted.recommend(log, 3, repeats="allow", fill=False)
    assert np.isfinite(lists.scores[lists.items >= 0]).all()
    last = {
        log.item_vocabulary.ids[int(item)]
        for item in lists.items[log.user_vocabulary.ids.to_list().index("c")]
        if item >= 0
    }
    assert last == {"y", "z"}


@pytest.mark.parametrize(
    "params", [{"name": "mrf"}, {"name": "mrf", "share": 0.5}, {"name": "sansa"}], ids=str
)
def test_increased_penalties_are_noted(params):
    log = make_log(["a", "b", "c", "a", "b", "c"], ["x", "x", "x", "y", "y", "y"])
    for l2, expected in ((0.0, True), (1.0, False)):
        listener = Notes()
        with events.listening(listener):
            model(**params, l2=l2, dropout=0.0).fit(log)
        assert any("penalties were increased" in note for note in listener.notes) is expected


def test_descent_that_has_not_converged_is_noted(log):
    listener = Notes()
    with events.listening(listener):
        model("slim", rounds=1, tolerance=1e-8).fit(log)
    assert any("still moved when descent ended" in note for note in listener.notes)
