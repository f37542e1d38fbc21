"""A dig of a log with more rows than fit: a sample of the users is dug, and what it chooses is
fitted on everything.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import DAY, START, Recorder, make_log
from memory_groups import limited, peak_of, run_in
from spadework import events
from spadework.data.interactions import COLUMNS
from spadework.data.mapped.mapped_log import open_log, save_log
from spadework.data.vocabulary import Vocabulary
from spadework.limits import Limits
from spadework.models.labels import model
from spadework.workbench.large import room, sample, user_samples
from spadework.workbench.recipe import make
from spadework.workbench.report.report import write
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.everything import Everything

USERS, EACH, ITEMS = 15_000, 20, 600
SMALL = {"metrics": ["ndcg@10"], "models": ["popular", "cosine", "personal"], "budget": "60s"}


def groups_log(users: int = USERS, seed: int = 0) -> sw.Interactions:
    """Users like a few groups of items."""
    random = np.random.default_rng(seed)
    likes = random.integers(0, ITEMS // 20, (users, 2))
    group = likes[np.repeat(np.arange(users), EACH), random.integers(0, 2, users * EACH)]
    other = random.random(len(group)) < 0.4
    group[other] = random.integers(0, ITEMS // 20, int(other.sum()))
    items = group * 20 + (20 * random.random(len(group)) ** 1.5).astype(int)
    times = START + (random.random(len(group)) * 300 * DAY).astype(int)
    return make_log(np.repeat(np.arange(users), EACH), items, times)


@pytest.fixture
def small_room(monkeypatch):
    """As if a dig needed so much that a limit of 1 GiB held 50,000 rows."""
    monkeypatch.setattr(room, "BASE", 2**29)
    monkeypatch.setattr(room, "A_ROW", 2**29 // 50_000)
    monkeypatch.setattr(room, "LEAST_ROWS", 1000)


# ---- samples of users


def test_smaller_samples_are_contained_in_larger_ones_and_new_users_change_nobody():
    log = groups_log(4000)
    drawn = user_samples.draws(log, 0)
    for parts in (1, 2, 4, 8, 16):
        chosen = user_samples.among(drawn, parts)
        assert not (user_samples.among(drawn, 2 * parts) & ~chosen).any()
        assert chosen.sum() == pytest.approx(4000 / parts, rel=0.25)
    more = groups_log(5000)
    assert np.array_equal(user_samples.draws(more, 0)[:4000], drawn)
    assert not np.array_equal(user_samples.draws(log, 1), drawn)


def test_a_sample_has_all_events_of_its_users_and_the_items_of_the_whole_log(tmp_path):
    log = make_log(
        *([7, 7, 3, 3, 3, 9], list("abcade"), [1, 2, 1, 2, 3, 1]),
        weights=[1, 2, 3, 4, 5, 6],
        event_types=["x", "y", "x", "x", "y", "y"],
    )
    save_log(log, tmp_path / "log")
    chosen = np.array([True, False, True])  # 3 and 9
    for source in (log, open_log(tmp_path / "log")):
        found = user_samples.of_users(source, chosen)
        expected = log.of_users([3, 9])
        assert found.frame().equals(expected.frame())
        assert found.user_vocabulary.ids.to_list() == [3, 9]
        assert found.item_vocabulary == log.item_vocabulary
        assert user_samples.rows_of(source, chosen) == len(found) == 4
        for name in COLUMNS[1:]:
            own = getattr(expected, name)
            assert own is None or np.array_equal(getattr(found, name), own)


def test_what_was_taken_back_goes_with_its_users():
    rows = [(user, "item", START + day * DAY, 2.0) for user in range(6) for day in range(3)]
    rows += [(user, "item", START + 5 * DAY, -3.0) for user in (1, 2, 4)]
    frame = pl.DataFrame(rows, schema=["user", "item", "time", "weight"], orient="row")
    log = sw.read_interactions(frame)
    chosen = np.array([False, True, False, True, True, False])
    found = user_samples.of_users(log, chosen).returns
    expected = log.of_users([1, 3, 4]).returns
    assert found is not None
    assert expected is not None
    old_to_new = np.cumsum(chosen) - 1
    assert np.array_equal(found.users, old_to_new[expected.users])
    for name in ("places", "gone", "first", "items", "weights", "times", "returned"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_a_log_that_fits_is_not_sampled():
    log = groups_log(100)
    found = sample.sample_of(log, make({"memory": 0.001}))
    assert found.is_whole
    assert found.log is log
    assert not found.says


@pytest.mark.usefixtures("small_room")
def test_the_sample_fits_the_limit_and_the_budget_and_stays_where_it_was_drawn(monkeypatch):
    log = groups_log()
    found = sample.sample_of(log, make({"memory": 1}))
    assert found.parts == 8
    assert len(found.log) <= 50_000 < 2 * len(found.log) * 1.1
    larger = sample.sample_of(log, make({"memory": "1.5g"}))
    assert larger.parts == 4
    assert set(found.log.user_vocabulary.ids) < set(larger.log.user_vocabulary.ids)
    monkeypatch.setattr(sample, "FEWEST_USERS", 100)
    assert sample.sample_of(log, make({"memory": 1, "budget": "2s"})).parts == 16
    stored = {"sample": found.as_json()}
    again = sample.sample_of(log, make({"memory": 1, "budget": "2s"}), stored)
    assert again.parts == 8  # trials of the smaller budget are of this sample


# ---- a dig


@pytest.fixture(scope="module")
def dug(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    save_log(groups_log(), folder / "log")
    log, told = open_log(folder / "log"), Recorder()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(room, "BASE", 2**29)
        patched.setattr(room, "A_ROW", 2**29 // 50_000)
        patched.setattr(room, "LEAST_ROWS", 1000)
        # the process of all tests may hold more than the limit
        patched.setattr(Limits, "step", lambda *told: None)
        patched.setattr("spadework.workbench.search.everything.resident_bytes", lambda: 0)
        patched.setattr("spadework.evaluation.trial.resident_bytes", lambda: 0)
        patched.setattr(room, "resident_bytes", lambda: 0)
        patched.setattr("spadework.workbench.search.growing.resident_bytes", lambda: 0)
        patched.setattr("spadework.workbench.search.judging.resident_bytes", lambda: 0)
        with events.listening(told):
            run = sw.dig(log, folder=folder / "run", recipe=make(SMALL | {"memory": "1g"}))
    return log, run, told


@pytest.mark.slow
def test_a_dig_of_a_sample_says_so_everywhere(dug):
    log, run, told = dug
    says = "Judged on one in 8 users, with all of their events: "
    assert any(says in note for note in told.notes)
    about = run.data["sample"]
    assert about["parts"] == 8
    assert about["of_rows"] == len(log) == 300_000
    assert run.board["sample"]["rows"] == about["rows"] == 20 * about["users"]
    assert run.data["fingerprint"]["log"] == log.fingerprint
    assert run.data["facts"]["rows"] == 300_000
    again = sample.sample_of(log, run.recipe, run.data)  # as a training reads it
    assert again.log.fingerprint == sample.Sample(log, log, 1, 0).larger(8).fingerprint
    remarks = run.board["protocol"]["remarks"]
    assert remarks[0].startswith(says)
    assert f"{run.winner} was fitted on everything: 300,000 rows." in remarks
    write(run.folder)
    page = (run.folder / "report.html").read_text()
    assert says in page
    assert "was fitted on everything" in page


@pytest.mark.slow
def test_the_winner_is_what_a_fit_on_everything_is(dug):
    log, run, _ = dug
    assert run.winner.startswith("cosine")
    assert run.model() == model(run.winner).fit(groups_log(), rng=0)
    facts = json.loads((run.artifact / "model.json").read_text())["facts"]
    assert facts["rows"] == 300_000
    assert facts["fitted on"] == "the whole log"
    users = [5, 17, 123]
    assert len(run.model().recommend(log, users=users).frame()["user_id"].unique()) == 3


@pytest.mark.slow
def test_the_curve_is_of_the_winner(dug):
    _, run, _ = dug
    [found] = [one for one in run.findings if one["code"] == "SIZE-1"]
    assert f"advantage of {run.winner} over popular" in found["says"]
    # an eighth, a quarter, half and all of the sample, and where there is time twice as many
    points = found["says"].count(" users +0")
    assert points in (4, 5)
    is_held_against = "The last was estimated from those before it at +0" in found["says"]
    assert is_held_against == (points == 5)
    assert "Learning from all 15,000 is estimated to add" in found["says"]
    assert found["interval"][0] <= found["effect"] <= found["interval"][1]


def test_without_memory_for_everything_the_largest_sample_that_fits_is_learned_from(monkeypatch):
    log, told = groups_log(), Recorder()
    drawn = user_samples.among(user_samples.draws(log, 0), 8)
    small = sample.Sample(user_samples.of_users(log, drawn), log, 8, 0)
    memory = 2**30
    rooms = iter([0, 0])  # none for all users, none for half of them
    place = "spadework.workbench.search.everything"
    monkeypatch.setattr(f"{place}.resident_bytes", lambda: memory - next(rooms, memory))
    monkeypatch.setattr(Limits, "step", lambda *told: None)
    everything = Everything(small, Costs(), memory, 60.0)
    with events.listening(told):
        fitted = everything.fit(model("popular"), None, 0, 30.0)
    assert fitted == model("popular").fit(small.larger(4), rng=0)
    rows = everything.fitted_rows["popular"]
    assert 60_000 < rows < 90_000
    [says] = everything.says
    assert f"fitted on {rows:,} of 300,000 rows" in says
    assert [note.split("fitted on ")[1].split(",")[0] for note in told.notes] == [
        "the whole log",
        "one in 2 users",
    ]


# ---- memory

DRAW = """
import sys
from spadework.data.mapped.mapped_log import open_log
from spadework.workbench.large import sample
from spadework.workbench.large import room
from spadework.workbench.recipe import make
room.BASE, room.A_ROW = 0, 2**30 // 450_000
found = sample.sample_of(open_log(sys.argv[1]), make({"memory": 1}))
assert found.parts == 32, found.parts
print(len(found.log), found.whole.fingerprint, found.whole.span)
"""


def test_a_sample_is_drawn_of_a_log_that_is_larger_than_the_memory(tmp_path):
    users, each = 300_000, 40
    rows = users * each
    log = sw.Interactions(
        users=np.repeat(np.arange(users, dtype=np.int32), each),
        items=np.tile(np.arange(each, dtype=np.int32), users),
        times=np.tile(START + DAY * np.arange(each), users),
        user_vocabulary=Vocabulary(pl.Series(np.arange(users))),
        item_vocabulary=Vocabulary(pl.Series(np.arange(each))),
    )
    save_log(log, tmp_path / "log")
    size = sum(path.stat().st_size for path in (tmp_path / "log").iterdir())
    limit = 180 * 2**20
    assert size > limit
    with limited(limit) as group:
        done = run_in(group, DRAW, str(tmp_path / "log"))
        peak = peak_of(group)
    assert done.returncode == 0, done.stderr
    assert peak <= limit
    assert 0.9 * rows / 32 < int(done.stdout.split()[0]) < 1.1 * rows / 32
