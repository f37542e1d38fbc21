"""From the ingredients that the diagnosis recommends to the parameters of a transformer, and the
pairs of models that test each piece of advice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spadework.data.content import ItemContent
from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.diagnosis.prediction import Prediction
from spadework.errors import BadRequest
from spadework.models.neural.transformer import Transformer

TESTED: tuple[str, ...] = (
    "loss",
    "negatives",
    "logq",
    "item_content",
    "personal_popularity",
    "time_encoding",
    "causal",
)
"""Ingredients of which `--ablate` always trains a pair where the data allow it: the five pieces of
advice, with loss and LogQ next to negatives.
"""


@dataclass(frozen=True)
class Pair:
    """One ingredient, and the model that has its other value; all else is as in the model that was
    trained.
    """

    ingredient: str
    value: Any
    other: Any  # a text where it is none of the ingredient's values
    model: Transformer
    prediction: Prediction | None  # what the diagnosis expects of it, if anything


def transformer_of(
    ingredients: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Transformer:
    """The transformer that a recipe describes; `changes` are parameters of the model that differ
    from it. A missing key has its plain value.
    """
    chosen = {
        name: ingredients.get(name, ingredient.plain) for name, ingredient in INGREDIENTS.items()
    }
    params: dict[str, Any] = {
        "size": chosen["size"],
        "positions": "absolute" if chosen["positions"] else "none",
        "times": chosen["time_encoding"],
        "max_length": chosen["max_length"],
        "objective": "masked"
        if not chosen["causal"]
        else "set"
        if chosen["objective"] == "next basket"
        else "next",
        "sample_by": chosen["sample_by"],
        "ids": chosen["item_ids"],
        "content": chosen["item_content"],
        "id_evidence": chosen["id_evidence"],
        "personal": chosen["personal_popularity"],
        "window": None if chosen["training_window"] == "all" else chosen["training_window"],
    }
    if chosen["loss"] != "softmax":
        params |= {"loss": "sampled", "negatives": chosen["negatives"], "logq": chosen["logq"]}
    return Transformer(**(params | dict(changes or {})))


def pairs(
    ingredients: Mapping[str, Any],
    changes: Mapping[str, Any],
    predictions: Sequence[Prediction],
    content: ItemContent | None,
    repeats: str,
) -> tuple[list[Pair], dict[str, str]]:
    """The pairs that test the advice, and why there is none for an ingredient with a prediction.

    One pair for each prediction about an ingredient, and one for each tested ingredient that can be
    changed here.
    """
    expected = {
        predicted.about: predicted for predicted in predictions if predicted.about != "verdict"
    }
    base = transformer_of(ingredients, changes)
    made: list[Pair] = []
    why: dict[str, str] = {}
    for name in dict.fromkeys([*expected, *TESTED]):
        prediction = expected.get(name)
        value = ingredients.get(name, INGREDIENTS[name].plain) if name in INGREDIENTS else None
        if prediction is not None and prediction.model != value:
            why[name] = (
                f"train.toml has {name} = {value} now, and {prediction.model} was predicted."
            )
            prediction = None
        other = prediction.against if prediction is not None else _opposite(name, value)
        try:
            other, changed = _with_other_value(name, other, ingredients, changes)
        except BadRequest as error:  # such as items without vectors
            why[name] = error.message
            continue
        if changed.effective == base.effective:
            why[name] = "nothing that is read in training differs."
        elif prediction is not None or _worth_testing(name, base, content=content, repeats=repeats):
            made.append(Pair(name, value, other, changed, prediction))
    return made, why


def _with_other_value(
    name: str, other: Any, ingredients: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[Any, Transformer]:
    """The other value as a text, and the model that has it.

    Without causality a network learns from hidden events, a fifth as many an epoch, so more than
    the order would change. So order is tested by shuffled windows: as many targets, and only their
    order is lost.
    """
    if name == "causal":
        return "windows in random order", transformer_of(ingredients, {**changes, "ordered": False})
    return other, transformer_of({**ingredients, name: other}, changes)


def _worth_testing(
    name: str, base: Transformer, *, content: ItemContent | None, repeats: str
) -> bool:
    if name in ("negatives", "logq"):
        return base.loss == "sampled"
    if name == "loss":
        return base.loss == "softmax"  # where samples are advised, all items at once may not fit
    if name == "item_content":
        return content is not None
    return repeats in ("allow", "only") if name == "personal_popularity" else True


def _opposite(name: str, value: Any) -> Any:
    if name == "loss":
        return "sampled softmax" if value == "softmax" else "softmax"
    if name == "negatives":
        return "uniform" if value != "uniform" else "mixed"
    return not value
