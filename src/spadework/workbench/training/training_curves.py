"""The curves of trainings: metrics of the lists after each epoch, so that a report can show how
long a network recommended best sellers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spadework import events, files
from spadework.json_values import as_map, maps
from spadework.models.base import Recommender

STILL_GAINING = 0.01
"""Least gain over two epochs, as a share, by which a network is still learning."""
_KEYS = {"label": str, "stage": str, "seed": int, "epochs": list}


def keep(path: Path, learned: Recommender, stage: str, seed: int, seconds: float) -> None:
    """Write the curve of a model that was just fitted."""
    rows = learned.curve.to_dicts() if hasattr(learned, "curve") else []
    files.write_json(
        path,
        {
            "label": learned.label,
            "stage": stage,
            "seed": seed,
            "seconds": round(seconds, 1),
            "epochs": _finite(rows),
        },
    )


def gathered(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The curves of these files, in order of label, stage and seed. One that cannot be read is left
    out, with a remark.
    """
    found = [curve for path in paths if path.exists() and (curve := _read(path)) is not None]
    return sorted(found, key=lambda curve: (curve["label"], curve["stage"], curve["seed"]))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        curve = as_map(json.loads(files.content_of(path, most=files.MOST_JSON)))
    except (OSError, ValueError, RecursionError):
        curve = {}
    if all(isinstance(curve.get(key), kind) for key, kind in _KEYS.items()):
        return {**curve, "epochs": list(maps(curve["epochs"]))}
    events.note(f"{path} cannot be read, so the curve of this training is not shown")
    return None


def cut_short(curves: Iterable[Mapping[str, Any]], epochs: int, usual: int) -> str:
    """How one of these networks was cut short; empty where none was.

    A network that stops before its `epochs` was not cut short. One that uses them all was, where
    they are fewer than the `usual` number, where its last epoch was the best, or where it gained
    more than `STILL_GAINING` over the last two.
    """
    for curve in curves:
        rows = curve["epochs"]
        if len(rows) < epochs:
            continue
        if epochs < usual:
            return f"the network was cut short (it had {epochs} of the usual {usual} epochs)"
        ndcgs = [float("nan") if row.get("ndcg") is None else float(row["ndcg"]) for row in rows]
        known = [value for value in ndcgs if value == value]
        if known and (
            ndcgs[-1] > max(known[:-1], default=-1.0)
            or (len(ndcgs) > 2 and ndcgs[-1] > (1 + STILL_GAINING) * ndcgs[-3])
        ):
            return (
                f"the network was cut short (it was still gaining at epoch {len(rows)} of {epochs})"
            )
    return ""


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with None where a number is missing."""
    return [
        {
            key: None if isinstance(value, float) and value != value else value
            for key, value in row.items()
        }
        for row in rows
    ]
