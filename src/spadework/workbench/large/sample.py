"""What a dig learns from: the log, or a sample of its users where it has more rows than fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spadework import events, formatting
from spadework.data.interactions import Interactions
from spadework.json_values import Map, as_map, as_number
from spadework.workbench.large import room, user_samples
from spadework.workbench.recipe import Recipe

FEWEST_USERS = 1000
"""A sample of users has so many, where the log has them."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that a dig learns from, and the whole log."""

    log: Interactions
    whole: Interactions
    parts: int = 1  # one of so many users; 1: all of them
    seed: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.parts == 1

    @property
    def says(self) -> str:
        """The share of the log in one sentence; empty where it is all of it."""
        if self.is_whole:
            return ""
        return (
            f"Judged on one in {self.parts} users, with all of their events: {len(self.log):,} of "
            f"{formatting.count(len(self.whole), 'row')}."
        )

    def larger(self, parts: int) -> Interactions:
        """The sample of one in so many users, which contains this one."""
        if parts == 1:
            return self.whole
        if parts == self.parts:
            return self.log
        return _drawn(self.whole, parts, self.seed)

    def as_json(self) -> dict[str, Any]:
        """For files of the run."""
        return {
            "parts": self.parts,
            "rows": len(self.log),
            "users": len(self.log.active_users),
            "of_rows": len(self.whole),
            "of_users": int((np.diff(self.whole.starts) > 0).sum()),
        }


def sample_of(
    log: Interactions, recipe: Recipe, stored: Map | None = None, *, same_memory: bool = True
) -> Sample:
    """The rows of a log that a dig of this recipe learns from. A run that has drawn its sample
    before (`stored` is its data.json) keeps it, unless it was given another limit of memory.
    """
    known = as_number(as_map((stored or {}).get("sample")).get("parts"))
    parts = int(known) if known and same_memory else _parts(log, recipe)
    if parts == 1:
        return Sample(log, log, seed=recipe.seed)
    found = Sample(_drawn(log, parts, recipe.seed), log, parts, recipe.seed)
    drawn_anew = not (known and same_memory)
    why = f" {room.why_sampled(room.limit_of(recipe), log)}" if drawn_anew else ""
    events.note(f"sample      {found.says}{why}")
    return found


def _parts(log: Interactions, recipe: Recipe) -> int:
    """The smallest power of two by which the users are divided so that their rows fit."""
    most = room.rows_within(room.limit_of(recipe), log, recipe.budget_seconds)
    if len(log) <= most:
        return 1
    drawn, parts = user_samples.draws(log, recipe.seed), 2
    lengths = np.diff(log.starts)
    while int(lengths[user_samples.among(drawn, parts)].sum()) > most:
        if int((lengths[user_samples.among(drawn, 2 * parts)] > 0).sum()) < FEWEST_USERS:
            break
        parts *= 2
    return parts


def _drawn(log: Interactions, parts: int, seed: int) -> Interactions:
    return user_samples.of_users(log, user_samples.among(user_samples.draws(log, seed), parts))
