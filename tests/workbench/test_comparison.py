"""Boards of several runs side by side, paired where they judged the same."""

from __future__ import annotations

import pytest

from spadework.errors import BadRequest
from spadework.workbench.comparison import compare
from spadework.workbench.recipe import make
from spadework.workbench.run import Run, dig


@pytest.fixture(scope="module")
def other_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "other"
    dig("world:order", folder=folder, recipe=make({"models": ["raw"], "budget": "60s"}))
    return folder


def test_a_run_against_itself_differs_by_nothing(order_run):
    board = compare([order_run, order_run])
    assert board["remarks"] == []
    winner = Run(order_run).winner
    assert board["against"] == f"{winner} of {order_run}"
    same = [
        row for row in board["rows"] if row["label"] == winner and row["difference"] is not None
    ]
    assert [row["difference"]["value"] for row in same] == [0.0]


def test_runs_that_judged_the_same_are_paired_user_by_user(order_run, other_run):
    board = compare([order_run, other_run])
    assert board["remarks"] == []
    values = [row["value"] for row in board["rows"]]
    assert values == sorted(values, reverse=True)
    base = next(
        row
        for row in board["rows"]
        if row["run"] == str(order_run) and row["label"] == Run(order_run).winner
    )
    raw = next(row for row in board["rows"] if row["label"].startswith("raw"))
    assert raw["difference"]["value"] == pytest.approx(raw["value"] - base["value"], abs=1e-6)
    assert (
        raw["difference"]["interval"][0]
        <= raw["difference"]["value"]
        <= raw["difference"]["interval"][1]
    )


def test_other_data_are_not_compared(order_run, tmp_path):
    dig(
        "world:noise",
        folder=tmp_path / "noise",
        recipe=make({"models": ["popular"], "budget": "60s"}),
    )
    board = compare([order_run, tmp_path / "noise"])
    assert board["remarks"] == [
        (
            f"{tmp_path / 'noise'} judged other data or another protocol, so its numbers cannot "
            "be compared with the others."
        )
    ]
    assert all(
        row["difference"] is None for row in board["rows"] if row["run"] == str(tmp_path / "noise")
    )


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(BadRequest, match=r"There is no scores\.json in "):
        compare([tmp_path, tmp_path])
