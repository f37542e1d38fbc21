"""The command as a process: streams, exit codes, narrow and dumb terminals, a reader that goes
away.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from command_line import run


def test_results_go_to_stdout_and_progress_to_stderr(tmp_path):
    output = run(
        "dig",
        "world:order",
        "--run",
        tmp_path / "r",
        "--set",
        "models=popular",
        "--budget",
        "30s",
        "--json",
    )
    assert output.code == 0
    assert json.loads(output.out)["complete"] is True
    assert "reading world:order" in output.err
    assert "fitting popular" in output.err
    assert "popular(window=1d): ndcg@10" not in output.err, (
        "a line for each setting is for those who ask"
    )
    assert "\r" not in output.err, "no live line without a terminal"


@pytest.mark.parametrize(
    "env",
    [
        {"COLUMNS": "20"},
        {"TERM": "dumb"},
        {"TERM": "dumb", "COLUMNS": "20", "NO_COLOR": "1"},
        {"LC_ALL": "C"},
    ],
)
def test_any_terminal_gets_readable_text(order_run, env):
    output = run("compare", order_run, env=env)
    assert (output.code, output.err) == (0, "")
    assert "\x1b" not in output.out
    assert "forward(history=0.2)" in output.out
    if "COLUMNS" in env:
        board = output.out.split("\n\n", 1)[1]
        assert "model: forward(history=0.2)" in board, "one line a value where columns do not fit"


def test_a_reader_that_goes_away_ends_it_quietly(order_run):
    command = (
        f"{shlex.quote(sys.executable)} -m spadework recommend {shlex.quote(str(order_run))} "
        "--json | head -n 1"
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[\n"
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
    assert done.returncode in (0, 141)


def test_the_installed_command_is_the_module():
    program = os.path.join(os.path.dirname(sys.executable), "spadework")
    direct = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert direct == run("--version").out


def test_a_bad_request_exits_with_two_and_no_trace(tmp_path):
    output = run("dig", "world:ordre", "--run", tmp_path / "r")
    assert output.code == 2
    assert output.out == ""
    assert output.err.splitlines()[1:] == [
        "There is no world named 'ordre'.",
        "Did you mean 'order'? Known: checkerboard, coarse_clock, comebacks, content, crossed, "
        "errands, habits_in_fashion, hits, kits, noise, "
        "novelties, order, ordered_hits, popularity, refills, repeats, resellers, trend.",
    ]
    again = run(
        "dig", "world:order", "--run", tmp_path / "r", "--set", "models=popular", "--budget", "30s"
    )
    assert again.code == 0, "a folder in which a start failed may be used again"


def test_a_run_lands_in_a_folder_with_the_date_by_itself(tmp_path):
    output = run(
        "dig",
        "world:checkerboard",
        "--set",
        "models=popular",
        "--budget",
        "30s",
        "--json",
        cwd=tmp_path,
    )
    folder = json.loads(output.out)["run"]
    assert folder.startswith("runs")
    assert folder.endswith("-world-checkerboard")
    assert (tmp_path / folder / "report.html").is_file()
