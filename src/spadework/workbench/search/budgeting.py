"""The account of the budget: what had no time, whether that may have cost the winner, and which
budget would be enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spadework import durations
from spadework.diagnosis.rules import DECIDING
from spadework.workbench.search import model_families

if TYPE_CHECKING:
    from spadework.workbench.search.choosing import Dig

BUDGETS = (30, 60, 120, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14_400, 28_800, 86_400)
"""Budgets that are suggested, in seconds."""
MARGIN = 1.5
"""A suggested budget holds the estimated seconds times this."""
QUESTIONS_SHARE = 0.25
"""Share of a larger budget that questions may take: a suggested budget holds their seconds divided
by this.
"""


def account_of(dig: Dig) -> dict[str, Any]:
    """The budget's part of the board: requested and used seconds, whether the dig was cut short and
    where, and which budget would be enough.
    """
    planner, judging, clock = dig.planner, dig.judging, dig.clock
    families = [
        family.name
        for family in planner.families
        if not family.judged and not _refused(dig, family)
    ]
    tried = {
        result.setting.name
        for result in judging.judged.values()
        if result.score.state not in ("no time",)
    }
    no_time = {
        name: seconds for name, seconds in planner.schedule.no_time.items() if name not in tried
    }
    waiting = sorted(no_time, key=lambda name: no_time[name])
    questions = [question.code for question in dig.unanswered if question.status == "not asked"]
    cut_short = bool(families) or any(code in DECIDING for code in questions)
    # a round that ended before its last proposal does not count: the search goes by gain
    unfinished = planner.sweep is not None and planner.sweep.unfinished
    ended = (
        "asked"
        if clock.finishing
        else "budget"
        if waiting
        or questions
        or unfinished
        or cut_short
        or planner.cut_short
        or clock.left <= dig.ending.writing()
        else "done"
    )
    train, users = judging.protocol.split.train, len(judging.rungs[0].rows)
    least = [
        min(judging.costs.trial(model, train, users) for model in family.members)
        for family in planner.families
        if family.name in families
    ]
    question_seconds = sum(
        question.needs or 0.0
        for question in dig.unanswered
        if question.status == "not asked" and question.code in DECIDING
    )
    enough = max(
        1.5 * clock.budget,
        clock.used + MARGIN * sum(least),
        clock.budget + question_seconds / QUESTIONS_SHARE,
    )
    # without a family, as where the recipe names blend alone, more time tries nothing more
    helps = bool(planner.families) or question_seconds > 0
    would_do = _named(enough) if ended == "budget" and helps else None
    early = (
        f"It was asked to finish after {durations.words(clock.used)} of "
        f"{durations.words(clock.budget)}. "
        if clock.finishing
        else ""
    )
    return {
        "asked": clock.budget,
        "used": round(clock.used, 1),
        "taken_over": round(clock.replayed, 1),
        "starved": cut_short,
        "ended": ended,
        "families_without_a_trial": families,
        "models_without_a_trial": waiting,
        "questions_not_asked": questions,
        "would_do": would_do,
        "says": early + _message(cut_short, families, questions, would_do),
    }


def _message(
    cut_short: bool, families: list[str], questions: list[str], would_do: str | None
) -> str:
    if not cut_short:
        return "The budget was enough for every family of models that fits the log."
    parts = []
    if families:
        parts.append(f"{_listed(families)} had no trial")
    if questions:
        parts.append(f"{_listed(questions)} {'was' if len(questions) == 1 else 'were'} not asked")
    more = f" --budget {would_do} would do." if would_do else ""
    return f"This dig was cut short: {'; '.join(parts)}.{more}"


def _refused(dig: Dig, family: model_families.Family) -> bool:
    """Whether the family has no number for another reason than time: memory, or a failure."""
    found = [dig.judging.judged.get(model.label) for model in family.members]
    return bool(found) and all(result is not None and not result.score.late for result in found)


def _named(seconds: float) -> str | None:
    """The smallest round budget that holds so many seconds, as written on the command line."""
    fitting = next((budget for budget in BUDGETS if budget >= seconds), None)
    if fitting is None:
        return None
    return (
        f"{fitting}s"
        if fitting < 120
        else f"{fitting // 60}m"
        if fitting < 7200
        else f"{fitting // 3600}h"
    )


def _listed(names: list[str], most: int = 6) -> str:
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
