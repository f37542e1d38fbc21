"""The main job from a log to a folder: what it promises, that it is repeatable, what it does on the
smallest logs.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import spadework as sw
from makers import START, make_log
from spadework import events, files
from spadework.data.worlds.worlds import worlds
from spadework.errors import OutputExists
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue
from spadework.workbench.recipe import make
from spadework.workbench.search import model_families
from spadework.workbench.storage.folder import is_complete

PROMISED = {"model", "params", "metrics", "interval", "fit_seconds", "state", "reason"}
TIMINGS = {"fit_seconds", "recommend_seconds", "memory_mib", "pareto"}
FEW = {"models": ["popular", "cosine", "forward", "popular_by_category"], "budget": "180s"}


class Notes:
    def __init__(self):
        self.notes = []

    def step(self, label, done, total):
        return None

    def note(self, message):
        self.notes.append(message)


def numbers(folder):
    """The board without what depends on the machine."""
    board = json.loads((folder / "scores.json").read_text())
    rows = [
        {key: value for key, value in entry.items() if key not in TIMINGS}
        for entry in board["scores"] + board["validation"]
    ]
    return rows, board["winner"]


@pytest.fixture(scope="module")
def dug(tmp_path_factory):
    """A finished run on a world, made once."""
    made: dict[str, sw.Run] = {}

    def get(name: str) -> sw.Run:
        if name not in made:
            made[name] = sw.dig(
                f"world:{name}", folder=tmp_path_factory.mktemp("runs") / name, recipe=make(FEW)
            )
        return made[name]

    return get


WORLDS = [
    "order", "checkerboard", "trend", "noise",  # users, items, times
    "content",  # and an item table
    "repeats",  # and baskets, whose items come back
    "kits",  # baskets of several items at one time
    "crossed",  # and event types with a target
    "coarse_clock",  # and equal times
]  # fmt: skip
"""Every kind of log that a world has. What the other worlds plant is for the probes to find
(tests/diagnosis); their columns are these.
"""


def columns_of(made):
    """Which optional columns and tables a world has."""
    log = made.log
    tied = len(np.unique(np.stack([log.users, log.times]), axis=1)[0]) < len(log)
    return made.content is not None, log.baskets is not None, bool(log.event_type_names), tied


def test_every_kind_of_world_is_dug():
    kinds = {columns_of(sw.world(name)) for name in WORLDS}
    for name in worlds:
        assert columns_of(sw.world(name)) in kinds, f"no world that is dug is like {name}"


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_dug_to_the_end(name, dug):
    run = dug(name)
    assert run.complete
    document = run.as_json()
    assert set(document) >= {"run", "scores", "winner", "findings"}
    for entry in document["scores"]:
        assert set(entry) >= PROMISED
        if entry["state"] == "done":
            low, high = entry["interval"]
            assert low <= entry["metrics"]["ndcg@10"] <= high
            assert entry["reason"] is None
        else:
            assert entry["reason"]
    assert {entry["label"] for entry in document["scores"]} >= {
        "random",
        "popular",
        "popular(window=7d)",
    }
    assert document["winner"] in {entry["label"] for entry in document["scores"]}
    assert run.model().label == document["winner"], "the model that is kept is the winner"
    assert (run.folder / "trials").exists() == (run.board["budget"]["ended"] == "budget"), (
        "trials stay where a larger budget would continue from them"
    )
    assert not list(run.folder.glob("trials/test-*"))
    assert not (run.folder / "lock").exists()
    manifest = json.loads((run.folder / "manifest.json").read_text())["files"]
    for file, digest in manifest.items():
        assert files.sha256(run.folder / file) == digest
    assert {
        "recipe.json",
        "data.json",
        "findings.json",
        "scores.json",
        "scores.npz",
        "faces.json",
        "report.html",
    } <= set(manifest)


@pytest.mark.parametrize(
    ("name", "winners"),
    [
        ("order", {"forward"}), ("checkerboard", {"cosine", "forward"}),
        ("trend", {"popular", "cosine", "forward"}),
        ("content", {"cosine", "forward", "popular_by_category"}),
        ("repeats", {"cosine", "forward"}),
    ],
)  # fmt: skip
def test_the_winner_is_what_the_world_says(name, winners, dug):
    assert dug(name).winner.split("(")[0] in winners


def test_in_noise_nothing_is_better_than_chance(dug):
    values = {
        entry["label"]: entry["interval"]
        for entry in dug("noise").scores
        if entry["state"] == "done"
    }
    for low, _high in values.values():
        assert low <= values["random"][1]


def test_the_same_recipe_twice_gives_the_same_numbers_and_bytes(dug, tmp_path):
    one, two = dug("order"), sw.dig("world:order", folder=tmp_path / "two", recipe=make(FEW))
    assert numbers(one.folder) == numbers(two.folder)
    for name in ("scores.npz", "findings.json", "faces.json"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes(), name
    data = [json.loads((run.folder / "data.json").read_bytes()) for run in (one, two)]
    assert all(facts.pop("read_at") for facts in data), "when the log was read"
    assert data[0] == data[1]
    for file in one.artifact.iterdir():
        assert (two.artifact / file.name).read_bytes() == file.read_bytes()


def test_threads_do_not_change_what_is_learned_nor_the_ranks(tmp_path):
    one, two = (
        sw.dig("world:order", folder=tmp_path / str(n), recipe=make({**FEW, "threads": n}))
        for n in (1, 2)
    )
    assert (one.folder / "scores.npz").read_bytes() == (two.folder / "scores.npz").read_bytes()
    for mine, yours in zip(one.scores, two.scores, strict=True):
        assert [mine[key] for key in ("label", "state", "metrics", "rank")] == [
            yours[key] for key in ("label", "state", "metrics", "rank")
        ]
        if mine["interval"]:  # sums of resampled users add up in another order
            assert mine["interval"] == pytest.approx(yours["interval"], abs=1e-6)
    assert (one.artifact / "arrays.safetensors").read_bytes() == (
        two.artifact / "arrays.safetensors"
    ).read_bytes()


def test_values_per_user_stand_in_the_folder(order_run):
    with np.load(order_run / "scores.npz") as stored:
        board = json.loads((order_run / "scores.json").read_text())
        judged = stored["has_history"]
        for entry in board["scores"]:
            values = stored[f"{entry['label']}/ndcg@10"]
            assert values.shape == stored["users"].shape
            assert values[judged].mean() == pytest.approx(entry["metrics"]["ndcg@10"], abs=1e-5)


def test_a_finished_run_is_not_run_again(order_run, monkeypatch):
    before = {
        path.name: path.stat().st_mtime_ns
        for path in order_run.iterdir()
        if path.name != "log.jsonl"
    }
    monkeypatch.setattr(Recommender, "fit", lambda *_args, **_options: pytest.fail("fitted again"))
    listener = Notes()
    with events.listening(listener):
        run = sw.dig(
            "world:order",
            folder=order_run,
            recipe=make({"models": ["popular", "cosine", "forward"], "budget": "180s"}),
        )
    assert "nothing to do: this run is complete" in listener.notes
    assert run.winner == "forward(history=0.2)"
    assert {
        path.name: path.stat().st_mtime_ns
        for path in order_run.iterdir()
        if path.name != "log.jsonl"
    } == before


def test_another_recipe_in_the_same_folder_is_refused_without_force(tmp_path):
    few = {"models": ["popular"], "budget": "30s"}
    sw.dig("world:order", folder=tmp_path / "run", recipe=make(few))
    with pytest.raises(OutputExists, match="holds a run with another recipe"):
        sw.dig("world:order", folder=tmp_path / "run", recipe=make({**few, "seed": 1}))
    run = sw.dig(
        "world:order", folder=tmp_path / "run", recipe=make({**few, "seed": 1}), force=True
    )
    assert run.complete
    assert run.recipe.seed == 1


def test_changed_data_replace_a_finished_run_only_by_force(tmp_path):
    rows = sw.world("order").log.frame()
    path = tmp_path / "log.parquet"
    few = {"models": ["popular"], "budget": "30s"}
    rows.write_parquet(path)
    sw.dig(path, folder=tmp_path / "run", recipe=make(few))
    first = json.loads((tmp_path / "run" / "data.json").read_text())
    rows.head(5000).write_parquet(path)
    with pytest.raises(sw.SpadeworkError, match="holds a finished run of other data"):
        sw.dig(path, folder=tmp_path / "run", recipe=make(few))
    sw.dig(path, folder=tmp_path / "run", recipe=make(few), force=True)
    second = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (first["rows"]["used"], second["rows"]["used"]) == (len(rows), 5000)
    assert is_complete(tmp_path / "run")


def test_next_to_no_budget_runs_what_is_on_every_board_and_the_others_say_so(tmp_path):
    run = sw.dig("world:order", folder=tmp_path / "run", budget="0.001s")
    done = {entry["label"] for entry in run.scores if entry["state"] == "done"}
    assert done == set(model_families.BASELINES)
    assert {entry["model"] for entry in run.scores} == {
        name for name, cls in catalogue().items() if not cls.neural
    }
    for entry in run.scores:
        assert entry["state"] in ("done", "no time", "skipped")
        assert (entry["reason"] is None) == (entry["state"] == "done")
    assert run.complete
    assert run.winner in ("popular", "popular(window=7d)"), "random is never chosen"
    assert run.model().name == "popular"
    budget = run.board["budget"]
    assert budget["starved"]
    assert budget["says"].startswith("This dig was cut short: ")
    assert budget["would_do"] is not None


def test_a_log_in_memory_and_frames_of_other_tools_are_dug(tmp_path):
    log = sw.world("order").log
    few = make({"models": ["popular"], "budget": "30s"})
    one = sw.dig(log, folder=tmp_path / "one", recipe=few)
    two = sw.dig(log.frame().to_pandas(), folder=tmp_path / "two", recipe=few)
    assert [entry["metrics"] for entry in one.scores] == [entry["metrics"] for entry in two.scores]
    assert one.recipe.source == "memory"


@pytest.mark.parametrize(
    ("users", "items", "says"),
    [
        (["a"] * 6, list("xyzxyz"), "There is one user, so nothing can be learned about others."),
        (list("aabbcc"), ["x"] * 6, "There is one item, so there is nothing to choose from."),
        (list("abcdef"), list("xyxyxx"),
            "No user has two events, so nothing connects items and no model can be tested."),
        (["a"], ["x"], "There is one user, so nothing can be learned about others."),
    ],
    ids=["one user", "one item", "one event each", "one event"],
)  # fmt: skip
def test_the_smallest_logs_end_a_dig_and_serve_nothing(users, items, says, tmp_path):
    log = make_log(users, items, [START + 86_400 * n for n in range(len(users))])
    with pytest.raises(sw.SpadeworkError) as error:
        sw.dig(log, folder=tmp_path / "run", recipe=make({"budget": "90s"}))
    assert error.value.message == f"INT-9: {says} No model is kept."
    assert error.value.hint.startswith("Check that the ")
    run = sw.Run(tmp_path / "run")
    assert not run.complete
    assert {finding["code"] for finding in run.findings} >= {"INT-9"}
    with pytest.raises(sw.SpadeworkError):
        run.model()


def test_nobody_can_be_judged_but_the_popular_list_still_answers(tmp_path):
    log = make_log(list("aabbcc"), list("xyxyxy"), [START + n for n in range(6)])
    run = sw.dig(log, folder=tmp_path / "run")
    assert run.winner == "popular"
    assert run.board["choice"]["says"].startswith("popular is chosen: no user could be judged")
    assert "faces.json is missing" not in (run.folder / "report.html").read_text()
    assert run.model().label == "popular"
    assert run.model().recommend(log, 2).frame()["item_id"].to_list() == ["x", "y"] * 3
    assert {entry["reason"] for entry in run.scores} == {
        "No way to cut the log leaves users with a history and held-out items."
    }


def test_a_log_without_times_is_dug_with_a_random_cut(tmp_path):
    frame = sw.world("checkerboard").log.frame().select("user_id", "item_id")
    run = sw.dig(
        frame,
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "cosine"], "budget": "30s"}),
    )
    assert run.board["protocol"]["name"] == "random"
    assert run.winner == "cosine"
    assert [finding["code"] for finding in run.findings if finding["level"] != "note"] == ["INT-5"]
    assert {"probe TIME-1", "probe ORD-1"} <= {left["what"] for left in run.board["not_tried"]}, (
        "questions of time have a line that says why"
    )
    labels = {entry["label"]: entry["state"] for entry in run.scores}
    assert labels["popular(window=7d)"] == "skipped"
