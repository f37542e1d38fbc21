"""The page of faults names tests that exist."""

from __future__ import annotations

import ast
import re

from makers import ROOT

PAGE = ROOT / "docs" / "lab" / "faults.md"
NAMED = re.compile(r"`((?:[\w/]+\.py)?)(?:::(\w+))?`")


def test_every_test_and_script_on_the_page_exists():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    rows = [row for row in rows if not row.startswith(("| fault |", "| kind |"))]
    assert len(rows) > 40
    for row in rows:
        path, found = "", 0
        for file, function in NAMED.findall(row.rsplit("|", 2)[1]):
            path = file or path
            if not file and not function:
                continue
            found += 1
            at = ROOT / path if path.startswith("bench/") else ROOT / "tests" / path
            assert at.is_file(), f"{path}: {row}"
            names = {
                node.name
                for node in ast.walk(ast.parse(at.read_text(encoding="utf-8")))
                if isinstance(node, ast.FunctionDef)
            }
            assert not function or function in names, f"{path}::{function}: {row}"
        assert found, f"nothing holds: {row}"
