"""The winner: by value, by sense, and never random; hand-made values, so that the right answer is
known.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.models.labels import model
from spadework.workbench.search.choice import Window, by_sense, choose, simplicity

USERS = 400


def window(description: str, **shifts: float) -> Window:
    """Users whose values differ from model to model by a shift, and by some noise of their own; the
    label's dots stand for signs.
    """
    base = np.random.default_rng(1).random(USERS) * 0.2 + 0.3
    noise = np.random.default_rng(2)
    return Window(
        description,
        {
            NAMES[name]: (base + shift + noise.normal(0, 0.02, USERS)).astype(np.float32)
            for name, shift in shifts.items()
        },
    )


NAMES = {
    "ease": "ease", "cosine": "cosine", "popular": "popular", "random": "random",
    "blend": 'blend(parts="ease + cosine")',
    "boosted": 'boosted(parts="ease + cosine")',
}  # fmt: skip


def choice(log, *windows: Window, prefer="sense"):
    models = [model(label) for label in windows[0].values]
    return choose(models, windows, log, 0, prefer)


@pytest.fixture(scope="module")
def log(world):
    return world("order").log


def test_the_simplest_of_those_that_cannot_be_told_apart_wins(log):
    found = choice(
        log, window("valid", ease=0.0, cosine=-0.2, blend=0.0005, popular=-0.25, random=-0.3)
    )
    assert found.winner.label == "ease"
    assert found.best.label in ("ease", NAMES["blend"])
    assert found.above_popular
    assert "cosine" not in found.tied


def test_by_quality_the_best_wins_whatever_it_costs(log):
    values = window("valid", ease=0.0, blend=0.02, boosted=0.05, popular=-0.2)
    for prefer in ("sense", "quality"):
        assert choice(log, values, prefer=prefer).winner.label == NAMES["boosted"], (
            "surely better, so it wins by sense, too"
        )
    near = window("valid", ease=0.0, boosted=0.001, popular=-0.2)
    assert choice(log, near, prefer="quality").winner.label == choice(log, near).best.label


def test_sense_prefers_the_simpler_of_those_near_the_best_and_leaves_out_users_without_a_value(log):
    values = window("valid", ease=0.01, cosine=0.0099, blend=0.0101, popular=-0.25).values
    models = [model(label) for label in values]
    found = by_sense(models, list(values.values()), log)
    assert [models[at].label for at in found] == ["ease", "cosine", NAMES["blend"]], (
        "one part before two; what is surely worse is left out"
    )
    gaps = [np.where(np.arange(USERS) < USERS // 2, column, np.nan) for column in values.values()]
    assert by_sense(models, gaps, log) == by_sense(
        models, [column[: USERS // 2] for column in values.values()], log
    )
    assert by_sense([], [], log) == []


def test_random_lists_never_win(log):
    found = choice(log, window("valid", random=0.3, popular=0.0, ease=-0.1))
    assert found.winner.label == "popular"
    assert not found.above_popular
    assert "no personal model is above what is popular" in found.reason
    assert choice(log, window("valid", random=0.3)) is None


def test_a_model_that_is_not_above_popular_does_not_win(log):
    found = choice(log, window("valid", popular=0.0, ease=-0.05, cosine=-0.1))
    assert found.winner.label == "popular"


def test_where_users_cannot_tell_from_popular_the_board_says_so(log):
    found = choice(log, window("valid", popular=0.0, ease=0.0003))
    if found.winner.label == "ease":
        assert not found.above_popular
        assert "cannot be told from what is popular" in found.reason


def test_a_choice_that_some_users_judged_tells_how_many(log):
    found = choice(log, window("valid", popular=0.0, ease=0.1))
    assert found.judged_by(USERS, USERS) is found
    basis = f" It was judged by {USERS:,} of the 12,345 users of the validation span."
    assert found.judged_by(USERS, 12_345).reason == f"{found.reason}{basis}"
    assert found.judged_by(USERS, 12_345).instead(model("popular"), "failed").reason.endswith(basis)


def test_an_older_window_counts(log):
    newer = window("valid", ease=0.0, cosine=0.01, popular=-0.2)
    assert choice(log, newer).best.label == "cosine"
    older = window("older", ease=0.1, cosine=0.0, popular=-0.2)
    assert choice(log, newer, older).best.label == "ease"
    assert [users for _, users in choice(log, newer, older).windows] == [USERS, USERS]


def test_a_small_window_does_not_outvote_a_large_one(log):
    """Windows are weighted by the square root of their users: four hundred against forty thousand
    have an eleventh of the weight.
    """
    values = window("valid", ease=0.03, cosine=0.0, popular=-0.2)
    large = Window(
        "valid", {label: np.tile(column, 100) for label, column in values.values.items()}
    )
    small = window("older", ease=0.0, cosine=0.12, popular=-0.2)
    assert choice(log, large, small).best.label == "ease"
    assert choice(log, values, small).best.label == "cosine"


def test_simplicity_counts_parts_then_work(log):
    order = [model(label) for label in ("cosine", NAMES["blend"], NAMES["boosted"])]
    assert sorted(order, key=lambda candidate: simplicity(candidate, log)) == order


@settings(max_examples=60, deadline=None)
@given(
    shifts=st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=6),
    prefer=st.sampled_from(["sense", "quality"]),
)
def test_laws_of_the_choice(log, shifts, prefer):
    names = list(NAMES)[: len(shifts)]
    found = choice(log, window("valid", **dict(zip(names, shifts, strict=True))), prefer=prefer)
    assert found is not None
    assert found.winner.name != "random"
    assert found.best.name != "random"
    assert {found.winner.label, found.best.label} <= set(found.tied), (
        "the winner cannot be told from the best"
    )
    if prefer == "quality":
        assert found.winner == found.best
    assert simplicity(found.winner, log) <= simplicity(found.best, log)
    assert found.winner.label in found.reason
