"""What stores of events take and do, on real servers of this machine. docs/stores.md has a table of
it.
"""

from __future__ import annotations

from harness import OURS, Outcome, Series, Verdict, in_turn, worker

NAME = "stores"
KINDS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "redis": "Redis"}
EVENTS, USERS = 200_000, 10_000


def run(quick: bool) -> Outcome:
    """Each kind once, in a process of its own; where a server is not installed, its row says so."""
    events, users = (EVENTS // 20, USERS // 20) if quick else (EVENTS, USERS)
    verdicts: list[Verdict] = []
    series: list[Series] = []
    for kind, name in KINDS.items():
        contender = worker(OURS, "our_store", kind, str(events), str(users))
        (one,) = in_turn({name: contender}, 1, warm=False)
        answer = one.samples[0].answer
        if "missing" in answer:
            verdicts.append(Verdict(name, str(answer["missing"]), "", None))
            continue
        series.append(one)
        verdicts += [
            Verdict(f"{name}, {what}", f"{value:,.2f}" if value < 10 else f"{value:,.0f}", "", None)
            for what, value in answer.items()
        ]
    remarks = [
        f"{events:,} events of {users:,} users, each with a type and an id of 36 characters, then "
        "a base of 20 events for each user. PostgreSQL and Redis run on the same machine.",
        "The times are of the whole worker, the start of the server included; the memory is that "
        "of the worker, without the server's.",
    ]
    return Outcome(NAME, "Stores of events", verdicts, series, remarks)
