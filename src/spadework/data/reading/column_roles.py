"""Which column is the user, the item, the time …: by its name, else by its values, else by
asking the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from spadework.data.reading.clocks import looks_like_calendar
from spadework.data.reading.tables import Table
from spadework.errors import BadData, BadRequest, Undecided, nearest

ROLES = ("user", "item", "time", "weight", "event", "basket")
ABSENT = "-"
"""Given as a column's name: the log has no such column."""

_SAMPLE = 10_000  # rows looked at where names do not decide

# Names without case, blanks, underscores and typed suffixes. Of two lines, the upper one wins;
# within a line, two names are a tie.
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "user": (
        "userid user uid",
        "customerid clientid memberid visitorid householdid accountid reviewerid personid "
        "shopperid buyerid playerid profileid "
        "subscriberid listenerid readerid borrowerid consumerid guestid patientid",
        (
            "customer client member visitor household account reviewer person shopper buyer "
            "player profile subscriber consumer"
        ),
        (
            "usercode customercode customerno customernumber clientno cardid cardno loyaltyid "
            "msno sessionuser hhid"
        ),
    ),
    "item": (
        "itemid item iid",
        "parentasin",
        "productid movieid articleid trackid songid bookid skuid gameid appid businessid venueid "
        "poiid placeid locationid newsid videoid animeid recipeid courseid jobid hotelid "
        "contentid goodsid offerid listingid adid asin isbn sku stockcode productcode itemcode "
        "articleno productno barcode ean upc gtin",
        "product movie article track song book game app business venue poi place location news "
        "video anime recipe course job hotel content goods offer listing",
        "artistid artist albumid album tagid domain url",
    ),
    "time": (
        "timestamp",
        "time datetime ts eventtime eventtimestamp",
        "transactiontimestamp transactiontime purchasetime ordertime clicktime viewtime "
        "createdat created createdtime unixreviewtime "
        "unixtime invoicedate orderdate purchasedate transactiondate tdat eventdate datetimeutc",
        "date day timems reviewtime reviewdate",
        "seqpos position",
    ),
    "weight": (
        "weight",
        "rating stars overall",
        "quantity qty count plays playcount listens",
        "eventvalue value",
        "score",
    ),
    "event": (
        "event eventtype",
        "behavior behaviour behaviortype action actiontype interactiontype",
        "type",
    ),
    "basket": (
        "basketid basket",
        (
            "orderid invoiceno invoice invoiceid transactionid receiptid receiptno receipt "
            "ticketid ticketno ticket orderno ordernumber cartid"
        ),
        "sessionid session visitid visit",
    ),
}
_SESSIONS = frozenset(_SYNONYMS["basket"][2].split())
_OPTIONAL = frozenset(ROLES) - {"user", "item"}
_MEANINGS = {"user": "who acted", "item": "what they interacted with", "time": "when"}


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The column of each role, and how it was chosen."""

    user: str
    item: str
    time: str | None = None
    weight: str | None = None
    event: str | None = None
    basket: str | None = None
    named: frozenset[str] = frozenset()  # roles that the user gave
    # "day-first" or "month-first", given as time="InvoiceDate:day-first"
    day_order: str | None = None
    remarks: tuple[str, ...] = ()

    def columns(self) -> dict[str, str]:
        """Role → column, of the roles that have one."""
        return {role: column for role in ROLES if (column := getattr(self, role)) is not None}


def plain_name(column: str) -> str:
    """A column's name without case, blanks, punctuation and RecBole's typed suffix
    (`user_id:token`).
    """
    base = column.split(":")[0] if ":" in column else column
    return "".join(letter for letter in base.casefold() if letter.isalnum())


def choose_roles(table: Table, given: Mapping[str, str | None]) -> Roles:
    """The roles of a table's columns. `given` are the user's own names, which always win; `-`
    leaves a role out.

    Raises BadData for an unknown name, BadRequest for one column in two roles, Undecided
    where columns are equally good.
    """
    found, day_order = _given_columns(table, given)
    left_out = {role for role, name in given.items() if name == ABSENT}
    named = frozenset(found)
    _check_header(table, found)
    remarks: list[str] = []
    by_name = _by_name(table.columns, found, left_out)
    _sessions_as_users(table.columns, by_name, left_out, remarks)
    _drop_scores_of_recommendations(table.columns, by_name, named, remarks)
    _settle_by_values(table, by_name, left_out, remarks)
    for role in ("user", "item"):
        if role not in by_name:
            raise _missing(role, table)
    return Roles(**by_name, named=named, day_order=day_order, remarks=tuple(remarks))


def _given_columns(
    table: Table, given: Mapping[str, str | None]
) -> tuple[dict[str, str], str | None]:
    found: dict[str, str] = {}
    day_order = None
    for role, name in given.items():
        if name is None or name == ABSENT:
            if name == ABSENT and role in ("user", "item"):
                raise BadRequest(
                    f"A log needs a column for the {role}; it cannot be left out.",
                    f"Name a column: --{role}.",
                )
            continue
        column = name
        if (
            role == "time"
            and name not in table.columns
            and name.endswith((":day-first", ":month-first"))
        ):
            column, _, day_order = name.rpartition(":")
        if column not in table.columns:
            raise no_such_column(column, f"--{role}", table)
        if column in found.values():
            other = next(r for r, c in found.items() if c == column)
            raise BadRequest(
                f"The column {column!r} is named twice, for the {other} and for the {role}.",
                "Give each role its own column.",
            )
        found[role] = column
    return found, day_order


def no_such_column(column: str, option: str, table: Table) -> BadData:
    """The error for a column that does not exist; it lists those that do."""
    near = nearest(column, table.columns)
    hint = f"Did you mean {near!r}? " if near else ""
    return BadData(
        f"{table.name} has no column {column!r} ({option}).",
        f"{hint}Its columns are {listed(table.columns)}.",
    )


def listed(columns: Sequence[str]) -> str:
    """Columns for a sentence; long lists are cut."""
    shown = ", ".join(repr(column) for column in columns[:30])
    return shown + (f" and {len(columns) - 30} more" if len(columns) > 30 else "")


def _check_header(table: Table, found: Mapping[str, str]) -> None:
    if not table.headerless or {"user", "item"} <= set(found):
        return
    values = table.head(1).row(0)
    clocks = _calendar_columns(table, set())
    example = "--user column_1 --item column_2" + (
        f" --time {clocks[0]}" if len(clocks) == 1 else ""
    )
    raise Undecided(
        (
            f"{table.name} has no header: its first row is "
            f"{', '.join(str(value) for value in values)}. The columns count as "
            f"{listed(table.columns)}."
        ),
        f"Say which is which, for example {example}.",
    )


def candidates(role: str, columns: Sequence[str]) -> list[str]:
    """Columns whose name means this role, of the best line of synonyms only."""
    plain = {column: plain_name(column) for column in columns}
    for line in _SYNONYMS[role]:
        names = line.split()
        hits = [column for column in columns if plain[column] in names]
        if hits:
            return hits
    return []


def _by_name(
    columns: Sequence[str], found: Mapping[str, str], left_out: set[str]
) -> dict[str, str]:
    chosen = dict(found)
    for role in ROLES:
        if role in chosen or role in left_out:
            continue
        hits = candidates(role, [column for column in columns if column not in chosen.values()])
        if len(hits) > 1:
            raise Undecided(
                f"The columns {' and '.join(repr(hit) for hit in hits)} could each be the {role}.",
                f"Say which: --{role} "
                + f" or --{role} ".join(hits)
                + (f"; --{role} - reads none." if role in _OPTIONAL else "."),
            )
        if hits:
            chosen[role] = hits[0]
    return chosen


def _sessions_as_users(
    columns: Sequence[str], chosen: dict[str, str], left_out: set[str], remarks: list[str]
) -> None:
    if "user" in chosen:
        return
    sessions = [
        column
        for column in columns
        if plain_name(column) in _SESSIONS
        and column not in set(chosen.values()) - {chosen.get("basket")}
    ]
    if len(sessions) == 1:
        chosen["user"] = sessions[0]
        if chosen.get("basket") == sessions[0]:
            del chosen["basket"]
        remarks.append(f"There is no user column, so the sessions ({sessions[0]}) are the users.")


def _drop_scores_of_recommendations(
    columns: Sequence[str], chosen: dict[str, str], named: frozenset[str], remarks: list[str]
) -> None:
    """Scores of a recommendation list are no amounts: they may be zero or below."""
    weight = chosen.get("weight")
    if (
        weight
        and "weight" not in named
        and plain_name(weight) == "score"
        and "rank" in map(plain_name, columns)
    ):
        del chosen["weight"]
        remarks.append("This is a list of recommendations; its scores are not used as weights.")


def _settle_by_values(
    table: Table, chosen: dict[str, str], left_out: set[str], remarks: list[str]
) -> None:
    """Where names leave gaps: a column of calendar times is the time; the only other column of ids
    is the missing user or item.
    """
    if "time" not in chosen and "time" not in left_out:
        clocks = _calendar_columns(table, set(chosen.values()))
        if len(clocks) == 1:
            chosen["time"] = clocks[0]
            remarks.append(f"The column {clocks[0]!r} holds times throughout, so it is the time.")
        elif len(clocks) > 1:
            raise Undecided(
                (
                    f"The columns {' and '.join(repr(clock) for clock in clocks)} could each be "
                    "the time."
                ),
                "Say which: --time " + " or --time ".join(clocks) + "; --time - reads none.",
            )
    missing = [role for role in ("user", "item") if role not in chosen]
    if not missing:
        return
    ids = [
        column
        for column in table.columns
        if column not in chosen.values() and _holds_ids(table, column)
    ]
    if len(missing) == 1 and len(ids) == 1:
        chosen[missing[0]] = ids[0]
        remarks.append(
            f"The column {ids[0]!r} is the only other column of ids, so it is the {missing[0]}."
        )
    elif ids and len(ids) >= len(missing):
        roles = " and ".join(missing)
        options = " and ".join(f"--{role}" for role in missing)
        raise Undecided(
            f"No column name matches the {roles}; {listed(ids)} could be.",
            f"Say which with {options}.",
        )


def _calendar_columns(table: Table, used: set[str]) -> list[str]:
    left = [column for column in table.columns if column not in used]
    if not left or table.rows == 0:
        return []
    head = table.head(_SAMPLE)
    return [column for column in left if looks_like_calendar(head[column])]


def _holds_ids(table: Table, column: str) -> bool:
    """Whole numbers or short text with repeats: what an id column of a log looks like."""
    values = table.head(_SAMPLE)[column]
    dtype = values.dtype
    if not (
        dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)
    ) or values.null_count() == len(values):
        return False
    text = values.drop_nulls().cast(pl.String)
    short = (text.str.len_chars() <= 64).all()
    return short and not text.str.contains(r"^[+-]?\d+\.\d+$").all()


def _missing(role: str, table: Table) -> BadData:
    return BadData(
        f"{table.name} has no column that looks like the {role} ({_MEANINGS[role]}).",
        f"Name it with --{role}. Its columns are {listed(table.columns)}.",
    )
