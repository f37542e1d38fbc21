"""What is expected of a model before it is trained, in a form that can be compared with what is
measured afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from spadework import formatting
from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell, Change, difference
from spadework.diagnosis.finding import Finding

Outcome: TypeAlias = Literal["as expected", "wrong", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A share by which one model is expected to differ from another, in the metric that decides."""

    about: str  # "verdict", or the ingredient in which the two models differ
    says: str
    because: str  # codes of findings and facts
    model: Any  # the ingredient's value; "transformer" for the verdict
    against: Any  # its plain value; "best cheap model" for the verdict
    low: float  # lower and upper end of the expected share
    high: float | None = None  # None: no upper end

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Prediction:
        """The prediction of a JSON entry."""
        return cls(**{name: entry[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Checked:
    """A prediction and what was measured."""

    prediction: Prediction
    outcome: Outcome
    change: Change | None  # None where both models gave all users the same values
    why: str = ""  # a reason, other than the numbers, why the outcome is unknown

    @property
    def says(self) -> str:
        """Predicted and observed, in one sentence."""
        expected = _range(self.prediction.low, self.prediction.high)
        if self.change is None or self.change.share is None:
            return (
                f"{self.prediction.says} Expected {expected}; both models did the same, or there "
                f"is nothing to compare with{self._reason_text}."
            )
        observed = (
            f"{self.change.share:+.1%} ({self.change.share_low:+.1%} … "
            f"{self.change.share_high:+.1%})"
        )
        return (
            f"{self.prediction.says} Expected {expected}, observed {observed} over "
            f"{formatting.count(self.change.users, 'user')}: {self.outcome}{self._reason_text}."
        )

    @property
    def _reason_text(self) -> str:
        return f": {self.why.rstrip('.')}" if self.why else ""

    @property
    def below(self) -> bool:
        """Whether the outcome is below the expected range."""
        return (
            self.outcome == "wrong"
            and self.change is not None
            and self.change.share_high < self.prediction.low
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "prediction": self.prediction.as_json(),
            "outcome": self.outcome,
            "observed": None if self.change is None else self.change.share_as_json(),
            "says": self.says,
            "why": self.why,
        }


def check(prediction: Prediction, against: Array, model: Array, seed: int = 0) -> Checked:
    """Compare a prediction with the values [users] of both models on the same users: "wrong" where
    the whole interval lies outside the expected range.

    "As expected" where the interval lies inside, or where the mean does and the interval is not
    wider than the expected range; else "cannot tell".
    """
    try:
        change = difference(against, model, seed)
    except CannotTell:
        return Checked(prediction, "cannot tell", None)
    if change.share is None:
        return Checked(prediction, "cannot tell", change)
    low, high = prediction.low, float("inf") if prediction.high is None else prediction.high
    if change.share_high < low or change.share_low > high:
        return Checked(prediction, "wrong", change)
    inside = low <= change.share_low and change.share_high <= high
    narrow = low <= change.share <= high and change.share_high - change.share_low <= high - low
    bounded = prediction.high is not None
    return Checked(
        prediction, "as expected" if inside or (bounded and narrow) else "cannot tell", change
    )


def finding_of(checked: list[Checked]) -> Finding:
    """Whether the predictions about a trained model came true.

    Why it matters: advice that is never checked cannot be trusted; a wrong prediction changes the
    rules. How it is measured: every prediction of `readiness.json` is compared with the trained
    model, user by user: the verdict on the test span, ingredients against a model without them on
    the validation span. When it errs: few users leave wide intervals, which count as "cannot tell",
    not as right. In Python: `spadework.diagnosis.prediction.check(prediction, values of one model,
    values of the other)`.
    """
    right, wrong = (
        sum(each.outcome == outcome for each in checked) for outcome in ("as expected", "wrong")
    )
    verdict = next((each for each in checked if each.prediction.about == "verdict"), None)
    change = None if verdict is None else verdict.change
    verdict_text = "" if verdict is None else f" {verdict.says}"
    return Finding(
        code="VER-2",
        level="weak" if wrong else "note",
        says=(
            f"{right} of {len(checked)} predictions came true, {wrong} did not, "
            f"{len(checked) - right - wrong} are open.{verdict_text}"
        ),
        advice="Trust what was measured. `advice.json` compares every prediction with it.",
        effect=None if change is None else change.share,
        interval=None
        if change is None or change.share is None
        else (change.share_low, change.share_high),
        measured="" if change is None else f"{formatting.count(change.users, 'user')}, paired",
    )


def _range(low: float, high: float | None) -> str:
    return f"at least {low:+.0%}" if high is None else f"{low:+.0%} to {high:+.0%}"
