"""Timestamps as users write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import spadework as sw
from makers import START, make_log
from spadework.errors import BadRequest
from spadework.timestamps import timestamp


@pytest.mark.parametrize(
    "given",
    [
        START, float(START), date(2024, 1, 1), datetime(2024, 1, 1),
        datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01", " 2024-01-01T00:00:00Z ",
        datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2024-01-01T02:00:00+02:00",
    ],
)  # fmt: skip
def test_one_time_written_in_many_ways(given):
    assert timestamp(given) == START


def test_no_time_stays_none():
    assert timestamp(None) is None


@pytest.mark.parametrize(
    "given", ["next week", "", True, float("nan"), float("inf"), -1, START * 1000, 1e300, [START]]
)
def test_what_is_no_time_is_refused(given):
    with pytest.raises(BadRequest, match="The time"):
        make_log(["u"], ["a"], [START]).as_of(given)


def test_models_answer_as_of_the_given_time():
    log = make_log(["u", "u"], ["a", "b"], [START, START + 86_400])
    fitted = sw.model("personal(clock=time, half_life=1d, popularity=0)").fit(log)
    scores = [
        fitted.recommend(log.as_of(when), 1, fill=False).scores[0, 0]
        for when in ("2024-01-02", date(2024, 1, 3))
    ]
    assert scores == pytest.approx([1.0, 0.5])
