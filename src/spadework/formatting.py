"""Numbers, times and names as text for readers; no locale, so the same value is always the same
text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

from spadework import durations

ABSENT = "–"
MINUS = "−"
BOUND = "\u00a0"  # a space at which no line breaks
_METRICS = {
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "hitrate": "Hit rate",
    "auc": "AUC",
    "arp": "ARP",
}
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits below one thousand and with thousands separated
    above.
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    size = abs(value)
    if size == 0:
        text = "0"
    elif size >= 1e15 or size < 1e-6:
        text = f"{size:.{digits - 1}e}"
    elif size >= 1000 or size == int(size):
        text = f"{size:,.0f}"
    else:
        text = f"{size:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
    return f"{MINUS}{text}" if value < 0 else text


def score(value: float | None, digits: int = 4) -> str:
    """A metric with a fixed number of decimal digits, so that a column of them lines up."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if abs(value) >= 1000:
        return number(value)
    text = f"{abs(value):.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text) else text


def signed(value: float | None, digits: int = 4) -> str:
    """A difference with its sign."""
    text = score(value, digits)
    return (
        f"+{text}" if value is not None and text[0] not in (MINUS, ABSENT) and value > 0 else text
    )


def interval(bounds: tuple[float, float] | None, digits: int = 4, sign: bool = False) -> str:
    """Both ends of an interval, or a dash."""
    if bounds is None:
        return ABSENT
    show = signed if sign else score
    return f"{show(bounds[0], digits)} … {show(bounds[1], digits)}"


def short(value: float) -> str:
    """A number for an axis: at most about seven characters."""
    if value == 0:
        return "0"
    size, sign = abs(value), MINUS if value < 0 else ""
    if size >= 1e15 or size < 1e-4:
        mantissa, exponent = f"{size:.2e}".split("e")
        return f"{sign}{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    for scale, letter in _SCALES:
        if size >= scale:
            return f"{sign}{_trim(size / scale)}{letter}"
    return f"{sign}{_trim(size)}"


def shorts(values: Sequence[float]) -> list[str]:
    """Numbers for one axis, with equally many decimal digits where they are plain numbers."""
    texts = [short(value) for value in values]
    decimals = [len(text.partition(".")[2]) for text in texts]
    if any(not text.lstrip(MINUS).replace(".", "").isdigit() for text in texts):
        return texts
    return [
        f"{text}{'' if '.' in text or not max(decimals) else '.'}{'0' * (max(decimals) - own)}"
        for text, own in zip(texts, decimals, strict=True)
    ]


def percent(share: float | None) -> str:
    """A share of one as per cent."""
    if share is None or not math.isfinite(share):
        return ABSENT
    value = 100 * share
    size = abs(value)
    digits = 0 if size >= 10 or size == 0 else 1 if size >= 1 else 2
    if 0 < size < 0.005:
        return f"{number(value, 2)}%"
    if 99.5 <= size < 100:  # nearly all is not all
        digits = 1 if size < 99.95 else 2
    return f"{MINUS if value < 0 else ''}{size:,.{digits}f}%"


def seconds(value: float | None) -> str:
    """A duration, with no line break between a number and its unit."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return re.sub(r"(?<=\d) (?=[a-z])", BOUND, durations.words(value))


def mebibytes(value: float | None) -> str:
    """A size in memory, given in MiB."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value / 1024:,.1f}{BOUND}GiB" if value >= 1024 else f"{number(value, 2)}{BOUND}MiB"


def size(amount: float) -> str:
    """Bytes as text, in GiB or MiB."""
    return f"{amount / 2**30:,.1f} GiB" if amount >= 2**30 / 10 else f"{amount / 2**20:,.1f} MiB"


def count(amount: float | None, singular: str, plural: str = "") -> str:
    """An amount with its noun, singular or plural."""
    if amount is None:
        return f"an unknown number of {plural or singular + 's'}"
    return f"{number(amount)} {singular if amount == 1 else plural or singular + 's'}"


def changed(name: str, value: object, base: object) -> str:
    """A change of one parameter: `history 0.7 instead of 1`."""

    def shown(value: object) -> str:
        return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    return f"{name.replace('_', ' ')} {shown(value)} instead of {shown(base)}"


def day(timestamp: str | None) -> str:
    """The date of an ISO timestamp."""
    return timestamp[:10] if timestamp else ABSENT


def metric(name: str) -> str:
    """`ndcg@10` as `NDCG@10`."""
    stem, at, depth = name.partition("@")
    shown = _METRICS.get(stem.lower(), stem[:1].upper() + stem[1:].replace("_", " "))
    return f"{shown}{at}{depth}"


def clip(text: str, longest: int) -> str:
    """The text on one line, cut to `longest` characters with an ellipsis."""
    line = " ".join(text[: 4 * longest + 400].split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def text_width(text: str, size: float) -> float:
    """An upper estimate of the width of sans-serif text, in the unit of `size` (the height of the
    letters' body).
    """
    return size * sum(_advance(letter) for letter in text)


def clip_to_width(text: str, size: float, widest: float) -> str:
    """The text cut with an ellipsis so that its estimated width is at most `widest`."""
    text = clip(text, 400)
    if text_width(text, size) <= widest:
        return text
    room, kept = widest / size - _advance("…"), 0
    for letter in text:
        room -= _advance(letter)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def _advance(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in "ijlI.,:;'|! ":
        return 0.36
    if letter in "mwMW@%…—":
        return 0.98
    return 0.74 if letter.isupper() else 0.63


def _trim(value: float) -> str:
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e" in text else text


LONGEST_LABEL = 60
"""Longest label of a model, in characters, in a printed line; boards, reports and JSON have the
full label.
"""
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"')
_SETTINGS = re.compile(r"\([^()]*\)")


def label(text: str, longest: int = LONGEST_LABEL) -> str:
    """A model's label; a long one without the settings of the models that it is made of, and cut if
    it is still too long.
    """
    if len(text) > longest:
        text = _PARTS.sub(lambda found: _plain(found.group()), text, count=1)
    return clip(text, longest)


def _plain(parts: str) -> str:
    while (shorter := _SETTINGS.sub("", parts)) != parts:
        parts = shorter
    return parts


def labels(texts: Iterable[str | None], longest: int = LONGEST_LABEL) -> dict[str, str]:
    """Label → its short form; labels whose short forms would be equal keep their full form."""
    distinct = list(dict.fromkeys(filter(None, texts)))
    shortened = {full: label(full, longest) for full in distinct}
    return {
        full: short if list(shortened.values()).count(short) == 1 else full
        for full, short in shortened.items()
    }


def with_labels(text: str, texts: Iterable[str | None], longest: int = LONGEST_LABEL) -> str:
    """The text with long labels shortened; labels that hold others come first."""
    shortened = labels((full for full in texts if full and full in text), longest)
    for full in sorted(shortened, key=len, reverse=True):
        text = text.replace(full, shortened[full])
    return text
