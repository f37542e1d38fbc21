"""The curves of trainings: what lists looked like after each epoch, so that a report can show how long a network recommended best sellers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spadework.models.base import Recommender
from spadework.workbench import files


def keep(path: Path, learned: Recommender, stage: str, seed: int, seconds: float) -> None:
    """Write the curve of a model that has just learned."""
    rows = learned.curve.to_dicts() if hasattr(learned, "curve") else []
    files.write_json(path, {"label": learned.label, "stage": stage, "seed": seed, "seconds": round(seconds, 1), "epochs": _finite(rows)})


def gathered(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The curves of these files, in order of label, stage and seed."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    return sorted(found, key=lambda one: (one["label"], one["stage"], one["seed"]))


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with None where a number is missing."""
    return [{key: None if isinstance(value, float) and value != value else value for key, value in row.items()} for row in rows]
