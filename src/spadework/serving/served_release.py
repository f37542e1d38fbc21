"""A release in memory: its models, ready to answer, and what is known of its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes
from spadework.artifacts import artifact, release
from spadework.artifacts.release import Release
from spadework.errors import BadRequest
from spadework.json_values import as_list, as_map, as_text
from spadework.models.base import Recommender
from spadework.models.needs import REPEATS, Repeats
from spadework.models.single_lists import SingleLists
from spadework.serving.catalogue_filters import Filters
from spadework.serving.history_reading import LogForm
from spadework.serving.item_ids import ItemIds

WINNER, SIMILAR = "winner", "similar"


@dataclass(frozen=True, eq=False)
class Similar:
    """What answers with similar items: a model and the ids of its items."""

    model: Recommender
    ids: ItemIds

    def ranking(self, code: int, longest: int) -> tuple[Codes, Array]:
        """The most similar items to one, best first: codes and scores, at most `longest`."""
        ids = self.model.item_vocabulary.ids
        found = self.model.similar_items(ids.slice(code, 1), min(longest, len(ids)))
        count = int((found.items[0] >= 0).sum())
        return found.items[0, :count], found.scores[0, :count]


@dataclass(frozen=True, eq=False)
class Served:
    """Everything that an answer is made of; nothing of it changes while it is served."""

    release: Release
    lists: SingleLists
    ids: ItemIds
    form: LogForm
    repeats: Repeats  # where a request names no policy
    filters: Filters
    titles: list[str | None] | None
    best: Codes  # best sellers for users without a history, best first
    best_scores: Array  # of all items: events, below 0 for what did not sell of late
    similar: Similar | None
    seconds: float = 0.0  # of a usual answer, by the stored ones

    @property
    def id(self) -> str:
        """The name of the release."""
        return self.release.id

    @property
    def model(self) -> Recommender:
        """The model that answers."""
        return self.lists.model

    def titles_of(self, codes: Codes) -> list[str | None]:
        """The titles of items, None where one has none."""
        titles = self.titles
        return [None] * len(codes) if titles is None else [titles[code] for code in codes.tolist()]


def load(folder: Path) -> Served:
    """Load a release and check it: digests, forms, and the answers that were stored with it. Raises
    `BadRequest` where anything is not what was published.
    """
    found = release.read(folder)
    path = found.model(WINNER)
    if path is None:
        raise BadRequest(f"{folder} has no winner.", "Publish the run again.")
    fitted = artifact.load(path, mapped=True)
    items = found.items()
    if not items[release.ID].equals(fitted.item_vocabulary.ids):
        raise BadRequest(
            f"The items of {folder} are not those of its model.", "Publish the run again."
        )
    lists = SingleLists.of(fitted)
    best_scores = _best_scores(items, lists)
    order = np.argsort(-best_scores, kind="stable").astype(np.int32)
    ids = ItemIds(fitted.item_vocabulary)
    return Served(
        release=found,
        lists=lists,
        ids=ids,
        form=_form(found.facts),
        repeats=_repeats(found.facts),
        filters=Filters(_attributes(items)),
        titles=items[release.TITLE].to_list() if release.TITLE in items.columns else None,
        best=order[best_scores[order] > -np.inf],
        best_scores=best_scores,
        similar=_similar(found, fitted, ids),
    )


def _form(facts: Mapping[str, Any]) -> LogForm:
    log = as_map(facts.get("log"))
    return LogForm(
        times=bool(log.get("times")),
        weights=bool(log.get("weights")),
        baskets=bool(log.get("baskets")),
        event_type_names=tuple(as_text(name) for name in as_list(log.get("event types"))),
        usual_type=as_text(log.get("usual type")) or None,
        dislikes=tuple(as_text(name) for name in as_list(log.get("dislikes"))),
    )


def _repeats(facts: Mapping[str, Any]) -> Repeats:
    found = facts.get("repeats")
    return cast(Repeats, found) if found in REPEATS else "allow"


def _attributes(items: pl.DataFrame) -> pl.DataFrame | None:
    if release.ATTRIBUTES not in items.columns or not isinstance(
        items[release.ATTRIBUTES].dtype, pl.Struct
    ):
        return None
    return items[release.ATTRIBUTES].struct.unnest()


def _best_scores(items: pl.DataFrame, lists: SingleLists) -> Array:
    """What users without a history get: best sellers of late where the release has them, else the
    most popular items.
    """
    if release.LATE in items.columns:
        found = items[release.LATE].cast(pl.Float32, strict=False).fill_null(-np.inf).to_numpy()
        return np.where(np.isnan(found), -np.inf, found).astype(np.float32)
    return lists.popular.of(None).scores


def _similar(found: Release, winner: Recommender, ids: ItemIds) -> Similar | None:
    path = found.model(SIMILAR)
    same = path is None or path == found.model(WINNER)
    fitted = winner if same or path is None else artifact.load(path, mapped=True)
    if not fitted.has_similarities:
        return None
    same_items = fitted.item_vocabulary == winner.item_vocabulary
    return Similar(fitted, ids if same_items else ItemIds(fitted.item_vocabulary))
