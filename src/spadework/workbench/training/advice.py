"""Was the advice right? Every prediction of a run compared with what was observed, and the pairs of
models without a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell, Change, difference
from spadework.diagnosis.prediction import Checked, Prediction, check
from spadework.workbench.training.made_of import Pair


@dataclass(frozen=True)
class Tested:
    """A pair of models, one ingredient apart, and by how much the one with it is better."""

    pair: Pair
    label: str  # of the model with the other value
    change: Change | None  # None where one of them has no score, or all users have the same
    reason: str | None = None  # why there is no score

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "ingredient": self.pair.ingredient,
            "value": self.pair.value,
            "against": self.pair.other,
            "model": self.label,
            "predicted": self.pair.prediction is not None,
            "observed": None if self.change is None else self.change.share_as_json(),
            "reason": self.reason,
        }


def tested(
    pair: Pair, base: Array, other: Array, shares: Sequence[float | None], seed: int
) -> tuple[Tested, Checked | None]:
    """The result of a pair, and the check of the prediction that it tests. Values [users] are means
    over seeds; `shares` are of single seeds.

    `base` is of the model as advised. Where single seeds fall on both sides of what was expected,
    the difference may be chance: the outcome is "cannot tell".
    """
    try:
        change: Change | None = difference(other, base, seed)
    except CannotTell:
        change = None
    found = Tested(pair, pair.model.label, change)
    if pair.prediction is None:
        return found, None
    checked = check(pair.prediction, other, base, seed)
    sides = {share >= pair.prediction.low for share in shares if share is not None}
    return found, Checked(pair.prediction, "cannot tell", checked.change) if len(
        sides
    ) > 1 else checked


def cut_short(board: Mapping[str, Any]) -> str:
    """Why the best cheap model of a board that was cut short is no yardstick; empty where the board
    was not.
    """
    budget = board.get("budget") or {}
    if budget.get("starved") is not True:
        return ""
    text = str(budget.get("says") or "not all families of models were tried").rstrip(".")
    return f"the board was cut short ({text}); dig with a larger budget"


def undecided_if_cut_short(checked: Checked, *, board: str = "", network: str = "") -> Checked:
    """The outcome of a prediction where the board, or a network, was cut short: "cannot tell" after
    a cut board, and after a cut network unless it is better than expected.

    A cheap model that had no time is no yardstick. A network that had no time may still win: that
    outcome stays.
    """
    if board:
        return replace(checked, outcome="cannot tell", why=board)
    return (
        replace(checked, outcome="cannot tell", why=network)
        if network and checked.below
        else checked
    )


def untested(prediction: Prediction, why: str) -> dict[str, Any]:
    """The entry of a prediction that nothing was trained for."""
    return {
        "prediction": prediction.as_json(),
        "outcome": "not tested",
        "observed": None,
        "says": f"{prediction.says} Not tested: {why}",
    }
