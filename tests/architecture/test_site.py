"""The documentation builds into a site without a broken link, and its pages load nothing from
elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from makers import ROOT

LOADS = re.compile(
    r"""<(?:script|img|iframe)[^>]*\bsrc=["']?(\w+:)?//|<link[^>]*\bhref=["']?(\w+:)?//[^>]*stylesheet"""
)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def build(tree, site):
    """mkdocs as `make site` calls it: with --quiet it would not count broken links."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
        cwd=tree,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_builds_and_asks_no_other_host(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        found = LOADS.search(page.read_text(encoding="utf-8"))
        assert found is None, f"{page.name} loads something from elsewhere: {found}"


def test_a_broken_link_fails_the_site(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / "guide.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_links_of_pages_outside_the_site_lead_somewhere():
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "bench/README.md"):
        page = ROOT / name
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{name} links to {link}, which is not there"
