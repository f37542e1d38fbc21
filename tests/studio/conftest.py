"""A folder of runs, and the pages over it, called without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from spadework.studio.http.access import Access
from spadework.studio.http.routes import create
from spadework.studio.jobs import Jobs
from spadework.studio.workspace import Workspace

PORT = 8766


class Studio:
    """The pages of a folder of runs, for a browser that has opened them."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.jobs = Jobs(self.workspace)
        self.access = Access(PORT)
        self.app = create(self.workspace, self.jobs, self.access)

    def client(self, *, opened: bool = True) -> TestClient:
        """A browser; `opened`: with the studio's cookie."""
        origin = f"http://127.0.0.1:{PORT}"
        cookies = {self.access.cookie: self.access.session} if opened else {}
        headers = {"origin": origin}
        return TestClient(
            self.app,
            base_url=origin,
            cookies=cookies,
            headers=headers,
            follow_redirects=False,
            raise_server_exceptions=False,
        )


@pytest.fixture
def studio(tmp_path: Path, order_run: Path) -> Iterator[Studio]:
    """With one finished run."""
    root = tmp_path / "runs"
    shutil.copytree(order_run, root / "first")
    made = Studio(root)
    yield made
    made.jobs.close()


@pytest.fixture
def pages(studio: Studio) -> TestClient:
    """The browser that opened it."""
    return studio.client()
