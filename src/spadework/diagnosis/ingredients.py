"""What a sequence model can be made of: the keys of the recipe that `readiness` writes for one,
each with its plain value and its meaning.
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
    """One choice: the value it has where no finding asks for another, what it means, and what else
    there is.
    """

    plain: Any
    says: str
    choices: tuple[Any, ...] = ()

    @property
    def told(self) -> str:
        """Its meaning and what else there is."""
        return (
            f"{self.says} One of: {', '.join(map(_written, self.choices))}."
            if self.choices
            else self.says
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
    "positions": Ingredient(True, "The place of an item in its history is read.", (True, False)),
    "time_encoding": Ingredient(False, "The time between events is read.", (True, False)),
    "max_length": Ingredient(200, "Newest events of a history that are read."),
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
        False, "What a user took before is added to the scores, by how often.", (True, False)
    ),
    "repeats": Ingredient(
        "forbid", "Whether items of the history may come back.", ("forbid", "allow")
    ),
    "training_window": Ingredient(
        "all", "Newest part of the log that is learned from, such as 90d."
    ),
    "retrain": Ingredient("30d", "How often the model should be trained again."),
}
"""All keys; a new one is a new line."""


def recipe_text(settings: Mapping[str, Any], reasons: Mapping[str, str], heading: str) -> str:
    """TOML of every ingredient: what findings ask for, each with its reason, and the plain value of
    the others.
    """
    lines = [f"# {line}" for line in heading.splitlines()]
    for name, one in INGREDIENTS.items():
        value = settings.get(name, one.plain)
        choices = f" One of: {', '.join(map(_written, one.choices))}." if one.choices else ""
        lines += [
            "",
            f"# {one.says}{choices}",
            f"# {reasons.get(name, 'Plain: no finding asks for another.')}",
            f"{name} = {_written(value)}",
        ]
    return "\n".join(lines) + "\n"


def read_recipe(text: str, where: str) -> dict[str, Any]:
    """Every ingredient of a training recipe in TOML; what the text leaves out is plain. Faults are
    told in two sentences.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(
            f"The training recipe {where!r} is not TOML: {error}.",
            "Write lines such as: logq = true",
        ) from None
    check_settings(found)
    return {name: found.get(name, one.plain) for name, one in INGREDIENTS.items()}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse a key that is no ingredient, or a value that is none of its choices."""
    for name, value in settings.items():
        if name not in INGREDIENTS:
            near = nearest(name, INGREDIENTS)
            hint = f"Did you mean {near!r}? " if near else ""
            raise BadRequest(
                f"A training recipe has no key {name!r}.", f"{hint}Keys: {', '.join(INGREDIENTS)}."
            )
        one = INGREDIENTS[name]
        if one.choices and value not in one.choices:
            raise BadRequest(
                f"A training recipe has {name} = {_written(value)}.",
                f"Choices: {', '.join(map(_written, one.choices))}.",
            )
        if type(value) is not type(one.plain):
            raise BadRequest(
                f"A training recipe has {name} = {_written(value)}.",
                f"It is {_KINDS[type(one.plain)]}. {one.says}",
            )


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _written(value: Any) -> str:
    """A value as TOML writes it."""
    return json.dumps(value)
