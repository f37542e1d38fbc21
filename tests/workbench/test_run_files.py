"""The files of a run folder: one reader, for work that needs them and for a report of what there
is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import run_folder

from makers import ROOT
from spadework.errors import BadData, BadRequest
from spadework.evaluation.entries import Entry
from spadework.workbench.report import run_facts
from spadework.workbench.run import Run
from spadework.workbench.storage import run_files


def test_a_run_and_its_report_read_the_same(tmp_path):
    folder = run_folder.write_run(tmp_path / "run", run_folder.realistic())
    run, facts = Run(folder), run_facts.read(folder)
    assert (run.board, run.data, run.findings) == (facts.scores, facts.data, facts.findings)
    assert [Entry.read(row) for row in run.scores] == facts.entries
    assert run.advice is None
    assert run.outcomes == facts.advice == {}


@pytest.mark.parametrize("name", run_files.TYPES)
def test_trouble_is_an_error_for_work_and_a_sentence_for_a_report(tmp_path, name):
    with pytest.raises(BadRequest, match=re.escape(f"There is no {name} in {tmp_path}.")):
        run_files.read(tmp_path, name)
    assert run_files.contents(tmp_path, name).missing
    for text, trouble in (("{", "is not valid JSON"), ("17", "holds a int in the place of a")):
        (tmp_path / name).write_text(text)
        found = run_files.contents(tmp_path, name)
        assert (found.value, found.missing) == (None, False)
        assert found.trouble.startswith(f"{name} {trouble}")
        with pytest.raises(BadRequest, match=f"cannot be read: {re.escape(name)} {trouble}"):
            run_files.read(tmp_path, name)
    empty = run_files.TYPES[name]()
    (tmp_path / name).write_text(json.dumps(empty))
    assert run_files.read(tmp_path, name) == run_files.contents(tmp_path, name).value == empty


def test_the_values_of_users_are_found_by_label(tmp_path):
    values = {"ndcg@10": np.array([0.5, np.nan], np.float32)}
    arrays = {"users": np.arange(2)} | run_files.named_values("ease(l2=1)", values)
    run_files.write_values(tmp_path, arrays)
    found = run_files.values_of(run_files.read_values(tmp_path), "ease(l2=1)")
    np.testing.assert_array_equal(found["ndcg@10"], values["ndcg@10"])
    assert run_files.values_of(arrays, "ease") == {}
    path = tmp_path / run_files.VALUES
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BadData, match="cannot be read"):
        run_files.read_values(tmp_path)


def test_every_file_is_described():
    page = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    names = [*run_files.TYPES, run_files.VALUES, "manifest.json", "roles.json", "train.toml"]
    assert [name for name in names if f"`{name}`" not in page] == []
    keys = Entry(model="m", label="m", lists={}, users=1, stage="test").as_json()
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_only_one_module_parses_them():
    source = Path(run_files.__file__).parents[2]
    quoted = re.compile(r"read_json\([^)]*\"(\w+\.json)\"")
    found = {
        (path.name, name)
        for path in source.rglob("*.py")
        for name in quoted.findall(path.read_text(encoding="utf-8"))
        if name in run_files.TYPES
    }
    assert found == set()
