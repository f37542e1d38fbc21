"""Was the advice right? Every prediction of a run beside what was observed, and the pairs of models that nobody had predicted anything of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell, Change, difference
from spadework.diagnosis.prediction import Checked, Prediction, check
from spadework.workbench.made_of import Pair


@dataclass(frozen=True)
class Tested:
    """A pair of models, one ingredient apart, and by how much the one with it is better."""

    pair: Pair
    label: str  # of the model with the other value
    change: Change | None  # None where one of them has no score, or all users have the same
    reason: str | None = None  # why there is no score

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        observed = None
        if self.change is not None:
            observed = {"share": self.change.share, "interval": [self.change.share_low, self.change.share_high], "users": self.change.users}
        return {
            "ingredient": self.pair.ingredient,
            "value": self.pair.value,
            "against": self.pair.other,
            "model": self.label,
            "predicted": self.pair.prediction is not None,
            "observed": observed,
            "reason": self.reason,
        }


def tested(pair: Pair, base: Array, other: Array | None, reason: str | None, seed: int) -> tuple[Tested, Checked | None]:
    """What a pair says, `base` being the values of users by the model as advised; and the prediction it tests, held against it."""
    label = pair.model.label
    if other is None:
        checked = None if pair.prediction is None else Checked(pair.prediction, "cannot tell", None)
        return Tested(pair, label, None, reason), checked
    try:
        change: Change | None = difference(other, base, seed)
    except CannotTell:
        change = None
    return Tested(pair, label, change), None if pair.prediction is None else check(pair.prediction, other, base, seed)


def untested(prediction: Prediction, why: str) -> dict[str, Any]:
    """A prediction that nothing was trained for."""
    return {
        "prediction": prediction.as_json(),
        "outcome": "not tested",
        "observed": None,
        "says": f"{prediction.says} Not tested: {why}",
    }
