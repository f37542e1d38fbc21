"""Models of runs that pages ask for again and again, loaded once and held while they are used."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.artifacts import artifact, roles
from spadework.models.base import Recommender
from spadework.workbench.answers.choices import titles_of

MOST = 8
"""Models that are held; their arrays are mapped, so they take memory as they are used."""


@dataclass(frozen=True, eq=False)
class KeptModel:
    """A model of a run, with the titles of its items."""

    folder: Path
    roles: tuple[str, ...]
    model: Recommender
    titles: tuple[str, ...] | None  # by code

    @property
    def label(self) -> str:
        """The model's label."""
        return self.model.label

    def title(self, code: int) -> str:
        """The title of an item, or its id."""
        title = None if self.titles is None else self.titles[code]
        return title or str(self.model.item_vocabulary.ids[code])

    @cached_property
    def by_popularity(self) -> Array:
        """Codes of items, the most frequent first."""
        counts = np.asarray(self.model.state["popularity"])
        return np.argsort(-counts, kind="stable")

    @cached_property
    def _words(self) -> pl.Series:
        ids = self.model.item_vocabulary.ids.cast(pl.String)
        if self.titles is None:
            return ids.str.to_lowercase()
        both = [f"{title} {each}" for title, each in zip(self.titles, ids, strict=True)]
        return pl.Series(both).str.to_lowercase()

    def search(self, text: str, most: int) -> list[int]:
        """Codes of the most frequent items whose title or id has all words; O(items)."""
        mask = np.ones(len(self._words), np.bool_)
        for word in text.lower().split():
            mask &= self._words.str.contains(word, literal=True).to_numpy()
        ordered = self.by_popularity
        return [int(code) for code in ordered[mask[ordered]][:most]]


class KeptModels:
    """The models that were used last."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, int], KeptModel] = OrderedDict()
        self._lock = threading.Lock()

    def of_run(self, run: Path) -> list[KeptModel]:
        """The models that a run keeps, the winner first; each once, with all of its roles."""
        by_folder: dict[str, list[str]] = {}
        known = roles.read(run / "models")
        for role in sorted(known, key=lambda role: role != roles.WINNER):
            by_folder.setdefault(known[role], []).append(role)
        return [
            self._loaded(run / "models" / name, tuple(names)) for name, names in by_folder.items()
        ]

    def _loaded(self, folder: Path, names: tuple[str, ...]) -> KeptModel:
        key = str(folder), os.stat(folder / artifact.HEADER).st_mtime_ns
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                return found
        fitted = artifact.load(folder)
        table = titles_of(folder, fitted)
        titles = None if table is None else tuple(title or "" for title in table["title"])
        found = KeptModel(folder, names, fitted, titles)
        with self._lock:
            self._held[key] = found
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return found
