"""The choices of a sequence model: the keys of the training recipe that `readiness` writes, each
with its plain value and its meaning.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spadework.errors import BadRequest, nearest


@dataclass(frozen=True)
class Ingredient:
    """One choice: its plain value (where no finding asks for another), its meaning, and the other
    values.
    """

    plain: Any
    description: str
    choices: tuple[Any, ...] = ()

    @property
    def full_description(self) -> str:
        """The description with the list of choices."""
        return (
            f"{self.description} One of: {', '.join(map(_written, self.choices))}."
            if self.choices
            else self.description
        )


INGREDIENTS: Mapping[str, Ingredient] = {
    "size": Ingredient(
        "small",
        (
            "Width and layers of the network: about 64 and 2 (tiny), 128 and 2 (small), 256 and "
            "4 (base)."
        ),
        ("tiny", "small", "base"),
    ),
    "causal": Ingredient(
        True,
        (
            "Each item is predicted from those before it; false: items are masked and predicted "
            "from both sides."
        ),
        (True, False),
    ),
    "positions": Ingredient(True, "The position of an item in its history is read.", (True, False)),
    "time_encoding": Ingredient(False, "The time between events is read.", (True, False)),
    "max_length": Ingredient(200, "Only so many of a user's newest events are read."),
    "objective": Ingredient(
        "next item",
        "What is predicted: the next item, or the set of the next basket.",
        ("next item", "next basket"),
    ),
    "loss": Ingredient(
        "softmax",
        "Over all items, or over the true one and sampled ones.",
        ("softmax", "sampled softmax"),
    ),
    "negatives": Ingredient(
        "uniform", "Where sampled items come from.", ("uniform", "popularity", "in-batch", "mixed")
    ),
    "logq": Ingredient(
        False, "Sampled items are corrected by how likely they were drawn.", (True, False)
    ),
    "sample_by": Ingredient(
        "event", "Training sequences are drawn by event or by user.", ("event", "user")
    ),
    "item_ids": Ingredient(True, "Items have vectors of their own.", (True, False)),
    "item_content": Ingredient(
        False, "Items are read by what they are: text, categories, numbers.", (True, False)
    ),
    "id_evidence": Ingredient(
        0.0, "κ: an item of c events trusts its own vector by c / (c + κ); 0 trusts it fully."
    ),
    "personal_popularity": Ingredient(
        False, "Items that a user had before are added to the scores, by how often.", (True, False)
    ),
    "repeats": Ingredient(
        "forbid", "Whether items of the history may come back.", ("forbid", "allow")
    ),
    "training_window": Ingredient(
        "all", "Latest part of the log that the model is trained on, such as 90d."
    ),
    "retrain": Ingredient("30d", "How often the model should be trained again."),
}
"""All keys; a new key is a new line."""


def recipe_text(settings: Mapping[str, Any], reasons: Mapping[str, str], heading: str) -> str:
    """TOML of every ingredient: `settings` with their `reasons`, and the plain value of the others.
    `heading` is the comment at the top.
    """
    lines = [f"# {line}" for line in heading.splitlines()]
    for name, ingredient in INGREDIENTS.items():
        value = settings.get(name, ingredient.plain)
        choices = (
            f" One of: {', '.join(map(_written, ingredient.choices))}."
            if ingredient.choices
            else ""
        )
        lines += [
            "",
            f"# {ingredient.description}{choices}",
            f"# {reasons.get(name, 'Plain: no finding asks for another.')}",
            f"{name} = {_written(value)}",
        ]
    return "\n".join(lines) + "\n"


def read_recipe(text: str, where: str) -> dict[str, Any]:
    """Every ingredient of a training recipe in TOML; absent keys have their plain value. Raises
    `BadRequest` for faults, with a hint.
    """
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"The training recipe {where!r} is not TOML: {error}.",
            "Write lines such as: logq = true",
        ) from None
    check_settings(found, f"The training recipe {where!r}")
    return {name: found.get(name, ingredient.plain) for name, ingredient in INGREDIENTS.items()}


def check_settings(settings: Mapping[str, Any], what: str = "A training recipe") -> None:
    """Refuse a key that is not an ingredient, or a value that is not among its choices."""
    for name, value in settings.items():
        if name not in INGREDIENTS:
            near = nearest(name, INGREDIENTS)
            hint = f"Did you mean {near!r}? " if near else ""
            raise BadRequest(
                f"{what} has no key {name!r}.", f"{hint}Keys: {', '.join(INGREDIENTS)}."
            )
        ingredient = INGREDIENTS[name]
        if ingredient.choices and value not in ingredient.choices:
            raise BadRequest(
                f"{what} has {name} = {_written(value)}.",
                f"Choices: {', '.join(map(_written, ingredient.choices))}.",
            )
        if type(value) is not type(ingredient.plain):
            raise BadRequest(
                f"{what} has {name} = {_written(value)}.",
                f"It is {_TYPE_NAMES[type(ingredient.plain)]}. {ingredient.description}",
            )


_TYPE_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _written(value: Any) -> str:
    """A value as TOML writes it: texts, numbers and truths are those of JSON.

    That is all there is to write. tomli-w knows no comments, which are what this file is for, and
    tomlkit would be a dependency for this one line.
    """
    return json.dumps(value)
