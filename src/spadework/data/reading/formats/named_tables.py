"""Which table, view or sheet of a file of several is read: the one that the user names, the only
one, or the only one whose columns suffice.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import permutations, takewhile

from spadework.data.reading.synonyms import SESSIONS, candidates, plain_name
from spadework.errors import BadData, Undecided, nearest

_SIGNS = frozenset("*?[")
_SHOWN, _SHOWN_COLUMNS = 8, 8
"""Tables, and columns of each, that an error lists."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A table, a view or a sheet of a file; `columns` are None where they cannot be read."""

    name: str
    columns: tuple[str, ...] | None
    hidden: bool = False

    def __str__(self) -> str:
        if self.columns is None:
            return f"{self.name!r} (cannot be read)"
        shown = ", ".join(self.columns[:_SHOWN_COLUMNS])
        more = len(self.columns) - _SHOWN_COLUMNS
        hidden = "hidden: " if self.hidden else ""
        return f"{self.name!r} ({hidden}{shown}{f' and {more} more' if more > 0 else ''})"


@dataclass(frozen=True)
class Purpose:
    """What a table is read for, and whether the names of its columns suffice for that."""

    what: str
    suffices: Callable[[Sequence[str]], bool]
    option: str = "--table"  # names a table; an empty text where there is no such option
    before: str = ""  # what stands before the name of a table, as the option is typed
    behind: str = ""
    leaves_out: str | None = None  # the name of a table that is read already
    reading: str = "Read"  # how a remark about the table begins
    is_join: bool = False  # its own remark names the table

    def naming(self, name: str) -> str:
        """The option that names a table, as it is typed."""
        return f"{self.option} {shlex.quote(f'{self.before}{name}{self.behind}')}"


def for_log(given: Mapping[str, str | None], wanted: Sequence[str]) -> Purpose:
    """A log: it has a user and an item, by name or as `given`, and all that are `wanted`."""

    def suffices(columns: Sequence[str]) -> bool:
        names = {part for column in columns for part in (column, column.split(".")[0])}
        if not all(name in names or name.split(".")[0] in names for name in wanted):
            return False
        has_user = bool(candidates("user", columns)) or any(
            plain_name(column) in SESSIONS for column in columns
        )
        return (bool(given.get("user")) or has_user) and (
            bool(given.get("item")) or bool(candidates("item", columns))
        )

    return Purpose("a user and an item", suffices)


def for_items(item: str | None) -> Purpose:
    """A table of items: it has an item, by name or as given, and no user."""

    def suffices(columns: Sequence[str]) -> bool:
        if item is not None:
            return item in columns
        has_item = candidates("item", columns) or "id" in map(plain_name, columns)
        return bool(has_item) and not candidates("user", columns)

    return Purpose(
        "an item and no user", suffices, "--items-table", reading="The item table is read"
    )


FOR_IDS = replace(for_items(None), option="")
"""A table whose items are candidates, or are excluded."""
ANY_LOG = for_log({}, ())


def chosen(
    file: str, inside: Sequence[Inside], named: str | None, purpose: Purpose, word: str = "table"
) -> tuple[list[str], list[str]]:
    """The names of the tables to read, several where `named` is a pattern, and a remark about that.

    Raises BadData where no table has that name, Undecided where none is named and not exactly
    one suffices.
    """
    if not inside:
        raise BadData(f"{file} holds no {word}.", "Give a file with a table of rows.")
    if named is not None:
        found = _named(inside, named)
        if not found:
            raise _no_such(file, inside, named, word, purpose.option)
        several = f"{word}s" if len(found) > 1 else word
        named_here = f"{several} {', '.join(map(repr, found))}."
        return found, [] if purpose.is_join else [f"{purpose.reading} from the {named_here}"]
    readable = [each for each in inside if each.columns is not None]
    shown = [each for each in readable if not each.hidden] or readable or list(inside)
    shown = [each for each in shown if each.name != purpose.leaves_out] or shown
    fit = [each for each in shown if each.columns is not None and purpose.suffices(each.columns)]
    if len(shown) == 1 or len(fit) == 1:
        read = shown[0] if len(shown) == 1 else fit[0]
        return [read.name], [_remark(read, inside, len(shown) > 1, purpose, word)]
    raise _ask(file, shown, fit, purpose, word)


def _remark(
    read: Inside, inside: Sequence[Inside], by_columns: bool, purpose: Purpose, word: str
) -> str:
    others = [repr(each.name) for each in inside if each is not read]
    if not others:
        return f"{purpose.reading} from its only {word}, {read.name!r}."
    why = f", the only one with {purpose.what}" if by_columns else ""
    named = ", ".join(others[:_SHOWN]) + (" and more" if len(others) > _SHOWN else "")
    way = f" ({purpose.option} names one)" if purpose.option else ""
    return f"{purpose.reading} from the {word} {read.name!r}{why}; not read: {named}{way}."


def _named(inside: Sequence[Inside], named: str) -> list[str]:
    """The name itself, else without regard to case, else what it matches as a pattern."""
    names = [each.name for each in inside]
    if named in names:
        return [named]
    same = [name for name in names if name.casefold() == named.casefold()]
    if same or not _SIGNS & set(named):
        return same
    return [
        each.name
        for each in inside
        if not each.hidden and fnmatchcase(each.name.casefold(), named.casefold())
    ]


def _no_such(file: str, inside: Sequence[Inside], named: str, word: str, option: str) -> BadData:
    near = nearest(named, [each.name for each in inside])
    hint = f"Did you mean {near!r}? " if near else ""
    return BadData(
        f"{file} has no {word} {named!r} ({option}).", f"{hint}It has {_listed(inside)}."
    )


def _ask(
    file: str, shown: Sequence[Inside], fit: Sequence[Inside], purpose: Purpose, word: str
) -> Undecided:
    which = f"{len(fit)} of them have {purpose.what}" if fit else f"none has {purpose.what}"
    option = purpose.option
    if not option:
        hint = f"Give a file with one such {word}, or with an id a line."
        return Undecided(f"{file} has {len(shown)} {word}s, and {which}: {_listed(shown)}.", hint)
    names = [each.name for each in (fit or shown) if each.columns][:_SHOWN]
    hint = f"Say which: {' or '.join(map(purpose.naming, names))}."
    pattern = _pattern([each.name for each in fit], shown) if _are_alike(fit) else ""
    if pattern:
        hint += f" All of them together: {purpose.naming(pattern)}."
    elif not fit and option == "--table":
        hint += (
            " Where users and items stand in different tables, join them by a column: "
            f"{_joined(file, shown)}."
        )
    return Undecided(f"{file} has {len(shown)} {word}s, and {which}: {_listed(shown)}.", hint)


def _joined(file: str, shown: Sequence[Inside]) -> str:
    """Options that join two tables: the one with items comes first, where another has users."""
    pairs = list(permutations(shown, 2))
    fit = [
        (one, two)
        for one, two in pairs
        if candidates("item", one.columns or ()) and candidates("user", two.columns or ())
    ]
    for one, two in [*fit, *pairs]:
        key = _key(one, two)
        if key:
            join = shlex.quote(f"{file}/{two.name}:{key}")
            return f"--table {shlex.quote(one.name)} --join {join}"
    one, two = (fit or pairs)[0]
    join = shlex.quote(f"{file}/{two.name}:COLUMN=NAME")
    return f"--table {shlex.quote(one.name)} --join {join}, where it is called NAME in {two.name!r}"


def _key(one: Inside, two: Inside) -> str:
    """The column that both have, or one such as `order_id` for the `id` of `orders`; a plain `id`
    of both is another thing in each.
    """
    theirs = two.columns or ()
    for column in one.columns or ():
        if column in theirs and plain_name(column) not in ("id", "name"):
            return column
    singular = plain_name(two.name).removesuffix("s")
    keys = [column for column in theirs if plain_name(column) == "id"]
    for column in one.columns or ():
        if keys and plain_name(column) in (f"{singular}id", f"{singular}sid"):
            return f"{column}={keys[0]}"
    return ""


def _are_alike(fit: Sequence[Inside]) -> bool:
    return len(fit) > 1 and len({each.columns for each in fit}) == 1


def _pattern(names: Sequence[str], shown: Sequence[Inside]) -> str:
    """A pattern that matches these names and no others; an empty text where there is none."""
    for pattern in (f"{_beginning(names)}*", "*"):
        matched = [each.name for each in shown if fnmatchcase(each.name, pattern)]
        if matched == list(names) and not _SIGNS & set(pattern[:-1]):
            return pattern
    return ""


def _beginning(names: Sequence[str]) -> str:
    """What all names begin with."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _listed(inside: Sequence[Inside]) -> str:
    more = len(inside) - _SHOWN
    return ", ".join(map(str, inside[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
