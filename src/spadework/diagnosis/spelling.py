"""Are names what they seem to be? Placeholders, numbers that a spreadsheet shortened, event types
that are written in several ways. One registered function is one check.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.rows.event_types import how_twins_differ, plain_type
from spadework.data.reading.values.conditions import Condition
from spadework.diagnosis.finding import Finding, check

WORDS = frozenset(
    (
        "null", "none", "nan", "nil", "n/a", "#n/a", "na", r"\n", "guest", "unknown", "anonymous",
        "anon", "(not set)", "not set", "(none)", "undefined", "missing", "empty", "(empty)",
        "blank", "default", "nobody", "?", "-", "--", ".", "<na>", "<null>",
        "00000000-0000-0000-0000-000000000000", "(null)", "[null]", "null_user", "n.a.", "no id",
        "noid", "nat", "inf", "#ref!", "#value!", "#name?", "#div/0!", "#nv", "#n/v", "(other)",
        "(direct)", "(blank)", "(leer)", "(vide)", "guest user", "guest-user", "guest_user",
        "not logged in", "logged_out", "nologin", "unregistered", "unregistered user", "walk-in",
        "walkin", "walk-in customer", "gast", "gastkunde", "laufkunde", "barverkauf", "unbekannt",
        "anonym", "invité", "invite", "anonyme", "inconnu", "invitado", "anónimo", "anonimo",
        "desconocido", "desconhecido", "ospite", "sconosciuto", "gość", "nieznany", "onbekend",
        "неизвестно", "гость", "未知", "匿名", "游客", "ゲスト", "不明", "비회원",
    )
)  # fmt: skip
"""What exports write where there is no id, in lower case."""
NO_IDS = frozenset(
    (
        "null", "nan", "n/a", "#n/a", r"\n", "(not set)", "not set", "undefined", "(null)", "<na>",
        "<null>", "(empty)", "(blank)", "nat", "#ref!", "#value!", "#name?", "#div/0!", "",
        "00000000-0000-0000-0000-000000000000",
    )
)  # fmt: skip
"""Those that nobody and nothing is called: a hundredth of the rows is enough."""
NUMBERS = frozenset(("-1", "0", "0.0"))
_EMAIL = r"^(guest|no-?(e?mail|reply)|none|unknown|anonymous|nobody|null|undefined)\d*@"
_REPEATED = r"^-9+$|^9{3,}$|^0{2,}$|^x{3,}$"
"""Addresses that nobody has, and ids such as 00000000, -99 and 9999999, in lower case."""
MUCH, MANY_TIMES, LARGE = 0.01, 10, 0.05
"""Least share of the rows, and least multiple of the median id, of a placeholder."""
SHOWN = 4
_SCIENTIFIC = r"^\d[.,]\d+[eE]\+?\d+$|^\d[eE]\+\d+$"
_SHORT_POWER, _WHOLE = r"^\d[eE]\d+$", r"^\d+$"
"""1e3 is a number where nearly all other ids are whole numbers, else perhaps a code."""
_LONG, _ENOUGH = r"^\d{16,}$", 20
"""Spreadsheets and JavaScript keep fifteen or sixteen digits; so many ids that all end in 0."""
_DATED = (
    r"^\d{1,2}[-.] ?(Jan|Feb|Mar|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)$"
    r"|^(Jan|Feb|Mar|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)[- ]\d{2}$"
)
"""What a spreadsheet makes of 1-3 and MAR1."""
_FLOATED, _LARGE_NUMBER = "", r"^\d{16,19}$"
MOSTLY, ODD = 0.9, 0.25
"""Share of whole numbers among ids where 1e3 is one; least share of odd multiples of what floating
numbers can tell apart.
"""
_NOT_ASKED = re.compile(r"^event '(.*)' not asked for$", re.DOTALL)


@check("INT-24")
def placeholders(log: Interactions, content: ItemContent | None) -> Finding | None:
    """An id such as NULL, guest or -1 has far more rows than others: it stands for many users, or
    items, that are unknown.

    It counts as one user, with a history that nobody has. Set its rows aside with a rule, such as
    `--positive "user != NULL"`. It is looked for where it has a hundredth of the rows and ten times
    those of the median id, or where several such words are ids. It errs where the word is a real
    id: NA may be a country.
    """
    for role, vocabulary, counts in (
        ("user", log.user_vocabulary, np.diff(log.starts)),
        ("item", log.item_vocabulary, log.item_counts),
    ):
        found = _placeholders(vocabulary.ids, np.asarray(counts))
        if found:
            return _placeholder_finding(log, role, found, np.asarray(counts))
    return None


def _placeholders(ids: pl.Series, counts: Array) -> list[tuple[str, int]]:
    """Placeholders and their rows, the largest first; none where they are no more than others."""
    if not counts.sum():
        return []
    plain = ids.cast(pl.String).str.strip_chars().str.to_lowercase()
    known = plain.is_in(list(WORDS | NUMBERS)) | plain.str.contains(f"{_EMAIL}|{_REPEATED}")
    hits = np.flatnonzero(known.to_numpy() & (counts > 0))
    if not len(hits):
        return []
    numbered = _counted_up(plain, counts)
    found = [
        (str(ids[int(at)]), int(counts[at]))
        for at in hits
        if not (numbered and _is_counted(plain[int(at)], len(counts)))
    ]
    least = max(MUCH * counts.sum(), MANY_TIMES * float(np.median(counts[counts > 0])))
    words = [pair for pair in found if pair[0].strip().lower() in WORDS]
    several = len(words) > 1 and sum(rows for _, rows in words) >= MUCH * counts.sum()
    large = words if several else []
    large += [
        pair
        for pair in words
        if pair[0].strip().lower() in NO_IDS
        and pair[1] >= MUCH * counts.sum()
        and pair not in large
    ]
    large += [pair for pair in found if pair[1] >= least and pair not in large]
    return sorted(large, key=lambda pair: (-pair[1], pair[0]))


def _counted_up(plain: pl.Series, counts: Array) -> bool:
    """Whether ids are numbers from 0 on, so that 0 is an id like all others."""
    numbers = plain.cast(pl.Int64, strict=False).drop_nulls()
    inside = int(((numbers >= 0) & (numbers < 2 * len(counts))).sum())
    return len(numbers) > 0.9 * len(plain) and inside > 0.99 * len(numbers)


def _is_counted(plain: str, ids: int) -> bool:
    """Whether an id is one of numbers from 0 on."""
    return plain.isdecimal() and str(int(plain)) == plain and int(plain) < 2 * ids


def _placeholder_finding(
    log: Interactions, role: str, found: Sequence[tuple[str, int]], counts: Array
) -> Finding:
    rows = sum(count for _, count in found)
    share, median = rows / counts.sum(), float(np.median(counts[counts > 0]))
    names = " and ".join(repr(name) for name, _ in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    column = role if log.account is None else log.account.columns.get(role, role)
    rule = " and ".join(str(Condition(column, "!=", name)) for name, _ in found)
    is_one = len(found) == 1
    return Finding(
        code="INT-24",
        level="strong" if share >= LARGE else "weak",
        says=f"{names}{more} {'is' if is_one else 'are'} the {role} of "
        f"{formatting.count(rows, 'row')} ({share:.1%}); the median {role} has {median:,.0f}. "
        + ("It looks like a missing id" if is_one else "They look like missing ids")
        + f", and count{'s' if is_one else ''} as {'one' if is_one else 'any other'} {role}.",
        effect=share,
        advice=f"If no real {role} is called so, set these rows aside.",
        command=f"spadework dig SOURCE --positive {shlex.quote(rule)}",
    )


@check("INT-25")
def shortened_numbers(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Ids are what a spreadsheet or a script made of them: numbers in scientific notation, such as
    4.00123E+12 or 1e3, digits that are zeros from the sixteenth on, dates such as 1-Mar; or long
    numbers that went through floating numbers, as those of JavaScript are, which rounded them.

    Different items then share one id, and none fits to another table. What is lost is lost: export
    the column again as text. It errs where ids are really written so.
    """
    for pattern, what in (
        (_SCIENTIFIC, "numbers in scientific notation"),
        (_LONG, "numbers of sixteen digits and more that all end in 0"),
        (_FLOATED, "numbers that floating numbers hold exactly, though they are beyond 2^53"),
        (_DATED, "dates"),
    ):
        if found := _damaged(log, pattern, what):
            return found
    return None


def _damaged(log: Interactions, pattern: str, what: str) -> Finding | None:
    parts, shares, examples = [], [], ""
    for role, vocabulary, counts in (
        ("user", log.user_vocabulary, np.diff(log.starts)),
        ("item", log.item_vocabulary, log.item_counts),
    ):
        ids = vocabulary.ids
        if ids.dtype != pl.String and pattern not in (_LONG, _FLOATED):
            continue
        texts = ids.cast(pl.String)
        there = np.asarray(counts) > 0
        cut = (_floated(texts) if pattern == _FLOATED else _hits(texts, pattern)) & there
        if pattern == _LONG and not _all_end_in_zero(texts.filter(pl.Series(cut))):
            continue
        if cut.any():
            parts.append(f"{int(cut.sum()):,} of {len(ids):,} {role} ids")
            shares.append(float(np.asarray(counts)[cut].sum() / max(len(log), 1)))
            if role == "item":
                examples = f", such as {' and '.join(texts.filter(pl.Series(cut))[:2].to_list())}"
    if not parts:
        return None
    lost = {
        _SCIENTIFIC: "their last digits are lost, so different ones may have become the same",
        _LONG: "the digits after the fifteenth are lost, so different ones may have become the "
        "same",
        _FLOATED: "their last digits were rounded, so different ones may have become the same",
        _DATED: "a spreadsheet has turned ids into dates",
    }[pattern]
    return Finding(
        code="INT-25",
        level="strong" if max(shares) >= MUCH else "weak",
        says=f"{' and '.join(parts)} are {what}{examples}: {lost}.",
        effect=max(shares),
        advice="Export the column again as text; in a spreadsheet, format it as text first.",
        command="spadework look SOURCE",
    )


def _hits(texts: pl.Series, pattern: str) -> Mask:
    """Which ids fit a pattern; of scientific notation also 1e3 among whole numbers."""
    found = texts.str.contains(pattern)
    if pattern == _SCIENTIFIC:
        short = texts.str.contains(_SHORT_POWER)
        whole = int(texts.str.contains(_WHOLE).sum())
        if whole >= _ENOUGH and whole >= MOSTLY * int((~short).sum()):
            found |= short
    return found.to_numpy()


def _floated(texts: pl.Series) -> Mask:
    """Which ids are whole numbers beyond 2^53, where all of these are floating numbers, and many
    are no multiples of a larger power of two, as the numbers of a generator may be.
    """
    large = texts.str.contains(_LARGE_NUMBER)
    numbers = texts.filter(large).cast(pl.Int64, strict=False)
    none = np.zeros(len(texts), np.bool_)
    values = numbers.drop_nulls().to_numpy()
    values = values[values > 2**53]
    if len(values) < _ENOUGH:
        return none
    steps = np.spacing(values.astype(np.float64)).astype(np.int64)
    if (values % steps).any() or float(((values // steps) % 2).mean()) < ODD:
        return none
    return (large & (texts.cast(pl.Int64, strict=False) > 2**53).fill_null(False)).to_numpy()


def _all_end_in_zero(texts: pl.Series) -> bool:
    return len(texts) >= _ENOUGH and bool(texts.str.ends_with("0").all())


@check("INT-26")
def event_twins(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Event types differ only by upper and lower case, by blanks or by signs, or have no name.

    They count as different types, so that asking for one leaves the others out. Spell them in one
    way at the source; until then name them all: `--events purchase,Purchase`. It errs where the
    case has a meaning.
    """
    rows = dict(log.event_type_counts)
    if log.account is not None:
        for reason, count in log.account.set_aside.items():
            if match := _NOT_ASKED.match(reason):
                rows[match[1]] = count
    groups: dict[str, list[str]] = {}
    for name in rows:
        groups.setdefault(plain_type(name), []).append(name)
    twins = [sorted(names) for plain, names in groups.items() if len(names) > 1 and plain]
    nameless = sum(count for name, count in rows.items() if not name.strip())
    if not twins and not (nameless and len(rows) > 1):
        return None
    says = [
        "The event types "
        + " and ".join(f"{name!r} ({formatting.count(rows[name], 'row')})" for name in names)
        + f" differ only by {how_twins_differ(names)}."
        for names in twins[:2]
    ]
    if nameless:
        says.append(f"Of an event type without a name: {formatting.count(nameless, 'row')}.")
    affected = sum(min(rows[name] for name in names) for names in twins) + nameless
    wanted = ",".join(name for names in twins for name in names)
    return Finding(
        code="INT-26",
        level="weak",
        says=" ".join(says) + " They are kept apart.",
        effect=affected / max(sum(rows.values()), 1),
        advice="If they mean the same, spell them in one way at the source; until then name all of "
        "them wherever you name one."
        if twins
        else "Name the event types that count.",
        command=f"spadework dig SOURCE --events {shlex.quote(wanted)}"
        if twins
        else "spadework look SOURCE",
    )
