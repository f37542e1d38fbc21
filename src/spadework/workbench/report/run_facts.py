"""The facts of a run folder, read with tolerance: what is missing or torn becomes a sentence, never
an exception.

Everything is cleaned on the way in: text holds no control characters, no half surrogates and no
marks that turn the direction of writing; numbers that are not finite become None. Later code
relies on that and does not check again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spadework import formatting
from spadework.errors import BadRequest
from spadework.evaluation.entries import Entry
from spadework.json_values import Map, as_list, as_map, as_text, clean, maps
from spadework.workbench.storage import run_files


@dataclass(frozen=True)
class RunFacts:
    """The contents of the files of a run folder; `troubles` names the files that are missing or
    cannot be read.
    """

    recipe: Map
    data: Map
    findings: Sequence[Map]
    scores: Map
    faces: Map  # the example users; each field has the name of its file
    troubles: tuple[str, ...]
    # the outcome of a training after the dig, where there was one
    advice: Map = field(default_factory=dict)
    training: Sequence[Map] = ()  # its curves

    @property
    def protocol(self) -> Map:
        """How the scores were measured."""
        return as_map(self.scores.get("protocol"))

    @property
    def remarks(self) -> list[str]:
        """What the readers of the log and of the item table remarked, and the cut."""
        parts = (self.data, as_map(self.data.get("items")), self.protocol)
        found = [as_text(remark) for part in parts for remark in as_list(part.get("remarks"))]
        return [remark for remark in found if remark]

    @cached_property
    def primary(self) -> str:
        """The metric that orders the board."""
        known = next((name for entry in self.entries for name in entry.metrics), "ndcg@10")
        return as_text(self.protocol.get("primary")) or known

    @property
    def heading(self) -> str:
        """What the columns of the board hold: metric, span, users."""
        return formatting.clip(
            formatting.metric(as_text(self.protocol.get("heading")) or self.primary), 160
        )

    @cached_property
    def entries(self) -> list[Entry]:
        """All entries under `scores`, in their order."""
        return [Entry.read(row) for row in maps(self.scores.get("scores"))]

    @cached_property
    def validation(self) -> list[Entry]:
        """The entries of the validation span."""
        return [Entry.read(row) for row in maps(self.scores.get("validation"))]

    @cached_property
    def interrupted(self) -> bool:
        """Whether the run stopped before any model was judged on the test span."""
        stages = {entry.stage or TEST for entry in self.entries}
        return self.protocol.get("interrupted") is True or (bool(stages) and TEST not in stages)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the rows used, or empty."""
        recorded = self.data.get("fingerprint")
        return as_text(recorded) or as_text(as_map(recorded).get("log"))

    @cached_property
    def board(self) -> list[Entry]:
        """The models on the test span, best first, then those without a score; if interrupted,
        those on the validation span.
        """
        rows = [
            entry for entry in self.entries if self.interrupted or (entry.stage or TEST) == TEST
        ]
        return sorted(rows, key=lambda row: (not row.done, -(row.value(self.primary) or 0.0)))

    @cached_property
    def scored(self) -> list[Entry]:
        """The entries of the board that have a value of the primary metric, best first."""
        return [entry for entry in self.board if self.has_value(entry)]

    def has_value(self, entry: Entry) -> bool:
        """Whether an entry has a value of the primary metric."""
        return entry.done and entry.value(self.primary) is not None


TEST = "test"
"""The stage of entries of earlier versions, which do not say it."""


def read(folder: Path) -> RunFacts:
    """Read the run folder; a path that is not one is a `BadRequest`."""
    if not folder.is_dir():
        raise BadRequest(
            f"There is no run folder at {str(folder)!r}.",
            "Give the folder that `spadework dig` wrote, such as runs/orders.",
        )
    if not any((folder / name).is_file() for name in run_files.DUG_FILES):
        raise BadRequest(
            f"{str(folder)!r} is not a run folder: it holds none of "
            f"{', '.join(run_files.DUG_FILES)}.",
            "Give the folder that `spadework dig` wrote; it holds recipe.json.",
        )
    troubles: list[str] = []

    def load(name: str) -> Any:
        found = run_files.contents(folder, name)
        if found.trouble and not (found.missing and name not in run_files.DUG_FILES):
            troubles.append(found.trouble)
        return clean(found.value) if not found.trouble else run_files.TYPES[name]()

    return RunFacts(
        recipe=load(run_files.RECIPE),
        data=load(run_files.DATA),
        findings=list(maps(load(run_files.FINDINGS))),
        scores=load(run_files.SCORES),
        faces=load(run_files.FACES),
        advice=load(run_files.ADVICE),
        training=list(maps(load(run_files.TRAINING))),
        troubles=tuple(troubles),
    )
