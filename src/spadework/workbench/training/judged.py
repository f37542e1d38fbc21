"""The scores of a finished run, read back from its files, so that a later model can be
compared with the others user by user.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.errors import BadData
from spadework.evaluation.trial import Protocol, Score
from spadework.workbench.search.rungs import rungs_of
from spadework.workbench.storage import files


def scores_of(
    folder: Path, board: dict[str, Any], protocol: Protocol, *, without: str
) -> list[Score]:
    """The scores on the test span, without those of the model `without`, which is judged again.

    Raises `BadData` where the files do not fit together or are of other users.
    """
    arrays = _arrays(folder)
    if not np.array_equal(arrays["users"], protocol.truth.users):
        raise BadData(
            f"{folder / 'scores.npz'} is of other users than the run's split has.",
            "Dig again, then train.",
        )
    made = []
    for entry in board["scores"]:
        label = entry["label"]
        if entry["model"] == without:
            continue
        values = {
            name.removeprefix(f"{label}/"): array
            for name, array in arrays.items()
            if name.startswith(f"{label}/")
        }
        if entry["state"] == "done" and protocol.primary not in values:
            raise BadData(
                f"{folder / 'scores.npz'} has no values of {label!r}.", "Dig again, then train."
            )
        totals = {
            name: value
            for name, value in entry["metrics"].items()
            if name not in values and value is not None
        }
        made.append(
            Score(
                model=entry["model"],
                label=label,
                params=entry["params"],
                state=entry["state"],
                reason=entry["reason"],
                values=values,
                totals=totals,
                fit_seconds=entry["fit_seconds"],
                recommend_seconds=entry["recommend_seconds"],
                memory_mib=entry["memory_mib"],
                filled_share=entry["filled_share"],
                remarks=tuple(entry["remarks"]),
            )
        )
    return made


def keep_values(folder: Path, score: Score, protocol: Protocol) -> None:
    """Add the values [users] of one more model to the file; earlier values of it are replaced."""
    before = (f"{score.model}/", f"{score.model}(")
    arrays = {name: array for name, array in _arrays(folder).items() if not name.startswith(before)}
    arrays |= {f"{score.label}/{name}": values for name, values in score.values.items()}
    files.write_arrays(folder / "scores.npz", arrays)


def validation_of_winner(board: dict[str, Any], primary: str) -> tuple[float, int | None]:
    """The validation score of the dig's winner, and how many users judged it, None for all; −∞
    where the dig chose no model.
    """
    label = winner_of_dig(board)
    found = [
        (entry["metrics"][primary], entry.get("users"))
        for entry in board["validation"]
        if entry["label"] == label
        and entry["state"] == "done"
        and entry["metrics"].get(primary) is not None
    ]
    # stored when a training replaced its entry
    if not found and board.get("validation_of_dig") is not None:
        return float(board["validation_of_dig"]), board.get("validation_users_of_dig")
    return max(found, key=lambda pair: pair[0], default=(float("-inf"), None))


def is_above_winner(board: dict[str, Any], score: Score, protocol: Protocol) -> bool:
    """Whether a model that all users of the validation span judged is above the dig's winner, among
    the users that judged the winner.
    """
    if score.state != "done":
        return False
    value, users = validation_of_winner(board, protocol.primary)
    judging = np.flatnonzero(protocol.judged)
    rows = next((rung for rung in rungs_of(judging, protocol.seed) if len(rung) == users), judging)
    return bool(np.nanmean(score.values[protocol.primary][rows]) > value)


def winner_of_dig(board: dict[str, Any]) -> str | None:
    """The label that the dig chose, regardless of later trainings."""
    label: str | None = board.get("winner_of_dig", board["winner"])
    return label


def _arrays(folder: Path) -> dict[str, Array]:
    try:
        with (
            (folder / "scores.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(
            f"{folder / 'scores.npz'} cannot be read: {error}.", "Dig again, then train."
        ) from error
