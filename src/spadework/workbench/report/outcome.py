"""The outcome of a dig, read from its board: the models that are saved, what had no time, what has
no score for another reason.

The report and the terminal take their sentences and numbers from here, so that they agree. Boards
of earlier versions lack most keys; what they lack is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spadework import formatting
from spadework.evaluation.entries import Entry
from spadework.json_values import Map, as_list, as_map, as_number, as_text, maps
from spadework.workbench.report.run_facts import RunFacts

Cause = Literal["no time", "validation only", "other"]
NO_TIME: Cause = "no time"
TIME_RAN_OUT = "Their share of the time ended before they were finished."
ROLES: Mapping[str, str] = {
    "new items": "For new items",
    "own items": "For items that the user had before",
    "similar items": "For similar items",
}
"""Tasks for which a separate model may be saved, and the words for each."""


@dataclass(frozen=True)
class LeftOut:
    """Settings of one model that share the reason for which they have no score on the board.

    `judged` is the setting that was judged on the validation span instead of them, if there is one,
    with its `value` of the primary metric and its number of `users`.
    """

    cause: Cause
    model: str
    labels: tuple[str, ...]
    state: str
    reason: str
    judged: str = ""
    value: float | None = None
    users: float | None = None

    @property
    def more(self) -> str:
        """How many settings there are after the first."""
        return (
            f"and {formatting.count(len(self.labels) - 1, 'more setting')}"
            if len(self.labels) > 1
            else ""
        )


# ---- which models are saved, and why


def cut_short(facts: RunFacts) -> str:
    """The sentence for a dig whose budget was too short to try what fits the log, or empty."""
    budget = as_map(facts.scores.get("budget"))
    if budget.get("starved") is not True:
        return ""
    # boards of earlier versions begin with another word
    says = as_text(budget.get("says")).replace("This dig was starved:", "This dig was cut short:")
    return says or "The budget was too short to try one model of each family that fits this log."


def winner(facts: RunFacts) -> str:
    """The label of the model that is saved and served."""
    return as_text(facts.scores.get("winner"))


def best(facts: RunFacts) -> str:
    """The label of the best by value on validation; earlier versions always served it."""
    return as_text(facts.scores.get("best")) or as_text(_choice(facts).get("best")) or winner(facts)


def why(facts: RunFacts) -> str:
    """Why the dig chose the winner; empty where a later training serves another model."""
    return as_text(_choice(facts).get("says"))


def not_above_popular(facts: RunFacts) -> str:
    """The sentence for a served model that is not better than popular items, or empty."""
    served = winner(facts)
    return (
        f"“{formatting.clip(served, 80)}” is served, but it is not better than popular items."
        if _choice(facts).get("above_popular") is False
        else ""
    )


def tied(facts: RunFacts) -> list[str]:
    """Labels of models that do not differ measurably from the best, the cheapest first."""
    return [text for label in as_list(_choice(facts).get("tied")) if (text := as_text(label))]


def windows(facts: RunFacts) -> str:
    """On which spans the choice rests, or empty."""
    spans = [
        (
            f"{formatting.clip(as_text(window.get('says'), 'a span without a name'), 160)} "
            f"({formatting.count(as_number(window.get('users')), 'user')})"
        )
        for window in maps(_choice(facts).get("windows"))
    ]
    return (
        (
            f"The choice rests on {formatting.count(len(spans), 'validation span')}: "
            f"{'; '.join(spans)}."
        )
        if spans
        else ""
    )


def saved(facts: RunFacts) -> list[tuple[str, str]]:
    """What each saved model is for, and its label; empty where only one model is saved."""
    roles = as_map(facts.scores.get("winners"))
    others = [(name, label) for key, name in ROLES.items() if (label := as_text(roles.get(key)))]
    return [("For all items", winner(facts)), *others] if others and winner(facts) else []


def marks(facts: RunFacts) -> dict[str, str]:
    """Label → the words that the board shows next to it, such as `saved`."""
    roles = as_map(facts.scores.get("winners"))
    pairs = [
        (winner(facts), "saved"),
        (best(facts) if facts.scores.keys() & {"best", "choice"} else "", "best by value"),
    ]
    pairs += [(as_text(roles.get(key)), key) for key in ROLES]
    words_of: dict[str, list[str]] = {}
    for label, word in pairs:
        if label:
            words_of.setdefault(label, []).append(word)
    return {label: ", ".join(words) for label, words in words_of.items()}


def _choice(facts: RunFacts) -> Map:
    """How the dig chose; empty where another model than its choice is served."""
    recorded = as_map(facts.scores.get("choice"))
    return recorded if as_text(recorded.get("winner"), winner(facts)) == winner(facts) else {}


# ---- what has no score


def left_out(facts: RunFacts, cause: Cause | None = None) -> list[LeftOut]:
    """Everything without a score on the board, each label once; only that of `cause` if given.

    What lost on the validation span was judged there only. What was not judged at all had no time
    or cannot be judged on these data.
    """
    judged = {row.label: row for row in facts.validation if facts.has_value(row)}
    best_of: dict[str, Entry] = {}  # model → its best setting on the validation span
    for row in sorted(judged.values(), key=lambda row: -(row.value(facts.primary) or 0.0)):
        best_of.setdefault(row.model, row)
    listed = {row.label for row in facts.board if facts.has_value(row)}
    entries: dict[LeftOut, LeftOut] = {}
    for row in facts.board:
        if not facts.has_value(row) and row.label not in listed:
            listed.add(row.label)
            _merge(
                entries,
                _entry_of(row, judged.get(row.label, best_of.get(row.model)), facts),
            )
    listed |= set(judged)
    for row in facts.validation:
        if row.label not in listed:
            listed.add(row.label)
            _merge(entries, _entry_of(row, None, facts))
    return [
        entry
        for entry in _merge_unable(list(entries.values()), _scored_models(facts))
        if cause is None or entry.cause == cause
    ]


def _merge_unable(entries: list[LeftOut], scored: set[str]) -> list[LeftOut]:
    """Settings of a model that cannot run on these data do not lack time: they are merged into the
    entry that states what the model needs.
    """
    unable = {
        entry.model for entry in entries if entry.cause == "other" and entry.state == "skipped"
    } - scored
    late: dict[str, tuple[str, ...]] = {}
    kept = []
    for entry in entries:
        if entry.cause == NO_TIME and entry.model in unable:
            late[entry.model] = (*late.get(entry.model, ()), *entry.labels)
        else:
            kept.append(entry)
    for index, entry in enumerate(kept):
        if entry.cause == "other" and entry.state == "skipped":
            kept[index] = replace(entry, labels=(*entry.labels, *late.pop(entry.model, ())))
    return kept


def _entry_of(row: Entry, judged: Entry | None, facts: RunFacts) -> LeftOut:
    """An entry without a score; `judged` is the entry of the same setting, or else model, that was
    judged on the validation span.
    """
    cause, model = _cause(row), row.model or row.label
    if cause != NO_TIME or judged is None:
        return LeftOut(cause, model, (row.label,), _state(row), _reason(row))
    value, users = judged.value(facts.primary), judged.users
    return LeftOut(
        "validation only",
        model,
        (row.label,),
        _state(row),
        _reason(row),
        judged.label,
        value,
        users,
    )


def _merge(entries: dict[LeftOut, LeftOut], entry: LeftOut) -> None:
    key = replace(entry, labels=())
    known = entries.get(key)
    entries[key] = entry if known is None else replace(known, labels=(*known.labels, *entry.labels))


def judged_on(facts: RunFacts) -> list[tuple[int | None, int]]:
    """How many settings were judged on how many users of the validation span, the most users first;
    None where the number is not recorded.
    """
    counts = [row.users for row in facts.validation if facts.has_value(row)]
    return [
        (users, counts.count(users))
        for users in sorted(
            set(counts), key=lambda users: -(float("inf") if users is None else users)
        )
    ]


def untried_models(facts: RunFacts) -> list[str]:
    """Names of the models that had no time for any of their settings."""
    recorded = [
        as_text(name)
        for name in as_list(as_map(facts.scores.get("budget")).get("models_without_a_trial"))
    ]
    if any(recorded):
        return [name for name in recorded if name]
    scored = _scored_models(facts)
    return list(
        dict.fromkeys(
            entry.model for entry in left_out(facts, NO_TIME) if entry.model not in scored
        )
    )


def no_time_sentence(facts: RunFacts) -> str:
    """How many models and settings had no time, and the budget that would be enough; empty where
    all had time.
    """
    models = untried_models(facts)
    settings = sum(
        len(entry.labels) for entry in left_out(facts, NO_TIME) if entry.model not in models
    )
    parts = [formatting.count(len(models), "model")] if models else []
    parts += (
        [formatting.count(settings, "setting") + (" of other models" if models else "")]
        if settings
        else []
    )
    if not parts:
        return ""
    enough = as_text(as_map(facts.scores.get("budget")).get("would_do"))
    return (
        f"{' and '.join(parts)} had no time; "
        f"{f'--budget {enough} is enough' if enough else 'a larger budget tries them'}."
    )


def validation_only_sentence(facts: RunFacts) -> str:
    """How many models were judged on the validation span only, or empty."""
    count = len(left_out(facts, "validation only"))
    return (
        (
            f"{formatting.count(count, 'model')} {'was' if count == 1 else 'were'} judged on "
            "the validation span only."
        )
        if count
        else ""
    )


def reused_sentence(facts: RunFacts) -> str:
    """What earlier starts in this folder spent of the budget, or empty."""
    seconds = as_number(as_map(facts.scores.get("budget")).get("taken_over")) or 0.0
    return (
        (
            "Results of an earlier start were used again; they count as "
            f"{formatting.seconds(seconds)} of the budget."
        )
        if seconds >= 1
        else ""
    )


def other_reasons(facts: RunFacts) -> list[str]:
    """One sentence for each other reason, with all models that share it; running out of time is
    one reason, at whatever step.
    """
    scored = _scored_models(facts)
    shared: dict[tuple[str, str], dict[str, list[str]]] = {}
    for entry in left_out(facts, "other"):
        reason = TIME_RAN_OUT if entry.state == "timed out" else entry.reason
        shared.setdefault((entry.state, reason), {}).setdefault(entry.model, []).extend(
            entry.labels
        )

    def name(model: str, labels: list[str]) -> str:
        several = f"{formatting.count(len(labels), 'setting')} of {model}"
        return formatting.clip(
            model if model not in scored else labels[0] if len(labels) == 1 else several, 80
        )

    return [
        (
            f"{state}: {', '.join(name(model, labels) for model, labels in models.items())}. "
            f"{reason}"
        ).rstrip()
        for (state, reason), models in shared.items()
    ]


def other_not_tried(facts: RunFacts) -> Sequence[Map]:
    """What was not tried and is in no other list: neither an entry of the board nor a question of
    the probes.
    """
    listed = {name for entry in left_out(facts) for name in (entry.model, *entry.labels)}
    rows = maps(facts.scores.get("not_tried"))
    return [
        row
        for row in rows
        if as_text(row.get("what")) not in listed
        and not as_text(row.get("what")).startswith("probe ")
    ]


def _scored_models(facts: RunFacts) -> set[str]:
    """Names of models that have a score for some setting."""
    return {row.model for row in (*facts.board, *facts.validation) if facts.has_value(row)}


def _cause(row: Entry) -> Cause:
    """Whether time was too short; boards of earlier versions state that only in the reason."""
    state, reason = _state(row), row.reason or ""
    too_late = state == "skipped" and (
        reason.startswith("The budget of") or "a larger budget tries" in reason
    )
    return NO_TIME if state == NO_TIME or too_late else "other"


def _state(row: Entry) -> str:
    return "without a value" if row.done else formatting.clip(row.state, 40)


def _reason(row: Entry) -> str:
    """The reason without the setting's own name, so that settings can share it."""
    reason = (row.reason or "").replace(f"'{row.label}' ", "")
    return formatting.clip(reason, 300) or "The run recorded no reason."
