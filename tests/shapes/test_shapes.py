"""Every shape of the table is read right or refused with its sentence; docs/shapes.md says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shape_table
from spadework.data.addresses import read_interactions
from spadework.errors import SpadeworkError

READ = [shape for group in shape_table.GROUPS.values() for shape in group if not shape.refused]
REFUSED = [shape for group in shape_table.GROUPS.values() for shape in group if shape.refused]


def options_of(shape: shape_table.Shape) -> dict[str, Any]:
    options: dict[str, Any] = dict(shape.options)
    if "events" in options:
        options["events"] = options["events"].split(",")
    return options


@pytest.mark.parametrize("shape", READ, ids=lambda shape: shape.name)
def test_a_shape_is_read(
    tmp_path: Path, shape: shape_table.Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where joined tables are
    log = read_interactions(shape.make(tmp_path), **options_of(shape))
    assert log.frame().rows() == list(shape.rows)
    account = log.account
    assert account.used == len(shape.rows)


@pytest.mark.parametrize("shape", REFUSED, ids=lambda shape: shape.name)
def test_a_shape_is_refused(tmp_path: Path, shape: shape_table.Shape) -> None:
    with pytest.raises(SpadeworkError) as caught:
        read_interactions(shape.make(tmp_path))
    assert shape.refused in str(caught.value)
    assert caught.value.hint
