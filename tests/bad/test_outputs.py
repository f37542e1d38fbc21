"""Where results are written: never onto what is read, and never onto what is no file."""

from __future__ import annotations

import os

import pytest

from command_line import call
from served_run import served_run
from spadework.workbench.run import Run

ROWS = "".join(f"u{at % 7},i{at % 5},{1_700_000_000 + 3600 * at}\n" for at in range(60))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of log.csv in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(f"user,item,time\n{ROWS}")
    return served_run(tmp_path / "run", {"source": "log.csv"}, "popular")


@pytest.mark.parametrize("option", ["--histories", "--candidates", "--exclude"])
def test_lists_never_replace_a_file_that_is_read(option, run, tmp_path, capsys):
    given = tmp_path / "given.csv"
    given.write_text(f"user,item,time\n{ROWS}" if option == "--histories" else "i1\ni2\n")
    (tmp_path / "link.csv").symlink_to(given)
    before = given.read_bytes()
    for out in ("given.csv", "./given.csv", "link.csv", given):
        output = call(capsys, "recommend", run, option, "given.csv", "--out", out, "--force")
        assert output.code == 2, out
        assert "which is read here" in output.err
    assert given.read_bytes() == before
    assert (tmp_path / "link.csv").is_symlink()


def test_what_is_no_file_is_never_replaced(run, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "nothing.csv").symlink_to(os.devnull)
    (tmp_path / "folder.csv").mkdir()
    for name, what in (
        ("pipe.csv", "no regular file"),
        ("nothing.csv", "no regular file"),
        ("folder.csv", "a folder"),
    ):
        for command in ("recommend", "report"):
            for force in ([], ["--force"]):
                output = call(capsys, command, run, "--out", name, *force)
                assert output.code == 2
                assert output.sentences == (f"{name} is {what}.", "Name a file.")
    assert (tmp_path / "pipe.csv").is_fifo()
    assert (tmp_path / "nothing.csv").is_symlink()


def test_a_folder_above_may_have_any_name(tmp_path, monkeypatch, capsys):
    """A name that is not UTF-8 stands in no file of a run, so the absolute path is left out."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/d\xff")
    os.mkdir(odd)
    monkeypatch.chdir(odd)
    with open("log.csv", "w", encoding="utf-8") as file:
        file.write(f"user,item,time\n{ROWS}")
    run = served_run(tmp_path / "run", {"source": "log.csv"}, "popular")
    assert Run(run).data["path"] is None
    assert call(capsys, "recommend", run, "--out", "lists.csv").code == 0
    monkeypatch.chdir(tmp_path)
    output = call(capsys, "recommend", run)
    assert output.code == 2
    assert "log.csv" in output.sentences[0]
