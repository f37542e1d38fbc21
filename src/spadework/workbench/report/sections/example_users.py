"""A few example users, their items, what each model would have shown them; and the
replacing of ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from spadework import formatting
from spadework.json_values import Map, as_list, as_map, as_number, as_text, maps
from spadework.workbench.report.blocks import Block, Card, Cards, Cell, Listing, Prose, table
from spadework.workbench.report.run_facts import RunFacts

_MOST_LISTS = 4
_MOST_TITLE = 80
_MOST_ROWS = 20
_NOTHING = (Cell("nothing", "quiet"),)


def without_ids(examples: Map) -> dict[str, Any]:
    """The example users with ids of users and items replaced by their order of appearance; titles
    stay, the same item keeps the same name.
    """
    names: dict[str, str] = {}

    def renamed(entry: Map) -> dict[str, Any]:
        item = as_text(entry.get("item"))
        return (
            {**entry, "item": names.setdefault(item, f"item {len(names) + 1}")}
            if item
            else dict(entry)
        )

    users = []
    for number, user in enumerate(maps(examples.get("users")), start=1):
        given_name = {"user": f"person {number}"}
        history, expected = (
            [renamed(entry) for entry in maps(user.get(part))] for part in ("history", "expected")
        )
        lists = {
            label: [renamed(entry) for entry in maps(shown)]
            for label, shown in as_map(user.get("lists")).items()
        }
        lengths = {
            name: user[name] for name in ("history_length", "expected_length") if name in user
        }
        users.append(
            {**given_name, "history": history, "expected": expected, "lists": lists, **lengths}
        )
    return {"seed": examples.get("seed"), "ids_replaced": True, "users": users} if users else {}


def ids_sentence(examples: Map) -> str:
    """Whether this report shows ids, for its header."""
    if not as_list(examples.get("users")):
        return "No example users are shown."
    if examples.get("ids_replaced") is True:
        return (
            "Ids of users and items are replaced; titles are shown, and findings may name items as "
            "examples."
        )
    return "This report shows real ids of users and items: treat it as personal data."


def example_users(facts: RunFacts) -> list[Block]:
    """A card per example user: history, what came next, and the models' lists with hits marked."""
    users = list(maps(facts.faces.get("users")))
    if not users:
        return [Prose("The run drew no example users.", "missing")]
    seed = as_text(facts.faces.get("seed"), "not recorded")
    summary = (
        f"{formatting.count(len(users), 'example user')} drawn at random with seed {seed}. "
        "✓ marks a recommended item that the user interacted with next."
    )
    return [
        Prose(f"{summary} {ids_sentence(facts.faces)}"),
        Cards(
            tuple(_cards(users, facts.faces.get("ids_replaced") is not True)),
            "faces.json",
            len(users),
        ),
    ]


def _cards(users: list[Map], with_ids: bool) -> Iterator[Card]:
    for number, user in enumerate(users, start=1):
        name, real = as_text(user.get("user")), as_text(user.get("real_user"))
        title = (
            f"User {number}"
            if name in ("", f"person {number}") and not real
            else f"User {number}: {formatting.clip(real or name, 80)}"
        )
        lists = as_map(user.get("lists"))
        labels = list(lists)[:_MOST_LISTS]
        expected = [_item(entry, with_ids) for entry in maps(user.get("expected"))]
        history = [
            Cell(
                _item(entry, with_ids),
                note=formatting.day(as_text(entry.get("when"))) if entry.get("when") else "",
            )
            for entry in maps(user.get("history"))
        ]
        before = (
            _named("History", len(history), user.get("history_length"), "last"),
            _shortened(history[-_MOST_ROWS:]) or _NOTHING,
        )
        after = (
            _named("What came next", len(expected), user.get("expected_length"), "first"),
            _shortened([Cell(text) for text in expected]) or _NOTHING,
        )
        shown = [list(maps(lists[label])) for label in labels]
        rows: list[tuple[str | Cell, ...]] = [
            (
                str(rank + 1),
                *(
                    _suggestion(entries[rank], with_ids) if rank < len(entries) else Cell("")
                    for entries in shown
                ),
            )
            for rank in range(max((len(entries) for entries in shown), default=0))
        ]
        heads = (
            "#Rank",
            *(
                f"{formatting.clip(label, 60)} ({_hits(entries)})"
                for label, entries in zip(labels, shown, strict=True)
            ),
        )
        suggestions = table("What each model would have shown", heads, rows, "faces.json")
        suggestions = replace(suggestions, rows=suggestions.rows[:_MOST_ROWS])
        remaining = (
            [Prose(f"{len(lists) - len(labels)} more lists are in faces.json.", "quiet")]
            if len(lists) > len(labels)
            else []
        )
        yield Card(title, (Listing((before, after)), suggestions, *remaining))


def _named(name: str, known: int, length: object, end: str) -> str:
    """The name of a list, with its true length where only its first or last items are known."""
    total = as_number(length)
    return (
        f"{name} (the {end} {known} of {formatting.number(total)})"
        if total is not None and total > known
        else name
    )


def _shortened(listed: list[Cell]) -> tuple[Cell, ...]:
    rest = len(listed) - _MOST_ROWS
    return (*listed[:_MOST_ROWS], *([Cell(f"and {rest} more", "quiet")] if rest > 0 else []))


def _hits(entries: list[Map]) -> str:
    return formatting.count(sum(entry.get("hit") is True for entry in entries), "hit")


def _item(entry: Map, with_ids: bool) -> str:
    title, item = as_text(entry.get("title")), as_text(entry.get("item"))
    if not title or title == item:
        return formatting.clip(item or "an item without a name", _MOST_TITLE)
    return (
        f"{formatting.clip(title, _MOST_TITLE)} [{formatting.clip(item, 40)}]"
        if item and with_ids
        else formatting.clip(title, _MOST_TITLE)
    )


def _suggestion(entry: Map, with_ids: bool) -> Cell:
    return (
        Cell(f"✓ {_item(entry, with_ids)}", "hit")
        if entry.get("hit") is True
        else Cell(_item(entry, with_ids))
    )
