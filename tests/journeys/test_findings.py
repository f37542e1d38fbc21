"""The findings on logs that lack something: the report has a reason for each question that cannot
be asked, and the others are answered.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import DAY, START, make_log
from spadework.diagnosis.ingredients import read_recipe
from spadework.diagnosis.probe import all_probes
from spadework.errors import SpadeworkError
from spadework.workbench.recipe import make

FEW = make({"models": ["popular", "cosine", "personal"], "budget": "180s", "faces": 0})


def made(users=300, events=12, items=40, days=60.0, seed=0):
    """Even users have even items, odd users odd items, at random times within so many days."""
    rng = np.random.default_rng(seed)
    rows = [
        (u, 2 * int(i) + u % 2) for u in range(users) for i in rng.permutation(items // 2)[:events]
    ]
    times = (
        START
        + np.sort(rng.uniform(0, days * DAY, (users, events)), axis=1).astype(np.int64).ravel()
    )
    return [f"u{u:03d}" for u, _ in rows], [f"i{i:03d}" for _, i in rows], times.tolist()


def without_times():
    users, items, _ = made()
    return make_log(users, items)


def one_event_each():
    users, items, times = made()
    return make_log([f"{user}-{n}" for n, user in enumerate(users)], items, times)


def one_item():
    users, _, times = made()
    return make_log(users, ["only"] * len(users), times)


def one_day():
    return make_log(*made(days=0.9))


def at_one_time():
    users, items, _ = made()
    return make_log(users, items, [START] * len(users))


def few_users():
    return make_log(*made(users=12))


LOGS = {
    "without times": (
        without_times,
        {"TIME-1": "no times", "ORD-1": "no times", "ORD-2": "no times", "CON-1": "no item table"},
        {"POP-1", "POP-3"},
    ),
    "of one day": (
        one_day,
        {"TIME-5": "shorter than four days", "TIME-1": "no longer than the windows"},
        {"POP-1", "ORD-1"},
    ),
    "at one time": (
        at_one_time,
        {"TIME-1": "no longer than the windows", "ORD-2": "the same"},
        {"POP-1"},
    ),
    "of few users": (few_users, {"SIZE-1": "12 users to learn from"}, {"POP-1"}),
}


@pytest.mark.parametrize("make_one", [one_event_each, one_item])
def test_a_log_from_which_nothing_can_be_learned_ends_the_dig(make_one, tmp_path):
    with pytest.raises(SpadeworkError, match="No model is kept"):
        sw.dig(make_one(), folder=tmp_path / "run", recipe=FEW)


@pytest.mark.parametrize("name", LOGS)
def test_questions_without_an_answer_have_a_reason_and_the_rest_are_answered(name, tmp_path):
    make_one, unanswered, answered = LOGS[name]
    run = sw.dig(make_one(), folder=tmp_path / "run", recipe=FEW)
    assert run.complete
    codes = {finding["code"] for finding in run.findings}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    whys = {
        row["what"].removeprefix("probe "): row["why"]
        for row in run.board.get("not_tried", ())
        if row["what"].startswith("probe ")
    }
    for code, why in unanswered.items():
        assert why in whys[code]
        assert whys[code] in page
        assert code not in codes
    assert answered <= codes
    if answered:
        assert codes & set(all_probes()) | set(whys) == set(all_probes()), (
            "every question has an answer or a reason"
        )
        assert "VER-1" in codes
        readiness = json.loads((run.folder / "readiness.json").read_text(encoding="utf-8"))
        assert readiness["predictions"][0]["about"] == "verdict"
        read_recipe((run.folder / "train.toml").read_text(encoding="utf-8"), "train.toml")
    else:
        assert "INT-9" in codes, "a log on which no user can be judged has this finding"
    for finding in run.findings:
        if finding["code"] in all_probes():
            low, high = finding["interval"]
            assert low <= finding["effect"] <= high
            assert "users" in finding["measured"]
            assert ("so the interval is rough" in finding["measured"]) == (name == "of few users")


def test_the_terminal_prints_what_matters_and_counts_the_rest(tmp_path):
    from spadework.apps.boards import findings_text

    run = sw.dig("world:order", folder=tmp_path / "run", recipe=FEW)
    text = findings_text(run.findings)
    assert "strong   ORD-1" in text
    assert "other checks need no action: " in text
    assert text.count("\n") < 40


def test_every_question_explains_itself():
    for code, probe in all_probes().items():
        for part in ("Why it matters:", "ow it is measured:", "When it errs:"):
            assert part in " ".join(probe.doc.split()), f"{code} says {part}"


def test_a_log_with_an_item_table_is_asked_about_content(tmp_path):
    users, items, times = made()
    ids = sorted(set(items))
    table = pl.DataFrame({"item_id": ids, "category": [f"c{int(one[1:]) % 2}" for one in ids]})
    run = sw.dig(make_log(users, items, times), content=table, folder=tmp_path / "run", recipe=FEW)
    whys = {row["what"]: row["why"] for row in run.board["not_tried"]}
    assert "CON-1" in {finding["code"] for finding in run.findings}
    assert "There is no item table." not in whys.values()
