"""The progress that is shown during long work, with and without a terminal."""

from __future__ import annotations

import time

import pytest

from spadework import events, formatting
from spadework.apps.terminal import Progress, progress
from spadework.errors import OutOfTime


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys, monkeypatch):
    with progress():
        events.step("fit transformer: epoch 1", 3, 9)
        assert not capsys.readouterr().err, "no line for every step"
        monkeypatch.setattr(Progress, "QUIET", 0.0)
        events.step("fit transformer: epoch 1", 4, 9)
    assert capsys.readouterr().err == "0:00  fit transformer: epoch 1 4/9\n"


def test_a_line_that_is_overwritten_makes_room_for_notes(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as reporter:
        reporter._drawn = 0.0
        events.step("fit", 4, 9)
        events.note("done")
    printed = capsys.readouterr().err
    assert printed.startswith("0:00  fit 4/9\r")
    assert printed.endswith("\rdone\n")


def test_details_are_shown_only_if_verbose(capsys):
    for verbose, wanted in ((False, "stage\n"), (True, "one model\nstage\n")):
        with progress(verbose):
            events.detail("one model")
            events.note("stage")
        assert capsys.readouterr().err == wanted


def test_what_has_ended_is_not_shown(capsys, monkeypatch):
    """A loop that was cut short inside a trial is gone when the trial is; what goes on outside
    stays.
    """
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as reporter:
        events.step("families", 3, 9)
        with events.within("ease"):
            events.step("fit ease", 1, 100)
            assert reporter._text() == "0:00  families 3/9  ease  fit ease 1/100"
        assert reporter._text() == "0:00  families 3/9"
        with events.within("cosine"):
            events.step("count", 0, 7)
            events.step("families", 4, 9)
            assert reporter._text() == "0:00  families 4/9", (
                "a step that reports has no other running inside it"
            )
        events.step("families", 9, 9)
        assert reporter._text() == "0:00"
    capsys.readouterr()


def test_the_clock_counts_the_budget_and_what_is_left_of_a_step(capsys, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("spadework.apps.terminal.time.monotonic", lambda: now[0])
    with progress() as reporter:
        events.step("budget", 30, 480)
        events.step("fit", 10, 110)
        now[0] += 2
        events.step("fit", 20, 110)
        assert reporter._text() == "0:32 of 8:00  fit 20/110", "two seconds do not tell a pace"
        now[0] += 8
        events.step("fit", 60, 110)
        assert reporter._text() == "0:40 of 8:00  fit 60/110, about 10 s left"
        events.step("fit", 5, 110)
        assert reporter._text() == "0:40 of 8:00  fit 5/110", "it began anew"
        now[0] += 7200
        assert reporter._text().startswith("2:00:40 of 8:00")
    capsys.readouterr()


def test_the_line_moves_while_no_event_arrives(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as reporter:
        events.step("fit", 4, 9)
        reporter._begun -= 61
        capsys.readouterr()
        printed = ""
        until = time.monotonic() + 10
        while "1:0" not in printed and time.monotonic() < until:
            time.sleep(0.05)
            printed += capsys.readouterr().err
    assert "1:0" in printed


def test_what_was_refused_at_its_start_is_not_shown(capsys):
    class Late:
        def step(self, label, done, total):
            raise OutOfTime("over", "")

        def note(self, message):
            pass

    with progress() as reporter:
        with events.listening(Late()), pytest.raises(OutOfTime), events.within("ease"):
            raise AssertionError("it never began")
        assert reporter._text() == "0:00"
    capsys.readouterr()


def test_labels_side_by_side_stay_apart():
    one, two = (
        f'blend(parts="cosine(shrink={shrink}) + forward(history=0.3, max_distance=12) + vmis-knn")'
        for shrink in (1, 2)
    )
    short = 'blend(parts="cosine + forward + vmis-knn")'
    assert formatting.label(one) == formatting.label(two) == short
    assert formatting.labels([one, "ease"]) == {one: short, "ease": "ease"}
    assert formatting.labels([one, two]) == {one: one, two: two}
    assert (
        formatting.with_labels(f"{one} is taken, not {two}.", [one, two])
        == f"{one} is taken, not {two}."
    )
    assert formatting.with_labels(f"{one} is taken.", [one, two]) == f"{short} is taken."
