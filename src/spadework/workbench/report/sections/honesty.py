"""Sections 10 and 11: how it was measured, what was not tried, and how to do it again."""

from __future__ import annotations

import json

from spadework.workbench import formatting
from spadework.workbench.report import outcome
from spadework.workbench.report.blocks import Block, Cell, Folded, Prose, Tone, table
from spadework.workbench.report.run_facts import Map, RunFacts, as_list, as_map, as_number, as_text

_REPEATS = {
    "allow": "Items the user took before may be suggested and count.",
    "forbid": (
        "Items the user took before are not suggested; where they were taken again, they count "
        "as misses."
    ),
    "only": (
        "Only items the user took before are suggested; others that were taken count as misses."
    ),
}


def honesty(facts: RunFacts) -> list[Block]:
    """The protocol in sentences, the versions, and what was left out with the reason."""
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
                else "The way of cutting leaks nothing that this program knows how to measure.",
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
    left = [
        (
            formatting.clip(as_text(row.get("what"), formatting.ABSENT), 200),
            formatting.clip(as_text(row.get("why"), formatting.ABSENT), 300),
        )
        for row in outcome.without_a_row(facts)
        if row.get("kind") != outcome.NO_TIME
    ]
    if left:
        blocks.append(table("What else was not tried", ("What", "Why"), left, "scores.json"))
    elif not as_list(facts.scores.get("not_tried")):
        blocks.append(Prose("The run recorded nothing that it left out.", "quiet"))
    return blocks


def _no_time(facts: RunFacts) -> list[Block]:
    """What had no time, and what was judged on the validation span only: a sentence and a folded
    table each.
    """
    late, halfway = (
        outcome.left_out(facts, outcome.NO_TIME),
        outcome.left_out(facts, "validation only"),
    )
    lines: list[tuple[str | Cell, ...]] = [
        (Cell(formatting.clip(one.labels[0], 120), note=one.more), one.reason) for one in late
    ]
    listed = {one.model for one in late}
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
        for row in outcome.without_a_row(facts)
        if row.get("kind") == outcome.NO_TIME
    ]
    families = [
        text
        for name in as_list(as_map(facts.scores.get("budget")).get("families_without_a_trial"))
        if (text := as_text(name))
    ]
    said = outcome.no_time_sentence(facts) + (
        f" Families without a trial: {formatting.clip(', '.join(families), 400)}."
        if families
        else ""
    )
    blocks: list[Block] = [Prose(said.strip())] if said else []
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
    if halfway:
        rows = [
            (Cell(formatting.clip(one.labels[0], 120), note=one.more), _judged(one), one.reason)
            for one in halfway
        ]
        heads = ("Model", "Its best on the validation span", "Why not on the test span")
        blocks += [
            Prose(outcome.halfway_sentence(facts)),
            table("Judged on the validation span only", heads, rows, "scores.json", folded=True),
        ]
    return blocks


def _judged(one: outcome.LeftOut) -> Cell:
    """The value of the setting that was judged, and its name where it is another than the one
    listed.
    """
    users = "all users" if one.users is None else formatting.count(one.users, "user")
    return Cell(
        f"{formatting.score(one.value)} on {users}",
        note="" if one.judged in one.labels else f"as {formatting.clip(one.judged, 120)}",
    )


def _answers(facts: RunFacts, protocol: Map) -> list[tuple[str, str]]:
    def text(name: str) -> str:
        return formatting.clip(as_text(protocol.get(name), "not recorded"), 400)

    def share(name: str) -> str:
        return formatting.percent(as_number(protocol.get(name)))

    repeats = as_text(protocol.get("repeats"))
    users = formatting.number(as_number(protocol.get("users")))
    new = as_number(protocol.get("users_without_history"))
    environment = as_map(protocol.get("environment"))
    versions = ", ".join(
        f"{name} {as_text(value)}"
        for name, value in environment.items()
        if name not in ("cpus", "total_seconds", "peak_memory_mib", "system") and as_text(value)
    )
    resamples = formatting.number(as_number(protocol.get("resamples")))
    use = (
        "the test span was not used" if facts.cut_short else "the test span was used for the board"
    )
    if as_text(facts.advice.get("state")) == "done":
        use += " of the dig, and by each training once"
    tried = sum(count for _, count in outcome.judged_on(facts))
    budget, earlier = (
        as_text(as_map(facts.scores.get("budget")).get("says")),
        outcome.taken_over(facts),
    )
    return [
        ("Split", text("split")),
        ("Test span", text("span")),
        (
            "Users asked",
            f"{users} with a history; {formatting.number(new)} without one are judged apart"
            if new is not None
            else users,
        ),
        ("Metric formulas as in", text("dialect")),
        ("Repeats", _REPEATS.get(repeats, repeats or "not recorded")),
        ("Repeats among what was taken", share("target_repeat_share")),
        ("Items taken that no model knew", share("cold_target_share")),
        ("Ties", text("ties")),
        *([("Empty places in lists", text("fill"))] if protocol.get("fill") else []),
        (
            "Intervals",
            (
                f"95 %, from {resamples} resamples of the users; a p below 0.05 and an interval "
                "beside it without zero say the same."
            ),
        ),
        (
            "Choosing",
            f"{formatting.count(tried, 'configuration')} judged on the validation span; {use}.",
        ),
        *([("Budget", formatting.clip(f"{budget} {earlier}".rstrip(), 400))] if budget else []),
        ("Seed", text("seed")),
        ("Machine", _machine(environment)),
        ("Total time", formatting.seconds(as_number(environment.get("total_seconds")))),
        ("Versions", formatting.clip(versions or "not recorded", 400)),
    ]


def _machine(environment: Map) -> str:
    peak = as_number(environment.get("peak_memory_mib"))
    told = formatting.count(as_number(environment.get("cpus")), "processor")
    system = formatting.clip(as_text(environment.get("system")), 80)
    return ", ".join(
        [
            told,
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
            whole = json.dumps(
                document,
                ensure_ascii=False,
                indent=1 if name == "recipe.json" else None,
                allow_nan=False,
            )
            instead = f"{name} is too large to stand here; the report's JSON form holds it whole."
            blocks.append(Folded(f"{name}, {len(whole.encode()):,} bytes", whole, instead))
    return blocks
