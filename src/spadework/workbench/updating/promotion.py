"""The judge: a new model is held beside the running one on the newest span, of which neither has
learned, before it may answer.

The running release is judged as it is. The candidate is judged as it was made from all before the
span. Both answer for the same users, whose difference is paired. Worse, or too little evidence: the
candidate does not go live by itself. The same: it does, since it knows more (decision 0028).

The judge is tried first, on each night: the running model beside itself must not be refused, and
the running model with its items permuted must be. Where that one cannot be told from the running
model, nothing can be told here, so there is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spadework import formatting
from spadework.arrays import Array, Codes
from spadework.artifacts import artifact, release
from spadework.data import cuts
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import pieces
from spadework.data.spans import CALENDAR
from spadework.errors import SpadeworkError
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, judge
from spadework.json_values import as_map
from spadework.models.base import Recommender
from spadework.randomness import generator
from spadework.serving import live_file, releases, served_release
from spadework.workbench.updating.kept_log import KeptLog

LEAST_USERS = 50
"""Fewer users with a history and with events in the newest span are too few to judge by."""
LAST_SHARE = 0.1
"""Share of the rows that a candidate is held by where users were only forgotten."""
PREFLIGHTS = 5
"""Seeds of the trials of the judge, each night."""
BETTER, SAME, WORSE, UNKNOWN = "better", "same", "worse", "no evidence"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge found."""

    outcome: str
    says: str
    release: str = ""
    running: str = ""
    metric: str = ""
    users: int = 0
    since: int | None = None  # first second of the newest span
    value: float | None = None  # of the candidate
    before: float | None = None  # of the running one
    difference: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def goes_live(self) -> bool:
        """Whether the candidate may be activated by itself."""
        return self.outcome in (BETTER, SAME)

    def as_json(self) -> dict[str, Any]:
        """For the audit and for scripts."""
        return {**asdict(self), "activate": self.goes_live}


def boundary_of(log: Interactions, end: int | None) -> int | None:
    """The first second of the newest span: events after the end of what was learned, the later half
    of them where enough users did something there. Each user weighs one in that half, whatever the
    number of their events. None where nothing can be judged.
    """
    if log.times is None or end is None or int(log.times.max()) < CALENDAR:
        return None
    is_new = log.times > end
    new, users = log.times[is_new], log.users[is_new]
    if not len(new):
        return None
    order = np.argsort(new, kind="stable")
    weights = np.cumsum(1 / np.bincount(users)[users[order]])
    half = int(np.searchsorted(weights, weights[-1] / 2, side="right"))
    late, first = int(new[order[min(half, len(new) - 1)]]), int(new.min())
    return late if late > first and is_enough(log, late) else first


def is_enough(log: Interactions, since: int) -> bool:
    """Whether enough users can be judged from a second on."""
    return judged_users(log, since) >= LEAST_USERS


def judged_users(log: Interactions, since: int) -> int:
    """Users with events both before a second and from it on."""
    assert log.times is not None
    before, after = (np.zeros(log.user_count, np.bool_) for _ in range(2))
    for part in pieces(len(log)):
        later, users = log.times[part] >= since, log.users[part]
        before[users[~later]] = True
        after[users[later]] = True
    return int((before & after).sum())


def learned_until(folder: Path, kept: KeptLog) -> int | None:
    """The last time that the live release learned of; the end of the run's own log where it was
    made of that, and None where that is unknown.
    """
    live = live_file.read_live(folder)
    if live is not None:
        facts = release.read(folder / releases.RELEASES / live.active).facts
        if "update" in facts:
            until = as_map(facts["update"]).get("until")
            return until if isinstance(until, int) else None
    return kept.end_of(0)


def running_model(folder: Path) -> tuple[str, Recommender]:
    """The live release and the model that answers in it."""
    live = live_file.read_live(folder)
    assert live is not None, "it was published before"
    found = release.read(folder / releases.RELEASES / live.active)
    path = found.model(served_release.WINNER)
    assert path is not None, "a release has a winner"
    return live.active, artifact.load(path, mapped=True)


@dataclass(frozen=True, eq=False)
class Judge:
    """The newest span of a log, and how it is judged."""

    protocol: Protocol
    since: int

    @classmethod
    def of(
        cls, log: Interactions, since: int, board: Mapping[str, Any], target: str | None
    ) -> Judge:
        """By the metric and the policy of repeats of the run's board. Raises `Unsuitable` where the
        span has no event that counts.
        """
        assert log.times is not None
        split = cuts.cut(
            log, log.times >= since, "newest", "the newest span", start=since, target=target
        )
        metric = board.get("primary") or "ndcg@10"
        repeats = board.get("repeats") or "auto"
        dialect = board.get("dialect") or "lightgcn"
        protocol = Protocol.of(
            split, metrics=[str(metric)], repeats=str(repeats), dialect=str(dialect)
        )
        return cls(protocol, since)

    @property
    def users(self) -> int:
        """How many users are judged."""
        known = self.protocol.truth.has_history & (self.protocol.truth.sizes > 0)
        return int(known.sum())

    def lists(self, model: Recommender) -> Codes:
        """What a model would have shown, by the codes of the log. Shape [users, k]."""
        protocol = self.protocol
        given, items = protocol.split.given, protocol.split.train.item_vocabulary
        k = min(protocol.k, len(model.item_vocabulary))
        found = model.recommend_codes(
            given, k, repeats=protocol.repeats, users=protocol.truth.users
        ).items
        codes = items.codes(model.item_vocabulary.ids)
        return np.where(found >= 0, codes[np.maximum(found, 0)], -1).astype(np.int32)

    def values(self, lists: Codes) -> Array:
        """The value of each judged user."""
        k = self.protocol.k
        padded = np.full((len(lists), k), -1, np.int32)
        padded[:, : lists.shape[1]] = lists
        values, _ = judge(padded, self.protocol)
        return np.asarray(values[self.protocol.primary][self.protocol.judged])

    def compare(self, running: Array, candidate: Array, seed: int = 0) -> Verdict:
        """What the paired difference of the users says."""
        metric = self.protocol.primary
        if len(running) < LEAST_USERS or self.users < LEAST_USERS:
            return _too_few(self.users, self.since)
        gap = statistics.differences(np.column_stack([running, candidate]), 0, seed)[1]
        outcome = WORSE if gap.high < 0 else BETTER if gap.low > 0 else SAME
        words = {
            WORSE: "worse than the running one",
            BETTER: "better than the running one",
            SAME: "not to be told from the running one, and it knows more",
        }
        before, value = (float(statistics.means(each[:, None])[0]) for each in (running, candidate))
        return Verdict(
            outcome=outcome,
            says=f"{words[outcome]}: {metric} {value:.4f} after {before:.4f}, difference "
            f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}] over "
            f"{formatting.count(len(running), 'user')}",
            metric=metric,
            users=len(running),
            since=self.since,
            value=value,
            before=before,
            difference=gap.value,
            interval=(gap.low, gap.high),
        )

    def preflight(self, running: Codes, seeds: Sequence[int] = range(PREFLIGHTS)) -> str | None:
        """What is wrong with the judge itself, tried with the lists of the running model; None
        where it refuses a permuted one always, and the same one never.
        """
        values = self.values(running)
        items = self.protocol.split.train.item_count
        for seed in seeds:
            same = self.compare(values, values, seed)
            if not same.goes_live:
                return f"the running model was refused beside itself: {same.says}"
            order = generator(seed, "judge").permutation(items)
            shuffled = np.where(running >= 0, order[np.maximum(running, 0)], -1).astype(np.int32)
            found = self.compare(values, self.values(shuffled), seed)
            if found.outcome != WORSE:
                return (
                    "a model whose items are permuted cannot be told from the running one, so "
                    f"nothing can be told here ({found.says})"
                )
        return None


def verdict_of(
    kept: KeptLog,
    since: int | None,
    candidate: Recommender | None,
    folder: Path,
    board: Mapping[str, Any],
    target: str | None,
) -> Verdict:
    """Hold a candidate beside the live release of a folder."""
    if since is not None and candidate is None:
        return _too_few(judged_users(kept.log, since), since)
    if since is None or candidate is None:
        return Verdict(
            outcome=UNKNOWN,
            says="there is no newest span to judge on: no dates, or no event later than all that "
            "the running release learned from",
        )
    end = learned_until(folder, kept)
    if end is None or end >= since:
        return Verdict(
            outcome=UNKNOWN, says="the running release knows the newest span, so it cannot judge"
        )
    return _held(kept.log, since, candidate, folder, board, target)


def verdict_without_news(
    kept: KeptLog,
    candidate: Recommender,
    folder: Path,
    board: Mapping[str, Any],
    target: str | None,
) -> Verdict:
    """Hold a candidate that learned nothing new beside the live release, where users were only
    forgotten. Both have learned the last span, so neither is ahead: it shows whether the candidate
    is broken, and not how good it is.
    """
    log, end = kept.log, learned_until(folder, kept)
    if log.times is None or int(log.times.max()) < CALENDAR or end is None or log.end > end:
        return verdict_of(kept, None, None, folder, board, target)
    since = int(np.quantile(log.times, 1 - LAST_SHARE))
    found = _held(log, since, candidate, folder, board, target)
    return replace(found, says=f"on a span that both have learned, {found.says}")


def _held(
    log: Interactions,
    since: int,
    candidate: Recommender,
    folder: Path,
    board: Mapping[str, Any],
    target: str | None,
) -> Verdict:
    try:
        found = Judge.of(log, since, board, target)
        _, running = running_model(folder)
        lists = found.lists(running)
        values = found.values(lists)
        if found.users >= LEAST_USERS and (fault := found.preflight(lists)):
            return Verdict(outcome=UNKNOWN, says=fault, users=found.users, since=since)
        return found.compare(values, found.values(found.lists(candidate)))
    except SpadeworkError as error:
        return Verdict(outcome=UNKNOWN, says=f"it could not be judged: {error.message}")


def _too_few(users: int, since: int) -> Verdict:
    return Verdict(
        outcome=UNKNOWN,
        says=f"{formatting.count(users, 'user')} of the newest span had done something before; at "
        f"least {LEAST_USERS} are needed to judge",
        users=users,
        since=since,
    )
