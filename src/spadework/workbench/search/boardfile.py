"""The files that a dig writes of its scores: the board, the values of each user, example users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spadework import files
from spadework.arrays import Array
from spadework.evaluation.entries import Entry, as_json
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import NOVEL_RECALL, Protocol, Score, State
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue
from spadework.workbench.search import effects, model_effects, model_families
from spadework.workbench.search.board_parts import (
    not_tried,
    protocol_facts,
    repetition_of,
    slices_of,
    with_lists,
)
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.example_users import examples
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.storage import run_files

if TYPE_CHECKING:
    from spadework.workbench.search.choice import Choice
    from spadework.workbench.search.choosing import Dig

SHOWN = 4
"""Models shown in slices and examples."""
NO_TIME = "There was no time for it."


@dataclass
class Board:
    """Everything that the board is made of."""

    dig: Dig
    scores: list[Score]  # on the test span
    lists: Mapping[str, Array]  # label → lists of the test span [users, k]
    chosen: Choice | None
    kept: Mapping[str, Recommender]  # role → model
    account: Mapping[str, Any]  # of the budget
    why_one_window: str  # why there is no older window


def write_board(made: Board) -> None:
    """Write `scores.json`, `scores.npz` and `faces.json`."""
    dig, test = made.dig, made.dig.test
    board = Scoreboard(test, tuple(made.scores))
    entries = [with_lists(entry) for entry in board.rows]
    entries += [
        Entry.of(score) for score in without_numbers(dig, {score.model for score in made.scores})
    ]
    leaders = [entry.label for entry in entries if entry.label in made.lists][:SHOWN]
    shown = list(
        dict.fromkeys(
            [
                *leaders,
                *(label for label in ("popular", "popular(window=7d)") if label in made.lists),
            ]
        )
    )
    helped, heat = _effects(dig)
    listed = {label: made.lists[label] for label in shown}
    served = {
        model.label: made.lists[model.label]
        for model in made.kept.values()
        if model.label in made.lists
    }
    winner = None if made.chosen is None else made.chosen.winner.label
    protocol = protocol_facts(board, dig.clock.used)
    protocol["remarks"] += dig.everything.says
    files.write_json(
        dig.folder / run_files.SCORES,
        {
            "protocol": protocol,
            "scores": as_json(entries, "test"),
            "validation": as_json(validation_entries(dig), "validation"),
            "winner": winner,
            "best": None if made.chosen is None else made.chosen.best.label,
            "choice": None
            if made.chosen is None
            else made.chosen.as_json() | {"one_window": made.why_one_window},
            "winners": {
                purpose: made.kept[role].label if role in made.kept else None
                for purpose, role in ROLES.items()
            },
            "budget": dict(made.account),
            "helped": sorted(helped, key=lambda row: -abs(row["effect"])),
            "heat": heat,
            "repetition": repetition_of(
                test,
                served | listed,
                {score.label: score.totals.get(NOVEL_RECALL) for score in made.scores},
                dig.policy,
            ),
            "slices": slices_of(test, listed),
            "sample": None
            if dig.sample.is_whole
            else dig.sample.as_json() | {"fitted_rows": dig.everything.fitted_rows},
            "not_tried": not_tried(
                (result for _, result in sorted(dig.judging.judged.items())), dig.unanswered
            ),
        },
    )
    arrays = {"users": test.truth.users, "has_history": test.truth.has_history}
    for score in board.done:
        arrays |= run_files.named_values(score.label, score.values)
    run_files.write_values(dig.folder, arrays)
    recipe = dig.recipe
    shown_users = examples(
        test,
        {label: made.lists[label] for label in leaders},
        dig.items,
        count=recipe.faces,
        seed=recipe.seed,
        with_ids=recipe.with_ids,
    )
    files.write_json(dig.folder / run_files.FACES, shown_users)


ROLES = {
    "all targets": "winner",
    "new items": "discover",
    "own items": "remind",
    "similar items": "similar",
}
"""What a model is best for → its role among the kept models."""


def write_interrupted(folder: Path, board: Scoreboard, clock: Clock) -> None:
    """Write the validation board of the trials finished before an interruption."""
    files.write_json(
        folder / run_files.SCORES,
        {
            "protocol": protocol_facts(board, clock.used) | {"interrupted": True},
            "scores": as_json(board.rows, "validation"),
            "validation": [],
            "winner": board.winner,
        },
    )


def full_score(result: Judgement, protocol: Protocol) -> Score:
    """A judgement as a score of all users of the protocol; users outside its sample have no
    value.
    """
    if result.reason is not None:
        return result.score
    values = np.full(len(protocol.truth.users), np.nan, np.float32)
    values[result.rows] = result.values
    return replace(result.score, values={result.primary: values})


def validation_entries(dig: Dig) -> list[Entry]:
    """Entries of all settings on the validation span: first those judged on all users, then those
    judged on samples, then those without a number.
    """
    last, protocol = len(dig.judging.rungs) - 1, dig.validation
    # sums of resampled users depend on the order in their last digit
    judged = dict(sorted(dig.judging.judged.items()))
    complete = [
        result for result in judged.values() if result.reason is None and result.rung == last
    ]
    entries = (
        Scoreboard(protocol, tuple(full_score(result, protocol) for result in complete)).rows
        if complete
        else []
    )
    everyone = int(protocol.judged.sum())
    return [
        *(replace(entry, users=everyone) for entry in entries),
        *effects.entries(judged, protocol, {entry.label for entry in entries}),
    ]


def without_numbers(dig: Dig, shown: set[str]) -> list[Score]:
    """An entry with a reason for every requested model that has none on the test span's board."""
    found = []
    for name in [*model_families.wanted(dig.recipe.models)]:
        if name in shown:
            continue
        results = [result for result in dig.judging.judged.values() if result.setting.name == name]
        done = max(
            (result for result in results if result.reason is None),
            key=lambda result: result.mean,
            default=None,
        )
        failed = next((result for result in results if result.reason is not None), None)
        known = done or failed
        model = catalogue()[name]() if known is None else known.setting
        state: State = "no time"
        reason = NO_TIME
        if done is not None:
            reason = "Judged on the validation span alone."
        elif failed is not None:
            state, reason = failed.score.state, failed.reason or ""
        elif name in dig.planner.refused:
            state, reason = "skipped", dig.planner.refused[name]
        elif (
            model.composed and len([family for family in dig.planner.families if family.judged]) < 2
        ):
            state, reason = "skipped", "A mixture needs two families of models with a score."
        elif model.composed:
            state, reason = (
                "skipped",
                "None was made: there was no time, or these data do not call for it.",
            )
        found.append(
            Score(model=name, label=model.label, params=model.params, state=state, reason=reason)
        )
    return found


def _effects(dig: Dig) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Effects and heat map: those of the sweep, and what comparisons of single models add."""
    rung = dig.judging.rungs[0]
    scores = [
        result.score for _, result in sorted(dig.judging.first.items()) if result.reason is None
    ]
    helped, heat = (
        model_effects.helped(scores, rung.protocol),
        model_effects.heat(scores, rung.protocol),
    )
    sweep = dig.planner.sweep
    if sweep is None:
        return helped, heat
    designed = effects.effects(sweep)
    # one change over many pairs of settings is surer than two named models
    known = {row["kind"] for row in designed}
    return [*designed, *(row for row in helped if row["kind"] not in known)], effects.heat(
        sweep
    ) or heat
