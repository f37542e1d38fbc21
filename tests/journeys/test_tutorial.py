"""The tutorial is true: its commands and its Python run as they stand, in order and in one folder,
and print what it says.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from makers import ROOT
from spadework.models.base import models

CHAPTERS = sorted((ROOT / "docs" / "tutorial").glob("[0-9]-*.md"))
BLOCK = re.compile(r'```(python|text|console)(?: title="([^"]*)")?\n(.*?)```', re.DOTALL)
RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def same(expected: str, printed: str) -> None:
    assert doctest.OutputChecker().check_output(expected, printed, RULES), (
        f"the tutorial says\n{expected}\nand this came out\n{printed}"
    )


def command(line: str) -> str:
    """What a command prints, on both streams."""
    words = line.removeprefix("$ spadework ").split()
    done = subprocess.run(
        [sys.executable, "-m", "spadework", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run(page: str) -> None:
    """All blocks of a chapter; what a Python block prints is told by the text block after it."""
    names: dict[str, object] = {"__name__": "tutorial"}
    printed = ""
    for kind, title, text in BLOCK.findall(page):
        if title:
            Path(title).write_text(text, encoding="utf-8")
        elif kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "tutorial", "exec", dont_inherit=True), names)
            printed = out.getvalue()
        elif kind == "text":
            same(text, printed)
        else:
            for line, expected in re.findall(r"^(\$ .*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                same(expected, command(line))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, every_processor):
    """One folder for all chapters, as a reader has; a chapter's own models are gone afterwards."""
    path, before, known = tmp_path_factory.mktemp("tutorial"), os.getcwd(), dict(models._entries)
    os.chdir(path)
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))
    os.chdir(before)
    models._entries.clear()
    models._entries.update(known)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(chapter, folder):
    run(chapter.read_text(encoding="utf-8"))


def test_chapters_are_listed():
    index = (ROOT / "docs" / "tutorial" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"\(([0-9]-[^)]*)\)", index) == [path.name for path in CHAPTERS]
