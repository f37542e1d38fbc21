"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from spadework.workbench.glossary import describe, entries
from spadework.workbench.terms import TERMS

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert SPEC is not None
assert SPEC.loader is not None
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)


PAGES = generate.pages()


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], (
        f"docs/reference/{name} is not what the code says; run: make docs"
    )


def test_no_page_is_left_over() -> None:
    assert {page.name for page in (ROOT / "docs" / "reference").glob("*.md")} == {
        name for name in PAGES if "/" not in name
    }


def test_every_term_is_found_in_each_way_to_write_it() -> None:
    names = [name.lower() for term in TERMS for name in (term.name, *term.also)]
    assert len(names) == len(set(names)), "a way to write a term stands twice"
    for term in TERMS:
        assert term.meaning.endswith(".")
        for name in (term.name, *term.also):
            assert term.meaning in describe(name)["says"], name


def test_what_a_term_names_is_there() -> None:
    """Models, findings and parameters in the sentences of the glossary exist."""
    known = {str(entry["name"]).lower() for entry in entries()}
    for name in (
        "ease",
        "forward-ridge",
        "boosted",
        "blend",
        "prior",
        "personal",
        "tifu-knn",
        "vmis-knn",
        "last_item",
        "by_time",
        "tail",
    ):
        assert name in known
        assert any(re.search(rf"\b{re.escape(name)}\b", term.meaning) for term in TERMS), name
