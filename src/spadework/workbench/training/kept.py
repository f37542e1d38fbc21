"""The files that a training writes to its run: values, curves, advice, finding and board, the
served model, and the network itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spadework import files
from spadework.artifacts import roles
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.diagnosis.finding import by_weight
from spadework.diagnosis.prediction import Checked, finding_of
from spadework.evaluation.entries import as_json
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, Score
from spadework.json_values import maps
from spadework.models.base import Recommender
from spadework.workbench.run import Run
from spadework.workbench.search.board_parts import with_lists
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage import run_files
from spadework.workbench.training import judged, training_curves

NOT_TRIED = "transformers"
"""The entry under "not tried" on the board of a dig until a transformer was trained."""


def write_board(
    run: Run,
    advice: Mapping[str, Any],
    checked: Sequence[Checked],
    others: Sequence[Score],
    tested: tuple[Score, Protocol],
    validated: tuple[Score, Protocol],
    curve_files: Sequence[Path],
) -> None:
    """Write the values, the curves, the advice, the finding and, last, the board."""
    folder, before = run.folder, run.board
    (score, final), (chosen, choosing) = tested, validated
    judged.keep_values(folder, score, final)
    files.write_json(folder / run_files.TRAINING, training_curves.gathered(curve_files))
    files.write_json(folder / run_files.ADVICE, advice)
    findings = [finding for finding in run.findings if finding["code"] != "VER-2"]
    if checked:
        findings.append(finding_of(list(checked)).as_json())
    findings.sort(key=by_weight)
    files.write_json(folder / run_files.FINDINGS, findings)
    least, users = judged.validation_of_winner(before, choosing.primary)
    validation = [
        *(row for row in maps(before["validation"]) if row.get("model") != score.model),
        *as_json(Scoreboard(choosing, (chosen,)).rows, "validation"),
    ]
    board = Scoreboard(final, (*others, score)).rows
    files.write_json(
        folder / run_files.SCORES,
        before
        | {
            "scores": as_json(map(with_lists, board), "test"),
            "winner": advice["winner"],
            "winner_of_dig": judged.winner_of_dig(before),
            "validation_of_dig": least if np.isfinite(least) else None,
            "validation_users_of_dig": users,
            "validation": validation,
            "not_tried": [
                row for row in maps(before.get("not_tried")) if row.get("what") != NOT_TRIED
            ],
        },
    )


def serve(
    run: Run, fitted: Recommender | None, log: Interactions, items: ItemContent | None
) -> None:
    """Serve the transformer instead of the winner of the dig; the other roles keep their models.

    The models of the dig are kept in a folder of their own, and restored where no transformer won.
    """
    models, aside = run.folder / "models", run.folder / folders.DUG
    if fitted is not None:
        about = {
            "source": run.recipe.source,
            "log": log.fingerprint,
            "rows": len(log),
            "fitted on": "the whole log",
        }
        if models.exists() and not aside.exists():
            shutil.copytree(
                models, half := aside.with_name(f"{files.HALF}{aside.name}"), dirs_exist_ok=True
            )
            half.rename(aside)
        roles.replace_winner(
            models, fitted, others=aside if aside.exists() else models, facts=about, content=items
        )
    elif aside.exists():
        files.replace_folder(aside, models)


def keep_network(folder: Path, made: Path | None) -> None:
    """Store the network of the board, as it was judged: RUN/trained can be loaded, exported and
    blended even if another model is served.
    """
    target = folder / folders.TRAINED
    half = target.with_name(f"{files.HALF}{target.name}")
    for path in (half, target):
        shutil.rmtree(path, ignore_errors=True)
    if made is not None and made.exists():
        (network,) = made.iterdir()
        shutil.copytree(network, half)  # and not moved: after a stop it is still there
        half.rename(target)
