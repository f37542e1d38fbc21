"""What a dig came to, read from its board: the models that are saved, what had no time, what has no
score for another reason.

The report and the terminal take their words and numbers from here, so that they say the same.
Boards of earlier versions lack most keys; what they lack is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spadework.workbench import formatting
from spadework.workbench.report.run_facts import (
    Map,
    RunFacts,
    as_list,
    as_map,
    as_number,
    as_text,
    finished,
    label_of,
    maps,
    value_of,
)

Kind = Literal["no time", "validation only", "other"]
NO_TIME: Kind = "no time"
TIME_RAN_OUT = "Their share of the time ended before they did."
ROLES: Mapping[str, str] = {
    "new items": "For new items",
    "own items": "For items that they had before",
    "similar items": "For similar items",
}
"""Tasks for which a model of their own may be saved, and how each is told."""


@dataclass(frozen=True)
class LeftOut:
    """Settings of one model that share the reason for which they have no score on the board.

    `judged` is the setting that was judged on the validation span in their place, with its value
    and its users, where one was.
    """

    kind: Kind
    model: str
    labels: tuple[str, ...]
    state: str
    reason: str
    judged: str = ""
    value: float | None = None
    users: float | None = None

    @property
    def more(self) -> str:
        """How many settings there are besides the first."""
        return (
            f"and {formatting.count(len(self.labels) - 1, 'more setting')}"
            if len(self.labels) > 1
            else ""
        )


# ---- which models are saved, and why


def starved(facts: RunFacts) -> str:
    """The sentence of a dig whose budget was too short to try what fits the log, or nothing."""
    budget = as_map(facts.scores.get("budget"))
    if budget.get("starved") is not True:
        return ""
    return (
        as_text(budget.get("says"))
        or "The budget was too short to try one model of each family that fits this log."
    )


def winner(facts: RunFacts) -> str:
    """The label of the model that is saved and served."""
    return as_text(facts.scores.get("winner"))


def best(facts: RunFacts) -> str:
    """The label of the best by value on the validation span; earlier versions always served it."""
    return as_text(facts.scores.get("best")) or as_text(_choice(facts).get("best")) or winner(facts)


def why(facts: RunFacts) -> str:
    """Why the winner is the winner; nothing where a training has put another model in its place."""
    return as_text(_choice(facts).get("says"))


def not_above_popular(facts: RunFacts) -> str:
    """The sentence of a board on which the model that is served is not above what is popular, or
    nothing.
    """
    served = winner(facts)
    return (
        f"“{formatting.clip(served, 80)}” is served, but it is not above what is popular."
        if _choice(facts).get("above_popular") is False
        else ""
    )


def tied(facts: RunFacts) -> list[str]:
    """Labels that cannot be told from the best, the cheapest first."""
    return [text for label in as_list(_choice(facts).get("tied")) if (text := as_text(label))]


def windows(facts: RunFacts) -> str:
    """On which spans the choice rests, or nothing."""
    told = [
        (
            f"{formatting.clip(as_text(one.get('says'), 'a span without a name'), 160)} "
            f"({formatting.count(as_number(one.get('users')), 'user')})"
        )
        for one in maps(_choice(facts).get("windows"))
    ]
    return (
        (
            f"The choice rests on {formatting.count(len(told), 'span')} of validation: "
            f"{'; '.join(told)}."
        )
        if told
        else ""
    )


def saved(facts: RunFacts) -> list[tuple[str, str]]:
    """What each saved model is for, and its label; nothing where one model is all."""
    roles = as_map(facts.scores.get("winners"))
    found = [(name, label) for key, name in ROLES.items() if (label := as_text(roles.get(key)))]
    return [("For all that people take", winner(facts)), *found] if found and winner(facts) else []


def marks(facts: RunFacts) -> dict[str, str]:
    """Beside which labels the board has a word, and the word."""
    roles = as_map(facts.scores.get("winners"))
    pairs = [
        (winner(facts), "saved"),
        (best(facts) if facts.scores.keys() & {"best", "choice"} else "", "best by value"),
    ]
    pairs += [(as_text(roles.get(key)), key) for key in ROLES]
    found: dict[str, list[str]] = {}
    for label, word in pairs:
        if label:
            found.setdefault(label, []).append(word)
    return {label: ", ".join(told) for label, told in found.items()}


def _choice(facts: RunFacts) -> Map:
    """How the dig chose, as long as its choice is served."""
    made = as_map(facts.scores.get("choice"))
    return made if as_text(made.get("winner"), winner(facts)) == winner(facts) else {}


# ---- what has no score


def left_out(facts: RunFacts, kind: Kind | None = None) -> list[LeftOut]:
    """Everything without a score on the board, each label once: of a kind, or of all.

    What lost on the validation span was judged there only; what was not judged at all either had no
    time or cannot be judged here.
    """
    judged = {label_of(row): row for row in validation(facts) if _has_score(row, facts)}
    best_of: dict[str, Map] = {}  # model → its best setting on the validation span
    for row in sorted(judged.values(), key=lambda row: -(value_of(row, facts.primary) or 0.0)):
        best_of.setdefault(as_text(row.get("model")), row)
    seen = {label_of(row) for row in facts.board if _has_score(row, facts)}
    found: dict[LeftOut, LeftOut] = {}
    for row in facts.board:
        if not _has_score(row, facts) and label_of(row) not in seen:
            seen.add(label_of(row))
            _join(
                found,
                _left_out(
                    row, judged.get(label_of(row), best_of.get(as_text(row.get("model")))), facts
                ),
            )
    seen |= set(judged)
    for row in validation(facts):
        if label_of(row) not in seen:
            seen.add(label_of(row))
            _join(found, _left_out(row, None, facts))
    return [
        one
        for one in _without_the_unable(list(found.values()), _able(facts))
        if kind is None or one.kind == kind
    ]


def _without_the_unable(found: list[LeftOut], able: set[str]) -> list[LeftOut]:
    """Settings of a model that cannot run on these data do not lack time: they join the line that
    says what the model needs.
    """
    unable = {one.model for one in found if one.kind == "other" and one.state == "skipped"} - able
    late: dict[str, tuple[str, ...]] = {}
    kept = []
    for one in found:
        if one.kind == NO_TIME and one.model in unable:
            late[one.model] = (*late.get(one.model, ()), *one.labels)
        else:
            kept.append(one)
    for at, one in enumerate(kept):
        if one.kind == "other" and one.state == "skipped":
            kept[at] = replace(one, labels=(*one.labels, *late.pop(one.model, ())))
    return kept


def _left_out(row: Map, other: Map | None, facts: RunFacts) -> LeftOut:
    """An entry without a score; `other` is the entry of the same setting, or else model, that was
    judged on the validation span.
    """
    kind, model = _kind(row), as_text(row.get("model")) or label_of(row)
    if kind != NO_TIME or other is None:
        return LeftOut(kind, model, (label_of(row),), _state(row), _reason(row))
    value, users = value_of(other, facts.primary), as_number(other.get("users"))
    return LeftOut(
        "validation only",
        model,
        (label_of(row),),
        _state(row),
        _reason(row),
        label_of(other),
        value,
        users,
    )


def _join(found: dict[LeftOut, LeftOut], one: LeftOut) -> None:
    key = replace(one, labels=())
    held = found.get(key)
    found[key] = one if held is None else replace(held, labels=(*held.labels, *one.labels))


def validation(facts: RunFacts) -> list[Map]:
    """The entries of the validation span."""
    return list(maps(facts.scores.get("validation")))


def judged_on(facts: RunFacts) -> list[tuple[float | None, int]]:
    """How many settings were judged on how many users of the validation span, the most users first;
    None where it is not recorded.
    """
    sizes = [as_number(row.get("users")) for row in validation(facts) if _has_score(row, facts)]
    return [
        (size, sizes.count(size))
        for size in sorted(set(sizes), key=lambda size: -(float("inf") if size is None else size))
    ]


def untried_models(facts: RunFacts) -> list[str]:
    """Names of the models of which no setting had time."""
    told = [
        as_text(name)
        for name in as_list(as_map(facts.scores.get("budget")).get("models_without_a_trial"))
    ]
    if any(told):
        return [name for name in told if name]
    able = _able(facts)
    return list(
        dict.fromkeys(one.model for one in left_out(facts, NO_TIME) if one.model not in able)
    )


def no_time_sentence(facts: RunFacts) -> str:
    """How many models and settings had no time, and the budget that would do; nothing where all
    had.
    """
    models = untried_models(facts)
    settings = sum(len(one.labels) for one in left_out(facts, NO_TIME) if one.model not in models)
    parts = [formatting.count(len(models), "model")] if models else []
    parts += (
        [formatting.count(settings, "setting") + (" of others" if models else "")]
        if settings
        else []
    )
    if not parts:
        return ""
    enough = as_text(as_map(facts.scores.get("budget")).get("would_do"))
    return (
        f"{' and '.join(parts)} had no time; "
        f"{f'--budget {enough} would do' if enough else 'a larger budget tries them'}."
    )


def halfway_sentence(facts: RunFacts) -> str:
    """How many models were judged on the validation span only, or nothing."""
    count = len(left_out(facts, "validation only"))
    return (
        (
            f"{formatting.count(count, 'model')} {'was' if count == 1 else 'were'} judged on "
            "the validation span only."
        )
        if count
        else ""
    )


def taken_over(facts: RunFacts) -> str:
    """What earlier starts in this folder spent of the budget, or nothing."""
    seconds = as_number(as_map(facts.scores.get("budget")).get("taken_over")) or 0.0
    return (
        (
            f"Trials of an earlier start were taken over; {formatting.seconds(seconds)} of the "
            "budget are theirs."
        )
        if seconds >= 1
        else ""
    )


def other_reasons(facts: RunFacts) -> list[str]:
    """One sentence for each other reason, with all models that share it; where time ran out is one,
    whatever they were at.
    """
    able = _able(facts)
    shared: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one in left_out(facts, "other"):
        reason = TIME_RAN_OUT if one.state == "timed out" else one.reason
        shared.setdefault((one.state, reason), {}).setdefault(one.model, []).extend(one.labels)

    def name(model: str, labels: list[str]) -> str:
        several = f"{formatting.count(len(labels), 'setting')} of {model}"
        return formatting.clip(
            model if model not in able else labels[0] if len(labels) == 1 else several, 80
        )

    return [
        (
            f"{state}: {', '.join(name(model, labels) for model, labels in models.items())}. "
            f"{reason}"
        ).rstrip()
        for (state, reason), models in shared.items()
    ]


def without_a_row(facts: RunFacts) -> Sequence[Map]:
    """What was not tried and stands in no other list: neither an entry of the board nor a question
    of the probes.
    """
    listed = {name for one in left_out(facts) for name in (one.model, *one.labels)}
    rows = maps(facts.scores.get("not_tried"))
    return [
        row
        for row in rows
        if as_text(row.get("what")) not in listed
        and not as_text(row.get("what")).startswith("probe ")
    ]


def _able(facts: RunFacts) -> set[str]:
    """Models of which some setting has a score."""
    return {
        as_text(row.get("model"))
        for row in [*facts.board, *validation(facts)]
        if _has_score(row, facts)
    }


def _has_score(row: Map, facts: RunFacts) -> bool:
    return finished(row) and value_of(row, facts.primary) is not None


def _kind(row: Map) -> Kind:
    """Whether time was what lacked; boards of earlier versions say so in the reason alone."""
    state, reason = _state(row), as_text(row.get("reason"))
    late = state == "skipped" and (
        reason.startswith("The budget of") or "a larger budget tries" in reason
    )
    return NO_TIME if state == NO_TIME or late else "other"


def _state(row: Map) -> str:
    return (
        "without a value"
        if finished(row)
        else formatting.clip(as_text(row.get("state"), "unknown"), 40)
    )


def _reason(row: Map) -> str:
    """The reason without the setting's own name, so that settings of one kind share it."""
    told = as_text(row.get("reason")).replace(f"'{label_of(row)}' ", "")
    return formatting.clip(told, 300) or "The run recorded no reason."
