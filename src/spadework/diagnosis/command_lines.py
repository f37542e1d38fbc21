"""The line to type at the end of a finding: derived from the settings that the finding names, or
from a table where it names none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.errors import BadRequest

SOURCE, RUN = "SOURCE", "RUN"
"""Placeholders of the log and of the run folder, which are not known where a finding is made."""

READ_AGAIN = f"spadework look {SOURCE}"
TRAIN = f"spadework train {RUN}"
DIG = f"spadework dig {SOURCE}"
LINES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "INT-1",
            "INT-2",
            "INT-3",
            "INT-4",
            "INT-5",
            "INT-6",
            "INT-8",
            "INT-9",
            "INT-10",
            "INT-11",
            "INT-13",
            "INT-14",
            "INT-23",
        ),
        READ_AGAIN,
    ),
    "INT-17": "spadework explain TIME-5",
    "VER-2": f"spadework report {RUN}",
}
"""Lines of findings that name no settings; all others end in `spadework explain CODE`."""

TUNED = ("cooccurrence", "popular", "personal")
"""Models whose parameters findings name: the line is a dig of the first model that has the
parameter and accepts the value.
"""


def line_of(code: str, patch: Mapping[str, Any]) -> str:
    """The command that does what a finding advises, with the placeholders `SOURCE` and `RUN`.
    O(settings).
    """
    if code in LINES:
        return LINES[code]
    if "models" in patch:
        return f"{DIG} --set models={','.join(patch['models'])}"
    if "metrics" in patch:
        return f"{DIG} --set metrics=ndcg@10,{','.join(patch['metrics'])}"
    for name, value in patch.items():
        if name not in INGREDIENTS and (name_of_model := _model_with(name, value)) is not None:
            return f"{DIG} --set models={name_of_model}"
    return TRAIN if set(patch) & set(INGREDIENTS) else f"spadework explain {code}"


def filled(command: str, source: str, run: str, settings: Sequence[str] = ()) -> str:
    """The line with the log and the run folder filled in, quoted for a shell.

    `settings` are words that the log has to be read with, such as `--set user=CustomerID`; they
    follow the log.
    """
    words: list[str] = []
    try:
        parts = shlex.split(command)
    except ValueError:  # a damaged file
        return command
    for word in parts:
        words += [source, *settings] if word == SOURCE else [run] if word == RUN else [word]
    return shlex.join(words)


def _model_with(name: str, value: Any) -> str | None:
    """Name of the first model that has the parameter and accepts the value."""
    from spadework.models.catalogue import catalogue

    for model in TUNED:
        parameter = catalogue()[model].parameters().get(name)
        try:
            if parameter is not None:
                parameter.check(value, model)
                return model
        except BadRequest:
            continue
    return None
