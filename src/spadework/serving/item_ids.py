"""Ids of items as text, as requests and answers have them, and the codes of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from spadework.arrays import Codes
from spadework.data.vocabulary import Vocabulary

_IN_TABLE = 200_000
"""Vocabularies up to this size are held as a table from text to code (about 130 bytes an item);
larger ones are searched, and what was found is remembered.
"""


class ItemIds:
    """Text → code and back. Whole numbers are written as in the log: `7` is known, `007` is not."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = vocabulary.ids
        self._is_number = vocabulary.ids.dtype.is_integer()
        self._numbers = vocabulary.ids.to_numpy() if self._is_number else None
        self._found: dict[str, int] = {}
        self._texts: list[str] | None = None
        if len(vocabulary) <= _IN_TABLE:
            self._texts = [str(each) for each in vocabulary.ids]
            self._found = {text: code for code, text in enumerate(self._texts)}

    def __len__(self) -> int:
        return len(self._ids)

    def code(self, text: str) -> int:
        """The code of an id, −1 where it is unknown."""
        found = self._found.get(text)
        if found is not None:
            return found
        if self._texts is not None:
            return -1
        found = self._number(text) if self._numbers is not None else self._text(text)
        if found >= 0:
            if len(self._found) >= _IN_TABLE:
                self._found.clear()
            self._found[text] = found
        return found

    def codes(self, texts: Iterable[str]) -> Codes:
        """Codes of ids, −1 where they are unknown."""
        return np.fromiter((self.code(text) for text in texts), np.int32)

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

    def _text(self, text: str) -> int:
        low, high = 0, len(self._ids)
        sought = text.encode("utf-8", "surrogatepass")
        while low < high:
            middle = (low + high) // 2
            if self._ids[middle].encode() < sought:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._ids) and self._ids[low] == text else -1
