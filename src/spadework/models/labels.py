"""Labels of models read back into models: `forward(history=0.6) + popular(window=7d)`, as recipes
and blends name their parts.

    parts    = model ("+" model)*
    model    = name ["(" [setting ("," setting)*] ")"]
    setting  = parameter "=" value

A value with one of , ( ) + = " in it is in double quotes, as in JSON.

Every label reads back to an equal model, and an error states the position.

Python's own reader (`ast`) cannot take its place: `v-sknn` is a difference there, and `7d` no
number. The parsers that could are packages of thousands of lines, for the hundred here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from spadework.errors import BadRequest, nearest
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue, find
from spadework.models.parameters import hint_for, refuse_unknown

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_NUMBER_SIGN = re.compile(r"[\d.]+[eE]$")
_SPACE = re.compile(r"\s*")
_EXAMPLE = "Write parts such as: cosine + forward(history=0.6)."


def parse(text: str) -> list[Recommender]:
    """The models of a text such as `cosine + forward(history=0.6)`, in its order, not fitted."""
    return _Reader(text).models()


def parse_one(text: str) -> Recommender:
    """The model of a label: `parse_one(m.label) == m`, learned arrays aside."""
    found = parse(text)
    if len(found) != 1:
        raise BadRequest(
            f"{text!r} names {len(found)} models, and one is asked for.", "Name a single one."
        )
    return found[0]


def model(name: str, **params: Any) -> Recommender:
    """A model by name: `model("cosine", history=0.7)`, or by its label as boards show it:
    `model("cosine(history=0.7)")`.
    """
    if "(" in name and not params:
        return parse_one(name)
    cls = find(name) or catalogue()[name]
    refuse_unknown(name, params, cls.parameters())
    return cls(**params)


def text_of(models: Sequence[Recommender]) -> str:
    """The labels of the models in one text, which `parse` reads back."""
    return " + ".join(member.label for member in models)


class _Reader:
    """Reads a text from the left; `at` is the position of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def models(self) -> list[Recommender]:
        found = [self._model()]
        while self._accept("+"):
            found.append(self._model())
        if self.at < len(self.text):
            raise self._wrong("what follows is neither '+' nor the end")
        return found

    def _model(self) -> Recommender:
        self._skip_space()
        begin = self.at
        name = self._name("the name of a model is missing")
        cls = find(name)
        if cls is None:
            known = catalogue()
            near = nearest(name, known)
            hint = f"Did you mean {near!r}? " if near else ""
            raise self._wrong(
                f"there is no model named {name!r}", begin, f"{hint}Known: {', '.join(known)}."
            )
        settings = self._settings(cls) if self._accept("(") else {}
        try:
            return cls(**settings)
        except BadRequest as error:
            raise BadRequest(f"{self._position(begin)}: {error.message}", error.hint) from error

    def _settings(self, cls: type[Recommender]) -> dict[str, Any]:
        """The settings between the parentheses."""
        known, settings = cls.parameters(), {}
        while not self._accept(")"):
            self._skip_space()
            begin = self.at
            key = self._name("the name of a parameter is missing")
            if key not in known:
                wrong = f"the model {cls.name!r} has no parameter {key!r}"
                raise self._wrong(wrong, begin, hint_for(key, known))
            if key in settings:
                raise self._wrong(
                    f"the parameter {key!r} of {cls.name!r} is given twice", begin, "Give it once."
                )
            if not self._accept("="):
                raise self._wrong(f"'=' is missing after {key!r}")
            self._skip_space()
            value = self._value()
            try:
                settings[key] = value if self.quoted else known[key].parse(value, cls.name)
            except BadRequest as error:
                raise BadRequest(f"{self._position(begin)}: {error.message}", error.hint) from error
            if not self._accept(",") and self._peek() != ")":
                raise self._wrong("neither ',' nor ')' follows")
        return settings

    def _value(self) -> str:
        self.quoted = self._peek() == '"'
        if self.quoted:
            try:
                value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                raise self._wrong(
                    "the double quote is never closed, or what it holds is no text"
                ) from error
            return str(value)
        begin = self.at
        while self.at < len(self.text):
            # as in 1e+06
            signed = self.text[self.at] == "+" and _NUMBER_SIGN.fullmatch(
                self.text[begin : self.at]
            )
            if self.text[self.at] in ',()+="' and not signed:
                break
            self.at += 1
        value = self.text[begin : self.at].rstrip()
        if not value:
            raise self._wrong("a value is missing")
        return value

    # ---- small steps

    def _name(self, missing: str) -> str:
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise self._wrong(missing)
        self.at = found.end()
        return found.group()

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _accept(self, sign: str) -> bool:
        self._skip_space()
        if self._peek() != sign:
            return False
        self.at += 1
        self._skip_space()
        return True

    def _position(self, at: int) -> str:
        return f"Character {at + 1} of {self.text!r}"

    def _wrong(self, what: str, at: int | None = None, hint: str = _EXAMPLE) -> BadRequest:
        return BadRequest(f"{self._position(self.at if at is None else at)}: {what}.", hint)
