"""Every bench of a page is there, is told of in bench/README.md, and its page is in the site."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest

from makers import ROOT

BENCH = ROOT / "bench"
README = (BENCH / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def page(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    for name in ("page", "harness", "environments", "prose"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import page

    return page


def test_every_bench_of_a_page_is_there_and_told_of(page):
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name, one in page.PAGES.items():
        assert one.path.exists()
        assert f" {one.path.name}\n" in navigation
        assert name == "benchmarks" or f"--page {name}" in makefile
        for bench in one.names:
            source = (BENCH / f"{bench.replace('-', '_')}.py").read_text(encoding="utf-8")
            functions = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
            assert "run" in {function.name for function in functions}
            assert f'"{bench}"' in source
            assert f"| `{bench}` |" in README
        for peer, packages in one.peers.items():
            assert set(packages) <= set(page.requirements(peer))


def test_a_page_says_which_benches_have_no_result(page):
    one = page.PAGES["serving"]
    verdicts = [
        {"what": "reads", "measured": "3", "target": "≥ 2", "met": True},
        {"what": "writes", "measured": "no peer", "target": "≥ 2", "met": None},
        {"what": "bytes", "measured": "165", "target": "", "met": None},
    ]
    around = {"versions": {}, "load": 0.1, "date": "a day", "machine": "one", "python": "3.11"}
    result = {"name": "serving", "title": "Serving", "verdicts": verdicts, "series": []}
    text = page.render(one, [{**result, "remarks": ["so"], "circumstances": around}])
    assert "| serving: reads | 3 | ≥ 2 | met |" in text
    assert "| serving: writes | no peer | ≥ 2 | not measured |" in text
    assert "| serving: bytes | 165 |  |  |" in text
    assert "| update | – | – | not measured |" in text
    assert "| who |" not in text
