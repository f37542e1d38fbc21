"""Values beyond any bound, in recipes, options and spans: a sentence that names the key."""

from __future__ import annotations

import json
import math
import sys

import pytest

import spadework as sw
from command_line import call
from spadework import durations
from spadework.diagnosis.ingredients import read_recipe
from spadework.errors import BadRequest
from spadework.evaluation.metrics import parse
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import from_settings, from_toml

DEEP = "[" * 5000 + "]" * 5000
LONG = "9" * 6000


def refused(values) -> str:
    with pytest.raises(BadRequest) as caught:
        make(values)
    assert caught.value.hint
    assert len(caught.value.message) < 300
    return caught.value.message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.5, 0.0, 1.0, 2, 1e308])
@pytest.mark.parametrize("key", ["test", "valid"])
def test_a_share_that_is_none(key, value):
    assert refused({key: value}) == (
        f"The {key} span is {float(value)!r}, which is no share of the rows."
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("memory", value) for value in (math.inf, math.nan, -1.0, 0.0, 1e300)),
        *(("threads", value) for value in (0, -1, 10**9)),
        *(("seed", value) for value in (2**63, 10**400, -1)),
        *(("faces", value) for value in (51, 10**30)),
        ("seed", int("9" * 4000)),
        ("version", int("9" * 4000)),
        ("budget", 5),
        ("with_ids", 1),
    ],
    ids=lambda value: repr(value)[:20] if len(repr(value)) < 300 else "long",
)
def test_a_number_out_of_range_names_its_key(key, value):
    assert f"has {key}" in refused({key: value})


@pytest.mark.parametrize("key", ["seed", "metrics", "source", "test", "memory"])
def test_what_is_nested_without_end_names_its_key(key):
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert f"has {key} = " in refused({key: deep})


@pytest.mark.parametrize("key", ["encoding", "items_encoding"])
@pytest.mark.parametrize("name", ["hex", "rot13", "base64", "zip", "nope", "", "undefined", "a\0b"])
def test_an_encoding_that_is_none_of_text(key, name):
    assert refused({key: name}) == f"The {key} is {name!r}, which is no encoding of text."
    assert make({key: "cp1252"})


def test_a_name_that_is_not_utf8():
    assert refused({"source": "caf\udce9.csv"}) == "The source 'caf\\udce9.csv' is not UTF-8."
    assert refused({"events": ["a", "\udcff"]}) == "The events '\\udcff' is not UTF-8."


@pytest.mark.parametrize(
    "text",
    [f"seed = {DEEP}", f"seed = {LONG}", f"seed = {{a = {DEEP}}}", "a." * 5000 + "b = 1"],
    ids=len,
)
def test_toml_without_end_is_no_traceback(text, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(text)
    with pytest.raises(BadRequest) as caught:
        make(from_toml(path), "The recipe")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_a_recipe_in_another_encoding(encoding, tmp_path):
    path = tmp_path / "job.toml"
    path.write_bytes('user = "é"'.encode(encoding))
    with pytest.raises(BadRequest, match="is not TOML"):
        from_toml(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadRequest, match="cannot be read: it is a folder"):
        from_toml(path)


@pytest.mark.parametrize("text", [f"logq = {DEEP}", f"max_length = {LONG}", "= 1"], ids=len)
def test_a_training_recipe_without_end(text):
    with pytest.raises(BadRequest, match="is not TOML"):
        read_recipe(text, "train.toml")


@pytest.mark.parametrize("text", [DEEP, LONG, f"-{LONG}", "nan", "inf"], ids=len)
def test_a_setting_without_end(text):
    message = refused(from_settings([f"seed={text}"]))
    assert "has seed = " in message


@pytest.mark.parametrize("k", ["0", "00", "10000000000000000000", LONG, "10001"], ids=len)
def test_a_metric_of_lists_that_nobody_sees(k):
    with pytest.raises(BadRequest, match="The metric 'ndcg@"):
        parse(f"ndcg@{k}")
    assert parse("ndcg@10000").k == 10_000


# ---- spans of time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("500 MS", 0.5), ("1s500ms", 1.5), ("2 mins", 120), ("3 hours", 10_800)],
)
def test_milliseconds_are_no_minutes(text, seconds):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["1M", "1h 2M", "12 M"])
def test_a_capital_m_may_be_a_month(text):
    with pytest.raises(BadRequest) as caught:
        durations.seconds(text, "budget")
    assert caught.value.message == f"The budget {text!r} may mean minutes or months."
    assert "30d" in caught.value.hint


@pytest.mark.parametrize("text", ["9" * 400 + "d", "99999999999999w"], ids=len)
def test_a_span_longer_than_any_log(text):
    with pytest.raises(BadRequest, match="is longer than any log"):
        durations.seconds(text)


@pytest.mark.parametrize("text", ["5us", "5ns", "5y", "5mo", "5ss", "1e9s", "٣d", "5 ms s"])
def test_other_units_are_refused(text):
    with pytest.raises(BadRequest, match="cannot be understood"):
        durations.seconds(text)


# ---- on the command line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", f"seed={DEEP}"),
        ("--set", f"seed={LONG}"),
        ("--set", "test=nan"),
        ("--set", "memory=inf"),
        ("--encoding", "hex"),
        ("--metrics", "ndcg@10000000000000000000"),
        ("--budget", "1M"),
    ],
    ids=lambda arguments: arguments[1][:20],
)
def test_a_command_says_so_in_two_lines(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = call(capsys, "dig", "world:order", *arguments)
    assert output.code == 2
    assert output.err.count("\n") == 2
    assert not (tmp_path / "runs").exists()


def test_a_stored_recipe_may_hold_no_such_thing_either(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    recipe = make({}).model_dump(mode="json")
    (folder / "recipe.json").write_text(json.dumps({"recipe": recipe | {"valid": 2}}))
    with pytest.raises(BadRequest, match="The valid span is 2"):
        assert sw.Run(folder).recipe
    (folder / "recipe.json").write_text("[" * sys.getrecursionlimit() * 10)
    with pytest.raises(BadRequest, match=r"recipe\.json cannot be read"):
        assert sw.Run(folder).recipe
