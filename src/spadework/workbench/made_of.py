"""From the ingredients that the diagnosis asks for to the parameters of a transformer, and the pairs of models that test each piece of advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spadework.data.content import ItemContent
from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.diagnosis.prediction import Prediction
from spadework.models.base import Recommender, model

TESTED: tuple[str, ...] = ("loss", "negatives", "logq", "item_content", "personal_popularity", "time_encoding", "causal")
"""Ingredients of which `--ablate` always trains a pair where the data allow it: the five pieces of advice, with loss and LogQ beside negatives."""


@dataclass(frozen=True)
class Pair:
    """One ingredient, and the model that has its other value; all else is as in the model that was trained."""

    ingredient: str
    value: Any
    other: Any
    model: Recommender
    prediction: Prediction | None  # what the diagnosis expects of it, if anything


def transformer_of(ingredients: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Recommender:
    """The transformer that a recipe asks for; `changes` are parameters of the model that somebody set otherwise. A missing key is plain."""
    asked = {name: ingredients.get(name, one.plain) for name, one in INGREDIENTS.items()}
    objective = "masked" if not asked["causal"] else "set" if asked["objective"] == "next basket" else "next"
    params = {
        "size": asked["size"],
        "positions": "absolute" if asked["positions"] else "none",
        "times": asked["time_encoding"],
        "max_length": asked["max_length"],
        "objective": objective,
        "loss": "softmax" if asked["loss"] == "softmax" else "sampled",
        "negatives": asked["negatives"],
        "logq": asked["logq"],
        "sample_by": asked["sample_by"],
        "ids": asked["item_ids"],
        "content": asked["item_content"],
        "id_evidence": asked["id_evidence"],
        "personal": asked["personal_popularity"],
        "window": None if asked["training_window"] == "all" else asked["training_window"],
    }
    return model("transformer", **(params | dict(changes or {})))


def pairs(
    ingredients: Mapping[str, Any], changes: Mapping[str, Any], predictions: Sequence[Prediction], content: ItemContent | None, repeats: str
) -> Iterator[Pair]:
    """The pairs that test the advice: one for each prediction about an ingredient, and one for each tested ingredient that can be had here."""
    expected = {one.about: one for one in predictions if one.about != "verdict"}
    base = transformer_of(ingredients, changes)
    sampled = ingredients.get("loss") == "sampled softmax"
    for name in dict.fromkeys([*expected, *TESTED]):
        if name not in INGREDIENTS:
            continue
        value = ingredients.get(name, INGREDIENTS[name].plain)
        prediction = expected.get(name)
        if prediction is None and not _worth_asking(name, sampled=sampled, content=content, repeats=repeats):
            continue
        other = prediction.against if prediction is not None else _opposite(name, value)
        turned = transformer_of({**ingredients, name: other}, changes)
        if turned.params != base.params:  # an ingredient of service, such as when to train again, makes no other model
            yield Pair(name, value, other, turned, prediction)


def _worth_asking(name: str, *, sampled: bool, content: ItemContent | None, repeats: str) -> bool:
    if name in ("negatives", "logq"):
        return sampled
    if name == "loss":
        return not sampled  # where samples are advised, all items at once may not fit
    if name == "item_content":
        return content is not None
    return repeats in ("allow", "only") if name == "personal_popularity" else True


def _opposite(name: str, value: Any) -> Any:
    if name == "loss":
        return "sampled softmax" if value == "softmax" else "softmax"
    if name == "negatives":
        return "uniform" if value != "uniform" else "mixed"
    return not value
