"""The files of a run folder: one reader, for work that needs them and for a report of what there
is.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_folder

import spadework as sw
from makers import ROOT
from spadework import events
from spadework.apps import boards
from spadework.errors import BadData, BadRequest
from spadework.evaluation.entries import Entry
from spadework.workbench.comparison import compare
from spadework.workbench.recipe import make
from spadework.workbench.report import run_facts
from spadework.workbench.run import Run
from spadework.workbench.storage import run_files

QUICK = make({"models": ["popular", "cosine"], "budget": "30s"})


class Remarks:
    """What a run says."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def note(self, message: str) -> None:
        self.notes.append(message)

    def detail(self, message: str) -> None:
        return None


def least_of(name: str) -> Any:
    """The smallest content of a file that work goes on with."""
    kinds = run_files.NEEDED.get(name, {})
    return {
        key: None if isinstance(kind, tuple) else kind() for key, kind in kinds.items()
    } or run_files.TYPES[name]()


def test_a_run_and_its_report_read_the_same(tmp_path):
    folder = run_folder.write_run(tmp_path / "run", run_folder.realistic())
    run, facts = Run(folder), run_facts.read(folder)
    assert (run.board, run.data, run.findings) == (facts.scores, facts.data, facts.findings)
    assert [Entry.read(row) for row in run.scores] == facts.entries
    assert run.advice is None
    assert run.outcomes == facts.advice == {}


@pytest.mark.parametrize("name", run_files.TYPES)
def test_trouble_is_an_error_for_work_and_a_sentence_for_a_report(tmp_path, name):
    with pytest.raises(BadRequest, match=re.escape(f"There is no {name} in {tmp_path}.")):
        run_files.read(tmp_path, name)
    assert run_files.contents(tmp_path, name).missing
    for text, trouble in (("{", "is not valid JSON"), ("17", "holds a int in the place of a")):
        (tmp_path / name).write_text(text)
        found = run_files.contents(tmp_path, name)
        assert (found.value, found.missing) == (None, False)
        assert found.trouble.startswith(f"{name} {trouble}")
        with pytest.raises(BadRequest, match=f"cannot be read: {re.escape(name)} {trouble}"):
            run_files.read(tmp_path, name)
    least = least_of(name)
    (tmp_path / name).write_text(json.dumps(least))
    assert run_files.read(tmp_path, name) == run_files.contents(tmp_path, name).value == least


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, keys in run_files.NEEDED.items() for key in keys]
)
def test_a_file_without_what_work_relies_on_is_refused(tmp_path, name, key):
    least = least_of(name)
    for damaged in ({k: v for k, v in least.items() if k != key}, {**least, key: 17}):
        (tmp_path / name).write_text(json.dumps(damaged))
        with pytest.raises(BadRequest, match=f"missing or of another type: {key}") as caught:
            run_files.read(tmp_path, name)
        assert caught.value.message.startswith(f"{tmp_path / name} cannot be read: ")
        assert caught.value.hint.startswith("Restore the file, or make the run again")
        assert run_files.contents(tmp_path, name).value == damaged, "a report shows what there is"


def test_strange_rows_of_a_board_are_left_out(tmp_path):
    made = run_folder.realistic()
    rows = made["scores"]["scores"]
    made["scores"]["scores"] = [17, None, *rows, "row", []]
    made["scores"]["validation"].append(17)
    folder = run_folder.write_run(tmp_path / "run", made)
    assert Run(folder).scores == rows
    assert boards.board_text(Run(folder).board)
    shown = compare([folder, folder])["rows"]
    assert len(shown) == 2 * sum(row["state"] == "done" for row in rows)


def test_only_objects_among_the_predictions_have_an_outcome(tmp_path):
    one = {"prediction": {"about": "verdict"}, "outcome": "as expected"}
    advice = {"trained": "t", "pairs": [], "predictions": [17, one, {"prediction": 3}]}
    (tmp_path / run_files.ADVICE).write_text(json.dumps(advice))
    assert Run(tmp_path).outcomes["verdict"] == "as expected"


def test_the_values_of_users_are_found_by_label(tmp_path):
    values = {"ndcg@10": np.array([0.5, np.nan], np.float32)}
    whose = {"users": np.arange(2), "has_history": np.array([True, False])}
    arrays = whose | run_files.named_values("ease(l2=1)", values)
    run_files.write_values(tmp_path, arrays)
    found = run_files.values_of(run_files.read_values(tmp_path), "ease(l2=1)")
    np.testing.assert_array_equal(found["ndcg@10"], values["ndcg@10"])
    assert run_files.values_of(arrays, "ease") == {}
    path = tmp_path / run_files.VALUES
    whole = path.read_bytes()
    for content in (whole[:50], b"", b"x" * 50, pickle.dumps([1]), _npy(), _with_raw_member()):
        path.write_bytes(content)
        with pytest.raises(BadData) as caught:
            run_files.read_values(tmp_path)
        assert (
            caught.value.message
            == f"{path} cannot be read: it is no npz of arrays; it was cut short or changed."
        )
    path.unlink()
    with pytest.raises(BadData, match="cannot be read: No such file"):
        run_files.read_values(tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"users": None}, "does not say whom it is of"),
        ({"has_history": None}, "does not say whom it is of"),
        ({"has_history": np.arange(2)}, "does not say whom it is of"),
        ({"users": np.arange(3)}, "has not one value of 'has_history' for each user"),
        ({"users": np.array(2)}, "has not one value of 'users' for each user"),
        ({"a/b": np.zeros(3)}, "has not one value of 'a/b' for each user"),
    ],
)
def test_values_that_do_not_fit_their_users_are_refused(tmp_path, changes, says):
    arrays = {"users": np.arange(2), "has_history": np.array([True, False]), **changes}
    run_files.write_values(tmp_path, {k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(BadData, match=re.escape(says)):
        run_files.read_values(tmp_path)


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return buffer.getvalue()


def _with_raw_member() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("users", "no array")
    return buffer.getvalue()


def test_every_file_is_described():
    page = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    names = [*run_files.TYPES, run_files.VALUES, "manifest.json", "roles.json", "train.toml"]
    assert [name for name in names if f"`{name}`" not in page] == []
    keys = Entry(model="m", label="m", lists={}, users=1, stage="test").as_json()
    assert set(keys) == run_folder.keys_on_the_page("A score")


def test_the_keys_of_a_real_run_are_on_the_page(order_run):
    read, told = run_files.read, run_folder.keys_on_the_page
    board = read(order_run, run_files.SCORES)
    of_trainings = {"winner_of_dig", "validation_of_dig", "validation_users_of_dig"}
    assert set(board) == told(run_files.SCORES) - of_trainings
    for row in (*board["scores"], *board["validation"]):
        assert set(row) <= told("A score")
    for name in (run_files.DATA, run_files.READINESS, run_files.FACES):
        assert set(read(order_run, name)) <= told(name), name
    assert set(read(order_run, run_files.FACES)["users"][0]) <= told(run_files.FACES)
    assert set(run_files.read_values(order_run)) >= {"users", "has_history"}


def test_what_work_relies_on_is_on_the_page():
    for name, keys in run_files.NEEDED.items():
        if name != run_files.RECIPE:
            assert set(keys) <= run_folder.keys_on_the_page(name)


def test_only_one_module_parses_them():
    source = Path(run_files.__file__).parents[2]
    quoted = re.compile(r"read_json\([^)]*\"(\w+\.json)\"")
    found = {
        (path.name, name)
        for path in source.rglob("*.py")
        for name in quoted.findall(path.read_text(encoding="utf-8"))
        if name in run_files.TYPES
    }
    assert found == set()


@pytest.mark.parametrize(
    "name",
    [
        "scores.json",
        "models",
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in ("scores.npz", "data.json", "manifest.json")
        ),
    ],
)
def test_the_same_command_makes_a_damaged_run_again(tmp_path, name):
    run = sw.dig("world:order", folder=tmp_path / "run", recipe=QUICK)
    digest = run.board["winner"]
    path = run.folder / name
    path = next(path.rglob("model.json")) if name == "models" else path
    path.write_text("{}")
    remarks = Remarks()
    with events.listening(remarks):
        again = sw.dig("world:order", folder=run.folder, recipe=QUICK)
    assert any("is not the file that was saved; this run is made again" in n for n in remarks.notes)
    assert again.board["winner"] == digest
    assert again.model().label == digest
    with events.listening(unchanged := Remarks()):
        sw.dig("world:order", folder=run.folder, recipe=QUICK)
    assert "nothing to do: this run is complete" in unchanged.notes


def test_a_damaged_recipe_is_replaced_by_force_alone(tmp_path):
    run = sw.dig("world:order", folder=tmp_path / "run", recipe=QUICK)
    (run.folder / "recipe.json").write_text("{}")
    with pytest.raises(BadRequest, match=r"recipe\.json cannot be read") as caught:
        sw.dig("world:order", folder=run.folder, recipe=QUICK)
    assert caught.value.hint == "The file is damaged; replace the run with --force."
    assert sw.dig("world:order", folder=run.folder, recipe=QUICK, force=True).complete
