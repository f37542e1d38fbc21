"""A second look at columns that no role reads: those whose name speaks of a judgement, an amount or
a return, and the numbers in their first rows; and those whose words say that a row is no choice.
Checks read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.arrays import Mask
from spadework.data.account import UnreadColumn, UnreadWords
from spadework.data.reading.synonyms import plain_name
from spadework.data.reading.tables import Table
from spadework.data.reading.values.conditions import TRUTHS
from spadework.errors import SpadeworkError

JUDGEMENT = re.compile(
    r"rating|^stars?$|likes?d?$|^dislike|feedback|thumb|^votes?$|watchratio|completion|playratio"
    r"|satisf|sentiment|grade|^isclick|^click(ed)?$|^clk$|recommend(ed)?$|^votedup$|^upvoted?$"
    r"|bewertung|puntuacion|calificacion|valoracion|avaliacao|valutazione|评分|评价|評価|оценка"
)
RATINGS = frozenset(("overall", "score", "preference"))
"""Plain names of ratings that amounts may have, too."""
YES_OR_NO = re.compile(
    r"^(label|target|conver(ted|sion)|(is|has|was)?(clicked|click|conversion|converted|purchased"
    r"|purchase|bought|buy))$"
)
"""Names of what was shown and taken, or not, where the values are 0 and 1."""
DISLIKE = re.compile(
    r"dislike|unlike|hate[ds]?$|thumbsdown|downvote|notinterested|^(is)?skip(ped)?$"
)
"""Names of marks of what was disliked: not 0 means no."""

AMOUNT = re.compile(r"qty|quantity|units|amount|price|revenue|sales|total")
RETURN = re.compile(
    r"refund|cancel|chargeback|^(is)?void(ed)?$"
    r"|^(is|qty|quantity|item|order)?return(s|ed)?(qty|quantity|amount|flag)?$"
)
_NAMES = (JUDGEMENT, AMOUNT, RETURN, YES_OR_NO, DISLIKE)
ROWS, MOST_COLUMNS = 10_000, 12
FEW_KINDS = 30
"""A column of more different values holds texts or ids, no states."""

# letters alone, without accents are written both ways
_BACK_WORDS = (
    "refunded refund returned return returns cancelled canceled cancellation cancel voided "
    "void chargeback chargedback reversed failed declined rejected abandoned expired "
    "storno storniert retoure rückgabe retourniert erstattet annulé annule annulée "
    "remboursé rembourse retourné annullato rimborsato reso cancelado cancelada devuelto "
    "devolución devolucion reembolsado devolvido geannuleerd geretourneerd terugbetaald zwrot "
    "anulowane anulowany возврат отменен отменён отмена 退款 已退款 取消 已取消 退货 已退货 "
    "交易关闭 返品 返金 キャンセル 취소 환불 반품"
)
_BAD_WORDS = (
    "negative notrecommended dislike disliked hate hated thumbsdown downvote downvoted bad "
    "poor terrible awful negativ schlecht négatif mauvais negativo malo mau 差评 差 不喜欢"
)
_TAKEN_BACK, _DISLIKED = frozenset(_BACK_WORDS.split()), frozenset(_BAD_WORDS.split())
_OPINION = re.compile(
    r"recommend|sentiment|reaction|verdict|opinion|vote|feedback|rating|^like|response|thumb"
    r"|bewertung|评价|评分"
)

_MARKS = re.compile(r"rating|grade|^marks?$|^score$|^note$|^stars?$|bewertung|^schulnote$")
"""Names of columns in which letters from A to F are judgements."""


@dataclass(frozen=True, eq=False)
class UsedRows:
    """Which rows of a frame are used: its columns of users and items, as they are read, by their
    names in the source.
    """

    mask: Mask | None  # [rows]; None means all of them
    ids: Mapping[str, pl.Series]

    def begin_with(self, head: pl.DataFrame) -> bool:
        """Whether the frame begins with these rows. Of several files, and where some users are
        read, it may not.
        """
        return all(
            name in head.columns and head[name].equals(column.head(head.height))
            for name, column in self.ids.items()
        )


class FirstRows:
    """The first rows of a table, without those that were set aside where they can be told apart;
    read once, and only where a column is worth a look.
    """

    def __init__(self, table: Table, used: UsedRows | None = None) -> None:
        self.schema = table.schema
        self._table, self._used = table, used

    @cached_property
    def frame(self) -> pl.DataFrame | None:
        """The rows; None where they cannot be read, which must not stop a reading."""
        try:
            head = self._table.head(ROWS)
        except SpadeworkError:
            return None
        used = self._used
        if used is None or used.mask is None or not used.begin_with(head):
            return head
        return head.filter(pl.Series(used.mask[: head.height]))


def second_look(first: FirstRows, columns: Sequence[str]) -> tuple[UnreadColumn, ...]:
    """The numbers in the first rows of those columns whose name is worth a look; columns without
    any are left out. Nothing is read where no name is.
    """
    worth = [
        column
        for column in columns
        if any(name.search(plain_name(column)) for name in _NAMES)
        and not first.schema[column].is_nested()
    ][:MOST_COLUMNS]
    head = first.frame if worth else None
    if head is None:
        return ()
    found = []
    for column in worth:
        values, are_numbers = _numbers(head[column]), True
        if AMOUNT.search(plain_name(column)) and head[column].dtype == pl.String:
            printed = _money(head[column])
            are_numbers = len(values) > 0 or not (printed > 0).any()
            if int(printed.count()) > len(values):
                values = printed.drop_nulls().to_numpy()
        if len(values):
            found.append(
                UnreadColumn(name=column, values=values, rows=head.height, are_numbers=are_numbers)
            )
    return tuple(found)


def telling_words(first: FirstRows, columns: Sequence[str]) -> tuple[UnreadWords, ...]:
    """Those columns some of whose values, but not all, say that a row is no choice."""
    texts = [
        column for column in columns if first.schema[column] in (pl.String, pl.Categorical, pl.Enum)
    ]
    head = first.frame if texts else None
    if head is None:
        return ()
    found = []
    for column in texts:
        values = head[column].cast(pl.String).drop_nulls().alias("word")
        known = _TAKEN_BACK | (_DISLIKED if _OPINION.search(plain_name(column)) else frozenset())
        if not 2 <= values.n_unique() <= FEW_KINDS:
            continue
        counts = values.value_counts(name="rows").sort("rows", "word", descending=[True, False])
        plain = counts["word"].str.to_lowercase().str.replace_all(r"[^\p{L}]", "")
        hits = counts.filter(plain.is_in(list(known)))
        if _MARKS.search(plain_name(column)) and _are_grades(counts["word"]):
            hits = counts.filter(plain.is_in(["d", "e", "f"]))
        if 0 < len(hits) < len(counts):
            words = tuple((str(word), int(rows)) for word, rows in hits.iter_rows())
            found.append(UnreadWords(name=column, words=words, rows=head.height))
    return tuple(found)


def _are_grades(words: pl.Series) -> bool:
    """Whether all words are letters of a school, from A to F."""
    letters = words.str.strip_chars().str.to_uppercase()
    return bool(letters.str.contains(r"^[A-F][+-]?$").all()) and bool(letters.is_in(["A"]).any())


def _numbers(column: pl.Series) -> NDArray[np.float64]:
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        text = column.str.strip_chars().str.to_lowercase()
        truths = text.replace_strict(TRUTHS, default=None, return_dtype=pl.Float64)
        numbers = text.cast(pl.Float64, strict=False)
        column = numbers.zip_with(numbers.is_not_null(), truths)
    elif not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return np.zeros(0)
    values: NDArray[np.float64] = column.cast(pl.Float64).drop_nulls().to_numpy()
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite


def _money(column: pl.Series) -> pl.Series:
    """Amounts as they are printed: (9.90), 9.90-, -$9.90, 1.299,00 €; null for other texts. The
    place of the decimal sign is a guess: only what is below zero is looked at.
    """
    parts = (
        column.str.strip_chars()
        .str.to_lowercase()
        .str.extract_groups(
            r"^(?<before>[-−(]?)\s*(?:[$€£¥]|[a-z]{3})?\s*(?<sign>[-−]?)(?<digits>[0-9][0-9.,']*)"
            r"\s*(?:[$€£¥]|[a-z]{3})?(?<after>[-−)]?)$"
        )
        .struct.unnest()
    )
    digits = parts["digits"].str.replace_all(r"[^0-9]", "").cast(pl.Float64, strict=False)
    is_below = (parts["before"] != "") | (parts["sign"] != "") | (parts["after"] != "")
    return digits * pl.Series(is_below.fill_null(False)).replace_strict(
        {True: -1.0, False: 1.0}, return_dtype=pl.Float64
    )
