"""One way to put bytes into a file and read it, for all bad inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions

Reader = Callable[..., Interactions]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Write `data` to a file called `name` and read it; the row account must add up and hold every
    row that was set aside.
    """

    def write_and_read(data: str | bytes, name: str = "log.csv", **options: Any) -> Interactions:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        log = read_interactions(path, **options)
        account = log.account
        assert account is not None
        assert account.used == len(log)
        assert account.read == account.used + sum(account.set_aside.values())
        assert account.rows_set_aside is not None
        reasons = dict(account.rows_set_aside["reason"].value_counts().iter_rows())
        assert reasons == dict(account.set_aside)
        assert account.rows_set_aside["row"].n_unique() == account.rows_set_aside.height
        return log

    return write_and_read
