"""SIZE-1 of a dig of a sample of users: the winner learned from nested smaller samples."""

from __future__ import annotations

import numpy as np

from spadework import events
from spadework.data.cuts import Split
from spadework.data.interactions import Interactions
from spadework.diagnosis import growth
from spadework.diagnosis.change import CannotTell, NotAsked
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import Unanswered
from spadework.limits import available_bytes, resident_bytes
from spadework.models.base import Recommender
from spadework.workbench.large import user_samples
from spadework.workbench.large.room import A_COLUMNS
from spadework.workbench.large.sample import Sample
from spadework.workbench.search import model_families
from spadework.workbench.search.everything import ROOM
from spadework.workbench.search.judgement import best
from spadework.workbench.search.judging import Judging

HALVINGS = 3
FEWEST_USERS = 50
"""A curve is drawn where its smallest sample has so many users."""


def ask(
    sample: Sample, evidence: Evidence, judging: Judging, winner: Recommender, left: float
) -> Finding | Unanswered:
    """How the winner's advantage over the best of what is popular grows with the users that are
    learned from, within `left` seconds; or why there is no answer.
    """
    known = {label: found for label, found in judging.first.items() if found.reason is None}
    popular = [found for found in known.values() if model_families.is_popular(found.setting)]
    if not popular or model_families.is_popular(winner):
        return Unanswered(growth.CODE, "The winner is what is popular: it has no advantage.")
    baseline = best(popular)[0].setting
    base = evidence.of_logs()
    base.known = {label: found.values for label, found in known.items()}
    train = base.train
    drawn = user_samples.draws(train, sample.seed)
    nested = [
        train.of_user_codes(
            np.flatnonzero(user_samples.among(drawn, sample.parts * 2**halving)).astype(np.int32)
        )
        for halving in range(1, HALVINGS + 1)
    ]
    if len(nested[-1].active_users) < FEWEST_USERS:
        return Unanswered(growth.CODE, "Smaller samples have too few users to learn from.")
    users = len(base.rows)

    def seconds_of(part: Interactions) -> float:
        return judging.costs.fit(winner, train) * len(part) / max(
            len(train), 1
        ) + judging.costs.answer(winner, users)

    seconds = sum(map(seconds_of, nested))
    if seconds > left:
        return Unanswered(growth.CODE, "There was no time to ask it.", "not asked", seconds)
    base.clock.until = judging.clock.on_monotonic(judging.clock.deadline_in(left))
    everyone = int((np.diff(sample.whole.starts) > 0).sum())
    trains = [*reversed(nested), train]
    if seconds + 2 * seconds_of(train) <= left:
        larger = _twice(sample, base.protocol.split, winner, judging.memory)
        trains += [] if larger is None else [larger]
    try:
        with events.aside():
            return growth.finding_of(base, winner, baseline, trains, everyone)
    except NotAsked as error:
        return Unanswered(growth.CODE, str(error), "not asked", seconds)
    except CannotTell as error:
        return Unanswered(growth.CODE, str(error))


def _twice(
    sample: Sample, split: Split, winner: Recommender, memory: int | None
) -> Interactions | None:
    """The train rows of a sample of twice as many users, cut at the same second; None where they
    do not fit into memory, or the cut is not one of time.
    """
    start = None if split.expected.times is None else int(split.expected.times.min())
    if split.name != "by_time" or start is None or sample.whole.returns is not None:
        return None
    parts = sample.parts // 2
    room = available_bytes() if memory is None else memory - resident_bytes()
    rows = 2 * A_COLUMNS * len(sample.whole) // parts
    if rows + 2 * winner.cost(split.train).bytes > ROOM * min(room, available_bytes()):
        return None
    log = sample.larger(parts)
    assert log.times is not None
    return log.where(log.times < start)
