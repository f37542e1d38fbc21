"""Which sign separates the fields of a text: as the user says, or as most rows tell."""

from __future__ import annotations

import numpy as np

from spadework.data.reading.formats.records import scan
from spadework.errors import BadRequest, Undecided

SUBSTITUTE = "\x1f"
"""ASCII "unit separator", which takes the place of a delimiter of more than one character."""
NAMES = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    "::": "double colons",
    " ": "blanks",
}
_CANDIDATES = (",", ";", "\t", "|", "::")
_SAMPLE = 1 << 20


def check_delimiter(delimiter: str) -> str:
    """One ASCII character, `::`, or the word tab."""
    known = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    single = len(known) == 1 and known.isascii() and known not in '"\n\r\0' and not known.isalnum()
    if not single and known != "::":
        raise BadRequest(
            f"The delimiter {delimiter!r} cannot be used.",
            "Give one character such as , ; | or tab, or '::'.",
        )
    return known


def find_delimiter(data: bytes, name: str) -> str:
    """The delimiter under which most rows of the first MiB have as many fields as the header."""
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE and b"\n" in sample:
        sample = sample[: sample.rindex(b"\n") + 1]
    scores: dict[str, tuple[float, int]] = {}
    for candidate in _CANDIDATES:
        if candidate.encode() not in sample:
            continue
        text = sample.replace(b"::", SUBSTITUTE.encode()) if candidate == "::" else sample
        view = np.frombuffer(text, np.uint8)
        separator = ord(candidate if len(candidate) == 1 else SUBSTITUTE)
        records = scan(view, separator, quotes=True)
        if records.fault is not None:
            records = scan(view, separator, quotes=False)
        fields = records.fields[records.lengths > 0]
        if len(fields) and fields[0] > 1:
            scores[candidate] = (round(float((fields == fields[0]).mean()), 3), int(fields[0]))
    if not scores:
        return ","
    best = max(share for share, _ in scores.values())
    equal = [candidate for candidate, (share, _) in scores.items() if share == best]
    implied = "\t" if ".tsv" in name.lower() else ","
    if len(equal) > 1 and implied not in equal:
        raise Undecided(
            (
                f"{name} could be separated by "
                f"{' or '.join(NAMES[candidate] for candidate in equal)}: every row fits both."
            ),
            "Say which: --delimiter "
            + " or --delimiter ".join(repr(candidate) for candidate in equal)
            + ".",
        )
    return implied if implied in equal else equal[0]
