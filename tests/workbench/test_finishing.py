"""A running dig tells what it has done in a file, and can be asked to finish."""

from __future__ import annotations

import json

import spadework as sw
from makers import Recorder
from spadework.events import listening
from spadework.workbench.recipe import make
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage.progress_file import ENDED, RUNNING, STOPPED, ProgressFile, kept
from spadework.workbench.storage.run_files import PROGRESS

RECIPE = {"models": ["popular", "cosine", "ease"], "budget": "600s", "seed": 3}


class Asking(Recorder):
    """Asks the dig to finish as soon as its search goes into rounds."""

    def __init__(self, folder) -> None:
        super().__init__()
        self.folder, self.seen = folder, None

    def note(self, message: str) -> None:
        super().note(message)
        if message.startswith("round 1") and self.seen is None:
            (self.folder / folders.FINISH).touch()
            self.seen = json.loads((self.folder / PROGRESS).read_text())


def test_a_dig_that_is_asked_to_finish_keeps_what_is_judged(tmp_path):
    folder = tmp_path / "run"
    asking = Asking(folder)
    with listening(asking):
        run = sw.dig("world:order", folder=folder, recipe=make(RECIPE))
    assert asking.seen["state"] == RUNNING
    assert asking.seen["best"]
    assert run.complete
    assert run.winner
    budget = run.board["budget"]
    assert budget["ended"] == "asked"
    assert budget["used"] < 0.5 * budget["asked"]
    assert "asked to finish after" in budget["says"]
    assert any(note.startswith("finishing") for note in asking.notes)
    assert not (folder / folders.FINISH).exists()
    told = json.loads((folder / PROGRESS).read_text())
    assert told["state"] == ENDED
    assert told["judged"] >= len(told["best"]) > 0
    values = [row["value"] for row in told["best"]]
    assert values == sorted(values, reverse=True)

    asking = Asking(folder)  # the same dig again goes on where it was
    with listening(asking):
        again = sw.dig("world:order", folder=folder, recipe=make(RECIPE))
    assert again.board["budget"]["taken_over"] > 0
    assert not any("nothing to do" in note for note in asking.notes)


def test_progress_holds_what_runs(tmp_path):
    told = ProgressFile(tmp_path / PROGRESS)
    told.step("reading", 0, 10)
    told.step("batch", 3, None)
    told.row({"label": "a", "value": 0.1, "users": 10, "state": "done"})
    told.row({"label": "b", "value": None, "users": 10, "state": "failed"})
    told.row({"label": "a", "value": 0.3, "users": 10, "state": "done"})
    for number in range(30):
        told.note(f"note {number}")
    told.write(RUNNING)
    found = json.loads((tmp_path / PROGRESS).read_text())
    assert [task["label"] for task in found["tasks"]] == ["reading", "batch"]
    assert [(row["label"], row["value"]) for row in found["best"]] == [("a", 0.3)]
    assert [row["label"] for row in found["without"]] == ["b"]
    assert found["states"] == {"done": 1, "failed": 1}
    assert found["notes"][-1] == "note 29"
    assert len(found["notes"]) == 12
    told.step("reading", 10, 10)
    told.write(RUNNING)
    assert json.loads((tmp_path / PROGRESS).read_text())["tasks"] == []


def test_a_job_that_fails_is_told_as_stopped_and_a_removed_folder_stays_away(tmp_path):
    try:
        with kept(tmp_path):
            raise ValueError("no")
    except ValueError:
        assert json.loads((tmp_path / PROGRESS).read_text())["state"] == STOPPED
    gone = tmp_path / "gone"
    gone.mkdir()
    with kept(gone):
        gone.rmdir()
    assert not gone.exists()
