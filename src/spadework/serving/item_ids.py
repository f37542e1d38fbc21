"""Ids of items as text, as requests and answers have them, and the codes of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from spadework.arrays import Codes
from spadework.data.vocabulary import Vocabulary

_IN_TABLE = 200_000
"""Vocabularies up to this size are held as a table from text to code (about 130 bytes an item).
Larger ones have an ascending array of hashes (12 bytes an item), or of numbers, which is searched.
"""


class ItemIds:
    """Text → code and back. Whole numbers are written as in the log: `7` is known, `007` is not."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = vocabulary.ids
        is_number = vocabulary.ids.dtype.is_integer()
        self._numbers = vocabulary.ids.to_numpy() if is_number else None
        self._found: dict[str, int] = {}
        self._texts: list[str] | None = None
        if len(vocabulary) <= _IN_TABLE:
            self._texts = vocabulary.ids.cast(pl.String).to_list()
            self._found = dict(zip(self._texts, range(len(self._texts)), strict=True))
        elif not is_number:
            hashes = np.fromiter(map(hash, vocabulary.ids), np.int64, len(vocabulary))
            self._order = np.argsort(hashes, kind="stable").astype(np.int32)
            self._hashes = hashes[self._order]

    def __len__(self) -> int:
        return len(self._ids)

    def code(self, text: str) -> int:
        """The code of an id, −1 where it is unknown."""
        return int(self.codes((text,))[0])

    def codes(self, texts: Iterable[str]) -> Codes:
        """Codes of ids, −1 where they are unknown."""
        if self._texts is not None:
            code = self._found.get
            return np.array([code(text, -1) for text in texts], np.int32)
        if self._numbers is not None:
            return np.asarray([self._number(text) for text in texts], np.int32)
        return self._searched(list(texts))

    def known(self, texts: Sequence[str]) -> Codes:
        """Distinct codes of those that are known, ascending."""
        codes = np.unique(self.codes(texts))
        return codes[codes >= 0]

    def texts(self, codes: Codes) -> list[str]:
        """Ids of codes."""
        if self._texts is not None:
            return [self._texts[code] for code in codes.tolist()]
        return [str(self._ids[code]) for code in codes.tolist()]

    def _number(self, text: str) -> int:
        assert self._numbers is not None
        try:
            number = int(text)
            wanted = self._numbers.dtype.type(number)
        except (ValueError, OverflowError):
            return -1
        if str(number) != text:  # such as 007, +7 and 1_000
            return -1
        at = int(np.searchsorted(self._numbers, wanted))
        return at if at < len(self._numbers) and self._numbers[at] == wanted else -1

    def _searched(self, texts: list[str]) -> Codes:
        """Codes by the hashes of texts."""
        hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
        first = np.searchsorted(self._hashes, hashes)
        codes = np.full(len(texts), -1, np.int32)
        for at, (text, place, own) in enumerate(
            zip(texts, first.tolist(), hashes.tolist(), strict=True)
        ):
            # other texts may have the same hash
            while place < len(self._hashes) and self._hashes[place] == own:
                if self._ids[int(self._order[place])] == text:
                    codes[at] = self._order[place]
                    break
                place += 1
        return codes
