"""What the commands answer: the JSON that scripts rely on, files that are written, and words for
people.
"""

from __future__ import annotations

import json
from dataclasses import fields

import polars as pl
import pytest

import spadework as sw
from command_line import call
from spadework.diagnosis.finding import Finding
from spadework.workbench.run import Run

PROMISED = {"model", "params", "metrics", "interval", "fit_seconds", "state", "reason"}


def test_dig_json_is_what_scripts_rely_on(order_run, capsys):
    arguments = [
        "dig",
        "world:order",
        "--run",
        order_run,
        "--set",
        "models=popular,cosine,forward",
        "--budget",
        "180s",
    ]
    told = json.loads(call(capsys, *arguments, "--json").out)
    assert set(told) >= {"run", "scores", "winner", "findings"}
    assert told["run"] == str(order_run)
    assert told["complete"] is True
    assert told["scores"] == json.loads((order_run / "scores.json").read_text())["scores"]
    for entry in told["scores"]:
        assert set(entry) >= PROMISED
        assert entry["state"] == "done"
        assert entry["metrics"]["ndcg@10"] == pytest.approx(sum(entry["interval"]) / 2, abs=0.05)
    assert told["winner"] == "forward(history=0.2)"


def test_look_json_adds_up_and_keeps_the_columns_own_names(tmp_path, capsys):
    path = tmp_path / "orders.csv"
    path.write_text(
        "CustomerID,StockCode,InvoiceDate\na,x,2024-01-01\na,y,2024-01-02\n,z,2024-01-02\nb,x,2024-01-03\n"
    )
    told = json.loads(call(capsys, "look", path, "--json").out)
    assert told["columns"] == {"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate"}
    rows = told["rows"]
    assert rows["read"] == 4
    assert rows["read"] == rows["used"] + sum(rows["set_aside"].values())
    assert rows["used"] == 3
    for finding in told["findings"]:
        assert set(finding) == {field.name for field in fields(Finding)}


def test_look_is_strict_when_asked(tmp_path, capsys):
    path = tmp_path / "one.csv"
    path.write_text("user,item,time\na,x,2024-01-01\na,y,2024-01-02\n")
    assert call(capsys, "look", path).code == 0
    said = call(capsys, "look", path, "--strict")
    assert said.code == 1
    assert "INT-9" in said.out
    assert call(capsys, "look", "world:order", "--strict").code == 0


def test_recommend_writes_what_the_library_answers(order_run, tmp_path, capsys):
    expected = Run(order_run).model().recommend(sw.world("order").log, 4, repeats="allow").frame()
    for name, read in (
        ("a.parquet", pl.read_parquet),
        ("a.csv", pl.read_csv),
        ("a.jsonl", pl.read_ndjson),
    ):
        said = call(capsys, "recommend", order_run, "-k", "4", "--out", tmp_path / name)
        assert (said.code, said.out) == (0, "")
        assert f"{len(expected):,} rows for 400 users in" in said.err
        found = read(tmp_path / name)
        assert (
            found.select("user_id", "item_id", "rank").rows()
            == expected.select("user_id", "item_id", "rank").rows()
        )
        assert found["score"].to_list() == pytest.approx(expected["score"].to_list(), rel=1e-6)


def test_recommend_to_other_people(order_run, tmp_path, capsys):
    path = tmp_path / "new.csv"
    path.write_text("user,item,time\nme,i0007,2024-01-01\nme,i0008,2024-01-02\n")
    told = json.loads(
        call(
            capsys,
            "recommend",
            order_run,
            "--histories",
            path,
            "-k",
            "2",
            "--repeats",
            "forbid",
            "--json",
        ).out
    )
    assert [row["user_id"] for row in told] == ["me", "me"]
    assert told[0]["item_id"] == "i0009"
    assert [row["rank"] for row in told] == [1, 2]


def test_users_without_a_list_are_told(order_run, tmp_path, capsys):
    path = tmp_path / "strangers.csv"
    path.write_text("user,item,time\nnew,never-heard-of,2024-06-01\n", encoding="utf-8")
    said = call(capsys, "recommend", order_run, "--histories", path, "--repeats", "only")
    assert said.code == 0
    assert "1 of 1 users have no list" in said.err


def test_a_way_to_judge_is_no_way_to_recommend(order_run, capsys):
    said = call(capsys, "recommend", order_run, "--repeats", "novel")
    assert said.code == 2
    assert "For lists of new items choose forbid." in said.err


def test_a_model_alone_answers_histories(order_run, tmp_path, capsys):
    path = tmp_path / "new.csv"
    path.write_text("user,item,time\nme,i0007,2024-01-01\nme,i0008,2024-01-02\n")
    said = call(
        capsys, "recommend", Run(order_run).artifact, "--histories", path, "-k", "1", "--json"
    )
    assert json.loads(said.out)[0]["item_id"] == "i0009"


def test_similar_items_on_a_ring_are_the_next_ones(order_run, capsys):
    told = json.loads(call(capsys, "similar", order_run, "i0003", "i0010", "-k", "1", "--json").out)
    assert [(row["target_item_id"], row["item_id"]) for row in told] == [
        ("i0003", "i0004"),
        ("i0010", "i0011"),
    ]


def test_a_report_is_rendered_in_every_form(order_run, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert call(capsys, "report", order_run, "--out", out).out.strip() == str(out)
    assert "<html" in out.read_text()
    assert call(capsys, "report", order_run, "--form", "markdown").out.startswith("# ")
    assert json.loads(call(capsys, "report", order_run, "--form", "json").out)


def test_compare_shows_every_model_and_the_front_only_when_asked(order_run, capsys):
    whole, front = (
        call(capsys, "compare", order_run).out,
        call(capsys, "compare", order_run, "--pareto").out,
    )
    for label in ("popular", "random", "forward(history=0.2)"):
        assert label in whole
    assert front.splitlines()[0] == whole.splitlines()[0], "the same heading"
    board = json.loads((order_run / "scores.json").read_text())["scores"]
    assert any(row["label"] in front for row in board), (
        "who is on the front is a matter of milliseconds, but somebody always is"
    )
    assert len(front.splitlines()) <= len(whole.splitlines())


@pytest.mark.parametrize(
    "name",
    [
        "COSINE",
        "ndcg@10",
        "INT-8",
        "int-8",
        "pop-1",
        "RepR",
        "forbid",
        "cosine(history=0.7)",
        "by_time",
        "lightgcn",
        "tail items",
        "order",
    ],
)
def test_everything_a_user_meets_can_be_asked_about(name, capsys):
    said = call(capsys, "explain", name)
    assert said.code == 0
    assert len(said.out.split()) > 5


def test_the_doctor_tells_processors_memory_and_versions(capsys):
    told = json.loads(call(capsys, "doctor", "--json").out)
    assert told["machine"]["processors"] >= 1
    assert all(version != "missing" for version in told["versions"].values())


def test_keys_of_the_recipe_are_options_too(tmp_path, capsys):
    path = tmp_path / "odd.csv"
    path.write_text("who,what,n\na,x,1\na,y,2\nb,x,1\n")
    told = json.loads(
        call(capsys, "look", path, "--user", "who", "--item=what", "--time", "-", "--json").out
    )
    assert told["columns"] == {"user": "who", "item": "what"} | (
        {"weight": "n"} if "weight" in told["columns"] else {}
    )
