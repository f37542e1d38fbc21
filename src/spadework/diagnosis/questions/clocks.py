"""What does time do? Windows, the age of pairs, the gap within a pair, the age of a history, the
age of a model: five clocks apart.
"""

from __future__ import annotations

import numpy as np

from spadework import durations
from spadework.arrays import Array, Mask
from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.controls import pauses_mixed
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.diagnosis.questions.asking import (
    DAY,
    RECENT,
    WEIGHTS,
    beyond,
    calendar,
    chosen_elsewhere,
    counting,
    days_of,
    in_days,
    pairs_of,
)
from spadework.models.labels import model

WINDOWS = ("7d", "30d")


@probe("TIME-1")
def trends(evidence: Evidence) -> Finding:
    """What is popular now differs from what was popular: a window of recent days predicts better
    than the whole log.

    Why it matters: a model that is trained on all of the log alike recommends last season; train on
    a recent window, give a transformer the time, and train again often. How it is measured:
    popularity of the last seven or thirty days against popularity of all time; which of both is
    chosen on one half of the users and judged on the other. When it errs: in a short log the window
    may be nearly the log.
    """
    new = evidence.new_items
    times = calendar(new)
    windows = [one for one in WINDOWS if durations.seconds(one) < times.max() - times.min()]
    if not windows:
        raise CannotTell("The log is no longer than the windows.")
    values = np.asarray([new.mean_of([model("popular", window=window)]) for window in windows])
    window = windows[int(np.nanmean(values, axis=1).argmax())]
    change = new.difference(
        new.mean_of([model("popular")]), chosen_elsewhere(values, new.protocol.seed)
    )
    return found(
        "TIME-1",
        change,
        new,
        what=f"Popularity of the last {window} instead of all time",
        yes="There are trends.",
        no="What was popular stays popular.",
        means="Train on a recent window, encode time, and train again often.",
        advice="Try windows and half-lives; retrain at least as often as the window is long.",
        patch={"window": window, "time_encoding": True},
    )


@probe("TIME-2")
def old_pairs(evidence: Evidence) -> Finding:
    """Old pairs mislead: co-occurrence counted with a half-life predicts better than counted over
    the whole log.

    Why it matters: what goes with what changes, or what is popular does, so more history is not
    more evidence. How it is measured: a half-life of a sixth of the log's span (a day at least) on
    the age of pairs, for two weights. When it errs: it does not say which of both changes, TIME-1
    does; and a half-life also thins the data, which hides a slow change in small logs.
    """
    new = evidence.new_items
    days = days_of(new, 1 / 6)
    change = new.change(pairs_of(new, {}, {"age_half_life": f"{days}d"}, WEIGHTS))
    return found(
        "TIME-2",
        change,
        new,
        what=f"Pairs that fade, half in {in_days(days)}",
        yes="Old pairs mislead.",
        no="What went together still does.",
        means="Limit the training window; weigh recent events.",
        advice="Sweep half-lives of pairs; compare training windows.",
        patch={"age_half_life": f"{days}d", "training_window": f"{4 * days}d"},
    )


@probe("TIME-3", fits=8)
def gaps(evidence: Evidence) -> Finding:
    """Two things that a person takes soon after each other belong together more than two things
    taken long apart.

    Why it matters: then a history is a string of intents, and a transformer should see the time
    between events, not their positions alone. How it is measured: pairs that count half when their
    events are a hundredth of the log's span apart (a day at least), for two weights, on the log as
    it is against each user's pauses in any order, less what the same gives where items are
    exchanged among events of about the same time: things of one season are taken close together,
    too. When it errs: what positions can see is left out; ORD-3 tells that.
    """
    new = evidence.new_items.sampled
    days = days_of(new, 1 / 100)
    models = [counting(new, {**settings, "gap_half_life": f"{days}d"}) for settings in WEIGHTS]
    change, beyond_trends, level = beyond(
        new, models, "pauses in train", pauses_mixed, learned=True
    )
    return found(
        "TIME-3",
        change,
        new,
        level=level,
        what=(
            f"Pairs counting half when {in_days(days)} lie between, beside shuffled "
            f"pauses{beyond_trends}"
        ),
        yes="What is taken soon after belongs together.",
        no="The time between two events says no more than their order.",
        means="Give a transformer the time between events (relative time biases).",
        advice="Sweep gap half-lives and sessions.",
        patch={"gap_half_life": f"{days}d", "time_encoding": True},
    )


@probe("TIME-4", fits=4)
def age_of_history(evidence: Evidence) -> Finding:
    """What a person took long ago says less of them than what they took lately, by the calendar and
    not by position alone.

    Why it matters: taste moves with time, so a model should know how old a history item is; people
    who come back after a pause are new people in part. How it is measured: history items that count
    half at an age of a twentieth of the log's span (a day at least), for two weights, on histories
    as they are against pauses in any order, less what the same gives where items are exchanged
    among events of about the same time. When it errs: what positions can see is left out; ORD-2
    tells that.
    """
    new = evidence.new_items.sampled
    days = days_of(new, 1 / 20)
    models = [counting(new, {**settings, "history_half_life": f"{days}d"}) for settings in WEIGHTS]
    change, beyond_trends, level = beyond(
        new, models, "pauses of histories", pauses_mixed, learned=False
    )
    return found(
        "TIME-4",
        change,
        new,
        level=level,
        what=(
            f"History items counting half at an age of {in_days(days)}, beside shuffled "
            f"pauses{beyond_trends}"
        ),
        yes="Taste moves with time.",
        no="The age of a history item says no more than its position.",
        means="Encode the age of history items; limit the history by time.",
        advice="Sweep history half-lives.",
        patch={"history_half_life": f"{days}d", "time_encoding": True},
    )


@probe("TIME-5", fits=4)
def age_of_a_model(evidence: Evidence) -> Finding:
    """A model that learned some time ago answers worse than one of today: how often must it be
    trained?

    Why it matters: a list that is a month old may be wrong, and a transformer takes days to train
    again. How it is measured: what is popular lately, and co-occurrence that forgets, learned from
    the newest part of the log against as many events that end some days before (thirty, seven or
    one, at most a quarter of the log); people's histories are up to date in both. When it errs:
    those who are judged have more of their own events in the newer part, and some of the gain is
    theirs.
    """
    new = evidence.new_items
    times = calendar(new)
    first, last = int(times.min()), int(times.max())
    days = next((days for days in (30, 7, 1) if 4 * days * DAY <= last - first), None)
    if days is None:
        raise CannotTell(
            "The log is shorter than four days, too short to tell an old model from a new one."
        )
    newest = np.argsort(-times, kind="stable")
    parts = [
        newest[times[newest] <= last - days * DAY],
        newest[times[newest] >= first + days * DAY],
    ]
    rows = min(len(part) for part in parts)
    old, fresh = (
        new.of_logs(train=new.train.where(_mask(part[:rows], len(times)))) for part in parts
    )
    fading = {**RECENT, "age_half_life": f"{days_of(new, 1 / 6)}d"}
    models = [
        model("popular", window=f"{days}d"),
        *(counting(new, settings | fading) for settings in WEIGHTS),
    ]
    return found(
        "TIME-5",
        new.difference(old.mean_of(models), fresh.mean_of(models)),
        new,
        what=f"Learning up to now instead of up to {in_days(days)} ago",
        yes=f"A model is old after {in_days(days)}.",
        no=f"A model of {in_days(days)} ago answers as well.",
        means=(
            f"Train again more often than every {in_days(days)}; a model that takes days to "
            "train starts old."
        ),
        advice="Retrain often, or serve what is quickly trained beside the large model.",
        patch={"retrain": f"{max(days // 4, 1)}d"},
    )


def _mask(rows: Array, length: int) -> Mask:
    mask = np.zeros(length, np.bool_)
    mask[rows] = True
    return mask
