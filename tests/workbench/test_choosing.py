"""From a choice to the served model: a winner that fails late is replaced, the board says so, and
it is never a random one.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import spadework as sw
from makers import Recorder
from spadework import events
from spadework.errors import BadRequest, OutOfMemory, Unsuitable
from spadework.models.labels import model
from spadework.models.linear.ease import Ease
from spadework.models.popular import Popular
from spadework.workbench.recipe import make
from spadework.workbench.search import rungs
from spadework.workbench.search.choosing import Dig
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.ending import LITTLE_LATE

FEW = {"models": ["popular", "random", "cosine", "ease"], "budget": "60s"}


def refusing(monkeypatch, cls, rows, error):
    """Make every model of a class refuse logs of so many rows, as a machine without memory
    would.
    """
    original = cls._fit

    def fit(self, train, content, rng):
        if len(train) in rows:
            raise error
        return original(self, train, content, rng)

    monkeypatch.setattr(cls, "_fit", fit)


def test_a_winner_that_cannot_learn_from_the_whole_log_gives_way_to_what_is_popular(
    tmp_path, monkeypatch, world
):
    log = world("checkerboard").log
    refusing(monkeypatch, Ease, {len(log)}, OutOfMemory("No room.", "Give more."))
    recorder = Recorder()
    with events.listening(recorder):
        run = sw.dig(
            "world:checkerboard",
            folder=tmp_path / "run",
            recipe=make({**FEW, "models": ["popular", "ease"]}),
        )
    assert run.complete
    assert run.winner == run.model().label == "popular"
    assert "could not be fitted on the whole log" in run.board["choice"]["says"]
    assert any("No room." in note for note in recorder.notes)


def test_a_companion_that_cannot_learn_from_the_whole_log_is_left_out(tmp_path, monkeypatch, world):
    log = world("repeats").log
    refusing(monkeypatch, Popular, {len(log)}, Unsuitable("Not today.", "Tomorrow."))
    run = sw.dig(
        "world:repeats",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "random", "personal"], "budget": "60s"}),
    )
    assert run.complete
    assert run.winner == run.model().label
    assert run.winner.startswith("personal")


def test_a_companion_that_would_take_hours_is_left_out(tmp_path, monkeypatch, world):
    """An estimate may be far off: companions are left out, and the winner stays."""
    rows, fit = len(world("repeats").log), Costs.fit

    def hours(self, model, train):
        return (
            36_000.0 if len(train) == rows and model.has_similarities else fit(self, model, train)
        )

    monkeypatch.setattr(Costs, "fit", hours)
    run = sw.dig(
        "world:repeats",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "personal", "cosine", "raw"], "budget": "40s"}),
    )
    assert any(
        entry["state"] == "done"
        for entry in run.board["validation"]
        if entry["model"] in ("cosine", "raw")
    )
    assert run.winner.startswith("personal")
    assert run.board["winners"]["similar items"] is None
    assert run.model().label == run.winner


@pytest.mark.parametrize("others", [[], ["cosine"]])
def test_a_winner_without_a_number_on_the_test_span_gives_way(others, tmp_path, monkeypatch, world):
    from spadework.workbench.sources import choose_split

    split = choose_split(world("checkerboard").log, make({}))
    refusing(monkeypatch, Ease, {len(split.train)}, OutOfMemory("No room.", "Give more."))
    run = sw.dig(
        "world:checkerboard",
        folder=tmp_path / "run",
        recipe=make({**FEW, "models": ["popular", *others, "ease"]}),
    )
    assert not others or run.winner.startswith("cosine"), "what is popular comes last"
    row = next(entry for entry in run.scores if entry["label"] == run.winner)
    assert row["state"] == "done", "the served model is on the test span's board"
    assert not run.winner.startswith("ease")
    assert "could not be judged on the test span" in run.board["choice"]["says"]
    assert [entry["state"] for entry in run.scores if entry["model"] == "ease"] != ["done"]


@pytest.mark.parametrize("small", [False, True])
def test_what_is_kept_for_new_items_is_never_chance(small, tmp_path, monkeypatch):
    if small:  # several samples of users, so that the best climb
        monkeypatch.setattr(rungs, "FIRST_USERS", 60)
        monkeypatch.setattr(rungs, "MOST_USERS", 60)
    run = sw.dig(
        "world:repeats",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "random", "personal", "ease"], "budget": "60s"}),
    )
    winners = run.board["winners"]
    assert winners["new items"] is not None
    assert winners["new items"] != "random"
    assert "random" not in run.roles.values()


def test_all_zero_logs_end_and_serve_what_is_popular(tmp_path):
    random = np.random.default_rng(0)
    frame = {
        "user": random.integers(0, 300, 3000),
        "item": np.arange(3000) // 3,
        "time": 1_700_000_000 + np.sort(random.integers(0, 10**7, 3000)),
    }
    import polars as pl

    run = sw.dig(
        pl.DataFrame(frame),
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "cosine", "personal"], "budget": "60s"}),
    )
    assert run.complete
    assert run.winner in (None, "popular", "popular(window=7d)") or run.winner.startswith(
        "popular("
    )


def test_nothing_is_written_into_a_folder_that_was_replaced_meanwhile(tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def replaced(self, winner):
        (folder / "lock").write_text("1 1 elsewhere\n")

    monkeypatch.setattr(Dig, "_ask_rest", replaced)
    with pytest.raises(BadRequest, match="was removed or replaced while this process worked"):
        sw.dig(
            "world:checkerboard",
            folder=folder,
            recipe=make({**FEW, "models": ["popular", "cosine"]}),
        )
    assert not (folder / "models").exists()
    assert not (folder / "readiness.json").exists()
    assert not (folder / "scores.json").exists()


@pytest.mark.parametrize(
    ("quick", "served"),
    [("popular_by_category", {"popular_by_category", "cosine"}), ("personal", {"personal"})],
)
def test_a_late_model_is_a_choice_where_only_what_is_popular_is_in_time(quick, served):
    able = [SimpleNamespace(setting=model(name)) for name in (quick, "cosine")]
    dig = SimpleNamespace(
        planner=SimpleNamespace(reached_rung=0),
        clock=SimpleNamespace(left=1.0),
        ending=SimpleNamespace(
            possible=lambda one, left, late: one.name != "cosine" or late > LITTLE_LATE
        ),
        _on=lambda rung: able,
    )
    assert {result.setting.name for result in Dig._able(dig)} == served


@pytest.mark.parametrize(("estimated", "reserved"), [(2.0, 2.0), (1000.0, 0.0)])
def test_questions_that_take_little_have_their_time_in_the_first_minute_too(
    estimated, reserved, tmp_path, monkeypatch
):
    from spadework.workbench.search import choosing
    from spadework.workbench.search.schedule import Schedule

    seen: dict[str, float] = {}
    until = Schedule.until

    def recorded(self, stage):
        seen[stage] = self.ending.question_seconds
        return until(self, stage)

    monkeypatch.setattr(Schedule, "until", recorded)
    monkeypatch.setattr(choosing, "seconds_for", lambda codes, evidence: estimated)
    sw.dig(
        "world:repeats",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "cosine"], "budget": "40s"}),
    )
    assert seen["questions"] == 0.0, "the seconds of questions are not known yet"
    assert seen["members"] == seen["further"] == reserved
