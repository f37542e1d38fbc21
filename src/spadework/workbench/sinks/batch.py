"""Lists for many users, written as they are made: memory does not grow with the users, and a batch
that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl

from spadework import events, formatting
from spadework.arrays import Codes
from spadework.workbench.sinks.sink import BatchState, Sink

ROWS, USERS = 500_000, 50_000
"""Rows and users of a part, at most. They decide where a part ends, so a batch of other numbers is
another batch.
"""


def parts_of(users: Codes, k: int) -> list[Codes]:
    """The users in parts; one part without users where there are none."""
    size = max(1, min(USERS, ROWS // max(1, k)))
    return [users[at : at + size] for at in range(0, max(1, len(users)), size)]


def write_lists(
    frame_of: Callable[[Codes], pl.DataFrame],
    parts: list[Codes],
    facts: Mapping[str, str],
    sink: Sink,
    label: str = "lists",
) -> BatchState:
    """Write the lists of all parts into a sink, going on with a batch of the same facts that was
    begun there; what was written in the end.
    """
    facts = {**facts, "parts": f"{len(parts)} of {len(parts[0])}"}
    text = sink.state()
    state = BatchState.of(text)
    if state is not None and state.facts != facts:
        others = sorted(
            name for name in {*facts, *state.facts} if facts.get(name) != state.facts.get(name)
        )
        events.note(
            f"A batch to {sink.name} was begun with other {', '.join(others)}: it begins anew."
        )
        state = None
    if state is None or text is None:
        state = BatchState(facts)
        text = state.text
        sink.begin(text)
    elif state.parts:
        events.note(f"Going on after {formatting.count(state.users, 'user')} of an earlier batch.")
    total = sum(map(len, parts))
    events.step(label, state.users, total)
    for part in range(state.parts, len(parts)):
        frame = frame_of(parts[part])
        state = replace(
            state,
            parts=part + 1,
            users=state.users + len(parts[part]),
            lists=state.lists + frame[frame.columns[0]].n_unique(),
            rows=state.rows + len(frame),
        )
        sink.write(part, frame, text, state.text)
        text = state.text
        events.step(label, state.users, total)
    sink.finish(len(parts))
    return state
