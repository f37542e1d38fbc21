"""Sections 10 and 11: how it was measured, what was not tried, and how to do it again."""

from __future__ import annotations

import json

from spadework import formatting
from spadework.json_values import Map, as_list, as_map, as_number, as_text
from spadework.workbench.report import outcome
from spadework.workbench.report.blocks import Block, Cell, Folded, Prose, Tone, table
from spadework.workbench.report.run_facts import RunFacts

_REPEATS = {
    "allow": "Items of the user's history may be recommended, and count.",
    "forbid": (
        "Items of the user's history are not recommended; where users had them again, they count "
        "as misses."
    ),
    "only": (
        "Only items of the user's history are recommended; other items that users had in the test "
        "span count as misses."
    ),
}


def honesty(facts: RunFacts) -> list[Block]:
    """The protocol in sentences, the versions, and what was left out, with reasons."""
    protocol = facts.protocol
    blocks: list[Block] = [Prose(trouble, "missing") for trouble in facts.troubles]
    if not protocol:
        blocks.append(Prose("The run did not record how it measured.", "missing"))
    else:
        leak = as_text(protocol.get("leak"))
        tone: Tone = "warning" if leak else "plain"
        blocks.append(
            Prose(
                f"Leak: {formatting.clip(leak, 400)}"
                if leak
                else "The split shows no leak that this program can measure.",
                tone,
            )
        )
        blocks.append(
            table(
                "How it was measured",
                ("Question", "Answer"),
                _answers(facts, protocol),
                "scores.json",
            )
        )
    blocks += _no_time(facts)
    not_tried = [
        (
            formatting.clip(as_text(row.get("what"), formatting.ABSENT), 200),
            formatting.clip(as_text(row.get("why"), formatting.ABSENT), 300),
        )
        for row in outcome.other_not_tried(facts)
        if row.get("kind") != outcome.NO_TIME
    ]
    if not_tried:
        blocks.append(table("What else was not tried", ("What", "Why"), not_tried, "scores.json"))
    elif not as_list(facts.scores.get("not_tried")):
        blocks.append(Prose("The run recorded nothing that it left out.", "quiet"))
    return blocks


def _no_time(facts: RunFacts) -> list[Block]:
    """What had no time, and what was judged on the validation span only: a sentence and a folded
    table each.
    """
    late, validation_only = (
        outcome.left_out(facts, outcome.NO_TIME),
        outcome.left_out(facts, "validation only"),
    )
    lines: list[tuple[str | Cell, ...]] = [
        (Cell(formatting.clip(entry.labels[0], 120), note=entry.more), entry.reason)
        for entry in late
    ]
    listed = {entry.model for entry in late}
    lines += [
        (formatting.clip(name, 120), "None of its settings had a trial.")
        for name in outcome.untried_models(facts)
        if name not in listed
    ]
    lines += [
        (
            formatting.clip(as_text(row.get("what"), formatting.ABSENT), 200),
            formatting.clip(as_text(row.get("why"), formatting.ABSENT), 300),
        )
        for row in outcome.other_not_tried(facts)
        if row.get("kind") == outcome.NO_TIME
    ]
    families = [
        text
        for name in as_list(as_map(facts.scores.get("budget")).get("families_without_a_trial"))
        if (text := as_text(name))
    ]
    sentence = outcome.no_time_sentence(facts) + (
        f" Families without a trial: {formatting.clip(', '.join(families), 400)}."
        if families
        else ""
    )
    blocks: list[Block] = [Prose(sentence.strip())] if sentence else []
    if lines:
        blocks.append(
            table(
                "Models and settings that had no time",
                ("Model or setting", "Why"),
                lines,
                "scores.json",
                folded=True,
            )
        )
    if validation_only:
        rows = [
            (
                Cell(formatting.clip(entry.labels[0], 120), note=entry.more),
                _judged(entry),
                entry.reason,
            )
            for entry in validation_only
        ]
        heads = ("Model", "Its best on the validation span", "Why not on the test span")
        blocks += [
            Prose(outcome.validation_only_sentence(facts)),
            table("Judged on the validation span only", heads, rows, "scores.json", folded=True),
        ]
    return blocks


def _judged(entry: outcome.LeftOut) -> Cell:
    """The value of the setting that was judged, and its name where it differs from the listed
    one.
    """
    users = "all users" if entry.users is None else formatting.count(entry.users, "user")
    return Cell(
        f"{formatting.score(entry.value)} on {users}",
        note="" if entry.judged in entry.labels else f"as {formatting.clip(entry.judged, 120)}",
    )


def _answers(facts: RunFacts, protocol: Map) -> list[tuple[str, str]]:
    def text(name: str) -> str:
        return formatting.clip(as_text(protocol.get(name), "not recorded"), 400)

    def share(name: str) -> str:
        return formatting.percent(as_number(protocol.get(name)))

    repeats = as_text(protocol.get("repeats"))
    users = formatting.number(as_number(protocol.get("users")))
    new_users = as_number(protocol.get("users_without_history"))
    environment = as_map(protocol.get("environment"))
    versions = ", ".join(
        f"{name} {as_text(value)}"
        for name, value in environment.items()
        if name not in ("cpus", "total_seconds", "peak_memory_mib", "system") and as_text(value)
    )
    resamples = formatting.number(as_number(protocol.get("resamples")))
    test_use = (
        "the test span was not used"
        if facts.interrupted
        else "the test span was used for the board"
    )
    if as_text(facts.advice.get("state")) == "done":
        test_use += " of the dig, and by each training once"
    tried = sum(count for _, count in outcome.judged_on(facts))
    budget, reused = (
        as_text(as_map(facts.scores.get("budget")).get("says")),
        outcome.reused_sentence(facts),
    )
    return [
        ("Split", text("split")),
        ("Test span", text("span")),
        (
            "Users",
            f"{users} with a history; {formatting.number(new_users)} without one are judged "
            "separately"
            if new_users is not None
            else users,
        ),
        ("Metric formulas as in", text("dialect")),
        ("Repeats", _REPEATS.get(repeats, repeats or "not recorded")),
        ("Repeats in the test span", share("target_repeat_share")),
        ("New items in the test span, which no model knows", share("cold_target_share")),
        ("Ties", text("ties")),
        *([("Empty slots in lists", text("fill"))] if protocol.get("fill") else []),
        (
            "Intervals",
            (
                f"95%, from {resamples} resamples of the users. A p below 0.05 and an interval "
                "without zero mean the same."
            ),
        ),
        (
            "Choosing",
            f"{formatting.count(tried, 'setting')} judged on the validation span; {test_use}.",
        ),
        *([("Budget", formatting.clip(f"{budget} {reused}".rstrip(), 400))] if budget else []),
        ("Seed", text("seed")),
        ("Machine", _machine(environment)),
        ("Total time", formatting.seconds(as_number(environment.get("total_seconds")))),
        ("Versions", formatting.clip(versions or "not recorded", 400)),
    ]


def _machine(environment: Map) -> str:
    peak = as_number(environment.get("peak_memory_mib"))
    processors = formatting.count(as_number(environment.get("cpus")), "processor")
    system = formatting.clip(as_text(environment.get("system")), 80)
    return ", ".join(
        [
            processors,
            *([system] if system else []),
            *([f"peak memory {formatting.mebibytes(peak)}"] if peak is not None else []),
        ]
    )


def recipe(facts: RunFacts, documents: Map) -> list[Block]:
    """The command, the recipe with every default, and each file of the run, folded."""
    command = as_text(facts.recipe.get("command"))
    blocks: list[Block] = []
    if command:
        blocks.append(
            Folded(
                "The command",
                command[:4000],
                "The command is too long to be shown; it is in recipe.json.",
                folded=False,
            )
        )
    else:
        blocks.append(Prose("The command is not recorded.", "missing"))
    for name, document in documents.items():
        if document:
            text = json.dumps(
                document,
                ensure_ascii=False,
                indent=1 if name == "recipe.json" else None,
                allow_nan=False,
            )
            instead = (
                f"{name} is too large to be shown here; the report's JSON form holds all of it."
            )
            blocks.append(Folded(f"{name}, {len(text.encode()):,} bytes", text, instead))
    return blocks
