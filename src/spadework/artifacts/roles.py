"""The models that a run keeps, each with its roles: one is the winner, another may be best for new
items, a third for similar items.

RUN/models holds a folder for each model, and roles.json, which maps roles to folders: {"winner":
"forward", "discover": "vmis-knn"}. A folder without it is of an older version; its only model is
the winner.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spadework import files
from spadework.artifacts import artifact
from spadework.data.content import ItemContent
from spadework.errors import BadRequest, UnknownName
from spadework.json_values import as_map, as_text
from spadework.models.base import Recommender

FILE = "roles.json"
WINNER, BEST, REMIND, DISCOVER, SIMILAR = "winner", "best", "remind", "discover", "similar"
ROLES: Mapping[str, str] = MappingProxyType(
    {
        WINNER: "the model that is served to all users",
        BEST: "the best by value, where the winner is another",
        REMIND: "the best for items that a user had before",
        DISCOVER: "the best for items that a user never had",
        SIMILAR: "the best that knows similar items",
    }
)
_SHOWN = 60
"""Most characters of a label in a message."""


def has_similarity(model: Recommender | type[Recommender]) -> bool:
    """Whether a model answers `similar_items`, without fitting it; of a class, whether it does with
    its defaults.
    """
    return (model() if isinstance(model, type) else model).has_similarities


def keep(
    models: Path,
    chosen: Mapping[str, Recommender],
    *,
    facts: dict[str, Any] | Callable[[Recommender], dict[str, Any]] | None = None,
    content: ItemContent | None = None,
    fit: Callable[[Recommender], Recommender] | None = None,
) -> None:
    """Write the chosen models, by role, as the content of the folder `models`; the old content
    stays until the new one is complete.

    The winner's role must be among them. A model with several roles, or several models with one
    label, are written once. The same models give the same bytes. With `fit` the models need not be
    fitted: each is passed to it in turn, so that one at a time is in memory. `facts` are those of
    all models, or made of each fitted one. Raises `BadRequest` without a winner and `UnknownName`
    for an unknown role.
    """
    for role in chosen:
        if role not in ROLES:
            raise UnknownName("role", role, ROLES)
    if WINNER not in chosen:
        raise BadRequest(
            f"No model has the role {WINNER!r}.", "Choose one: a run serves its winner."
        )
    fresh = _fresh(models)
    try:
        folders: dict[str, str] = {}  # by label
        for role in ROLES:
            if role not in chosen or chosen[role].label in folders:
                continue
            fitted = chosen[role] if fit is None else fit(chosen[role])
            folders[chosen[role].label] = name = _free(fitted.name, folders.values())
            own = facts(fitted) if callable(facts) else facts
            artifact.save(fitted, fresh / name, facts=own, content=content)
            del fitted
        _put(fresh, models, {role: folders[model.label] for role, model in chosen.items()})
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def replace_winner(
    models: Path,
    fitted: Recommender,
    *,
    others: Path,
    facts: dict[str, Any] | None = None,
    content: ItemContent | None = None,
) -> None:
    """Write the folder `models` anew: this winner, and for the other roles copies of the models of
    the folder `others`.
    """
    fresh = _fresh(models)
    try:
        roles = {role: name for role, name in read(others).items() if role != WINNER}
        same = {name for name in roles.values() if label_of(others / name) == fitted.label}
        for name in sorted(set(roles.values()) - same):
            shutil.copytree(others / name, fresh / name)
        winner = _free(fitted.name, set(roles.values()) - same)
        artifact.save(fitted, fresh / winner, facts=facts, content=content)
        _put(
            fresh,
            models,
            {WINNER: winner}
            | {role: winner if name in same else name for role, name in roles.items()},
        )
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read(models: Path) -> dict[str, str]:
    """Role → folder name; empty where there is no model. Raises `BadRequest` where roles.json names
    a missing folder.
    """
    names = _names(models)
    if not (models / FILE).exists():
        return {WINNER: names[0]} if names else {}
    found = files.read_json(models / FILE)
    if (
        not isinstance(found, dict)
        or WINNER not in found
        or not all(isinstance(name, str) and name in names for name in found.values())
    ):
        raise BadRequest(
            f"{models / FILE} does not fit the models in its folder.",
            "It is damaged or was changed; run the job again.",
        )
    return found


def find(models: Path, name: str | None = None) -> Path:
    """The folder of a model by its role, its folder's name or its label; of the winner where none
    is named.

    Raises `BadRequest`, with the list of kept models, for any other name.
    """
    roles = read(models)
    if not roles:
        raise BadRequest(
            f"{models.parent} holds no model.",
            "The run did not reach its end; resume it with the same command.",
        )
    requested = WINNER if name is None else name
    names = _names(models)
    folder = roles.get(requested, requested)
    if folder not in names:
        folder = next((other for other in names if label_of(models / other) == requested), "")
    if not folder:
        raise BadRequest(
            f"{models.parent} keeps no model {requested!r}.", f"It keeps {in_words(models)}."
        )
    return models / folder


def labels(models: Path) -> dict[str, str]:
    """Role → label of its model."""
    return {role: label_of(models / name) for role, name in read(models).items()}


def label_of(folder: Path) -> str:
    """The label of a model in a folder, without reading the model; the folder's name where its
    header has none.
    """
    header = files.read_json(folder / artifact.HEADER, artifact.FORM.again)
    return as_text(as_map(header).get("label"), folder.name)


def in_words(models: Path) -> str:
    """The kept models in words: "personal (winner, remind), cosine = cosine(history=0.7)
    (similar)".
    """
    roles, words = read(models), []
    for name in _names(models):
        label = label_of(models / name)
        label = label if len(label) <= _SHOWN else f"{label[: _SHOWN - 1]}…"
        own = ", ".join(role for role, folder in roles.items() if folder == name)
        words.append(f"{name}{'' if label == name else f' = {label}'}{f' ({own})' if own else ''}")
    return ", ".join(words)


def _names(models: Path) -> list[str]:
    return sorted(path.parent.name for path in models.glob(f"*/{artifact.HEADER}"))


def _fresh(models: Path) -> Path:
    fresh = models.with_name(f"{files.HALF}{models.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    return fresh


def _free(name: str, used: Collection[str]) -> str:
    """The name, with a number where it is used already."""
    free, number = name, 1
    while free in used:
        number += 1
        free = f"{name}-{number}"
    return free


def _put(fresh: Path, models: Path, roles: Mapping[str, str]) -> None:
    """Write the roles, then replace the folder in one step."""
    files.write_json(fresh / FILE, {role: roles[role] for role in ROLES if role in roles})
    files.replace_folder(fresh, models)
