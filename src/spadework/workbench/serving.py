"""Answers from a run or an artifact, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from spadework import events
from spadework.data.interactions import Interactions
from spadework.data.reading import read_interactions
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.workbench import artifact, files
from spadework.workbench.run import Run
from spadework.workbench.sources import read_for


def recommend(
    where: str, *, histories: str | None = None, user_ids: Sequence[str] = (), k: int = 10, repeats: str | None = None
) -> pl.DataFrame:
    """Long table of lists for all users of the histories, or for some."""
    run, fitted = _open(where)
    log = _histories(run, histories)
    users = None
    if user_ids:
        users = log.user_vocabulary.codes(_as_ids(user_ids, log.user_vocabulary.ids.dtype))
        if (users < 0).any():
            missing = user_ids[int((users < 0).argmax())]
            raise BadRequest(f"User {missing!r} is not in the histories.", "Check the id, or give a log of that user with --histories.")
    if repeats is None:
        repeats = run.board["protocol"].get("repeats", "allow") if run is not None else "allow"
        repeats = "forbid" if repeats == "novel" else repeats
    answers: Any = fitted.recommend(log, k, repeats=repeats, users=users)  # type: ignore[arg-type]
    empty = int((answers.items < 0).all(axis=1).sum())
    if empty:
        events.note(
            f"{empty:,} of {len(answers.users):,} users have no list: the model knows no item that may be recommended to them ({repeats})."
        )
    frame: pl.DataFrame = answers.frame()
    return frame


def similar(where: str, items: Sequence[str], *, k: int = 10) -> pl.DataFrame:
    """Neighbours of items, with titles where the artifact has them."""
    _, fitted = _open(where)
    asked = _as_ids(items, fitted.item_vocabulary.ids.dtype)
    frame = fitted.similar_items(asked, k).frame().rename({"user_id": "target_item_id"})
    titles = artifact.titles(Run(Path(where)).artifact if (Path(where) / "models").is_dir() else Path(where))
    if titles is None:
        return frame
    named = pl.DataFrame({"item_id": fitted.item_vocabulary.ids, "title": titles})
    return frame.join(named, on="item_id", how="left", maintain_order="left")


def fitted_of(where: str) -> Recommender:
    """The best model of a run, or that of an artifact."""
    return _open(where)[1]


def _open(where: str) -> tuple[Run | None, Recommender]:
    path = Path(where)
    if not path.is_dir():
        raise BadRequest(f"There is no folder {where!r}.", "Name a run such as runs/2026-01-31-orders, or a model inside it.")
    if (path / "model.json").exists():
        return None, artifact.load(path)
    if not (path / "recipe.json").exists():
        raise BadRequest(f"{where} is neither a run nor a model.", "Make a run with: spadework dig SOURCE")
    run = Run(path)
    return run, run.model()


def _histories(run: Run | None, histories: str | None) -> Interactions:
    if histories is not None:
        return read_interactions(histories)
    if run is None:
        raise BadRequest("A model alone does not know whom to answer.", "Give a log of the users with --histories FILE.")
    recipe = run.recipe
    log, _ = read_for(recipe, source_of(run, "Give a log with --histories FILE."), None, items=False)
    if files.read_json(run.folder / "data.json")["fingerprint"]["log"] != log.fingerprint:
        events.note(f"{recipe.source} has changed since the run; its present rows are the histories.")
    return log


def source_of(run: Run, instead: str) -> str:
    """Where the log of a run can be read again; refused, with what to do `instead`, where it was in memory or came through a pipe."""
    recipe = run.recipe
    if recipe.source in ("memory", "-"):
        raise BadRequest(f"The run was made from {recipe.source!r}, which cannot be read again.", instead)
    stored = files.read_json(run.folder / "data.json")
    found: str = recipe.source if ":" in recipe.source or Path(recipe.source).exists() else stored.get("path") or recipe.source
    return found


def _as_ids(texts: Sequence[str], dtype: Any) -> pl.Series:
    """Texts of the command line as ids of the log's type; a text that is no number is no id of a log with numbers."""
    ids = pl.Series("ids", list(texts), dtype=pl.String)
    if not dtype.is_integer():
        return ids
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count():
        raise BadRequest(
            f"{texts[int(numbers.is_null().arg_max() or 0)]!r} is not an id of this log, whose ids are whole numbers.", "Check the id."
        )
    return numbers
