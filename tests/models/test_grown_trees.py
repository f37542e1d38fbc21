"""Trees that are read from the library, and those of a release that is not known: the public call
gives the same numbers, and both are kept without a pickle.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_blend import Notes, lists_of

from spadework import events
from spadework.artifacts import artifact
from spadework.models.ensemble import grown_trees
from spadework.models.ensemble.grown_trees import Growth, grow, grown_again, has_trees, wrong_trees
from spadework.models.labels import model


def log_odds(state, rows):
    return grown_trees.log_odds(state, grown_again(state), rows)


def gone(_grower):
    raise AttributeError("_predictors")


def other_numbers(grower):
    return NODES(grower)._replace(baseline=0.25)


NODES = grown_trees._nodes
every_unknown = pytest.mark.parametrize("unknown", [gone, other_numbers])


def examples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(3000, 5)).astype(np.float32)
    return rows, rng.random(3000) < 1 / (1 + np.exp(-rows[:, 0] * rows[:, 1]))


@every_unknown
def test_an_unknown_release_gives_the_same_numbers_by_the_public_call(monkeypatch, unknown):
    rows, is_positive = examples()
    growth = Growth(0.1, 15, 40, 7)
    read = grow(rows, is_positive, growth, "one")
    monkeypatch.setattr(grown_trees, "_nodes", unknown)
    notes = Notes()
    with events.listening(notes):
        kept = grow(rows, is_positive, growth, "two")
    assert notes[0].startswith("two: scikit-learn ")
    assert notes[0].endswith("it is larger, and slower once it is loaded.")
    assert not [key for key in kept if key.startswith("trees/")]
    assert has_trees(read)
    assert has_trees(kept)
    some = np.random.default_rng(4).normal(size=(500, 5)).astype(np.float32)
    expected = log_odds(read, some)
    assert not read.keys() & kept.keys()
    assert log_odds(kept, some).tobytes() == expected.tobytes()
    loaded = {key: value.copy() for key, value in kept.items()}
    assert log_odds(loaded, some).tobytes() == expected.tobytes(), "grown again from the examples"


@every_unknown
def test_a_model_of_an_unknown_release_is_saved_and_loaded(
    monkeypatch, unknown, shop, shelves, tmp_path
):
    params = {"positives": 1, "trees": 30}
    expected = lists_of(model("boosted", **params).fit(shop, shelves), shop)
    monkeypatch.setattr(grown_trees, "_nodes", unknown)
    one = model("boosted", **params).fit(shop, shelves)
    assert lists_of(one, shop) == expected
    two = artifact.load(artifact.save(one, tmp_path / "model"))
    assert two == one
    assert lists_of(two, shop) == expected


def test_trees_that_are_kept_as_examples_are_grown_once_a_model(monkeypatch, shop, shelves):
    grown, grower = [], grown_trees._grower

    def counted(*arguments):
        grown.append(arguments[-1])
        return grower(*arguments)

    monkeypatch.setattr(grown_trees, "_nodes", gone)
    monkeypatch.setattr(grown_trees, "_grower", counted)
    one, two = (model("boosted", positives=1, trees=n).fit(shop, shelves) for n in (3, 4))
    assert len(grown) == 2, "while they learn"
    for answering in (one, two, one, two, one.sharing(), two.sharing()):
        answering.recommend(shop, 3)
    assert len(grown) == 4, "and before each one's first answer"


def test_examples_that_do_not_fit_are_refused(monkeypatch):
    rows, is_positive = examples()
    monkeypatch.setattr(grown_trees, "_nodes", gone)
    kept = grow(rows, is_positive, Growth(0.1, 4, 3, 0), "one")
    assert wrong_trees(kept, 5) is None
    for changed, width in (
        ({}, 6),
        ({"examples/positive": is_positive[1:]}, 5),
        ({"examples/growth": np.zeros(3)}, 5),
        ({"examples/rows": rows[0]}, 5),
    ):
        assert wrong_trees(kept | changed, width) == "the examples do not fit together"


def test_where_all_examples_are_alike_no_trees_are_grown():
    rows, _ = examples()
    for label in (np.zeros(3000, np.bool_), np.ones(3000, np.bool_)):
        assert not has_trees(grow(rows, label, Growth(0.1, 4, 3, 0), "one"))
