"""One model on one split: fit on train, recommend for given, compare with expected. Whatever
happens becomes a Score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from spadework import events
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
LIST_METRICS = tuple(f"{one.name}@10" for one in metrics.values() if not one.accuracy)
NOVEL_K = 10
NOVEL_RECALL = f"novel_recall@{NOVEL_K}"


@dataclass(frozen=True, eq=False)
class Protocol:
    """Everything that two models must share to be compared."""

    split: Split
    metrics: tuple[MetricAt, ...]
    dialect: Dialect
    repeats: Repeats
    seed: int = 0
    novel: bool = False  # only targets that the user never had are expected

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
        """Names become things; `repeats="auto"` allows them where at least a tenth of the targets
        are repeats.

        With "novel" items of the history are neither recommended nor expected: the task of the
        novel basket.
        """
        if not isinstance(split, Split):
            raise BadRequest(
                f"What is to be judged on is of type {type(split).__name__}, not a split.",
                "Cut the log first: sw.split.by_time(log).",
            )
        if repeats == "auto":
            repeats = "allow" if split.repeat_share >= REPEATS_MATTER else "forbid"
        if repeats not in (*REPEATS, "novel"):
            raise BadRequest(
                f"repeats is {repeats!r}.", f"Choices: auto, {', '.join(REPEATS)}, novel."
            )
        if not metrics:
            raise BadRequest("No metric is asked for.", "Name at least one, such as ndcg@10.")
        asked = tuple(parse(name) for name in metrics)
        if not any(one.metric.per_user for one in asked):
            raise BadRequest(
                f"{metrics[0]} has no value per user, so it cannot decide.",
                "Name a metric such as ndcg@10 as well.",
            )
        novel = repeats == "novel"
        return cls(
            split,
            asked,
            dialects[dialect],
            "forbid" if novel else cast(Repeats, repeats),
            seed,
            novel,
        )

    @property
    def policy(self) -> str:
        """The policy of repeats as people name it."""
        return "novel" if self.novel else self.repeats

    @cached_property
    def truth(self) -> Truth:
        """The targets, arranged once."""
        made = Truth.of(self.split)
        return made.only(~seen_targets(made)) if self.novel else made

    @cached_property
    def judged(self) -> Array:
        """The users that averages are over: those with history, or all if nobody has any. A mask
        over the truth's rows.
        """
        known = self.truth.has_history & (self.truth.sizes > 0)
        return known if known.any() else np.ones(len(known), np.bool_)

    def among(self, rows: Array) -> Protocol:
        """The same question to some of the users (rows of the truth), by the metric that decides
        alone.
        """
        first = next(asked for asked in self.metrics if asked.name == self.primary)
        part = replace(self, metrics=(first,))
        part.__dict__["truth"] = self.truth.take(rows)
        return part

    @property
    def primary(self) -> str:
        """Name of the metric that decides: the first with a value per user."""
        return next(asked.name for asked in self.metrics if asked.metric.per_user)

    @property
    def k(self) -> int:
        """The longest list that a metric asks for."""
        return max(asked.k for asked in self.metrics)

    @property
    def heading(self) -> str:
        """What a column of the board holds: metric, rows, users."""
        words = self.split.says.split(": ")[-1]
        return (
            f"{self.primary}, {words}, {int(self.judged.sum()):,} users, dialect "
            f"{self.dialect.name}, repeats {self.policy}"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Score:
    """How one model did, or why it did not."""

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
    memory_mib: float | None = None  # size of what was learned
    filled_share: float = 0.0  # slots completed with popular items
    remarks: tuple[str, ...] = ()  # what the model had to say while it learned

    @property
    def late(self) -> bool:
        """Whether it has no number for want of time."""
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
    """Fit and judge a model. Nothing is raised but the user's own interruption: a failure is a
    Score that says why.

    A `fitted` model is only judged; a mixture takes parts that are `ready`, learned in another
    mixture of its kind on the same log by the same seed, as they are. The recommended codes [users,
    k] are appended to `lists`, where one is given; where repeats are allowed, the model is then
    asked once more without them, unless `novel` is false, and its recall of new items becomes the
    total `novel_recall@10`. A score that is "timed out" has the seconds of its fit where that had
    ended, and those of its lists where these had begun. With `rehearse` one user is answered first
    and not timed: the first answer of a process loads code, and says little of the others.
    """
    start = Score(model=model.name, label=model.label, params=model.params)
    limits, heard = limits or Limits(), _Heard()
    learned, asked = None, None  # seconds of the fit, and when it was first asked
    try:
        with events.listening(limits):
            if not fitted:
                _check_memory(model, protocol, limits)
            begun = time.perf_counter()
            if not fitted:
                with events.listening(heard):
                    _fit(model, protocol.split.train, content, rng, ready)
            learned = time.perf_counter() - begun
            ask = partial(
                model.recommend_codes, protocol.split.given, protocol.k, repeats=protocol.repeats
            )
            if rehearse:
                ask(users=protocol.truth.users[:1])
            asked = time.perf_counter()
            answer = ask(users=protocol.truth.users)
            answering = time.perf_counter() - asked
            values, totals = judge(answer.items, protocol)
            if (
                novel
                and lists is not None
                and protocol.repeats == "allow"
                and protocol.split.repeat_share > 0
            ):
                totals |= _novel(model, protocol)
    except Exception as error:  # a model that breaks must not take the others with it
        ended = _without_number(start, error)
        so_far = None if asked is None else time.perf_counter() - asked
        if ended.state != "timed out":
            return ended
        return replace(ended, fit_seconds=None if fitted else learned, recommend_seconds=so_far)
    if lists is not None:
        lists.append(answer.items)
    return replace(
        start,
        values=values,
        totals=totals,
        fit_seconds=learned,
        recommend_seconds=answering,
        memory_mib=sum(array.nbytes for array in model.state.values()) / 2**20,
        filled_share=answer.filled / max(answer.items.size, 1),
        remarks=tuple(heard.remarks),
    )


def _without_number(start: Score, error: Exception) -> Score:
    """The score of a model that something ended, and why."""
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


class _Heard:
    """Keeps what a model says while it learns: the board tells it, too."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def note(self, message: str) -> None:
        self.remarks.append(message)


def _novel(model: Recommender, protocol: Protocol) -> dict[str, float]:
    """Recall of targets that users never had, by lists that leave their history out; nothing where
    that fails.

    It is asked beside the score, so it must not cost a model the score that it has.
    """
    truth = protocol.truth
    try:
        codes = model.recommend_codes(
            protocol.split.given, NOVEL_K, repeats="forbid", users=truth.users
        ).items
    except Exception:  # whatever ends it, the score stands
        return {}
    found = repetition(codes, truth, protocol.dialect, NOVEL_K).recall_new
    return {NOVEL_RECALL: found} if np.isfinite(found) else {}


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
    """Ask what fitting will hold, before the machine dies of it; a tenth of the room is left to
    answering.
    """
    room = available_bytes()
    if limits.memory is not None:
        room = min(room, limits.memory - resident_bytes())
    check_room(model.label, model.cost(protocol.split.train).bytes, int(0.9 * room), model.instead)
