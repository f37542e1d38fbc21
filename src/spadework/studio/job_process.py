"""The process of one job: python -m spadework.studio.job_process FOLDER."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from spadework import files
from spadework.errors import SpadeworkError
from spadework.json_values import as_map, as_text
from spadework.studio.jobs import DIG, ERROR, JOB, RESULT
from spadework.workbench.recipe import Recipe, make


def main(folder: Path) -> int:
    """Do the job; what ends it is written beside it, in words."""
    (folder / ERROR).unlink(missing_ok=True)
    try:
        entry = as_map(files.read_json(folder / JOB))
        recipe = make(dict(as_map(entry.get("recipe"))))
        if entry.get("kind") == DIG:
            _dig(recipe, Path(os.environ["SPADEWORK_RUNS"]) / as_text(entry.get("run")))
        else:
            _look(recipe, folder)
    except KeyboardInterrupt:
        return 130
    except SpadeworkError as error:
        files.write_json(folder / ERROR, {"message": error.message, "hint": error.hint})
        return 2
    except BaseException as error:
        traceback.print_exc()
        message = f"The job ended with {type(error).__name__}: {error}"
        hint = f"What it printed is in {folder}; it is a defect of spadework: please report it."
        files.write_json(folder / ERROR, {"message": message, "hint": hint})
        return 1
    return 0


def _dig(recipe: Recipe, folder: Path) -> None:
    from spadework.workbench.run import dig

    dig(recipe.source, folder=folder, recipe=recipe)


def _look(recipe: Recipe, folder: Path) -> None:
    """Write the account and the portrait as soon as they are known, then findings and the cut."""
    from spadework.diagnosis.checking import diagnose
    from spadework.workbench.data_entry import data_entry
    from spadework.workbench.large.sample import sample_of
    from spadework.workbench.sources import choose_split, read_for
    from spadework.workbench.storage import lock, progress_file

    with lock.held(folder), progress_file.kept(folder):
        log, items = read_for(recipe, recipe.source, None)
        found: dict[str, Any] = {
            "data": data_entry(recipe, log, items),
            "rows": _first_rows(log),
            "findings": None,
            "complete": False,
        }
        files.write_json(folder / RESULT, found)
        split = choose_split(sample_of(log, recipe).log, recipe) if len(log) else None
        found["data"]["facts"]["split"] = None if split is None else split.describe()
        found["findings"] = [each.as_json() for each in diagnose(log, items, split)]
        found["complete"] = True
        files.write_json(folder / RESULT, found)


def _first_rows(log: Any, count: int = 8) -> list[dict[str, Any]]:
    """A few rows of the log as it was understood, with ids."""
    users, times = log.users[:count], None if log.times is None else log.times[:count]
    rows = []
    for at in range(len(users)):
        row: dict[str, Any] = {
            "user": log.user_vocabulary.ids[int(users[at])],
            "item": log.item_vocabulary.ids[int(log.items[at])],
        }
        if times is not None:
            row["time"] = int(times[at])
        rows.append(row)
    return rows


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
