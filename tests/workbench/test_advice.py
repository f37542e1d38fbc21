"""The outcome of a prediction where the board or a network was cut short."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spadework.diagnosis.prediction import Prediction, check
from spadework.workbench.training.advice import cut_short, undecided_if_cut_short
from spadework.workbench.training.training_curves import cut_short as network_cut_short

EXPECTED = Prediction(
    about="verdict",
    says="The one compared with the other.",
    because="",
    model="a",
    against="b",
    low=-0.4,
    high=0.0,
)
CUT = {"budget": {"asked": 60.0, "used": 61.0, "starved": True, "says": "34 models had no time."}}


def checked(gain: float):
    rng = np.random.default_rng(0)
    base = rng.random(500)
    return check(EXPECTED, base, base * (1 + gain) + rng.normal(0, 0.05, 500))


@pytest.mark.parametrize(
    "board", [{}, {"budget": {}}, {"budget": None}, {"budget": {"starved": False, "says": "done"}}]
)
def test_a_board_that_had_its_time_or_an_old_one_is_a_yardstick(board):
    assert cut_short(board) == ""


@pytest.mark.parametrize("gain", [-0.48, -0.2, 0.3])
def test_a_board_that_was_cut_short_is_no_yardstick(gain):
    result = undecided_if_cut_short(
        checked(gain), board=cut_short(CUT), network="the network was cut short"
    )
    assert result.outcome == "cannot tell"
    assert result.says.endswith(
        "cannot tell: the board was cut short (34 models had no time); dig with a larger budget."
    )
    assert json.loads(json.dumps(result.as_json()))["why"] == result.why


@pytest.mark.parametrize(
    ("gain", "plain", "short"),
    [
        (-0.48, "wrong", "cannot tell"),
        (-0.2, "as expected", "as expected"),
        (0.3, "wrong", "wrong"),
    ],
)
def test_a_network_that_was_cut_short_is_not_called_worse_than_expected_but_may_win(
    gain, plain, short
):
    assert checked(gain).outcome == plain
    assert undecided_if_cut_short(checked(gain)) == checked(gain)
    result = undecided_if_cut_short(
        checked(gain), network="the network was cut short (it was still gaining at epoch 12 of 12)"
    )
    assert result.outcome == short
    assert ("still gaining at epoch 12 of 12" in result.says) == (short != plain)


def curve(*values: float | None) -> dict:
    return {
        "label": "transformer",
        "epochs": [{"epoch": at + 1, "ndcg": value} for at, value in enumerate(values)],
    }


@pytest.mark.parametrize(
    ("values", "epochs", "usual", "message"),
    [
        ((0.1, 0.2, 0.19, 0.18), 40, 40, ""),  # it ended by itself
        ((0.1, 0.2, 0.19, 0.19), 4, 4, ""),
        ((0.1, 0.2, 0.19, 0.21), 4, 4, "still gaining at epoch 4 of 4"),
        # up by far more than a hundredth in two epochs
        ((0.1, 0.2, 0.1, 0.15, 0.19), 5, 5, "still gaining at epoch 5 of 5"),
        ((0.1, 0.2), 2, 40, "it had 2 of the usual 40 epochs"),
        ((0.1, 0.2, 0.19), 20, 40, ""),  # fewer were allowed, and it ended before them
        ((None, None, None), 3, 3, ""),  # no validation users
        ((0.1, None, 0.2), 3, 3, "still gaining"),
        ((0.1,), 1, 1, "still gaining at epoch 1 of 1"),
        ((), 3, 3, ""),
    ],
)
def test_a_network_that_ended_too_early_is_known_by_its_curve(values, epochs, usual, message):
    found = (
        network_cut_short([curve(0.3, 0.2, 0.1), curve(*values)], epochs, usual)
        if len(values) > 3
        else network_cut_short([curve(*values)], epochs, usual)
    )
    assert message in found
    assert bool(found) == bool(message)
