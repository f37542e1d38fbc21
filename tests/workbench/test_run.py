"""The face of a run folder, and how a recipe chooses its cut."""

from __future__ import annotations

import json

import pytest

import spadework as sw
from makers import DAY, START, make_log
from served_run import served_run
from spadework.diagnosis.finding import Finding
from spadework.errors import BadRequest, Unsuitable
from spadework.workbench import job
from spadework.workbench.recipe import make
from spadework.workbench.run import Run
from spadework.workbench.sources import choose_split


def test_the_face_reads_the_folder(order_run):
    run = Run(order_run)
    assert run.complete
    assert run.winner == "forward(history=0.2)"
    assert run.scores[0]["label"] == run.winner
    assert run.findings == json.loads((order_run / "findings.json").read_text())
    assert run.recipe.models == ["popular", "cosine", "forward"]
    assert run.artifact == order_run / "models" / "forward"
    assert run.model() == sw.load(run.artifact)
    assert set(run.as_json()) >= {"run", "scores", "winner", "findings"}


def test_a_notebook_shows_the_board(order_run):
    run = Run(order_run)
    for text in (run._repr_html_(), run._repr_markdown_()):
        assert "forward(history=0.2)" in text


def test_the_model_that_is_kept_learned_from_the_whole_log(order_run):
    header = json.loads((Run(order_run).artifact / "model.json").read_text())
    assert header["facts"]["rows"] == 9600
    assert header["facts"]["fitted on"] == "the whole log"


def test_the_recipe_that_is_kept_has_every_default_and_the_command_to_repeat_it(order_run):
    entry = json.loads((order_run / "recipe.json").read_text())
    assert entry["recipe"] == make(
        {"source": "world:order", "models": ["popular", "cosine", "forward"], "budget": "180s"}
    ).model_dump(mode="json")
    assert entry["command"].startswith(f"spadework dig world:order --run {order_run} ")
    assert "--budget 180s" in entry["command"]
    assert """'models=["popular", "cosine", "forward"]'""" in entry["command"]


def test_effects_have_intervals(order_run):
    board = Run(order_run).board
    assert board["helped"]
    for row in board["helped"]:
        assert row["interval"][0] <= row["effect"] <= row["interval"][1]
        assert row["effect"] == pytest.approx(row["value"] - row["base"], abs=1e-6)
    sizes = [abs(row["effect"]) for row in board["helped"]]
    assert sizes == sorted(sizes, reverse=True)
    assert board["heat"]["rows"]


def test_a_finished_run_stays_where_a_new_start_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    path.write_text("user,item,day\na,x,2024-01-01\na,y,2024-01-02\nb,x,2024-01-01\n")
    folder = served_run(tmp_path / "run", {"source": str(path), "budget": "10s"})
    board = json.loads((folder / "scores.json").read_text()) | {"budget": {"ended": "budget"}}
    (folder / "scores.json").write_text(json.dumps(board))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    blocker = Finding(code="INT-9", level="blocker", says="Nothing.", advice="Look.")
    monkeypatch.setattr(job, "diagnose", lambda log, items, split: [blocker])
    larger = job.Job(make({"source": str(path), "budget": "90s"}), folder, 0.0)
    with pytest.raises(Unsuitable, match="INT-9: Nothing"):
        larger._stages(str(path), None, None)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_without_its_parts_is_named(tmp_path):
    run = Run(tmp_path)
    assert not run.complete
    with pytest.raises(BadRequest, match=r"There is no scores\.json in "):
        run.scores  # noqa: B018
    with pytest.raises(BadRequest, match="holds no model") as caught:
        run.model()
    assert caught.value.hint == "The run did not reach its end; resume it with the same command."


def test_a_damaged_board_is_named(tmp_path):
    (tmp_path / "scores.json").write_text("{")
    with pytest.raises(BadRequest, match=r"scores\.json cannot be read") as caught:
        Run(tmp_path).winner  # noqa: B018
    assert caught.value.hint.startswith("Restore the file, or make the run again")


# ---- the cut


def log_of(times):
    """A log of ten users with eight events each."""
    return make_log([f"u{n % 10}" for n in range(80)], [n % 7 for n in range(80)], times)


@pytest.mark.parametrize(
    ("log", "name"),
    [
        (log_of([START + n * DAY for n in range(80)]), "by_time"),
        (log_of([n // 10 for n in range(80)]), "last_item"),
        (log_of([START] * 80), "random"), (log_of(None), "random"),
    ],
    ids=["calendar", "positions", "one timestamp", "no times"],
)  # fmt: skip
def test_auto_uses_the_first_split_that_leaves_users_to_judge(log, name):
    split = choose_split(log, make({}))
    assert split.name == name
    assert split.valid is not None


def test_auto_uses_baskets_where_no_user_is_on_both_sides_of_the_cut():
    users = [f"u{n // 4}" for n in range(80)]
    log = make_log(
        users,
        [n % 7 for n in range(80)],
        [START + n * DAY for n in range(80)],
        baskets=[n // 2 for n in range(80)],
    )
    assert choose_split(log, make({"test": "2d", "valid": "2d"})).name in (
        "last_basket",
        "last_item",
    )
    assert choose_split(make_log(["a", "b"], [1, 2], [START, START + DAY]), make({})) is None


@pytest.mark.parametrize("name", ["by_time", "last_item", "strong", "random"])
def test_a_named_split_is_used(name):
    assert (
        choose_split(log_of([START + n * DAY for n in range(80)]), make({"split": name})).name
        == name
    )


def test_a_cut_that_needs_labels_cannot_be_named():
    with pytest.raises(
        BadRequest, match="The split 'from_column' needs labels, so it cannot be named in a recipe"
    ):
        choose_split(log_of(None), make({"split": "from_column"}))
