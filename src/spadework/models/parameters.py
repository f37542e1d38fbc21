"""The description of a model's parameter: written once, in its annotation, and read by validation,
help, sweep and docs.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from spadework import durations
from spadework.errors import BadRequest, SpadeworkError, nearest


@dataclass(frozen=True)
class Range:
    """Smallest and largest value; `log` for search on a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def holds(self, value: Any) -> bool:
        """Whether the number is within the range, ends included."""
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class Search:
    """Where a search looks: from `low` to `high` (on a logarithmic scale with `log`), or among
    `choices`. Without it, nowhere.
    """

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Doc:
    """One sentence for users."""

    text: str


@dataclass(frozen=True)
class Duration:
    """The text is a span of time such as 7d."""


@dataclass(frozen=True)
class OneOf:
    """The text is a name in this registry."""

    names: Any  # a Registry; read when needed, since registries grow as modules load


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model."""

    name: str
    value_type: type
    optional: bool
    default: Any
    doc: str
    range: Range | None = None
    choices: tuple[str, ...] | None = None
    duration: bool = False
    search: Search | None = None

    def check(self, value: Any, owner: str) -> Any:
        """The value in the right type; else an error that states the range."""
        if value is None and self.optional:
            return None
        where = f"Parameter {self.name!r} of {owner!r}"
        if self.value_type is float and type(value) is int:
            value = float(value)
        if type(value) is not self.value_type:
            raise BadRequest(
                f"{where} is {value!r}, which is not {_TYPE_NAMES[self.value_type]}.", self.doc
            )
        if self.range and not self.range.holds(value):
            raise BadRequest(
                f"{where} is {value!r}, outside {self.range.low:g} … {self.range.high:g}.", self.doc
            )
        if self.choices and value not in self.choices:
            near = nearest(str(value), self.choices)
            hint = f"Did you mean {near!r}? " if near else ""
            raise BadRequest(
                f"{where} is {value!r}, which is not a choice.",
                f"{hint}Choices: {', '.join(self.choices)}.",
            )
        if self.duration:
            durations.seconds(str(value), self.name)
        return value

    def parse(self, text: str, owner: str) -> Any:
        """The value of a text from the command line."""
        if self.optional and text.lower() in ("none", "null", ""):
            return None
        try:
            if self.value_type is bool:
                return self.check(
                    {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                        text.lower()
                    ],
                    owner,
                )
            return self.check(self.value_type(text), owner)
        except SpadeworkError:
            raise
        except (ValueError, KeyError) as error:
            raise BadRequest(
                (
                    f"Parameter {self.name!r} of {owner!r} is {text!r}, which is not "
                    f"{_TYPE_NAMES[self.value_type]}."
                ),
                self.doc,
            ) from error

    def text(self, value: Any) -> str:
        """The value as labels show it and `labels` reads it: exact, and in double quotes where bare
        words would not be read back.
        """
        if isinstance(value, float):
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        if not isinstance(value, str):
            return str(value)
        plain = _BARE.fullmatch(value) and not (self.optional and value.lower() in ("none", "null"))
        return value if plain else json.dumps(value, ensure_ascii=False)


_BARE = re.compile(r"[\w.:/-]+(?: [\w.:/-]+)*")
_TYPE_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}


RENAMED: dict[str, tuple[str, ...]] = {
    "alpha": ("own_share", "asymmetry"),
    "block": ("block_size",),
    "content": ("content_share",),
    "length": ("bm25_b", "length_power"),
    "negatives": ("ppmi_k",),
    "newest": ("max_length",),
    "order": ("pmi_k", "ordering"),
    "power": ("locality",),
    "reach": ("max_distance",),
    "recent": ("max_baskets",),
    "saturation": ("bm25_k1",),
    "unit": ("group",),
    "unit_power": ("group_power",),
    "window": ("max_distance", "popularity_window"),
    "withheld": ("validation_users",),
}
"""Former name of a parameter → its present names, of which a model has one at most; an error about
the old name states the one that the model has.
"""


def refuse_unknown(owner: str, names: Iterable[str], known: Mapping[str, Parameter]) -> None:
    """Refuse names that are no parameter of the model, with the nearest that is."""
    for name in names:
        if name not in known:
            raise BadRequest(
                f"The model {owner!r} has no parameter {name!r}.", hint_for(name, known)
            )


def hint_for(name: str, known: Mapping[str, Parameter]) -> str:
    """What to write instead of a name that is no parameter of the model."""
    today = next((new for new in RENAMED.get(name, ()) if new in known), None)
    near = nearest(name, known)
    if today is not None:
        hint = f"It is now named {today!r}. "
    else:
        hint = f"Did you mean {near!r}? " if near else ""
    return f"{hint}Parameters: {', '.join(known) or 'none'}."


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The parameters of a dataclass, by name, in order. Read once, and again when a registry
    that offers choices has grown.
    """
    entry = _cache.get(cls)
    if entry is None or entry[0] != _registry_sizes(entry[1]):
        hints = get_type_hints(cls, include_extras=True)
        parameters = {
            field.name: _parameter(field, hints[field.name])
            for field in dataclasses.fields(cls)
            if field.init
        }
        registries = [
            note.names
            for hint in hints.values()
            for note in getattr(hint, "__metadata__", ())
            if isinstance(note, OneOf)
        ]
        entry = _cache[cls] = (_registry_sizes(registries), registries, parameters)
    return entry[2]


_cache: dict[type, tuple[list[int], list[Any], dict[str, Parameter]]] = {}


def _registry_sizes(registries: list[Any]) -> list[int]:
    return [len(registry) for registry in registries]


def _parameter(field: dataclasses.Field[Any], hint: Any) -> Parameter:
    notes = getattr(hint, "__metadata__", ())
    plain_type = get_args(hint)[0] if notes else hint
    optional = get_origin(plain_type) in (Union, types.UnionType)
    if optional:
        plain_type = next(part for part in get_args(plain_type) if part is not type(None))
    choices: tuple[str, ...] | None = None
    if get_origin(plain_type) is Literal:
        choices, plain_type = get_args(plain_type), str
    for note in notes:
        if isinstance(note, OneOf):
            choices = tuple(note.names)
    return Parameter(
        name=field.name,
        value_type=plain_type,
        optional=optional,
        default=field.default,
        doc=next((note.text for note in notes if isinstance(note, Doc)), ""),
        range=next((note for note in notes if isinstance(note, Range)), None),
        choices=choices,
        duration=any(isinstance(note, Duration) for note in notes),
        search=next((note for note in notes if isinstance(note, Search)), None),
    )
