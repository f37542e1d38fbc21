"""The scores of a finished run, read back from its files, so that a later model can be
compared with the others user by user.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spadework.errors import BadData
from spadework.evaluation.entries import read_all
from spadework.evaluation.trial import Protocol, Score
from spadework.workbench.search.rungs import rungs_of
from spadework.workbench.storage import run_files


def scores_of(
    folder: Path, board: dict[str, Any], protocol: Protocol, *, without: str
) -> list[Score]:
    """The scores on the test span, without those of the model `without`, which is judged again.

    Raises `BadData` where the files do not fit together or are of other users.
    """
    arrays = run_files.read_values(folder)
    path = folder / run_files.VALUES
    if not np.array_equal(arrays["users"], protocol.truth.users):
        raise BadData(
            f"{path} is of other users than the run's split has.", "Dig again, then train."
        )
    made = []
    for entry in read_all(board["scores"]):
        if entry.model == without:
            continue
        values = run_files.values_of(arrays, entry.label)
        if entry.done and protocol.primary not in values:
            raise BadData(f"{path} has no values of {entry.label!r}.", "Dig again, then train.")
        made.append(entry.score(values))
    return made


def keep_values(folder: Path, score: Score, protocol: Protocol) -> None:
    """Add the values [users] of one more model to the file; earlier values of it are replaced."""
    before = (f"{score.model}/", f"{score.model}(")
    arrays = {
        name: array
        for name, array in run_files.read_values(folder).items()
        if not name.startswith(before)
    }
    run_files.write_values(folder, arrays | run_files.named_values(score.label, score.values))


def validation_of_winner(board: dict[str, Any], primary: str) -> tuple[float, int | None]:
    """The validation score of the dig's winner, and how many users judged it, None for all; −∞
    where the dig chose no model.
    """
    label = winner_of_dig(board)
    found = [
        (value, entry.users)
        for entry in read_all(board["validation"])
        if entry.label == label and entry.done and (value := entry.value(primary)) is not None
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
