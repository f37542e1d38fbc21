"""A run folder with a fitted model, made without a dig: as much of it as serving reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spadework import files
from spadework.artifacts import roles
from spadework.models.labels import model
from spadework.workbench.job import Job
from spadework.workbench.large.sample import Sample
from spadework.workbench.recipe import make
from spadework.workbench.sources import read_again


def served_run(
    folder: Path, settings: dict[str, Any], label: str = "cosine", findings: Any = ()
) -> Path:
    """A finished run of these settings whose winner is one model."""
    folder.mkdir(parents=True)
    recipe = make(settings)
    data = read_again(recipe, recipe.source, None, {})
    job = Job(recipe, folder, 0.0)
    job._keep_recipe()
    job._keep_data(
        data,
        {
            "log": data.log.fingerprint,
            "items": None if data.items is None else data.items.fingerprint,
        },
        Sample(data.log, data.log),
    )
    board = {"protocol": {"repeats": "allow"}, "scores": [], "validation": [], "winner": label}
    files.write_json(folder / "scores.json", board)
    files.write_json(folder / "findings.json", list(findings))
    files.write_json(folder / "faces.json", {"users": []})
    fitted = model(label).fit(data.log, data.items)
    roles.keep(folder / "models", {"winner": fitted}, content=data.items)
    files.write_json(folder / "manifest.json", {"files": {}})
    return folder
