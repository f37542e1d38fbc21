"""Any outcome of a trial becomes a score with a reason; nothing is raised but the user's own
interruption.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from spadework import events
from spadework.apps.boards import board_text
from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, SpadeworkError
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, trial
from spadework.limits import Limits
from spadework.models.base import Recommender
from spadework.models.histories import Histories
from spadework.models.labels import model
from spadework.models.needs import Cost
from spadework.workbench.search.trial_cache import Ledger


class Faulty(Recommender):
    """A model whose methods tests replace; its name is set afterwards, so it is in no registry."""

    @staticmethod
    def learn(train: Interactions) -> Mapping[str, np.ndarray]:
        """Replaced by tests."""
        return {"a": np.zeros(1)}

    @staticmethod
    def answer(shape: tuple[int, int]) -> np.ndarray:
        """Replaced by tests."""
        return np.zeros(shape, np.float32)

    def _fit(
        self, train: Interactions, content: Any, rng: np.random.Generator
    ) -> Mapping[str, np.ndarray]:
        return type(self).learn(train)

    def _score(self, histories: Histories) -> np.ndarray:
        return type(self).answer((len(histories), len(self.item_vocabulary)))


Faulty.name = "faulty"


@pytest.fixture
def faulty(monkeypatch) -> Callable[..., Recommender]:
    """A model whose learning or answering is replaced."""

    def make(**parts: Any) -> Recommender:
        for name, function in parts.items():
            monkeypatch.setattr(Faulty, name, staticmethod(function))
        return Faulty()

    return make


@pytest.fixture(scope="module")
def protocol(shop):
    return Protocol.of(splitting.last_item(shop), metrics=["ndcg@5", "coverage@5"])


def raising(error: BaseException) -> Callable[[Any], Any]:
    def function(_: Any) -> Any:
        raise error

    return function


def test_a_model_that_works_is_done(protocol):
    score = trial(model("cosine"), protocol)
    assert (score.state, score.reason, score.label, score.params["history"]) == (
        "done",
        None,
        "cosine",
        1.0,
    )
    assert score.values["ndcg@5"].shape == (len(protocol.truth.users),)
    assert 0 < score.totals["coverage@5"] <= 1
    assert score.means().keys() == {"ndcg@5", "coverage@5"}
    assert score.fit_seconds >= 0
    assert score.recommend_seconds >= 0
    assert score.memory_mib > 0
    assert 0 <= score.filled_share <= 1


def test_a_model_that_breaks_fails_with_the_name_of_its_error(protocol, faulty):
    score = trial(faulty(learn=raising(ZeroDivisionError("division by zero"))), protocol)
    assert (score.state, score.reason) == ("failed", "ZeroDivisionError: division by zero")
    assert score.values == {}
    assert score.label == "faulty"


def test_a_model_that_breaks_while_answering_fails_too(protocol, faulty):
    score = trial(faulty(answer=raising(KeyError("x"))), protocol)
    assert (score.state, score.reason) == ("failed", "KeyError: 'x'")


def test_an_error_of_this_package_keeps_its_message(protocol, faulty):
    score = trial(
        faulty(learn=raising(SpadeworkError("The matrix is singular.", "Shrink more."))), protocol
    )
    assert (score.state, score.reason) == ("failed", "The matrix is singular.")


def test_no_memory_left_is_out_of_memory(protocol, faulty):
    score = trial(faulty(learn=raising(MemoryError())), protocol)
    assert (score.state, score.reason) == ("out of memory", "The system had no memory left.")


def test_scores_that_are_no_numbers_fail(protocol, faulty):
    score = trial(faulty(answer=lambda shape: np.full(shape, np.nan, np.float32)), protocol)
    assert (score.state, score.reason) == (
        "failed",
        "Row 0 of the scores holds a value that is not a number.",
    )


def test_the_clock_stops_a_model_within_its_loop(protocol, faulty):
    def slowly(_: Any) -> Any:
        for _number in events.track(range(1000), "fit faulty"):
            time.sleep(0.005)
        return {"a": np.zeros(1)}

    score = trial(faulty(learn=slowly), protocol, limits=Limits(deadline=time.monotonic() + 0.05))
    assert score.state == "timed out"
    assert score.reason == "Time ran out during: fit faulty."


def test_the_memory_limit_stops_a_model_within_its_loop(protocol, faulty):
    def hungry(_: Any) -> Any:
        return {"a": np.asarray(list(events.track(range(3), "fit faulty")))}

    one = faulty(learn=hungry)
    score = trial(one, protocol, limits=Limits(memory=1), fitted=False)
    assert score.state == "out of memory"
    assert "GiB" in score.reason


def test_a_fit_beyond_the_memory_is_refused_before_it_starts(protocol, faulty, monkeypatch):
    one = faulty(learn=raising(AssertionError("never reached")))
    monkeypatch.setattr(Faulty, "cost", lambda self, train: Cost(bytes=2**60, seconds=1.0))
    score = trial(one, protocol)
    assert score.state == "out of memory"
    assert score.reason.startswith(f"faulty would hold about {2**30:.1f} GiB, and ")


def test_what_a_model_needs_and_the_log_lacks_skips_it(protocol):
    score = trial(model("popular_by_category"), protocol)
    assert (score.state, score.reason) == (
        "skipped",
        "The model 'popular_by_category' needs categories, and there are none.",
    )


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_the_users_own_interruption_is_not_swallowed(protocol, faulty, stop):
    with pytest.raises(stop):
        trial(faulty(learn=raising(stop())), protocol)


def test_a_fitted_model_is_only_judged_and_lists_are_handed_out(protocol):
    one = model("cosine").fit(protocol.split.train)
    lists: list[np.ndarray] = []
    score = trial(one, protocol, fitted=True, lists=lists)
    assert score.state == "done"
    assert lists[0].shape == (len(protocol.truth.users), 5)
    np.testing.assert_array_equal(
        score.values["ndcg@5"], trial(model("cosine"), protocol).values["ndcg@5"]
    )


# ---- the protocol


def test_repeats_are_allowed_where_a_tenth_of_the_targets_are_repeats(world):
    repeats, board = (
        splitting.by_time(world(name).log, test="14d") for name in ("repeats", "checkerboard")
    )
    assert Protocol.of(repeats).repeats == "allow"
    assert Protocol.of(board).repeats == "forbid"
    assert Protocol.of(board, repeats="only").repeats == "only"


def test_the_heading_says_metric_rows_users_and_dialect(world):
    protocol = Protocol.of(
        splitting.by_time(world("checkerboard").log, test="14d"), dialect="vaecf"
    )
    users = int(protocol.truth.has_history.sum())
    assert (
        protocol.heading == f"ndcg@10, last 14 days, {users:,} users, dialect vaecf, repeats forbid"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": "never"}, "repeats is 'never'."), ({"metrics": []}, "No metric is named."),
        ({"dialect": "lightgc"}, "There is no dialect named 'lightgc'."),
        ({"metrics": ["hit@10"]}, "There is no metric named 'hit'."),
    ],
)  # fmt: skip
def test_a_protocol_that_makes_no_sense_is_refused(shop, options, message):
    with pytest.raises(BadRequest) as caught:
        Protocol.of(splitting.last_item(shop), **options)
    assert caught.value.message == message
    assert caught.value.hint


def test_a_split_that_expects_nothing_cannot_be_judged(shop):
    nothing = shop.where(np.zeros(len(shop), np.bool_))
    split = dataclasses.replace(splitting.last_item(shop), expected=nothing)
    with pytest.raises(SpadeworkError, match="The split 'last_item' expects no events of any user"):
        Protocol.of(split, repeats="allow").truth  # noqa: B018


def test_notes_of_a_fit_are_kept_with_the_score(protocol, shop, tmp_path):
    one = model("boosted", parts="cosine + popular", positives=10_000)
    score = trial(one, protocol)
    assert score.state == "done"
    assert any(
        "users interacted with a proposed item, so its parts weigh the same (positives)" in remark
        for remark in score.remarks
    )
    ledger = Ledger(tmp_path)
    ledger.keep("a", score, None, 1.0)
    found = ledger.find("a")
    assert found is not None
    assert found[0].remarks == score.remarks
    board = Scoreboard(protocol, (score, trial(model("popular"), protocol)))
    assert [entry["remarks"] for entry in board.entries if entry["model"] == "popular"] == [[]]
    text = board_text({"protocol": {"primary": "ndcg@5"}, "scores": board.entries})
    assert "…: only 15 users interacted with a proposed item" in text
