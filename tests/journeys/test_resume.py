"""A run that is stopped, by a signal or by death, goes on with the same command and ends with the
same numbers.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from command_line import call, run, start
from spadework.workbench.storage.folder import is_complete

TIMINGS = {"fit_seconds", "recommend_seconds", "memory_mib", "pareto"}


def command(folder: Path) -> list[str]:
    return [
        "dig",
        "world:order",
        "--run",
        str(folder),
        "--models",
        "popular,raw,cosine,lift,forward",
        "--budget",
        "120s",
        "--threads",
        "1",
    ]


def numbers(folder: Path):
    board = json.loads((folder / "scores.json").read_text())
    rows = [
        {key: value for key, value in entry.items() if key not in TIMINGS}
        for entry in board["scores"] + board["validation"]
    ]
    return rows, board["winner"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    output = run(*command(folder))
    assert output.code == 0, output.err
    return folder


def wait_for(folder: Path, trials: int, process) -> bool:
    """Until so many trials are on disk; False when the run was quicker."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (folder / "lock").exists() and len(list((folder / "trials").glob("*.json"))) >= trials:
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    raise AssertionError("the run neither went on nor ended")


def stop(folder: Path, trials: int, how: signal.Signals) -> tuple[int, str, bool]:
    process = start(*command(folder))
    in_time = wait_for(folder, trials, process)
    if in_time:
        process.send_signal(how)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, in_time


@pytest.mark.parametrize(
    "trials", [0, 20, *(pytest.param(each, marks=pytest.mark.long) for each in (1, 7, 28))]
)
def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(trials, undisturbed, tmp_path, capsys):
    folder = tmp_path / "run"
    code, _, in_time = stop(folder, trials, signal.SIGKILL)
    assert not in_time or code == -signal.SIGKILL or is_complete(folder)
    if in_time and code == -signal.SIGKILL:
        assert not is_complete(folder), "a half run is never listed as whole"
        assert (folder / "lock").exists(), "the lock of the dead stays, to be taken over"
    output = call(capsys, *command(folder))
    assert output.code == 0, output.err
    assert is_complete(folder)
    assert numbers(folder) == numbers(undisturbed)
    assert (folder / "scores.npz").read_bytes() == (undisturbed / "scores.npz").read_bytes()
    if in_time and code == -signal.SIGKILL:
        assert f"took over {folder} from process " in output.err
    leftovers = [path.name for path in folder.rglob(".*")]
    assert not [name for name in leftovers if name.endswith(".json")], (
        "temporary files are hidden, so they are not mistaken for results"
    )


@pytest.mark.parametrize("trials", [pytest.param(3, marks=pytest.mark.long), 15])
def test_an_interrupted_run_keeps_what_is_finished_and_tells_how_to_go_on(
    trials, undisturbed, tmp_path, capsys
):
    folder = tmp_path / "run"
    code, err, in_time = stop(folder, trials, signal.SIGINT)
    assert in_time, "the run ended before it could be stopped"
    assert code == 130
    assert "Traceback" not in err
    assert (
        "Stopped. What is finished is kept; go on with the same command: spadework dig "
        f"world:order --run {folder}"
    ) in err
    board = json.loads((folder / "scores.json").read_text())
    assert board["protocol"]["interrupted"] is True
    done = [entry for entry in board["scores"] if entry["state"] == "done"]
    assert len(done) >= trials - 1
    assert all(entry["stage"] == "validation" for entry in done)
    assert (folder / "report.html").is_file()
    assert not is_complete(folder)
    assert not (folder / "lock").exists()
    output = call(capsys, *command(folder))
    assert output.code == 0, output.err
    assert numbers(folder) == numbers(undisturbed)


def test_interrupted_twice_it_stops_at_once(tmp_path):
    folder = tmp_path / "run"
    process = start(*command(folder))
    assert wait_for(folder, 2, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode in (130, -signal.SIGINT)
    assert not is_complete(folder)
    assert err


def test_a_larger_budget_goes_on_from_what_a_smaller_one_tried(undisturbed, tmp_path):
    folder = tmp_path / "run"
    small = command(folder)
    small[small.index("--budget") + 1] = "2.6s"  # hardly more than the end takes
    assert run(*small).code == 0
    assert json.loads((folder / "scores.json").read_text())["budget"]["ended"] == "budget"
    tried = {path.name for path in (folder / "trials").glob("*.json")}
    assert tried, "what was tried is kept"
    assert not [name for name in tried if name.startswith("test-")], (
        "but for the test span and its lists"
    )
    output = run(*command(folder))
    assert output.code == 0, output.err
    assert numbers(folder) == numbers(undisturbed)
    assert not (folder / "trials").exists(), "nothing is left to try"
    account = json.loads((folder / "scores.json").read_text())["budget"]
    assert 0 < account["taken_over"] < account["used"], (
        "what earlier starts spent is part of what is spent"
    )
    assert json.loads((undisturbed / "scores.json").read_text())["budget"]["taken_over"] == 0


def test_two_at_a_time_are_refused(tmp_path, capsys):
    folder = tmp_path / "run"
    first = start(*command(folder))
    assert wait_for(folder, 1, first)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        output = call(capsys, *command(folder))
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert output.code == 2
    assert output.sentences == (
        f"Process {first.pid} is working in {folder}.",
        "Wait for it, or choose another folder with --run.",
    )
    first.communicate(timeout=60)
    assert first.returncode == 0, "the first one is not disturbed"
    assert is_complete(folder)
