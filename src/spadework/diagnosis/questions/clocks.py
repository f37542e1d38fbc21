"""Does time matter? Windows, the age of pairs, the gap within a pair, the age of a history item and
the age of a model: five separate questions.
"""

from __future__ import annotations

import numpy as np

from spadework import durations
from spadework.arrays import Array, Mask
from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.controls import shuffle_pauses
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.diagnosis.questions.comparisons import (
    DAY,
    RECENT,
    WEIGHTS,
    chosen_on_other_half,
    cooccurrence_model,
    days_in_part,
    days_text,
    loss_when_scrambled,
    require_calendar,
    setting_pairs,
)
from spadework.models.labels import model

WINDOWS = ("7d", "30d")


@probe("TIME-1")
def trends(evidence: Evidence) -> Finding:
    """What is popular changes with time: recent popularity predicts better than that of the whole
    log.

    Why it matters: a model that is trained equally on all of the log recommends last season's
    items; train on a recent window, let a transformer read the time, and train again often. How it
    is measured: popularity of the last seven or thirty days against popularity of all time; the
    better window is chosen on one half of the users and judged on the other. When it errs: in a
    short log the window may be nearly the whole log.
    """
    new = evidence.new_items
    require_calendar(new)
    first, last = new.train.span
    windows = [name for name in WINDOWS if durations.seconds(name) < last - first]
    if not windows:
        raise CannotTell("The log is no longer than the windows.")
    values = np.asarray([new.mean_of([model("popular", window=window)]) for window in windows])
    window = windows[int(np.nanmean(values, axis=1).argmax())]
    change = new.difference(
        new.mean_of([model("popular")]), chosen_on_other_half(values, new.protocol.seed)
    )
    return finding_of_change(
        "TIME-1",
        change,
        new,
        what=f"Recommending what was popular in the last {window} instead of at any time",
        yes="What is popular changes with time.",
        no="What was popular stays popular.",
        means="Train on a recent window, encode time, and train again often.",
        advice="Try windows and half-lives. Retrain at least once in each window length.",
        patch={"window": window, "time_encoding": True},
    )


@probe("TIME-2")
def old_pairs(evidence: Evidence) -> Finding:
    """Giving older events less weight makes better lists.

    Why it matters: which items go together changes, or what is popular does, so a longer log is not
    more evidence. How it is measured: co-occurrence with a half-life of a sixth of the log's span
    (at least a day) on the age of pairs, against none, for two weights. When it errs: it does not
    tell which of both changes, TIME-1 does; and a half-life also thins the data, which hides a slow
    change in small logs.
    """
    new = evidence.new_items
    days = days_in_part(new, 1 / 6)
    change = new.change(setting_pairs(new, {}, {"age_half_life": f"{days}d"}, WEIGHTS))
    return finding_of_change(
        "TIME-2",
        change,
        new,
        what=f"Giving older events less weight (half after {days_text(days)})",
        yes="Old events mislead.",
        no="Items that went together still do.",
        means="Limit the training window, or give recent events more weight.",
        advice="Try half-lives of pairs. Compare training windows.",
        patch={"age_half_life": f"{days}d", "training_window": f"{4 * days}d"},
    )


@probe("TIME-3", fits=8)
def gaps(evidence: Evidence) -> Finding:
    """Two items that a user chooses soon after each other belong together more than two items
    chosen long apart.

    Why it matters: then a history is a series of intents, and a transformer should read the time
    between events, not their positions alone. How it is measured: pairs that count half when their
    events are a hundredth of the log's span apart (at least a day), for two weights, on the log as
    it is against each user's pauses in random order, less the same gain on logs with items
    exchanged among events of about the same time: items of one season are chosen close together,
    too. When it errs: what positions alone show is left out; see ORD-3.
    """
    new = evidence.new_items.sampled
    days = days_in_part(new, 1 / 100)
    models = [
        cooccurrence_model(new, {**settings, "gap_half_life": f"{days}d"}) for settings in WEIGHTS
    ]
    change, trends_text, level = loss_when_scrambled(
        new, models, "pauses in train", shuffle_pauses, learned=True
    )
    return finding_of_change(
        "TIME-3",
        change,
        new,
        level=level,
        what=(
            "Using the real time between two items instead of shuffled pauses (half weight at "
            f"{days_text(days)}){trends_text}"
        ),
        yes="Items chosen soon after each other belong together.",
        no="The time between two events tells no more than their order.",
        means="Let a transformer read the time between events (relative time biases).",
        advice="Try gap half-lives and sessions.",
        patch={"gap_half_life": f"{days}d", "time_encoding": True},
    )


@probe("TIME-4", fits=4)
def age_of_history(evidence: Evidence) -> Finding:
    """What a user chose long ago tells less about them than what they chose recently, in days and
    not in positions alone.

    Why it matters: taste changes with time, so a model should know how old a history item is; users
    who come back after a pause have partly changed. How it is measured: history items that count
    half at an age of a twentieth of the log's span (at least a day), for two weights, on histories
    as they are against pauses in random order, less the same gain on logs with items exchanged
    among events of about the same time. When it errs: what positions alone show is left out; see
    ORD-2.
    """
    new = evidence.new_items.sampled
    days = days_in_part(new, 1 / 20)
    models = [
        cooccurrence_model(new, {**settings, "history_half_life": f"{days}d"})
        for settings in WEIGHTS
    ]
    change, trends_text, level = loss_when_scrambled(
        new, models, "pauses of histories", shuffle_pauses, learned=False
    )
    return finding_of_change(
        "TIME-4",
        change,
        new,
        level=level,
        what=(
            "Using the real age of history items instead of shuffled pauses (half weight after "
            f"{days_text(days)}){trends_text}"
        ),
        yes="Users' taste changes with time.",
        no="The age of a history item tells no more than its position.",
        means="Encode the age of history items, or limit the history by time.",
        advice="Try history half-lives.",
        patch={"history_half_life": f"{days}d", "time_encoding": True},
    )


@probe("TIME-5", fits=4)
def age_of_a_model(evidence: Evidence) -> Finding:
    """A model that was trained some time ago makes worse lists than one of today: how often must it
    be retrained?

    Why it matters: a list that is a month old may be wrong, and a transformer needs days of
    training. How it is measured: recent popularity, and co-occurrence with a half-life, trained on
    the latest part of the log against as many events that end some days before (thirty, seven or
    one, at most a quarter of the log); the users' histories are up to date in both. When it errs:
    the judged users have more of their own events in the later part, which is part of the gain.
    """
    new = evidence.new_items
    times = require_calendar(new)
    first, last = new.train.span
    days = next((days for days in (30, 7, 1) if 4 * days * DAY <= last - first), None)
    if days is None:
        raise CannotTell(
            "The log is shorter than four days, too short to tell an old model from a new one."
        )
    latest_first = np.argsort(-times, kind="stable")
    parts = [
        latest_first[times[latest_first] <= last - days * DAY],
        latest_first[times[latest_first] >= first + days * DAY],
    ]
    rows = min(len(part) for part in parts)
    old, fresh = (
        new.of_logs(train=new.train.where(_mask(part[:rows], len(times)))) for part in parts
    )
    fading = {**RECENT, "age_half_life": f"{days_in_part(new, 1 / 6)}d"}
    models = [
        model("popular", window=f"{days}d"),
        *(cooccurrence_model(new, settings | fading) for settings in WEIGHTS),
    ]
    return finding_of_change(
        "TIME-5",
        new.difference(old.mean_of(models), fresh.mean_of(models)),
        new,
        what=f"Learning up to now instead of up to {days_text(days)} ago",
        yes=f"A model is out of date after {days_text(days)}.",
        no=f"A model of {days_text(days)} ago does as well.",
        means=(
            f"Train again more often than every {days_text(days)}. A model that needs days of "
            "training is out of date from the start."
        ),
        advice="Retrain often, or serve a quickly trained model next to the large one.",
        patch={"retrain": f"{max(days // 4, 1)}d"},
    )


def _mask(rows: Array, length: int) -> Mask:
    mask = np.zeros(length, np.bool_)
    mask[rows] = True
    return mask
