"""A finished run with a damaged file: every command answers or says which file it is and what to
do, and what it says leads out.

`bench/damage_runs.py` damages every file in every way; here some of them.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys

import pytest

import spadework as sw
from command_line import call
from makers import ROOT
from spadework.errors import BadRequest
from spadework.workbench.recipe import make
from spadework.workbench.run import dig
from spadework.workbench.storage import run_files

SPEC = importlib.util.spec_from_file_location("damage_runs", ROOT / "bench" / "damage_runs.py")
damage_runs = importlib.util.module_from_spec(SPEC)
sys.modules["damage_runs"] = damage_runs
SPEC.loader.exec_module(damage_runs)

QUICK = [command for command in damage_runs.COMMANDS if command[0] not in ("train", "dig")]
EACH = 89


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small finished run."""
    folder = tmp_path_factory.mktemp("runs") / "order"
    recipe = make({"models": ["popular", "cosine"], "budget": "60s"})
    return dig("world:order", folder=folder, recipe=recipe).folder


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True], ids=["finished", "without a manifest"])
def test_no_command_ends_in_a_traceback(stopped, run, tmp_path):
    asked = 0
    for name, what, command, kind, said in damage_runs.outcomes(
        run, tmp_path, QUICK, stopped=stopped, keep=lambda number: number % EACH == 0
    ):
        asked += 1
        assert kind != "traceback", f"{name} {what}: {command}: {said}"
        if kind == "sentence" and not stopped:
            assert name.split("/")[-1] in said or "models" in said, f"{name} {what}: {said}"
    assert asked > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scores.json", "recipe.json", "models"])
def test_the_advice_leads_out(name, run, tmp_path, capsys):
    """No command says that another is to be given which then says that there is nothing to do."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    if name == "models":
        shutil.rmtree(copy / name)
    else:
        (copy / name).write_text((copy / name).read_text()[:-30] + "\n")
    refused = call(capsys, "recommend", copy, "--user", "u0003")
    assert refused.code == 2, "no half answer"
    assert name.removesuffix("s") in refused.err
    force = ["--force"] if name == "recipe.json" else []
    again = ["dig", "world:order", "--run", copy, "--models", "popular,cosine", "--budget", "60s"]
    assert call(capsys, *again, *force).code == 0
    output = call(capsys, "recommend", copy, "--user", "u0003", "--json")
    assert output.code == 0, output.err
    assert len(json.loads(output.out)) == 10


@pytest.mark.slow
def test_a_changed_file_of_a_finished_run_is_refused_by_its_digest(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    board = json.loads((copy / "scores.json").read_text())
    board["protocol"]["repeats"] = "allow" if board["protocol"]["repeats"] != "allow" else "forbid"
    (copy / "scores.json").write_text(json.dumps(board))
    with pytest.raises(BadRequest) as caught:
        assert sw.Run(copy).board
    assert caught.value.message == f"{copy / 'scores.json'} is not the file that was saved."
    assert "spadework dig" in caught.value.hint
    # a training writes file by file, and seals them at its end
    (copy / run_files.UNFINISHED).mkdir()
    assert sw.Run(copy).board == board


@pytest.mark.slow
def test_lists_never_replace_what_they_are_made_of(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"u{at % 7},i{at % 5},{1_700_000_000 + 3600 * at}\n" for at in range(60))
    (tmp_path / "log.csv").write_text(f"user,item,time\n{rows}")
    model = next(path.parent for path in (run / "models").glob("*/model.json"))
    inputs = ["log.csv", "./log.csv", tmp_path / "log.csv"]
    for out in inputs:
        output = call(capsys, "recommend", run, "--histories", "log.csv", "--out", out, "--force")
        assert output.code == 2
        assert "which is read here" in output.err
    for where in (run, model):
        out = model / "items.parquet"
        output = call(capsys, "recommend", where, "--histories", "log.csv", "--out", out, "--force")
        assert output.code == 2, "a file of the run or of the model"
    assert (tmp_path / "log.csv").read_text() == f"user,item,time\n{rows}"
    fresh = call(capsys, "recommend", run, "--user", "u0003", "--out", "lists.csv")
    assert fresh.code == 0, fresh.err
