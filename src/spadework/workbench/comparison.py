"""Models of several runs on one board; differences are paired user by user where the runs judged
the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.evaluation import entries, statistics
from spadework.workbench.storage import run_files


def compare(folders: Sequence[Path]) -> dict[str, Any]:
    """All judged models of the runs, the best first, each with its difference to the winner of the
    first run.
    """
    boards = [run_files.read(folder, run_files.SCORES) for folder in folders]
    data = [run_files.read(folder, run_files.DATA) for folder in folders]
    metric = boards[0]["protocol"].get("primary", "")
    against = boards[0]["winner"]
    remarks: list[str] = []
    rows: list[dict[str, Any]] = []
    for folder, board, facts in zip(folders, boards, data, strict=True):
        same = _same_protocol(boards[0], board) and facts["fingerprint"].get("log") == data[0][
            "fingerprint"
        ].get("log")
        if not same:
            remarks.append(
                f"{folder} judged other data or another protocol, so its numbers cannot be "
                "compared with the others."
            )
        values, users = _per_user(folder)
        for entry in entries.read_all(board["scores"]):
            value = entry.value(metric)
            if not entry.done or value is None or entry.stage != "test":
                continue
            rows.append(
                {
                    "run": str(folder),
                    "label": entry.label,
                    "value": value,
                    "interval": entry.interval,
                    "values": values.get(f"{entry.label}/{metric}") if same else None,
                    "users": users,
                    "difference": None,
                }
            )
    base = next(
        (row for row in rows if row["run"] == str(folders[0]) and row["label"] == against), None
    )
    for row in rows:
        if (
            base is not None
            and row is not base
            and row["values"] is not None
            and np.array_equal(row["users"], base["users"])
        ):
            gap = statistics.differences(
                np.column_stack([base["values"], row["values"]]), 0, seed=0
            )[1]
            row["difference"] = {"value": gap.value, "interval": [gap.low, gap.high], "p": gap.p}
    shown = [
        {key: row[key] for key in ("run", "label", "value", "interval", "difference")}
        for row in rows
    ]
    shown.sort(key=lambda row: -row["value"])
    return {
        "metric": metric,
        "against": f"{against} of {folders[0]}",
        "rows": shown,
        "remarks": remarks,
    }


def _same_protocol(first: dict[str, Any], second: dict[str, Any]) -> bool:
    keys = ("split", "span", "dialect", "repeats", "primary", "train_rows", "expected_rows")
    return all(first["protocol"].get(key) == second["protocol"].get(key) for key in keys)


def _per_user(folder: Path) -> tuple[dict[str, Array], Array]:
    if not (folder / run_files.VALUES).exists():
        return {}, np.zeros(0, np.int32)
    arrays = run_files.read_values(folder)
    users, judged = arrays.pop("users"), arrays.pop("has_history")
    if judged.any():  # averages on the board are over users with history
        return {name: values[judged] for name, values in arrays.items()}, users[judged]
    return arrays, users
