"""What somebody sees of work that takes long, with and without a terminal."""

from __future__ import annotations

from spadework import events
from spadework.apps.terminal import Progress, progress


def test_a_file_that_catches_stderr_is_told_now_and_then_that_work_goes_on(capsys, monkeypatch):
    with progress():
        events.step("fit transformer: epoch 1", 3, 9)
        assert not capsys.readouterr().err, "no line for every step"
        monkeypatch.setattr(Progress, "QUIET", 0.0)
        events.step("fit transformer: epoch 1", 4, 9)
    assert capsys.readouterr().err == "fit transformer: epoch 1 4/9\n"


def test_a_line_that_is_overwritten_makes_room_for_notes(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as shown:
        shown._drawn = 0.0
        events.step("fit", 4, 9)
        events.note("done")
    told = capsys.readouterr().err
    assert told.startswith("fit 4/9\r")
    assert told.endswith("\rdone\n")


def test_details_are_shown_only_to_those_who_ask(capsys):
    for verbose, wanted in ((False, "stage\n"), (True, "one model\nstage\n")):
        with progress(verbose):
            events.detail("one model")
            events.note("stage")
        assert capsys.readouterr().err == wanted
