"""Looks and digs are processes of their own, found again by their files."""

from __future__ import annotations

import os
import signal
import time

import polars as pl
import pytest

from makers import random_rows
from spadework.errors import BadRequest
from spadework.studio.jobs import DIG, DONE, FAILED, RUNNING, WAITING, Jobs
from spadework.studio.workspace import STOPPED, Workspace
from spadework.workbench.recipe import make
from spadework.workbench.run import Run
from spadework.workbench.storage import lock

PATIENCE = 120.0


@pytest.fixture
def log(tmp_path):
    users, items, times = random_rows(1)[:3]
    path = tmp_path / "orders.csv"
    pl.DataFrame({"customer": users, "product": items, "at": times}).write_csv(path)
    return path


@pytest.fixture
def jobs(tmp_path):
    made = Jobs(Workspace(tmp_path / "runs"))
    made.start()
    yield made
    made.close()


def until(condition, what: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} took longer than {PATIENCE} s")


def settled(jobs, job):
    until(lambda: jobs.state(job) in (DONE, FAILED), job.name)
    return jobs.find(job.name)


def test_a_look_tells_account_and_findings(jobs, log):
    job = settled(jobs, jobs.look(make({"source": str(log)})))
    assert jobs.state(job) == DONE, job.error
    found = job.result
    assert found["complete"] is True
    assert found["data"]["columns"] == {"user": "customer", "item": "product", "time": "at"}
    rows = found["data"]["rows"]
    assert rows["read"] == rows["used"] + sum(rows["set_aside"].values())
    assert len(found["rows"]) == 8
    assert isinstance(found["findings"], list)


def test_what_is_no_log_is_said_in_the_readers_words(jobs, tmp_path):
    path = tmp_path / "letter.csv"
    path.write_text("Dear all,\nthere is nothing here.\n")
    job = settled(jobs, jobs.look(make({"source": str(path)})))
    assert jobs.state(job) == FAILED
    assert job.error["message"]
    assert job.error["hint"]
    job = settled(jobs, jobs.look(make({"source": str(tmp_path / "absent.csv")})))
    assert "absent.csv" in job.error["message"]


def test_digs_run_one_after_the_other_and_end_as_on_the_command_line(jobs, log):
    recipe = make({"source": str(log), "models": ["popular", "cosine"], "budget": "30s"})
    first, second = jobs.dig(recipe), jobs.dig(make({**recipe.model_dump(), "seed": 1}))
    assert first.run != second.run
    assert jobs.state(second) == WAITING
    settled(jobs, first)
    settled(jobs, second)
    for job in (first, second):
        run = Run(jobs.workspace.root / job.run)
        assert run.complete, (job.folder / "output.txt").read_text()
        assert run.winner


def test_a_waiting_dig_is_taken_away(tmp_path, log):
    jobs = Jobs(Workspace(tmp_path / "runs"))  # nobody attends to them
    recipe = make({"source": str(log), "models": ["popular"], "budget": "30s"})
    job = jobs.dig(recipe)
    waiting = jobs.dig(make({**recipe.model_dump(), "seed": 1}))
    assert jobs.state(waiting) == WAITING
    jobs.cancel(waiting)
    assert [each.name for each in jobs.all(DIG)] == [job.name]
    settled(jobs, job)


def test_a_dig_that_is_killed_goes_on_from_another_start_of_the_studio(jobs, log):
    recipe = make({"source": str(log), "budget": "60s"})
    job = jobs.dig(recipe)
    folder = jobs.workspace.root / job.run
    until(lambda: any(folder.glob("trials/*.json")), "a trial")
    again = Jobs(Workspace(jobs.workspace.root))  # the studio was killed and started again
    assert again.state(again.find(job.name)) == RUNNING
    with pytest.raises(BadRequest, match="at work already"):
        again.again(job.run)
    os.kill(lock.holder(folder), signal.SIGKILL)
    until(lambda: lock.holder(folder) is None, "the kill")
    assert again.workspace.summary(job.run).state == STOPPED
    later = again.again(job.run)
    until(lambda: lock.holder(folder) is not None, "going on")
    again.finish(job.run)
    settled(again, later)
    run = Run(folder)
    assert run.complete
    assert run.board["budget"]["ended"] == "asked"
    with pytest.raises(BadRequest, match="is finished"):
        again.again(job.run)
    again.stop(job.run)  # it has just ended
    again.finish(job.run)
    assert not (folder / "finish").exists()


def test_a_stopped_dig_keeps_what_is_finished(jobs, log):
    job = jobs.dig(make({"source": str(log), "budget": "60s"}))
    folder = jobs.workspace.root / job.run
    until(lambda: any(folder.glob("trials/*.json")), "a trial")
    jobs.stop(job.run)
    until(lambda: lock.holder(folder) is None, "the stop")
    assert jobs.workspace.summary(job.run).state == STOPPED
    assert Run(folder).scores
    until(lambda: jobs.state(job) != RUNNING, "the end of its process")
    with pytest.raises(BadRequest, match="No process"):
        jobs.finish(job.run)


def test_damaged_files_of_jobs_stop_no_other(jobs, log):
    folder = jobs.folder / "dig-odd"
    folder.mkdir(parents=True)
    for text in ('{"kind": "dig", "made": "x", "run": 3}', "[1]", "{", ""):
        (folder / "job.json").write_text(text)
        job = jobs.dig(make({"source": str(log), "models": ["popular"], "budget": "20s"}))
        (folder / "job.json").unlink()
        settled(jobs, job)
        assert Run(jobs.workspace.root / job.run).complete


def test_a_dig_that_was_killed_at_its_start_has_failed(jobs, log, monkeypatch):
    monkeypatch.setattr("spadework.studio.jobs.STARTING", 0.0)
    monkeypatch.setattr(jobs, "start_waiting", lambda: None)
    job = jobs.dig(make({"source": str(log), "models": ["popular"]}))
    assert jobs.state(job) == WAITING
    (job.folder / "output.txt").touch()
    assert jobs.state(job) == FAILED


def test_names_of_jobs_are_no_paths(jobs):
    for name in ("..", "../jobs", "a/b", "", "x" * 500, "job.json"):
        with pytest.raises(BadRequest):
            jobs.find(name)
