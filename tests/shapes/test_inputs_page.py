"""The page of inputs that were tried names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_that_the_page_names_exists() -> None:
    rows = [
        line
        for line in (ROOT / "docs/lab/inputs.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and "tests/" in line
    ]
    assert len(rows) > 70
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"
