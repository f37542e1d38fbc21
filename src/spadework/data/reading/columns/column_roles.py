"""Which column is the user, the item, the time …: by its name, else by its values, else by
asking the user.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spadework import formatting
from spadework.data.reading.columns.column_names import ask, check_header, listed, no_such_column
from spadework.data.reading.columns.column_values import MANY_KINDS, Look
from spadework.data.reading.columns.role_doubts import (
    AMOUNTS,
    fit_by_values,
    item_doubt,
    list_doubt,
    user_doubt,
)
from spadework.data.reading.columns.time_columns import (
    check_named_time,
    join_time_of_day,
    time_by_name,
    time_by_values,
)
from spadework.data.reading.synonyms import (
    SESSIONS,
    SYNONYMS,
    candidates,
    plain_name,
)
from spadework.data.reading.tables import Table
from spadework.data.reading.values.readings import TimeChoice, parse_time
from spadework.errors import BadData, BadRequest, Undecided

ROLES = ("user", "item", "time", "weight", "event", "basket")
ABSENT = "-"
"""Given as a column's name: the log has no such column."""

_OPTIONAL = frozenset(ROLES) - {"user", "item"}
_MEANINGS = {"user": "who acted", "item": "what they interacted with", "time": "when"}


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The column of each role, and how it was chosen."""

    user: str
    item: str
    time: TimeChoice | None = None
    weight: str | None = None
    event: str | None = None
    basket: str | None = None
    named: frozenset[str] = frozenset()  # roles that the user gave
    remarks: tuple[str, ...] = ()

    def columns(self) -> dict[str, str]:
        """Role → column, of the roles that have one; a time that is no single column has the name
        that would be given.
        """
        found: dict[str, str] = {}
        for role in ROLES:
            column = getattr(self, role)
            if column is not None:
                found[role] = column.name if role == "time" else column
        return found

    def fetched(self) -> dict[str, str]:
        """What is read: role → column; a time of two columns has its date as "date"."""
        found: dict[str, str] = {}
        for role, column in self.columns().items():
            if role == "time" and self.time is not None:
                found |= dict(zip(("time", "date"), self.time.columns[::-1], strict=False))
            else:
                found[role] = column
        return found


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What the roles are chosen from, and what was found so far."""

    table: Table
    look: Look
    live: list[str]  # columns of single values that are not empty
    left_out: set[str]  # roles that the user does not want
    chosen: dict[str, str]
    remarks: list[str]

    def free(self) -> list[str]:
        """Live columns without a role."""
        return [column for column in self.live if column not in self.chosen.values()]


def choose_roles(table: Table, given: Mapping[str, str | None]) -> Roles:
    """The roles of a table's columns. `given` are the user's own names, which always win; `-`
    leaves a role out.

    Raises BadData for an unknown name, BadRequest for one column in two roles, Undecided
    where columns are equally good, or where a name says one thing and its values another.
    """
    found, time = _given_columns(table, given)
    left_out = {role for role, name in given.items() if name == ABSENT}
    if time is not None:
        left_out.add("time")  # there is nothing left to find
    named = frozenset((*found, *(("time",) if time is not None else ())))
    check_header(table, found)
    look = Look(table)
    reserved = set(table.of_user) | (set() if time is None else set(time.columns))
    live = [
        column
        for column in table.columns
        if column not in reserved and look.is_single(column) and not look.is_empty(column)
    ]
    search = _Search(
        table=table, look=look, live=live, left_out=left_out, chosen=dict(found), remarks=[]
    )
    if time is not None:
        check_named_time(time, look, live)
    _by_name(search)
    _sessions_as_users(search)
    _unfit_by_name(search, ("user", "item"), reserved)
    _drop_scores_of_recommendations(search, named)
    _check_doubts(search, named)
    _settle_by_values(search)
    _check_lists(search, named)
    _unfit_by_name(search, ("time", "weight", "event", "basket"), reserved)
    for role in ("user", "item"):
        if role not in search.chosen:
            raise _missing(role, table, search.chosen.get("basket"))
    if time is None and "time" in search.chosen:
        time = join_time_of_day(search.chosen["time"], search.free(), look, search.remarks)
    _tell_empty(search, reserved)
    columns = {role: column for role, column in search.chosen.items() if role != "time"}
    return Roles(**columns, time=time, named=named, remarks=tuple(search.remarks))


def _given_columns(
    table: Table, given: Mapping[str, str | None]
) -> tuple[dict[str, str], TimeChoice | None]:
    found: dict[str, str] = {}
    time: TimeChoice | None = None
    for role, name in given.items():
        if name is None or name == ABSENT:
            if name == ABSENT and role in ("user", "item"):
                raise BadRequest(
                    f"A log needs a column for the {role}; it cannot be left out.",
                    f"Name a column: --{role}.",
                )
            continue
        columns: tuple[str, ...] = (name,)
        if role == "time":
            time = parse_time(name, table.columns)
            columns = time.columns
        for column in columns:
            if column not in table.columns:
                raise no_such_column(column, f"--{role}", table)
            if (
                column in found.values()
                or (role != "time" and time and column in time.columns)
                or (role != "basket" and column in table.of_user)
            ):
                other = next(
                    (r for r, c in found.items() if c == column),
                    "user" if column in table.of_user else "time",
                )
                raise BadRequest(
                    f"The column {column!r} is named twice, for the {other} and for the {role}.",
                    "Give each role its own column.",
                )
        if role != "time":
            found[role] = name
    return found, time


def _by_name(search: _Search) -> None:
    for role in ROLES:
        if role in search.chosen or role in search.left_out:
            continue
        if role == "time":
            column = time_by_name(search.free(), search.look, search.remarks)
            if column is not None:
                search.chosen["time"] = column
            continue
        hits = candidates(role, search.free())
        if role == "basket" and not hits:  # an order may be the user of its rows, too
            hits = candidates(
                role, [c for c in search.table.of_user if not search.look.is_empty(c)]
            )
        if role == "event":
            hits = [hit for hit in hits if _could_be_event(hit, search)]
        if len(hits) > 1:
            raise ask(role, hits)
        if hits:
            search.chosen[role] = hits[0]


def _could_be_event(column: str, search: _Search) -> bool:
    kinds = search.look.count_kinds(column)
    if kinds <= MANY_KINDS:
        return True
    search.remarks.append(
        f"The column {column!r} holds {formatting.count(kinds, 'kind')} {search.look.where}, too "
        "many for events, and is not used; --event names it."
    )
    return False


def _sessions_as_users(search: _Search) -> None:
    chosen = search.chosen
    if "user" in chosen:
        return
    taken = set(chosen.values()) - {chosen.get("basket")}
    sessions = [
        column for column in search.live if plain_name(column) in SESSIONS and column not in taken
    ]
    if len(sessions) == 1:
        chosen["user"] = sessions[0]
        if chosen.get("basket") == sessions[0]:
            del chosen["basket"]
        search.remarks.append(
            f"There is no user column, so the sessions ({sessions[0]}) are the users."
        )


def _unfit_by_name(search: _Search, roles: Sequence[str], reserved: set[str]) -> None:
    """Roles for which there are only columns that are empty or hold no single values: these are
    kept, so that the reader says what is wrong with them.
    """
    unfit = [
        column
        for column in search.table.columns
        if column not in search.live and column not in reserved
    ]
    for role in roles:
        if role in search.chosen or role in search.left_out:
            continue
        if role not in ("user", "item"):
            unfit = [column for column in unfit if search.look.is_single(column)]
        hits = [hit for hit in candidates(role, unfit) if hit not in search.chosen.values()]
        if hits:
            search.chosen[role] = hits[0]


def _tell_empty(search: _Search, reserved: set[str]) -> None:
    """Name empty columns whose name would have won a role."""
    empty = [
        column
        for column in search.table.columns
        if column not in search.chosen.values()
        and column not in reserved
        and search.look.is_single(column)
        and search.look.is_empty(column)
    ]
    for role in ROLES:
        chosen = search.chosen.get(role)
        if chosen is None or role in search.left_out:
            continue
        rank = _rank(role, chosen)
        for column in empty:
            if _rank(role, column) <= min(rank, len(SYNONYMS[role]) - 1):
                search.remarks.append(
                    f"The column {column!r} is empty {search.look.where} and is not the {role}."
                )


def _rank(role: str, column: str) -> int:
    name = plain_name(column)
    lines = SYNONYMS[role]
    return next((at for at, line in enumerate(lines) if name in line.split()), len(lines))


def _drop_scores_of_recommendations(search: _Search, named: frozenset[str]) -> None:
    """Scores of a recommendation list are no amounts: they may be zero or below."""
    weight = search.chosen.get("weight")
    if (
        weight
        and "weight" not in named
        and plain_name(weight) == "score"
        and "rank" in map(plain_name, search.table.columns)
    ):
        del search.chosen["weight"]
        search.remarks.append(
            "This is a list of recommendations; its scores are not used as weights."
        )


def _check_doubts(search: _Search, named: frozenset[str]) -> None:
    """Ask where a user or an item that has a name for it has no values for it."""
    chosen, look = search.chosen, search.look
    others = [column for column in search.free() if look.holds_ids(column)]
    doubts = []
    if "user" in chosen and "user" not in named:
        doubts.append(user_doubt(chosen, others, look))
    if "item" in chosen and "item" not in named:
        doubts.append(item_doubt(chosen, others, look))
    for doubt in doubts:
        if doubt is not None:
            raise doubt


def _check_lists(search: _Search, named: frozenset[str]) -> None:
    """Ask about, or tell of, an item column whose texts are lists."""
    item = search.chosen.get("item")
    doubt = None if item is None else list_doubt(item, search.look)
    if doubt is None:
        return
    if "item" not in named:
        raise doubt
    search.remarks.append(f"{doubt.message} Each text is one item; --shape lists takes them apart.")


def _settle_by_values(search: _Search) -> None:
    """Where names leave gaps: a column of calendar times is the time, one of words for events is
    the event; the only other column of ids is the missing user or item.
    """
    chosen, look = search.chosen, search.look
    if "time" not in chosen and "time" not in search.left_out:
        column = time_by_values(search.free(), look, search.remarks)
        if column is not None:
            chosen["time"] = column
    if "event" not in chosen and "event" not in search.left_out:
        kinds = [column for column in search.free() if look.holds_events(column)]
        if len(kinds) > 1:
            raise ask("event", kinds)
        if kinds:
            chosen["event"] = kinds[0]
            search.remarks.append(
                f"The column {kinds[0]!r} holds words for kinds of events, so it is the event."
            )
    missing = [role for role in ("user", "item") if role not in chosen]
    if not missing:
        return
    ids = [column for column in search.free() if look.holds_ids(column)]
    if len(ids) < len(missing):
        ids += [column for column in search.free() if look.holds_whole_floats(column)]
    ids = [column for column in ids if not AMOUNTS.search(plain_name(column))]
    if len(missing) == 1:
        ids = fit_by_values(missing[0], ids, chosen.get("basket"), look)
    if len(missing) == 1 and len(ids) == 1:
        chosen[missing[0]] = ids[0]
        search.remarks.append(
            f"The column {ids[0]!r} is the only other column of ids, so it is the {missing[0]}."
        )
    elif ids and len(ids) >= len(missing):
        roles = " and ".join(missing)
        options = " and ".join(f"--{role}" for role in missing)
        basket = chosen.get("basket") if "user" in missing else None
        instead = (
            f" Without users, baskets can take their place: --user {shlex.quote(basket)}."
            if basket
            else ""
        )
        raise Undecided(
            f"No column name matches the {roles}; {listed(ids)} could be.",
            f"Say which with {options}.{instead}",
        )


def _missing(role: str, table: Table, basket: str | None) -> BadData:
    key = basket or "COLUMN"
    join = (
        " Where it stands in a table of lines, read that and join this one: "
        f"--join {table.name}:{key}."
        if role == "item"
        else f" Where it stands in a table of orders: --join FILE:{key}, or FILE/TABLE:{key} of a "
        f"database; {key}=NAME where that is called NAME there."
        if basket
        else ""
    )
    return BadData(
        f"{table.name} has no column that looks like the {role} ({_MEANINGS[role]}).",
        f"Name it with --{role}. Its columns are {listed(table.columns)}.{join}",
    )
