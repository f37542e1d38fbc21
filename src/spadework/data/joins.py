"""Ids of one table among the ids of another. Every join is counted: where nothing fits it is
refused with two ids side by side, where something does not fit a sentence says how many and which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Codes
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData

_SHOWN = 3
"""Ids that are shown as examples."""
_LOOKED_AT = 1_000_000
"""Ids of each side among which one that was written in another way is sought."""
_EXACT = 2.0**53
_EXACT_SHORT = 2.0**24
"""From here on, neighbouring whole numbers are one float64, or one float32."""


@dataclass(frozen=True, eq=False)
class Joined:
    """The code of each id that was sought, −1 where it is missing or not there, and what users
    should know of it.
    """

    codes: Codes  # [ids]
    remarks: tuple[str, ...] = ()
    unknown: int = 0  # distinct ids that are not there


def join(ids: pl.Series, vocabulary: Vocabulary, *, what: str, here: str, there: str) -> Joined:
    """The codes of `ids` in a vocabulary; `what` (item), `here` (the lists) and `there` (the log)
    are for the sentences.

    Ids fit where they are equal. Where one side has text and the other numbers, a number fits the
    text that it is written as: 7 is "7", not "007"; 7.0 is 7. Missing ids are not counted. Raises
    BadData where there are ids and none fits. O(ids), and a sort of the ids that do not fit.
    """
    sought, remarks = _alike(ids, vocabulary, what, here, there)
    codes = vocabulary.codes(sought)
    lost = (codes < 0) & ids.is_not_null().to_numpy()
    if not lost.any():
        return Joined(codes, tuple(remarks) if (codes >= 0).any() else ())
    known = len(np.unique(codes[codes >= 0]))
    unknown = ids.filter(pl.Series(lost)).unique(maintain_order=True)
    twins = _twins(unknown, vocabulary)
    if not known:
        raise _nothing_fits(unknown, vocabulary, twins, what, here, there)
    sentence = (
        f"{what[:1].upper()}{what[1:]} ids of {here} that are not in {there}: {len(unknown):,} of "
        f"{known + len(unknown):,}, such as {examples_of(unknown)}."
    )
    if twins is not None:
        sentence += f" Perhaps {shown(twins[0])} in {here} is {shown(twins[1])} in {there}."
    return Joined(codes, (*remarks, sentence), len(unknown))


def codes_of(ids: pl.Series, vocabulary: Vocabulary) -> Codes:
    """The code of each id as `join` finds it, without a word."""
    return vocabulary.codes(_alike(ids, vocabulary, "", "", "")[0])


def shown(value: object) -> str:
    """An id as it is shown in sentences: text in quotes, numbers as they are."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:58]}…"


def examples_of(ids: pl.Series) -> str:
    """The first ids for a sentence."""
    return ", ".join(shown(value) for value in ids.head(_SHOWN).to_list())


def _alike(
    ids: pl.Series, vocabulary: Vocabulary, what: str, here: str, there: str
) -> tuple[pl.Series, list[str]]:
    """The ids in the type of the vocabulary, null where they cannot be in it, and remarks."""
    are_numbers = vocabulary.ids.dtype.is_integer()
    own, remarks = ids, []
    if own.dtype.is_float() or own.dtype.is_decimal():
        own = _whole(own)
        remarks.append(
            f"The {what} ids of {here} are decimal numbers; whole ones fit the same whole number "
            f"in {there}."
        )
    elif own.dtype == pl.Null:
        return own.cast(vocabulary.ids.dtype), []
    elif not own.dtype.is_integer() and own.dtype != pl.String:
        own = own.cast(pl.String, strict=False)
    if own.dtype == pl.String and not are_numbers:
        foreign = own.str.len_bytes() > own.str.len_chars()  # as logs are read
        return (own.str.normalize("NFC") if bool(foreign.any()) else own), remarks
    if own.dtype == pl.String:
        numbers = own.cast(vocabulary.ids.dtype, strict=False)
        canonical = (numbers.cast(pl.String) == own).fill_null(False)
        remarks.append(
            f"The {what} ids of {here} are text and those of {there} are numbers; text fits the "
            "number that it writes: '7' is 7, '007' is not."
        )
        return numbers.set(~canonical, None), remarks
    if not are_numbers:
        remarks.append(
            f"The {what} ids of {here} are numbers and those of {there} are text; a number fits "
            "the text that it is written as: 7 is '7', not '007'."
        )
        return own.cast(pl.String), remarks
    return own, remarks


def _whole(ids: pl.Series) -> pl.Series:
    """Decimal numbers as whole ones, null where they are none or too large to be exact."""
    values = ids.cast(pl.Float64, strict=False).fill_nan(None)
    limit = _EXACT_SHORT if ids.dtype == pl.Float32 else _EXACT
    exact = ((values == values.round(0)) & (values.abs() < limit)).fill_null(False)
    return values.set(~exact, None).cast(pl.Int64)


def _nothing_fits(
    unknown: pl.Series,
    vocabulary: Vocabulary,
    twins: tuple[object, object] | None,
    what: str,
    here: str,
    there: str,
) -> BadData:
    if not len(vocabulary):
        return BadData(f"There are no {what} ids in {there}.", "Give a log with rows.")
    mine, theirs = twins or (unknown[0], vocabulary.ids[0])
    hint = (
        _cause(str(mine), str(theirs))
        if twins is not None
        else f"Check that both are of the same {what}s, and which column holds their ids."
    )
    return BadData(
        (
            f"None of the {what} ids of {here} is in {there} "
            f"({formatting.count(len(unknown), 'id')}): for example {shown(mine)} in {here}, "
            f"{shown(theirs)} in {there}."
        ),
        hint,
    )


def _cause(mine: str, theirs: str) -> str:
    """What may have made two texts of one id, and what to do."""
    if mine.strip() != mine or theirs.strip() != theirs:
        return "One side has blanks around its ids: trim them where they are made."
    if mine.casefold() == theirs.casefold() and mine != theirs:
        return "They differ by upper and lower case: write them alike where they are made."
    if ("." in mine) != ("." in theirs):
        return (
            "A column of whole numbers with gaps turns into decimals in pandas: write it as Int64 "
            "or as text."
        )
    if mine.lstrip("0") == theirs.lstrip("0") and mine != theirs:
        return "One side lost its leading zeros: read and write these ids as text, not as numbers."
    return "Write the ids of both in the same way."


def _twins(unknown: pl.Series, vocabulary: Vocabulary) -> tuple[object, object] | None:
    """An id that does not fit, and one of the vocabulary that is the same but for how it is
    written; None where there is no such pair.
    """
    left = _plain(unknown.head(_LOOKED_AT)).with_row_index("here")
    right = _plain(vocabulary.ids.head(_LOOKED_AT)).with_row_index("there")
    found = left.join(right, on="key", how="inner").sort("here", "there").head(1)
    if not len(found):
        return None
    return unknown[int(found["here"][0])], vocabulary.ids[int(found["there"][0])]


def _plain(ids: pl.Series) -> pl.DataFrame:
    """Ids without what gets lost or added on the way: blanks, case, leading zeros, `.0`."""
    key = (
        pl.col("key")
        .cast(pl.String)
        .str.normalize("NFKC")
        .str.strip_chars(" \t\u00a0\"'")
        .str.to_lowercase()
        .str.replace(r"^(\d+)\.0*$", "$1")
        .str.replace(r"^\+?0+(\d)", "$1")
    )
    return pl.DataFrame({"key": ids}).select(key)
