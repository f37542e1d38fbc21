"""A shop's run that a test may change; its module makes it once, as `made`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def run(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the run."""
    return shutil.copytree(made[0], tmp_path / "run")


@pytest.fixture
def new(made: tuple[Path, Path]) -> Path:
    """The file of new events."""
    return made[1]
