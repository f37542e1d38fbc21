"""Lists that are written as text in one cell: `a|b|c`, `[1, 2]`, `['a', 'b']`, `{1,2}`."""

from __future__ import annotations

import polars as pl

_SIGNS = (",", ";", "|", " ")
_ENTRY = r"""["](?:[^"\\]|\\.)*["]|'(?:[^'\\]|\\.)*'|[^\s,"'][^,"']*"""
_BRACKETS = r"^\s*(?:\[.*\]|\{.*\}|\(.*,.*\))\s*$"
_OFTEN, _SHARED, _HALF = 0.3, 0.7, 0.5
"""Least share of the texts with a sign between parts, and the most different parts, as a share of
the different texts; half of them where the parts are words.
"""


def sign_of_lists(values: pl.Series) -> str:
    """The sign between the entries of texts that are lists, "[" for those in brackets, and an
    empty text where they are none: parts come again in other texts, and are ids, or texts have
    very different numbers of parts and hardly ever come again.
    """
    texts = values.drop_nulls().str.strip_chars()
    texts = texts.filter(texts != "")
    if not len(texts):
        return ""
    if texts.str.contains(_BRACKETS).mean() >= _HALF:  # type: ignore[operator]
        return "["
    wholes = texts.unique()
    if len(wholes) < 10:
        return ""
    for sign in _SIGNS:
        if wholes.str.contains(sign, literal=True).mean() < _OFTEN:  # type: ignore[operator]
            continue
        lists = wholes.str.split(sign)
        parts = lists.explode().str.strip_chars().unique()
        shared = len(parts) / len(wholes)
        are_ids = bool(
            (parts.str.contains(r"^[\w.:-]+$") & parts.str.contains(r"\d")).mean() >= 0.8  # type: ignore[operator]
        )
        counts = lists.list.len().n_unique()
        if shared <= _SHARED and are_ids and (sign != " " or parts.str.contains(r"^\d+$").all()):
            return sign
        rarely = len(wholes) >= 0.8 * len(texts)
        if sign != " " and rarely and shared <= _HALF and counts >= 3:
            return sign
    return ""


def sign_in(values: pl.Series) -> str:
    """The sign between the entries of texts that are said to be lists: the one that most have; an
    empty text where there is none.
    """
    texts = values.drop_nulls().str.strip_chars()
    if len(texts) and texts.str.contains(_BRACKETS).mean() >= _HALF:  # type: ignore[operator]
        return "["
    shares = {sign: int(texts.str.contains(sign, literal=True).sum()) for sign in _SIGNS}
    best = max(_SIGNS, key=lambda sign: (sign != " " and shares[sign] > 0, shares[sign]))
    return best if shares[best] else ""


def entries_of(texts: pl.Series, sign: str) -> pl.Series:
    """The entries of each text; null where there is none."""
    if sign == "[":
        inside = texts.str.strip_chars().str.strip_chars_start("[({").str.strip_chars_end("])}")
        lists = inside.str.extract_all(_ENTRY)
    else:
        lists = texts.str.split(sign)
    entry = pl.element().str.strip_chars(" \t\n\"'")
    lists = lists.list.eval(entry.filter(entry != ""))
    return lists.set(lists.list.len() == 0, None)
