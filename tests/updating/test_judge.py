"""The judge: the same model is never refused, one whose items are permuted always."""

from __future__ import annotations

import numpy as np
import pytest
from shop import CUT, rows

from makers import DAY, START, make_log
from spadework.models.labels import model
from spadework.randomness import generator
from spadework.workbench.updating import promotion
from spadework.workbench.updating.kept_log import KeptLog
from spadework.workbench.updating.promotion import SAME, UNKNOWN, WORSE, Judge


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.of(log_of(), CUT, {}, None)


def log_of():
    frame = rows()
    return make_log(*(frame[name].to_list() for name in frame.columns))


@pytest.fixture(scope="module")
def running(judge) -> np.ndarray:
    fitted = model("cosine").fit(judge.protocol.split.train)
    return judge.lists(fitted)


def test_the_same_model_is_never_refused_and_a_permuted_one_always(judge, running):
    values = judge.values(running)
    items = judge.protocol.split.train.item_count
    for seed in range(40):  # bench/update.py has 200
        assert judge.compare(values, values, seed).outcome == SAME
        order = generator(seed, "test").permutation(items)
        shuffled = order[np.maximum(running, 0)].astype(np.int32)
        assert judge.compare(values, judge.values(shuffled), seed).outcome == WORSE
    assert judge.preflight(running) is None


def test_what_says_nothing_fails_the_preflight(judge):
    empty = np.full((len(judge.protocol.truth.users), 10), -1, np.int32)
    assert "cannot be told from the running one" in (judge.preflight(empty) or "")


def test_items_that_only_one_model_knows_are_judged_by_their_ids(judge, running):
    train = judge.protocol.split.train
    early = train.where(train.times < START + 40 * DAY)
    from spadework.data.vocabulary import Vocabulary

    part = Vocabulary(early.item_vocabulary.take(np.unique(early.items))[5:])
    fitted = model("cosine").fit(early.recoded(early.user_vocabulary, part))
    lists = judge.lists(fitted)
    shown = train.item_vocabulary.take(np.unique(lists[lists >= 0]))
    assert set(shown) <= set(part.ids)
    assert judge.compare(judge.values(running), judge.values(lists)).outcome != UNKNOWN


def test_the_newest_span_is_later_than_what_the_running_one_learned():
    log = log_of()
    added = np.where(log.times < CUT, 0, 1).astype(np.int32)
    kept = KeptLog(log, added, np.zeros(len(log), np.bool_))
    since = promotion.boundary_of(log, kept.end_of(0))
    assert since is not None
    assert since > CUT
    assert promotion.judged_users(log, since) >= promotion.LEAST_USERS
    assert promotion.boundary_of(log, kept.end_of(1)) is None  # all of it was learned


def test_one_user_with_many_events_does_not_choose_the_span():
    log = log_of()
    since = promotion.boundary_of(log, CUT - 1)
    frame = rows()
    many = 50_000  # in the last minute: of the later half of all events they would be all
    last = int(frame["timestamp"].max())
    noisy = make_log(
        [*frame["user_id"], *["crawler"] * many],
        [*frame["item_id"], *[f"i{each % 80:02d}" for each in range(many)]],
        [*frame["timestamp"], *[last - each % 60 for each in range(many)]],
    )
    found = promotion.boundary_of(noisy, CUT - 1)
    assert since is not None
    assert found is not None
    assert abs(found - since) < DAY
    assert promotion.judged_users(noisy, found) >= promotion.LEAST_USERS
