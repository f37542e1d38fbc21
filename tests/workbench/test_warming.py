"""Compiling ahead: complete, with progress, safe in parallel, and never the end of a dig."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import warmed
from makers import Recorder
from spadework import events
from spadework.kernels import compiled
from spadework.workbench import warming
from spadework.workbench.warming import Warming, parts_to_do

WAITS = """
import json, sys, threading, time
sys.path[:] = json.loads(sys.argv[2])
from spadework.workbench import warming
threading.Thread(target=warming._end_with_parent, daemon=True).start()
print("step 1/2", flush=True)
time.sleep(120)
"""
"""A process that does not do its work, and ends with its parent."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A listener within the test; remarks of other tests are forgotten."""
    listener = Recorder()
    compiled._remarks.clear()
    compiled._remarked.clear()
    with events.listening(listener):
        yield listener


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    """An empty folder of compiled kernels."""
    folder = tmp_path / "cache" / f"kernels-{compiled.digest()}"
    folder.mkdir(parents=True)
    monkeypatch.setattr(compiled, "home", lambda: folder)
    monkeypatch.delenv(warming.OFF, raising=False)
    return folder


def mark(folder: Path, part: int, text: str | None = None) -> None:
    """A stamp that says that a part was done, or something else."""
    done = json.dumps({"spadework": warming._version()})
    (folder / compiled.stamp(part)).write_text(done if text is None else text)


def gone(process: int) -> bool:
    """Whether a process has ended, within ten seconds."""
    for _ in range(100):
        stat = Path(f"/proc/{process}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


# ---- what is done


def test_a_stamp_for_each_part_ends_it(folder, recorder):
    assert parts_to_do() == list(range(warming.PARTS))
    for part in range(warming.PARTS):
        mark(folder, part)
    begun = time.perf_counter()
    assert parts_to_do() == []
    assert time.perf_counter() - begun < 0.02
    started = Warming.begin()
    assert started._children == []
    assert started.wait() < 0.02
    assert recorder.notes == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"spadework": "0.0.1"}', "\x00\xff"])
def test_a_stamp_that_is_damaged_or_of_another_version_is_ignored(folder, text):
    mark(folder, 0)
    mark(folder, 1, text)
    assert parts_to_do() == [1]


def test_it_can_be_turned_off(folder, monkeypatch):
    monkeypatch.setenv(warming.OFF, "0")
    started = Warming.begin()
    assert started._children == []
    assert started.wait() < 0.02


# ---- processes that do not do their work


def test_a_process_that_fails_is_a_remark(folder, recorder, monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", "import sys; sys.exit('sansa: ValueError: no')")
    assert Warming.begin().wait() < 30
    assert (
        "Compiling ahead failed (sansa: ValueError: no); models compile in their own time."
        in recorder.notes
    )


def test_a_process_that_is_killed_is_a_remark(folder, recorder, monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", "import os; os.kill(os.getpid(), 9)")
    Warming.begin().wait()
    assert (
        "Compiling ahead failed (the process ended with -9); models compile in their own time."
        in recorder.notes
    )


def test_a_process_without_output_is_given_up(folder, recorder, monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", "import time; time.sleep(120)")
    monkeypatch.setattr(warming, "PATIENCE", 0.3)
    assert Warming.begin().wait() < 30
    assert (
        recorder.notes[-1]
        == "Compiling ahead failed (no output for 0.3 s); models compile in their own time."
    )


def test_a_process_that_cannot_be_started_is_a_remark(folder, recorder, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    Warming.begin().wait()
    assert [note.partition(" (")[0] for note in recorder.notes] == [
        "No process could be started to compile ahead"
    ]


def test_closing_ends_the_processes(folder, monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", WAITS)
    started = Warming.begin()
    running = [child._process.pid for child in started._children]
    assert len(running) == warming.PARTS
    started.close()
    assert all(map(gone, running))
    started.close()


def test_an_interruption_while_waiting_ends_them_too(folder, monkeypatch):
    class Impatient(Recorder):
        def step(self, label: str, done: int, total: int | None) -> None:
            if done:
                assert label == warming.LABEL
                raise KeyboardInterrupt

    monkeypatch.setattr(warming, "_PROGRAM", WAITS)
    started = Warming.begin()
    running = [child._process.pid for child in started._children]
    with events.listening(Impatient()), pytest.raises(KeyboardInterrupt):
        started.wait()
    assert all(map(gone, running))


def test_a_killed_parent_leaves_no_process_behind(tmp_path):
    code = (
        f"from spadework.workbench import warming; warming._PROGRAM = {WAITS!r}; import time\n"
        "started = warming.Warming.begin(); print([c._process.pid for c in started._children], "
        "flush=True); time.sleep(120)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=warmed.environment(tmp_path),
    )
    assert parent.stdout is not None
    running = json.loads(parent.stdout.readline())
    assert len(running) == warming.PARTS
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert all(map(gone, running))


# ---- without a folder


def test_without_a_folder_the_steps_are_done_here_without_listeners(monkeypatch, recorder):
    done: list[str] = []

    def step(name: str) -> None:
        events.note(f"{name} speaks")
        done.append(name)
        if name == "b":
            raise ValueError("no")

    monkeypatch.setattr(compiled, "home", lambda: None)
    monkeypatch.setattr(
        warming,
        "exercises",
        lambda part: [
            (name, lambda name=name: step(name)) for name in ("ab" if part == 0 else "c")
        ],
    )
    started = Warming.begin()
    assert done == []
    started.wait()
    assert done == ["a", "b", "c"]
    assert [done for _, done, _ in recorder.steps] == [0, 1, 2, 3]
    assert recorder.notes == [
        "compiling for this process, since compiled kernels cannot be kept; no budget pays for it",
        "Compiling ahead failed (b: ValueError: no).",
    ]


# ---- the whole


def kernels_in(parent: Path) -> set[str]:
    return {path.name for path in parent.rglob(f"*{compiled.SUFFIX}")}


def compiled_by_a_dig(parent: Path) -> set[str]:
    """The kernels that a dig compiles although the folder below `parent` was filled."""
    before = kernels_in(parent)
    command = [sys.executable, "-m", "spadework", "dig", "world:repeats", "--budget", "15s"]
    subprocess.run(
        [*command, "--run", str(parent / "run")],
        check=True,
        capture_output=True,
        env=warmed.environment(parent),
        cwd=parent,
        timeout=600,
    )
    return kernels_in(parent) - before


def test_after_it_a_dig_compiles_nothing_and_two_at_a_time_share_the_work(tmp_path):
    parent = tmp_path / "recorded"
    said = warmed.copy(parent)
    if compiled_by_a_dig(parent):  # models may have changed since the record was made
        parent = tmp_path / "fresh"
        said = warmed.by_two_at_a_time(parent)
        assert compiled_by_a_dig(parent) == set()
    assert said["codes"] == [0, 0], said["err"]
    for out, err in zip(said["out"], said["err"], strict=True):
        assert "failed" not in err
        kernels = json.loads(out)["compiled kernels"]
        assert kernels["compiled ahead"] == "yes"
        assert kernels["kept in"] == f"{said['parent']}/kernels-{compiled.digest()}"
    assert len(kernels_in(parent)) > 150
