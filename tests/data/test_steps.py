"""Times that count steps of one length from a known start."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from served_run import served_run
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Undecided
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run

START = 1_767_225_600  # 2026-01-01
FROM = "step:5s from 2026-01-01"


def log_of(steps: object, time: str | None = FROM) -> Interactions:
    count = len(pl.Series(steps))  # type: ignore[arg-type]
    frame = pl.DataFrame(
        {"user": [1] * count, "item": range(count), "step": pl.Series(steps)}  # type: ignore[arg-type]
    )
    return read_interactions(frame, time=time)


def times_of(log: Interactions) -> list[int]:
    assert log.times is not None
    return log.times.tolist()


@pytest.mark.parametrize(
    ("steps", "time", "seconds"),
    [
        ([0, 1, 100], FROM, [0, 5, 500]),
        (["0", " 1 ", "100"], FROM, [0, 5, 500]),
        ([0.0, 0.5, 2.0], FROM, [0, 2, 10]),
        (pl.Series([0, 3], dtype=pl.UInt8), "step:1h from 2026-01-01 12:00", [43_200, 54_000]),
        ([1, 2], "step:250ms from 2026-01-01T00:00:00+01:00", [-3_600, -3_600]),
        ([0, 31], "step:1 day from 1767225600", [0, 31 * 86_400]),
    ],
    ids=["numbers", "texts", "parts of a step", "hours", "milliseconds and a zone", "epoch"],
)
def test_steps_are_times(steps: object, time: str, seconds: list[int]) -> None:
    log = log_of(steps, time)
    assert times_of(log) == [START + at for at in seconds]
    assert log.account is not None
    assert log.account.columns["time"] == time


def test_the_order_within_a_second_is_kept() -> None:
    log = log_of([3, 1, 2, 0], "step:100ms from 2026-01-01")
    assert log.frame()["item_id"].to_list() == [3, 1, 2, 0]


def test_what_is_no_step_is_set_aside_and_the_span_is_told() -> None:
    log = log_of(["0", "1", "x", "-1", None, "2", "99999999999999"])
    account = log.account
    assert account is not None
    assert account.set_aside == {
        "time not readable": 1, "time missing": 1, "step below zero": 1, "time in the future": 1,
    }  # fmt: skip
    assert any(
        remark.startswith("Times in 'step' count steps (5s from 2026-01-01): 0 is 2026-01-01 00:")
        for remark in account.remarks
    )
    assert times_of(log) == [START, START + 5, START + 10]
    large = log_of(["4724930", "4724931"]).account
    assert large is not None
    assert "4,724,930 is 2026-10-01" in " ".join(large.remarks)


@pytest.mark.parametrize(
    ("time", "said", "hint"),
    [
        ("step:5s", "Steps of 5s need the time of step 0", "--time 'step:5s from 2026-01-01'"),
        ("step:5 from 2026-01-01", "The length of a step '5' cannot be understood", "7d"),
        ("step:5s from spring", "The time 'spring' cannot be understood", "2026-03-01"),
        ("user+item:5s from 2026-01-01", "cannot be read as", "position"),
    ],
)
def test_what_is_missing_is_said(time: str, said: str, hint: str) -> None:
    with pytest.raises(BadRequest) as caught:
        log_of([0, 1], time)
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_dates_are_no_steps() -> None:
    for values in (["2026-01-01", "2026-01-02"], pl.Series([1, 2]).cast(pl.Date)):
        with pytest.raises(BadData, match="step"):
            log_of(values)


def test_where_times_look_like_steps_the_option_is_proposed() -> None:
    account = log_of([0, 1, 2], "step").account
    assert account is not None
    assert any("--time 'step:5s from 2026-01-01'" in remark for remark in account.remarks)
    with pytest.raises(Undecided) as asked:
        log_of([at * 1_000_000 for at in range(1, 900)], "step")
    assert "--time 'step:1ms from 2026-01-01' for steps from a start" in asked.value.hint
    with pytest.raises(BadData) as caught:
        log_of([0.5, 1.5], "step")
    assert "--time 'step:5s from 2026-01-01' counts steps" in caught.value.hint


def test_a_run_reads_its_steps_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"u{at % 3},i{at % 4},{at}\n" for at in range(24)]
    path.write_text("user,item,step\n" + "".join(rows))
    run = Run(served_run(tmp_path / "run", {"source": str(path), "time": FROM}, "popular"))
    assert run.data["columns"]["time"] == FROM
    assert histories_of(run, str(path)).fingerprint == run.data["fingerprint"]["log"]
