"""What the commands print: the JSON that scripts rely on, files that are written, and text for
users.
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
    document = json.loads(call(capsys, *arguments, "--json").out)
    assert set(document) >= {"run", "scores", "winner", "findings"}
    assert document["run"] == str(order_run)
    assert document["complete"] is True
    assert document["scores"] == json.loads((order_run / "scores.json").read_text())["scores"]
    for entry in document["scores"]:
        assert set(entry) >= PROMISED
        assert entry["state"] == "done"
        assert entry["metrics"]["ndcg@10"] == pytest.approx(sum(entry["interval"]) / 2, abs=0.05)
    assert document["winner"] == "forward(history=0.2)"


def test_look_json_adds_up_and_keeps_the_columns_own_names(tmp_path, capsys):
    path = tmp_path / "orders.csv"
    path.write_text(
        "CustomerID,StockCode,InvoiceDate\na,x,2024-01-01\na,y,2024-01-02\n,z,2024-01-02\nb,x,2024-01-03\n"
    )
    document = json.loads(call(capsys, "look", path, "--json").out)
    assert document["columns"] == {"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate"}
    rows = document["rows"]
    assert rows["read"] == 4
    assert rows["read"] == rows["used"] + sum(rows["set_aside"].values())
    assert rows["used"] == 3
    for finding in document["findings"]:
        assert set(finding) == {field.name for field in fields(Finding)}


def test_look_is_strict_when_asked(tmp_path, capsys):
    path = tmp_path / "one.csv"
    path.write_text("user,item,time\na,x,2024-01-01\na,y,2024-01-02\n")
    assert call(capsys, "look", path).code == 0
    output = call(capsys, "look", path, "--strict")
    assert output.code == 1
    assert "INT-9" in output.out
    assert call(capsys, "look", "world:order", "--strict").code == 0


def test_recommend_writes_what_the_library_answers(order_run, tmp_path, capsys):
    expected = Run(order_run).model().recommend(sw.world("order").log, 4, repeats="allow").frame()
    for name, read in (
        ("a.parquet", pl.read_parquet),
        ("a.csv", pl.read_csv),
        ("a.jsonl", pl.read_ndjson),
    ):
        output = call(capsys, "recommend", order_run, "-k", "4", "--out", tmp_path / name)
        assert (output.code, output.out) == (0, "")
        assert f"{len(expected):,} rows for 400 users in" in output.err
        found = read(tmp_path / name)
        assert (
            found.select("user_id", "item_id", "rank").rows()
            == expected.select("user_id", "item_id", "rank").rows()
        )
        assert found["score"].to_list() == pytest.approx(expected["score"].to_list(), rel=1e-6)


def test_recommend_to_users_of_another_log(order_run, tmp_path, capsys):
    path = tmp_path / "new.csv"
    path.write_text("user,item,time\nme,i0007,2024-01-01\nme,i0008,2024-01-02\n")
    document = json.loads(
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
    assert [row["user_id"] for row in document] == ["me", "me"]
    assert document[0]["item_id"] == "i0009"
    assert [row["rank"] for row in document] == [1, 2]


def test_users_without_a_list_are_counted(order_run, tmp_path, capsys):
    path = tmp_path / "strangers.csv"
    path.write_text(
        "user,item,time\nme,i0007,2024-06-01\nnew,never-heard-of,2024-06-01\n", encoding="utf-8"
    )
    output = call(capsys, "recommend", order_run, "--histories", path, "--repeats", "only")
    assert output.code == 0
    assert "Without a list: 1 of 2 users." in output.err
    assert "that are not in the log that the model learned from: 1 of 2" in output.err
    assert "'never-heard-of'" in output.err


def test_a_way_to_judge_is_no_way_to_recommend(order_run, capsys):
    output = call(capsys, "recommend", order_run, "--repeats", "novel")
    assert output.code == 2
    assert "For lists of new items choose forbid." in output.err


def test_a_model_alone_answers_histories(order_run, tmp_path, capsys):
    path = tmp_path / "new.csv"
    path.write_text("user,item,time\nme,i0007,2024-01-01\nme,i0008,2024-01-02\n")
    output = call(
        capsys, "recommend", Run(order_run).artifact, "--histories", path, "-k", "1", "--json"
    )
    assert json.loads(output.out)[0]["item_id"] == "i0009"


def test_similar_items_on_a_ring_are_the_next_ones(order_run, capsys):
    document = json.loads(
        call(capsys, "similar", order_run, "i0003", "i0010", "-k", "1", "--json").out
    )
    assert [(row["target_item_id"], row["item_id"]) for row in document] == [
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
        "which models are on the front depends on milliseconds, but it is never empty"
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
def test_every_name_can_be_explained(name, capsys):
    output = call(capsys, "explain", name)
    assert output.code == 0
    assert len(output.out.split()) > 5


def test_an_unknown_name_gets_five_near_ones_in_any_case(capsys):
    output = call(capsys, "explain", "POP-9")
    assert output.code == 2
    near = output.sentences[1].partition("Near names: ")[2].removesuffix(".").split(", ")
    assert len(near) == 5
    assert {"POP-1", "POP-2", "POP-3", "POP-4"} <= set(near)


def test_the_doctor_tells_processors_memory_and_versions(capsys):
    document = json.loads(call(capsys, "doctor", "--json").out)
    assert document["machine"]["processors"] >= 1
    assert all(version != "missing" for version in document["versions"].values())


def test_keys_of_the_recipe_are_options_too(tmp_path, capsys):
    path = tmp_path / "odd.csv"
    path.write_text("who,what,n\na,x,1\na,y,2\nb,x,1\n")
    document = json.loads(
        call(capsys, "look", path, "--user", "who", "--item=what", "--time", "-", "--json").out
    )
    assert document["columns"] == {"user": "who", "item": "what"} | (
        {"weight": "n"} if "weight" in document["columns"] else {}
    )
