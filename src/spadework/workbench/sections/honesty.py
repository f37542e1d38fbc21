"""Sections 10 and 11: how it was measured, what was not tried, and how to do it again."""

from __future__ import annotations

import json

from spadework.workbench import words
from spadework.workbench.blocks import Block, Folded, Prose, Tone, table
from spadework.workbench.run_facts import Map, RunFacts, as_map, as_number, as_text, finished, maps

_REPEATS = {
    "allow": "Items the user took before may be suggested and count.",
    "forbid": "Items the user took before are not suggested; where they were taken again, they count as misses.",
    "only": "Only items the user took before are suggested; others that were taken count as misses.",
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
                f"Leak: {words.clip(leak, 400)}" if leak else "The way of cutting leaks nothing that this program knows how to measure.",
                tone,
            )
        )
        blocks.append(table("How it was measured", ("Question", "Answer"), _answers(facts, protocol), "scores.json"))
    left = [(words.clip(as_text(row.get("what"), words.ABSENT), 200), words.clip(as_text(row.get("why"), words.ABSENT), 300))
            for row in maps(facts.scores.get("not_tried"))]  # fmt: skip
    if left:
        blocks.append(table("What was not tried", ("What", "Why"), left, "scores.json"))
    else:
        blocks.append(Prose("The run recorded nothing that it left out.", "quiet"))
    return blocks


def _answers(facts: RunFacts, protocol: Map) -> list[tuple[str, str]]:
    def text(name: str) -> str:
        return words.clip(as_text(protocol.get(name), "not recorded"), 400)

    def share(name: str) -> str:
        return words.percent(as_number(protocol.get(name)))

    repeats = as_text(protocol.get("repeats"))
    users = words.number(as_number(protocol.get("users")))
    new = as_number(protocol.get("users_without_history"))
    environment = as_map(protocol.get("environment"))
    versions = ", ".join(
        f"{name} {as_text(value)}"
        for name, value in environment.items()
        if name not in ("cpus", "total_seconds", "peak_memory_mib", "system") and as_text(value)
    )
    resamples = words.number(as_number(protocol.get("resamples")))
    use = "the test span was not used" if facts.cut_short else "the test span was used once, for the board"
    if as_text(facts.advice.get("state")) == "done":
        use += " of the dig, and once by each training"
    tried = sum(finished(row) for row in maps(facts.scores.get("validation")))
    return [
        ("Split", text("split")),
        ("Test span", text("span")),
        ("Users asked", f"{users} with a history; {words.number(new)} without one are judged apart" if new is not None else users),
        ("Metric formulas as in", text("dialect")),
        ("Repeats", _REPEATS.get(repeats, repeats or "not recorded")),
        ("Repeats among what was taken", share("target_repeat_share")),
        ("Items taken that no model knew", share("cold_target_share")),
        ("Ties", text("ties")),
        *([("Empty places in lists", text("fill"))] if protocol.get("fill") else []),
        ("Intervals", f"95 %, from {resamples} resamples of the users; p values are corrected for the number of comparisons."),
        ("Choosing", f"{words.count(tried, 'configuration')} judged on the validation span; {use}."),
        ("Seed", text("seed")),
        ("Machine", _machine(environment)),
        ("Total time", words.seconds(as_number(environment.get("total_seconds")))),
        ("Versions", words.clip(versions or "not recorded", 400)),
    ]  # fmt: skip


def _machine(environment: Map) -> str:
    peak = as_number(environment.get("peak_memory_mib"))
    told = words.count(as_number(environment.get("cpus")), "processor")
    system = words.clip(as_text(environment.get("system")), 80)
    return ", ".join([told, *([system] if system else []), *([f"peak memory {words.mebibytes(peak)}"] if peak is not None else [])])


def recipe(facts: RunFacts, documents: Map) -> list[Block]:
    """The command, the recipe with every default, and each file of the run, folded."""
    command = as_text(facts.recipe.get("command"))
    blocks: list[Block] = []
    if command:
        blocks.append(Folded("The command", command[:4000], "The command is too long to be shown; it is in recipe.json.", folded=False))
    else:
        blocks.append(Prose("The command is not recorded.", "missing"))
    for name, document in documents.items():
        if document:
            whole = json.dumps(document, ensure_ascii=False, indent=1 if name == "recipe.json" else None, allow_nan=False)
            instead = f"{name} is too large to stand here; the report's JSON form holds it whole."
            blocks.append(Folded(f"{name}, {len(whole.encode()):,} bytes", whole, instead))
    return blocks
