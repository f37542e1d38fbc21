"""What a reader remarks is on every surface: a remark that nobody sees is none."""

from __future__ import annotations

import html
import json

import polars as pl
import pytest

import spadework as sw
from command_line import call
from served_run import served_run
from spadework.apps.summary import summary_text
from spadework.workbench.report import report, run_facts
from spadework.workbench.run import Run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A log and an item table about which there is much to say."""
    folder = tmp_path_factory.mktemp("remarks")
    rows = [(f"u{n % 9}", f"i{n % 7}", n % 2 + 1.0, f"2024-01-{n % 28 + 1:02d}T00:00:00", "x")
            for n in range(200)]  # fmt: skip
    log = pl.DataFrame(rows, schema=["user", "item", "rating", "time", "kind"], orient="row")
    log = log.with_columns(pl.col("time").str.to_datetime())
    log = log.rename({"kind": "event"})
    log.write_parquet(folder / "log.parquet")
    items = pl.DataFrame(
        {
            "item_id": ["i0", "i0", "i1", "I2", None, "zz"],
            "property": ["a", "b", "a", "a", "a", "a"],
            "value": ["1", "2", "3", "4", "5", "6"],
        }
    )
    items.write_csv(folder / "items.csv")
    return folder / "log.parquet", folder / "items.csv"


@pytest.fixture(scope="module")
def remarks(files):
    log = sw.read_interactions(files[0])
    content = sw.read_content(files[1], log)
    assert len(log.account.remarks) >= 2
    assert len(content.remarks) >= 4
    return [*log.account.remarks, *content.remarks]


def missing(remarks, text):
    plain = " ".join(html.unescape(text).split())
    return [remark for remark in remarks if " ".join(remark.split()) not in plain]


def test_look_prints_every_remark(files, remarks, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log, items = files
    assert missing(remarks, call(capsys, "look", log, "--items", items).out) == []
    document = json.loads(call(capsys, "look", log, "--items", items, "--json").out)
    assert [*document["remarks"], *document["items"]["remarks"]] == remarks


def test_a_run_prints_writes_and_reports_every_remark(files, remarks, tmp_path):
    log, items = files
    folder = served_run(tmp_path / "run", {"source": str(log), "items": str(items)}, "popular")
    facts = run_facts.read(folder)
    assert missing(remarks, summary_text(facts, folder)) == []
    report.write(folder, with_ids=False)
    assert missing(remarks, (folder / "report.html").read_text(encoding="utf-8")) == []
    assert Run(folder).as_json()["remarks"] == remarks


def test_remarks_on_a_cut_are_printed_and_reported(tmp_path, files):
    folder = served_run(tmp_path / "run", {"source": str(files[0])}, "popular")
    board = json.loads((folder / "scores.json").read_text())
    said = ["Test rows that stand in train, too: 3 of 9."]
    board["protocol"] |= {"remarks": said}
    (folder / "scores.json").write_text(json.dumps(board))
    assert missing(said, summary_text(run_facts.read(folder), folder)) == []
    report.write(folder, with_ids=False)
    assert missing(said, (folder / "report.html").read_text(encoding="utf-8")) == []
