"""The parts of the report, in their order: each a function from the facts of a run to its blocks,
with its budget in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from spadework.json_values import Map
from spadework.workbench.report.blocks import Block, Section
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.sections.account import account, portrait
from spadework.workbench.report.sections.board import board, slices
from spadework.workbench.report.sections.example_users import example_users
from spadework.workbench.report.sections.findings import findings
from spadework.workbench.report.sections.helped import helped
from spadework.workbench.report.sections.honesty import honesty, recipe
from spadework.workbench.report.sections.repeats import repeats
from spadework.workbench.report.sections.training import training
from spadework.workbench.report.sections.verdict import verdict


def all_sections(
    facts: RunFacts, documents: Map, keys: Sequence[str] | None = None
) -> list[Section]:
    """Every section for which the run has content; findings, training, slices and repeats are left
    out when there are none, and numbers follow what is shown. With `keys`, those sections alone.

    `documents` holds the run's files as they may be shown, with ids replaced if they have to be.
    Budgets sum to less than a megabyte with room for the page around them.
    """
    made: list[tuple[str, str, Callable[[RunFacts], Sequence[Block]], int]] = [
        ("verdict", "Verdict", verdict, 40_000),
        ("account", "Data account", account, 40_000),
        ("portrait", "Portrait of the data", portrait, 130_000),
        ("findings", "Findings", findings, 80_000),
        ("board", "Board", board, 150_000),
        ("training", "The transformer", training, 90_000),
        ("helped", "What helped", helped, 130_000),
        ("slices", "Slices", slices, 50_000),
        ("repeats", "Repeats", repeats, 20_000),
        ("faces", "Faces", example_users, 150_000),
        ("honesty", "Honesty", honesty, 50_000),
        ("recipe", "Recipe", partial(recipe, documents=documents), 110_000),
    ]
    built = [
        (key, title, blocks_of(facts), budget)
        for key, title, blocks_of, budget in made
        if keys is None or key in keys
    ]
    shown = [part for part in built if part[2]]
    return [
        Section(number, key, title, tuple(blocks), budget)
        for number, (key, title, blocks, budget) in enumerate(shown)
    ]
