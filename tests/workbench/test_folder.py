"""The run folder: a run's files are reused, other files are never touched, and one process works in
it at a time.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest

from spadework import events, files
from spadework.errors import BadRequest, OutputExists
from spadework.workbench.recipe import make
from spadework.workbench.storage import folder, lock


class Recorder:
    def __init__(self):
        self.notes = []

    def step(self, label, done, total):
        return None

    def note(self, message):
        self.notes.append(message)


@pytest.fixture
def run(tmp_path):
    """A folder in which a run of the default recipe was begun."""
    where = tmp_path / "run"
    folder.make(where)
    folder.prepare(where, make({}), force=False)
    files.write_json(where / "recipe.json", {"recipe": make({}).model_dump(mode="json")})
    (where / "trials").mkdir()
    (where / "trials" / "validation-1.json").write_text("{}")
    (where / "mine.txt").write_text("keep me")
    return where


def everything(where):
    return {
        path.relative_to(where).as_posix(): path.read_bytes()
        for path in where.rglob("*")
        if path.is_file()
    }


def test_a_new_or_empty_folder_is_made(tmp_path):
    for where in (tmp_path / "a" / "b", tmp_path / "a" / "c"):
        folder.make(where)
        folder.make(where)
        folder.prepare(where, make({}), force=False)
        assert where.is_dir()


def test_the_same_job_goes_on_whatever_the_budget(run):
    before = everything(run)
    folder.prepare(run, make({"budget": "5s", "memory": 2.0, "threads": 1}), force=False)
    assert everything(run) == before


def test_another_job_is_refused_without_force(run):
    before = everything(run)
    with pytest.raises(OutputExists) as caught:
        folder.prepare(run, make({"seed": 5}), force=False)
    assert caught.value.message == f"{run} holds a run with another recipe."
    assert caught.value.hint == "Choose another folder, or replace it with --force."
    assert everything(run) == before


def test_with_force_only_the_runs_own_files_go(run):
    folder.prepare(run, make({"seed": 5}), force=True)
    assert everything(run) == {"mine.txt": b"keep me"}


def test_a_foreign_folder_is_never_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExists) as caught:
        folder.make(tmp_path)
    assert caught.value.message == f"{tmp_path} holds other things than a run."
    assert everything(tmp_path) == {"thesis.txt": b"years of work"}


def test_what_a_failed_start_left_is_no_obstacle(tmp_path):
    (tmp_path / "log.jsonl").write_text("{}\n")
    (tmp_path / f"{files.HALF}1.recipe.json").write_text("{")
    folder.make(tmp_path)
    folder.prepare(tmp_path, make({}), force=False)
    assert set(everything(tmp_path)) == {"log.jsonl"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputExists, match="is a file"):
        folder.make(tmp_path / "file")
    with pytest.raises(BadRequest, match="cannot be made: Not a directory"):
        folder.make(tmp_path / "file" / "below")


def test_the_lock_of_a_living_process_is_respected(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    try:
        (tmp_path / "lock").write_text(f"{other.pid}\n")
        with pytest.raises(BadRequest) as caught, lock.held(tmp_path):
            raise AssertionError("two at a time")
        assert caught.value.message == f"Process {other.pid} is working in {tmp_path}."
        assert (tmp_path / "lock").read_text() == f"{other.pid}\n", "the holder's lock stays"
    finally:
        other.communicate()


@pytest.mark.parametrize("content", ["dead", "", "not a number\n"])
def test_the_lock_of_a_dead_process_is_taken_over_with_a_remark(tmp_path, content):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "lock").write_text(f"{gone.pid}\n" if content == "dead" else content)
    recorder = Recorder()
    with events.listening(recorder), lock.held(tmp_path):
        assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())
    assert not (tmp_path / "lock").exists()
    assert recorder.notes == (
        [f"took over {tmp_path} from process {gone.pid}, which has ended"]
        if content == "dead"
        else []
    )


def test_a_process_number_that_was_used_again_holds_nothing(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    try:
        # started long before the process that has the number now
        (tmp_path / "lock").write_text(f"{other.pid} 1\n")
        with lock.held(tmp_path):
            assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())
    finally:
        other.communicate()


def test_the_lock_goes_when_the_work_breaks(tmp_path):
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / "lock").exists()


def test_the_manifest_holds_digests_of_everything_and_is_written_last(run):
    assert not folder.is_complete(run)
    folder.seal(run)
    assert folder.is_complete(run)
    digests = json.loads((run / "manifest.json").read_text())["files"]
    assert set(digests) == {"mine.txt", "recipe.json"}
    assert digests["mine.txt"] == files.sha256(run / "mine.txt")


def test_default_folders_have_a_date_a_name_and_a_number(tmp_path):
    first = folder.default_folder("data/My Orders.csv", make({}), tmp_path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-my-orders", first.name)
    folder.make(first)
    files.write_json(first / "recipe.json", {"recipe": make({}).model_dump(mode="json")})
    assert folder.default_folder("data/My Orders.csv", make({}), tmp_path) == first, (
        "the same job goes on where it was"
    )
    assert (
        folder.default_folder("data/My Orders.csv", make({"seed": 1}), tmp_path).name
        == f"{first.name}-2"
    )
    assert folder.default_folder("world:order", make({}), tmp_path).name.endswith("-world-order")
    assert folder.default_folder("-", make({}), tmp_path).name.endswith("-run")


def test_remarks_are_kept_as_json_lines(tmp_path):
    with events.listening(folder.JsonLog(tmp_path / "log.jsonl")):
        events.note("línea")
        events.step("x", 1, 2)
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["says"] for line in lines] == ["línea"]


def test_a_pipe_in_the_place_of_the_remarks_makes_nobody_wait(tmp_path):
    os.mkfifo(tmp_path / "log.jsonl")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExists, match="holds other things than a run"):
        folder.make(tmp_path)
    with events.listening(folder.JsonLog(tmp_path / "log.jsonl")):
        events.note("heard")
    assert json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8"))["says"] == "heard"


def test_a_file_is_complete_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    files.write_json(path, {"a": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"], "nothing half-written stays"


def test_a_number_that_is_none_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not any(tmp_path.iterdir())


# ---- what is ours


@pytest.mark.parametrize(
    "content", ['{"recipe": "pancakes"}', '{"name": "soup", "recipe": {}}', "[]", "{", "17"]
)
def test_a_recipe_of_another_program_makes_no_run(content, tmp_path):
    (tmp_path / "recipe.json").write_text(content)
    (tmp_path / "data.json").write_text("mine")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.bin").write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(OutputExists, match="holds other things than a run"):
        folder.make(tmp_path)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("mark", ["manifest.json", "log.jsonl"])
def test_a_run_is_known_by_what_else_it_wrote(mark, run):
    (run / "recipe.json").write_text("{")
    with pytest.raises(OutputExists):
        folder.make(run)
    if mark == "manifest.json":
        folder.seal(run)
    else:
        folder.JsonLog(run / "log.jsonl").note("reading")
    folder.make(run)
    folder.prepare(run, make({}), force=True)
    assert everything(run) == {"mine.txt": b"keep me"}


def test_a_folder_in_the_place_of_a_file_goes_with_force(run):
    for name in ("scores.json", "trials", "models"):
        if not (run / name).exists():
            (run / name).mkdir()
            (run / name / "x").write_text("x")
    folder.prepare(run, make({"seed": 5}), force=True)
    assert everything(run) == {"mine.txt": b"keep me"}
    (run / "trials").write_text("a file")
    folder.prepare(run, make({}), force=False)
    assert not (run / "trials").exists()


def test_a_damaged_run_is_no_obstacle_to_a_new_one(tmp_path):
    first = folder.default_folder("orders.csv", make({}), tmp_path)
    first.mkdir(parents=True)
    (first / "recipe.json").write_text("[" * 5000)
    second = folder.default_folder("orders.csv", make({}), tmp_path)
    assert second.name == f"{first.name}-2"


def test_a_folder_whose_name_is_not_utf8_is_refused(tmp_path):
    with pytest.raises(BadRequest, match="has a name that is not UTF-8"):
        folder.make(tmp_path / "caf\udce9")


# ---- locks of other places, and of processes that cannot be


@pytest.mark.parametrize(
    "number", ["0", "-1", str(2**31), str(2**63), "9" * 5000, "1" + "0" * 30], ids=len
)
def test_a_process_that_cannot_be_holds_nothing(number, tmp_path):
    (tmp_path / "lock").write_text(f"{number} 1\n")
    with lock.held(tmp_path):
        assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())


def test_a_lock_that_is_no_file_is_told(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(BadRequest) as caught, lock.held(tmp_path):
        raise AssertionError("not held")
    assert caught.value.message == (
        f"{tmp_path / 'lock'} is no file, so no process can hold {tmp_path}."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("target", ["nowhere", "lock"])
def test_a_lock_that_is_a_link_is_told(target, tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / target)
    with (
        pytest.raises(BadRequest, match="is no file, so no process can hold"),
        lock.held(tmp_path),
    ):
        raise AssertionError("not held")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("entry", [1, 2], ids=["another start", "another place"])
def test_a_lock_with_the_same_number_is_not_that_of_this_process(entry, tmp_path):
    path = tmp_path / "lock"
    with lock.held(tmp_path):
        entries = path.read_text().split()
        entries[entry] = "17"
        path.write_text(" ".join(entries))
        with pytest.raises(BadRequest, match="was removed or replaced"):
            lock.check_held(tmp_path)
    assert path.read_text() == " ".join(entries), "the lock of the other stays"


def test_the_lock_of_another_machine_counts_as_long_as_it_is_touched(tmp_path):
    path = tmp_path / "lock"
    path.write_text("17 123 elsewhere\n")
    with pytest.raises(BadRequest) as caught, lock.held(tmp_path):
        raise AssertionError("two at a time")
    assert caught.value.message == (
        f"Process 17 of another machine or container is working in {tmp_path}."
    )
    silent = path.stat().st_mtime - lock.SILENT - 1
    os.utime(path, (silent, silent))
    recorder = Recorder()
    with events.listening(recorder), lock.held(tmp_path):
        assert path.read_text().split()[0] == str(os.getpid())
    assert recorder.notes == [f"took over {tmp_path} from process 17, which has ended"]


def test_a_held_lock_is_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with lock.held(tmp_path):
        os.utime(tmp_path / "lock", (1, 1))
        end = time.monotonic() + 10
        while (tmp_path / "lock").stat().st_mtime < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert (tmp_path / "lock").stat().st_mtime > 2


def test_a_folder_that_was_replaced_is_left_alone(tmp_path):
    with lock.held(tmp_path):
        lock.check_held(tmp_path)
        (tmp_path / "lock").write_text("1 1 elsewhere\n")
        with pytest.raises(BadRequest) as caught:
            lock.check_held(tmp_path)
        assert caught.value.message == (
            f"{tmp_path} was removed or replaced while this process worked in it."
        )
    assert (tmp_path / "lock").read_text() == "1 1 elsewhere\n", "the lock of the other stays"
