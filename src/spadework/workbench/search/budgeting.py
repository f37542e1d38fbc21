"""What became of the budget: what had no time, whether that may have cost the winner, and which
budget would do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spadework.diagnosis.rules import DECIDING
from spadework.workbench.search import model_families

if TYPE_CHECKING:
    from spadework.workbench.search.choosing import Dig

BUDGETS = (30, 60, 120, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14_400, 28_800, 86_400)
"""Budgets that are named, in seconds."""
FORECAST = 1.5
"""A budget that is to do must hold what is foretold and half as much again."""
QUESTIONS_SHARE = 0.25
"""Of a larger budget, what questions may have: a budget that is to do holds what they need so
often.
"""


def account_of(dig: Dig) -> dict[str, Any]:
    """The budget's part of the board: asked, used, whether the dig was starved and of what, and
    what would do.
    """
    planner, judging, clock = dig.planner, dig.judging, dig.clock
    families = [
        family.name
        for family in planner.families
        if not family.judged and not _refused(dig, family)
    ]
    tried = {
        result.one.name
        for result in judging.judged.values()
        if result.score.state not in ("no time",)
    }
    late = {name: seconds for name, seconds in planner.schedule.late.items() if name not in tried}
    waiting = sorted(late, key=lambda name: late[name])
    questions = [one.code for one in dig.unanswered if one.kind == "not asked"]
    starved = bool(families) or any(code in DECIDING for code in questions)
    # a proposal that a round cut short is no reason: the search goes by gain
    unread = planner.sweep is not None and planner.sweep.unread
    ended = (
        "budget"
        if waiting
        or questions
        or unread
        or starved
        or planner.cut
        or clock.left <= dig.ending.writing()
        else "done"
    )
    train, users = judging.protocol.split.train, len(judging.rungs[0].rows)
    least = [
        min(judging.costs.trial(one, train, users) for one in family.members)
        for family in planner.families
        if family.name in families
    ]
    asking = sum(
        one.needs or 0.0
        for one in dig.unanswered
        if one.kind == "not asked" and one.code in DECIDING
    )
    enough = max(
        1.5 * clock.budget,
        clock.spent + FORECAST * sum(least),
        clock.budget + asking / QUESTIONS_SHARE,
    )
    would_do = _named(enough) if ended == "budget" else None
    return {
        "asked": clock.budget,
        "used": round(clock.spent, 1),
        "taken_over": round(clock.replayed, 1),
        "starved": starved,
        "ended": ended,
        "families_without_a_trial": families,
        "models_without_a_trial": waiting,
        "questions_not_asked": questions,
        "would_do": would_do,
        "says": _said(starved, families, questions, would_do),
    }


def _said(starved: bool, families: list[str], questions: list[str], would_do: str | None) -> str:
    if not starved:
        return "The budget was enough for every family of models that fits the log."
    parts = []
    if families:
        parts.append(f"{_listed(families)} had no trial")
    if questions:
        parts.append(f"{_listed(questions)} {'was' if len(questions) == 1 else 'were'} not asked")
    more = f" --budget {would_do} would do." if would_do else ""
    return f"This dig was starved: {'; '.join(parts)}.{more}"


def _refused(dig: Dig, family: model_families.Family) -> bool:
    """Whether the family has no number for another reason than time: memory, or a failure that its
    line tells.
    """
    found = [dig.judging.judged.get(one.label) for one in family.members]
    return bool(found) and all(result is not None and not result.score.late for result in found)


def _named(seconds: float) -> str | None:
    """The smallest budget of a round number that holds so many seconds, as the command line takes
    it.
    """
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
