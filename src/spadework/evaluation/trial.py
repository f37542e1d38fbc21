"""One model on one split: fit on train, recommend for given, compare with expected. Any
outcome becomes a Score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from spadework import events, forks, formatting
from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.errors import (
    BadRequest,
    MissingExtra,
    OutOfMemory,
    OutOfTime,
    SpadeworkError,
    Unsuitable,
)
from spadework.evaluation.dialects import Dialect, dialects
from spadework.evaluation.metrics import MetricAt, measure, metrics, parse
from spadework.evaluation.repetition import repetition
from spadework.evaluation.slices import seen_targets
from spadework.evaluation.truth import Truth
from spadework.limits import Limits, available_bytes, resident_bytes
from spadework.models.base import Recommender
from spadework.models.needs import REPEATS, REPEATS_MATTER, Repeats, check_room
from spadework.randomness import Seed

if TYPE_CHECKING:
    from spadework.models.ensemble.mixture import Mixture

State: TypeAlias = Literal["done", "skipped", "failed", "timed out", "out of memory", "no time"]
DEFAULT_METRICS = ("ndcg@10", "recall@10", "precision@10", "map@10", "mrr@10", "hitrate@10")
LIST_METRICS = tuple(f"{entry.name}@10" for entry in metrics.values() if not entry.accuracy)
REHEARSED = 64
"""Users of the lists that are made before a clock runs: with one, a session model looked twice as
slow as it is.
"""
NOVEL_K = 10
NOVEL_RECALL = f"novel_recall@{NOVEL_K}"


@dataclass(frozen=True, eq=False)
class Protocol:
    """The settings that two models must share to be compared."""

    split: Split
    metrics: tuple[MetricAt, ...]
    dialect: Dialect
    repeats: Repeats
    seed: int = 0
    novel: bool = False  # only targets that the user never had are expected
    # targets in place of those of the split (see `expecting`); lost where anything is replaced
    _given_truth: Truth | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(
        cls,
        split: Split,
        *,
        metrics: Sequence[str] = DEFAULT_METRICS,
        dialect: str = "lightgcn",
        repeats: str = "auto",
        seed: int = 0,
    ) -> Protocol:
        """A protocol from names; `repeats="auto"` allows them where at least a tenth of the targets
        are repeats.

        With "novel" items of the history are neither recommended nor expected: the task of the
        novel basket.
        """
        forks.check()
        if not isinstance(split, Split):
            raise BadRequest(
                f"What is to be judged on is of type {type(split).__name__}, not a split.",
                "Cut the log first: sw.split.by_time(log).",
            )
        if isinstance(metrics, str):
            raise BadRequest(
                f"The metrics are the text {metrics!r}, not a list.",
                f"Give a list, such as [{metrics!r}].",
            )
        if repeats == "auto":
            repeats = "allow" if split.repeat_share >= REPEATS_MATTER else "forbid"
        if repeats not in (*REPEATS, "novel"):
            raise BadRequest(
                f"repeats is {repeats!r}.", f"Choices: auto, {', '.join(REPEATS)}, novel."
            )
        if not metrics:
            raise BadRequest("No metric is named.", "Name at least one, such as ndcg@10.")
        requested = tuple(parse(name) for name in metrics)
        if not any(entry.metric.per_user for entry in requested):
            raise BadRequest(
                f"{metrics[0]} has no value per user, so it cannot decide.",
                "Name a metric such as ndcg@10 as well.",
            )
        novel = repeats == "novel"
        return cls(
            split,
            requested,
            dialects[dialect],
            "forbid" if novel else cast(Repeats, repeats),
            seed,
            novel,
        )

    @property
    def policy(self) -> str:
        """The policy of repeats as users name it."""
        return "novel" if self.novel else self.repeats

    @cached_property
    def truth(self) -> Truth:
        """The targets, arranged once: those that were given, or those of the split."""
        if self._given_truth is not None:
            return self._given_truth
        truth = Truth.of(self.split)
        return truth.only(~seen_targets(truth)) if self.novel else truth

    @cached_property
    def judged(self) -> Array:
        """The users that averages are over: those with history, or all if none has any. A mask
        over the truth's rows.
        """
        known = self.truth.has_history & (self.truth.sizes > 0)
        return known if known.any() else np.ones(len(known), np.bool_)

    def among(self, rows: Array) -> Protocol:
        """The same protocol for some of the users (rows of the truth), with the deciding metric
        alone.
        """
        first = next(entry for entry in self.metrics if entry.name == self.primary)
        return replace(self, metrics=(first,)).expecting(self.truth.take(rows))

    def expecting(self, truth: Truth) -> Protocol:
        """The same protocol with other targets than those of its split."""
        other = replace(self)
        object.__setattr__(other, "_given_truth", truth)
        return other

    @property
    def primary(self) -> str:
        """Name of the metric that decides: the first with a value per user."""
        return next(entry.name for entry in self.metrics if entry.metric.per_user)

    @property
    def k(self) -> int:
        """The longest list that a metric needs."""
        return max(entry.k for entry in self.metrics)

    @property
    def heading(self) -> str:
        """What a column of the board holds: metric, rows, users."""
        words = self.split.description.split(": ")[-1]
        return (
            f"{self.primary}, {words}, {formatting.count(int(self.judged.sum()), 'user')}, dialect "
            f"{self.dialect.name}, repeats {self.policy}"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Score:
    """The results of one model, or the reason why there are none."""

    model: str
    label: str
    params: Mapping[str, Any] = field(default_factory=dict)
    state: State = "done"
    reason: str | None = None
    # metric → [users], rows as in the truth
    values: Mapping[str, Array] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)  # metrics of all lists together
    fit_seconds: float | None = None
    recommend_seconds: float | None = None
    memory_mib: float | None = None  # size of the fitted state
    filled_share: float = 0.0  # slots completed with popular items
    remarks: tuple[str, ...] = ()  # notes of the model during its fit

    @property
    def late(self) -> bool:
        """Whether it has no values because time ran out."""
        return self.state in ("no time", "timed out")

    def means(self, users: Array | None = None) -> dict[str, float]:
        """Mean of each metric over the users (a mask), and the totals."""
        out: dict[str, float] = {}
        for name, values in self.values.items():
            chosen = values if users is None else values[users]
            out[name] = (
                float(np.nanmean(chosen, dtype=np.float64))
                if np.isfinite(chosen).any()
                else float("nan")
            )
        return out | dict(self.totals)


def judge(lists: Codes, protocol: Protocol) -> tuple[dict[str, Array], dict[str, float]]:
    """Values per user and totals of lists [users, k] whose rows are the truth's users; −1 is
    padding.
    """
    measured = measure(lists, protocol.truth, protocol.metrics, protocol.dialect, protocol.seed)
    values = {name: value for name, value in measured.items() if isinstance(value, np.ndarray)}
    totals = {
        name: float(value) for name, value in measured.items() if not isinstance(value, np.ndarray)
    }
    return values, totals


def trial(
    model: Recommender,
    protocol: Protocol,
    content: ItemContent | None = None,
    *,
    rng: Seed = 0,
    limits: Limits | None = None,
    fitted: bool = False,
    lists: list[Array] | None = None,
    novel: bool = True,
    ready: Sequence[Recommender] = (),
    rehearse: bool = False,
) -> Score:
    """Fit and judge a model. Only the user's own interruption is raised: a failure is a Score
    with its reason.

    A `fitted` model is only judged; a mixture uses parts that are `ready`, fitted in another
    mixture of its type on the same log by the same seed, as they are. The recommended codes [users,
    k] are appended to `lists`, where one is given; where repeats are allowed, the model then
    recommends once more without them, unless `novel` is false, and its recall of new items becomes
    the total `novel_recall@10`. A score that is "timed out" has the seconds of its fit where that
    had ended, and those of its lists where these had begun. With `rehearse` lists for a few users
    are made first and not timed: the first call in a process loads code and takes longer.
    """
    start = Score(model=model.name, label=model.label, params=model.params)
    limits, listener = limits or Limits(), _Remarks()
    # seconds of the fit, and when recommending began
    fit_seconds, recommend_start = None, None
    try:
        with events.listening(limits):
            if not fitted:
                _check_memory(model, protocol, limits)
            begun = time.perf_counter()
            if not fitted:
                with events.listening(listener):
                    _fit(model, protocol.split.train, content, rng, ready)
            fit_seconds = time.perf_counter() - begun
            recommend = partial(
                model.recommend_codes, protocol.split.given, protocol.k, repeats=protocol.repeats
            )
            if rehearse:
                recommend(users=protocol.truth.users[:REHEARSED])
            recommend_start = time.perf_counter()
            recommended = recommend(users=protocol.truth.users)
            recommend_seconds = time.perf_counter() - recommend_start
            values, totals = judge(recommended.items, protocol)
            if (
                novel
                and lists is not None
                and protocol.repeats == "allow"
                and protocol.split.repeat_share > 0
            ):
                totals |= _novel(model, protocol)
    except Exception as error:  # a model that breaks must not take the others with it
        ended = _without_number(start, error)
        so_far = None if recommend_start is None else time.perf_counter() - recommend_start
        if ended.state != "timed out":
            return ended
        return replace(ended, fit_seconds=None if fitted else fit_seconds, recommend_seconds=so_far)
    if lists is not None:
        lists.append(recommended.items)
    return replace(
        start,
        values=values,
        totals=totals,
        fit_seconds=fit_seconds,
        recommend_seconds=recommend_seconds,
        memory_mib=sum(array.nbytes for array in model.state.values()) / 2**20,
        filled_share=recommended.filled / max(recommended.items.size, 1),
        remarks=tuple(listener.remarks),
    )


def _without_number(start: Score, error: Exception) -> Score:
    """The score of a model that an error ended, with the reason."""
    match error:
        case Unsuitable():
            return replace(start, state="skipped", reason=error.message)
        case MissingExtra():
            return replace(start, state="skipped", reason=f"{error.message} {error.hint}")
        case OutOfTime():
            return replace(start, state="timed out", reason=error.message)
        case OutOfMemory() | MemoryError():
            return replace(
                start,
                state="out of memory",
                reason=getattr(error, "message", None) or "The system had no memory left.",
            )
        case SpadeworkError():
            return replace(start, state="failed", reason=error.message)
        case _:
            return replace(start, state="failed", reason=f"{type(error).__name__}: {error}")


class _Remarks:
    """A listener that keeps the notes of a model during its fit, for the board."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def note(self, message: str) -> None:
        self.remarks.append(message)


def _novel(model: Recommender, protocol: Protocol) -> dict[str, float]:
    """Recall of targets that users never had, by lists that leave their history out; empty where
    that fails.

    It is measured in addition to the score, so its failure must not cost a model its score.
    """
    truth = protocol.truth
    try:
        codes = model.recommend_codes(
            protocol.split.given, NOVEL_K, repeats="forbid", users=truth.users
        ).items
    except Exception:  # whatever the error, the score is kept
        return {}
    recall = repetition(codes, truth, protocol.dialect, NOVEL_K).recall_new
    return {NOVEL_RECALL: recall} if np.isfinite(recall) else {}


def _fit(
    model: Recommender,
    train: Interactions,
    content: ItemContent | None,
    rng: Seed,
    ready: Sequence[Recommender],
) -> None:
    if ready:
        cast("Mixture", model).fit_over(ready, train, content, rng=rng)
    else:
        model.fit(train, content, rng=rng)


def _check_memory(model: Recommender, protocol: Protocol, limits: Limits) -> None:
    """Refuse a fit that will not fit into memory, before it starts; a tenth of the memory is left
    for recommending.
    """
    room = available_bytes()
    if limits.memory is not None:
        room = min(room, limits.memory - resident_bytes())
    check_room(model.label, model.cost(protocol.split.train).bytes, int(0.9 * room), model.instead)
