"""Ids of users, items and baskets: kept exactly as written, or set aside, or refused; never
rounded.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spadework import formatting
from spadework.data.reading.set_aside import Facts, Ledger
from spadework.errors import BadData

LONGEST = 256
"""Longest id, in characters."""

# blanks at an end; soft hyphens, fixed blanks, blanks without width and marks anywhere
_UNSEEN = r"^\s|\s$|[\x{ad}\x{a0}\x{200b}\x{2060}\x{feff}]"
_FEW = 3  # ids with a lone quote that are told, or a twentieth of all
_INCHES = r'((?:^|[\s(x×])[0-9][0-9.,/]*)"(?:[\sx×),]|$)'
# beyond this, neighbouring whole numbers are one float
_EXACT = {"Float64": 2.0**53, "Float32": 2.0**24, "Float16": 2.0**11}


def clean_ids(column: pl.Series, role: str, name: str, ledger: Ledger) -> pl.Series:
    """Whole numbers or text of the same length, null where the row is set aside; nothing is trimmed
    and no case is changed.

    Text is brought to Unicode form NFC. Raises BadData for types that cannot be ids.
    """
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        column, dtype = column.cast(pl.String), pl.String()
    if dtype.is_float():
        column = _of_floats(column, role, name, ledger)
    elif dtype.is_decimal():
        column = _of_decimals(column, role, name)
    elif dtype in (pl.Int128, pl.UInt128):
        column = _narrowed(column, role, name)
    elif dtype == pl.String:
        return _of_text(column, role, name, ledger)
    elif not dtype.is_integer():
        raise _refused(role, name, dtype)
    if column.null_count():
        ledger.set_aside(column.is_null(), f"{role} missing")
    return column


def check_id_type(dtype: pl.DataType, role: str, name: str) -> None:
    """Refuse by name, before values are read, types that cannot be ids."""
    if dtype == pl.Null:
        raise BadData(
            f"The {role} column {name!r} is empty throughout.", f"Name another column: --{role}."
        )
    if not (
        dtype.is_integer()
        or dtype.is_float()
        or dtype.is_decimal()
        or dtype in (pl.String, pl.Categorical, pl.Enum)
    ):
        raise _refused(role, name, dtype)


def _refused(role: str, name: str, dtype: pl.DataType) -> BadData:
    word = (
        "lists or structures"
        if dtype.is_nested()
        else "bytes (a UUID, perhaps)"
        if dtype == pl.Binary
        else str(dtype)
    )
    return BadData(
        f"The {role} column {name!r} holds {word}, which can be no ids.",
        f"Turn it into text or whole numbers, or name another: --{role}.",
    )


def _of_floats(column: pl.Series, role: str, name: str, ledger: Ledger) -> pl.Series:
    exact = _EXACT[str(column.dtype)]
    values = column.cast(pl.Float64).fill_nan(None)
    if exact < _EXACT["Float64"] and (values.is_finite() & (values.abs() >= exact)).any():
        largest = float(np.abs(values.filter(values.is_finite()).to_numpy()).max())
        raise BadData(
            f"The {role} column {name!r} holds {column.dtype} numbers up to {largest:.0f}; beyond "
            f"{exact:.0f} such numbers lose digits, so that different ids become one.",
            "Write the ids as text or whole numbers, from where they are still exact.",
        )
    odd = values.filter(
        (values != values.round(0)) | (values.abs() >= exact) | values.is_infinite()
    )
    if len(odd):
        raise BadData(
            (
                f"The {role} column {name!r} holds decimal numbers, and {odd[0]!r} is no exact "
                "whole number."
            ),
            (
                "Ids must be text or whole numbers. A column of whole numbers with gaps turns "
                "into decimals in pandas: read it as Int64."
            ),
        )
    ledger.remark(
        f"The {role} ids in {name!r} came as decimal numbers, all of them whole, and are "
        "read as whole numbers."
    )
    return values.cast(pl.Int64)


def _of_decimals(column: pl.Series, role: str, name: str) -> pl.Series:
    integers = column.cast(pl.Int64, strict=False)
    same = integers.cast(column.dtype, strict=False) == column
    if not same.fill_null(True).all() or integers.null_count() != column.null_count():
        odd = column.filter(~same.fill_null(False) & column.is_not_null())
        raise BadData(
            (
                f"The {role} column {name!r} holds decimals, and {odd[0]} is no whole number "
                "below 2^63."
            ),
            "Ids must be text or whole numbers.",
        )
    return integers


def _narrowed(column: pl.Series, role: str, name: str) -> pl.Series:
    narrow = column.cast(pl.Int64, strict=False)
    if narrow.null_count() != column.null_count():
        raise BadData(
            f"The {role} column {name!r} holds numbers beyond 64 bits.", "Turn them into text."
        )
    return narrow


def _of_text(column: pl.Series, role: str, name: str, ledger: Ledger) -> pl.Series:
    """The rules of text are checked on distinct ids; rows change only where a rule applies."""
    distinct = column.unique()
    is_blank = distinct.str.contains(r"^\s*$").fill_null(False)
    if distinct.null_count() or is_blank.any():
        blanks = distinct.filter(is_blank)
        column = column.set(column.is_in(blanks.implode()).fill_null(False), None)
        ledger.set_aside(column.is_null(), f"{role} missing")
        distinct = distinct.filter(~is_blank & distinct.is_not_null())
    facts = pl.DataFrame({"id": distinct})
    long = facts.filter(pl.col("id").str.len_chars() > LONGEST)["id"]
    control = facts.filter(pl.col("id").str.contains(r"\p{Cc}"))["id"]
    for unfit, reason in (
        (long, f"{role} id longer than {LONGEST} characters"),
        (control, f"{role} id with control characters"),
    ):
        if len(unfit):
            hit = column.is_in(unfit.implode()).fill_null(False)
            ledger.set_aside(hit, reason)
            column = column.set(hit, None)
    kept = facts["id"]
    if len(long) or len(control):
        kept = kept.filter(kept.is_in(column.implode()))
    _tell_unseen(kept, role, ledger)
    _tell_lone_quotes(kept, len(facts), role, ledger)
    _tell_decimals(facts["id"], role, name, ledger)
    foreign = facts.filter(pl.col("id").str.len_bytes() > pl.col("id").str.len_chars())["id"]
    normal = foreign.str.normalize("NFC")
    if len(foreign):
        odd = foreign.filter(normal != foreign)
        plain = foreign.filter(normal == foreign)
        if len(odd):  # the sign of Kelvin is the letter K
            letters = odd.str.normalize("NFC")
            plain = pl.concat([plain, facts["id"].filter(facts["id"].is_in(letters.implode()))])
        ledger.tell(
            f"{role} ids merged",
            {"odd": odd, "plain": plain.unique()},
            lambda facts: _merged_in_words(facts, role),
            lambda facts: {f"{role}_ids_merged": n} if (n := _merged(facts)) else {},
        )
        if (normal != foreign).any():
            column = column.str.normalize("NFC")
    return column


def _merged(facts: Facts) -> int:
    """How many ids fewer there are, once all are in one Unicode form."""
    odd, plain = facts["odd"], facts["plain"]
    normal = odd.str.normalize("NFC").unique()
    return len(odd) + int(normal.is_in(plain.implode()).sum()) - len(normal)


def _merged_in_words(facts: Facts, role: str) -> list[str]:
    merged = _merged(facts)
    if not merged:
        return []
    were, are = ("was", "is") if merged == 1 else ("were", "are")
    return [
        f"{formatting.count(merged, f'{role} id')} {were} written in two Unicode forms and "
        f"{are} merged."
    ]


def _tell_unseen(distinct: pl.Series, role: str, ledger: Ledger) -> None:
    """Tell ids that look like others: with blanks around them, or signs that are not printed."""
    odd = distinct.filter(distinct.str.contains(_UNSEEN))
    if len(odd):
        ledger.tell(
            f"{role} ids with what is not seen",
            {"odd": odd},
            lambda facts: [
                f"{role.capitalize()} ids with blanks around them or signs that are not seen, kept "
                f"as written: {len(facts['odd']):,}, such as {facts['odd'].min()!r}."
            ],
        )


def _tell_lone_quotes(distinct: pl.Series, ids: int, role: str, ledger: Ledger) -> None:
    """Tell the few ids with an odd number of quotes, or quotes before them: a file has one too
    many. Behind a number of its own, and in many ids, it stands for inches.
    """
    with_quote = distinct.filter(distinct.str.contains('"', literal=True))
    if not len(with_quote):
        return
    plain = with_quote.str.replace_all(_INCHES, "$1")
    is_odd = plain.str.count_matches('"', literal=True) % 2 == 1
    odd = with_quote.filter(is_odd | with_quote.str.contains(r'^"+[^"]*$|^[0-9]+"+$'))

    def say(facts: Facts) -> list[str]:
        found = facts["odd"]
        if not 0 < len(found) <= max(_FEW, facts[f"{role} ids"] // 20):
            return []
        return [
            f"{role.capitalize()} ids with a lone quote, kept as written: {len(found):,}, such as "
            f"{found.min()!r}. Perhaps the file has a quote too many there."
        ]

    if len(odd):
        ledger.tell(f"{role} ids with a lone quote", {"odd": odd, f"{role} ids": ids}, say)


def _tell_decimals(distinct: pl.Series, role: str, name: str, ledger: Ledger) -> None:
    """Tell ids that went through decimal numbers: 17850.0 is another id than 17850."""
    ends = distinct.filter(distinct.str.ends_with(".0"))
    whole = ends.filter(ends.str.contains(r"^[0-9]+\.0$"))
    if not len(whole):
        return

    def say(facts: Facts) -> list[str]:
        decimals, twins = facts["decimals"], len(facts["twins"])
        also = f"; {twins:,} of them also without .0, which are other ids" if twins else ""
        return [
            f"{role.capitalize()} ids in {name!r} that are written as decimals, and kept so: "
            f"{len(decimals):,} of {facts[f'{role} ids']:,}, such as {decimals.min()!r}{also}. "
            "Whole numbers with gaps turn into decimals in pandas: write them as Int64 or as text."
        ]

    bare = whole.str.strip_suffix(".0")
    facts = {
        "decimals": whole,
        "twins": bare.filter(bare.is_in(distinct.implode())),
        f"{role} ids": len(distinct),
    }
    ledger.tell(f"{role} ids that are decimals", facts, say)


def count_near_twins(ids: pl.Series, role: str, ledger: Ledger) -> None:
    """Count ids that equal another one but for blanks around them, or but for case."""
    if ids.dtype != pl.String:
        return
    trimmed = len(ids) - ids.str.strip_chars().n_unique()
    lowered = len(ids) - ids.str.to_lowercase().n_unique()
    if trimmed:
        ledger.counts[f"{role}_ids_differing_by_blanks"] = trimmed
    if lowered:
        ledger.counts[f"{role}_ids_differing_by_case"] = lowered
