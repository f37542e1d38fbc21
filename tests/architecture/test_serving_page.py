"""docs/serving.md says the numbers that the code has."""

from __future__ import annotations

import re

import pytest

from makers import ROOT

pytest.importorskip("fastapi")

from spadework.serving import request_bodies as bodies
from spadework.serving.http.described import HistoryRead, List, ListedItem
from spadework.serving.http.measures import Measures
from spadework.serving.http.running import GRACE
from spadework.serving.http.settings import Settings
from spadework.serving.keys import SCOPES

PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def row(what: str) -> str:
    """The second cell of the row of a table that begins so."""
    (found,) = re.findall(rf"^\| {re.escape(what)}[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    return found


def test_limits_are_those_of_the_code():
    settings = Settings(folder="f", store="s")
    for what, number in (
        ("items of a list", bodies.MOST_ITEMS),
        ("history of a request", bodies.MOST_HISTORY),
        ("ids in `candidates`", bodies.MOST_IDS),
        ("users of a batch", bodies.MOST_BATCH),
        ("events of a request", bodies.MOST_EVENTS),
        ("a body", settings.body_bytes),
        ("requests that wait", settings.queue),
    ):
        assert f" {number:,} " in row(what), what
    assert f"within {settings.body_seconds:g} s" in row("a body")
    assert f"have {GRACE} s" in row("SIGTERM")
    assert settings.rate is None


def test_every_field_of_an_answer_is_explained():
    for field in List.model_fields:
        assert re.search(rf"`{field}[`\[.]", PAGE) or field == "user", field
    for prefix, model in (("items[]", ListedItem), ("history", HistoryRead)):
        for field in model.model_fields:
            assert f"`{prefix}.{field}`" in PAGE or f"`{field}`" in PAGE, field


def test_every_count_and_every_scope_is_named():
    measures = Measures()
    measures.text("a release", 0.0)
    for metric in measures.collect():
        assert f"`{metric.name}" in PAGE, metric.name
    for scope in SCOPES:
        assert f"`{scope}`" in PAGE
