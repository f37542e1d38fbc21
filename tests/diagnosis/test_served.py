"""What is served is held against what was judged."""

from __future__ import annotations

import numpy as np
import pytest

from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.data.worlds.worlds import world
from spadework.diagnosis.served import CODE, finding_of
from spadework.evaluation.trial import Protocol, trial
from spadework.models.labels import model


def judged(name: str, label: str):
    """A log, the protocol of its test span, and the score of a model there."""
    log = world(name).log
    test = Protocol.of(splitting.by_time(log, test=0.15, valid=0.15), metrics=["ndcg@10"])
    return log, test, trial(model(label), test)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("trend", "popular(window=7d)"),
        ("order", "forward"),
        ("repeats", "personal"),
        ("refills", "tifu-knn"),
        ("hits", "ease"),
        ("coarse_clock", "cosine"),
    ],
)
def test_a_model_that_learned_the_test_span_too_is_no_finding(name, label):
    log, test, score = judged(name, label)
    assert finding_of(model(label).fit(log), score, test) is None


def test_a_model_that_finds_less_than_half_is_told():
    log, test, score = judged("order", "forward")
    strangers = np.random.default_rng(0).permutation(log.items)
    other = Interactions.from_codes(
        log.users,
        strangers,
        user_vocabulary=log.user_vocabulary,
        item_vocabulary=log.item_vocabulary,
        times=log.times,
    )
    found = finding_of(model("forward").fit(other), score, test)
    assert found is not None
    assert (found.code, found.level) == (CODE, "strong")
    assert found.interval[1] < 0
    value = score.values["ndcg@10"][test.judged].mean()
    assert f"was {value:.4f}" in found.says
    assert f"{min(1000, int(test.judged.sum())):,} users" in found.measured


def test_popular_items_of_a_last_day_with_another_kind_of_rows_are_told():
    """A window that holds only what nobody wanted before."""
    log, test, score = judged("hits", "popular(window=7d)")
    assert log.times is not None
    end = int(log.times.max())
    rare = np.argsort(log.item_counts)[:10]
    rows = 20 * len(rare)
    late = Interactions.from_codes(
        np.concatenate((log.users, np.arange(rows) % log.user_count)),
        np.concatenate((log.items, np.tile(rare, 20))),
        user_vocabulary=log.user_vocabulary,
        item_vocabulary=log.item_vocabulary,
        times=np.concatenate((log.times, np.full(rows, end + 8 * 86_400))),
    )
    found = finding_of(model("popular(window=7d)").fit(late), score, test)
    assert found is not None
    assert "popular(window=7d)" in found.says
