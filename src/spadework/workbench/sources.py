"""The data of a recipe, and how they are cut."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spadework import events, formatting
from spadework.data import cuts, splitting
from spadework.data.addresses import ADDRESSES, read_content, read_interactions
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.values.conditions import is_rule
from spadework.data.splitting import Split
from spadework.data.worlds.worlds import world
from spadework.errors import BadRequest, Unsuitable
from spadework.json_values import Map, as_map, as_number
from spadework.timestamps import as_if, present
from spadework.workbench.recipe import Recipe

DEFAULT_SPAN = Recipe.model_fields["test"].default
ENOUGH = 100
"""Users with history that a cut should have for judging, or half of the users with held-out events
where these are fewer.
"""


def read_for(
    recipe: Recipe, source: Any, content: Any, *, items: bool = True
) -> tuple[Interactions, ItemContent | None]:
    """The log and, with `items`, the item table of a recipe; data that were already read are
    returned as they are.
    """
    given = content if content is not None else recipe.items
    if isinstance(source, Interactions):
        log = source
        if recipe.exclude_items or recipe.dislikes:
            events.note("The log is read already: exclude_items and dislikes do not change it.")
    else:
        events.note(f"reading {recipe.source}")
        if recipe.more and isinstance(source, (str, Path)):
            source = [source, *recipe.more]
        log = read_interactions(
            source,
            user=recipe.user,
            item=recipe.item,
            time=recipe.time,
            basket=recipe.basket,
            weight=recipe.weight,
            event=recipe.event,
            events=recipe.events,
            delimiter=recipe.delimiter,
            encoding=recipe.encoding,
            skip_bad=recipe.skip_bad,
            duplicates=recipe.duplicates,
            returns=recipe.returns,
            shape=recipe.shape,
            positive=recipe.positive,
            since=recipe.since,
            until=recipe.until,
            dislikes=recipe.dislikes,
            exclude_items=recipe.exclude_items,
            items=_table_of_rules(recipe, given),
            join=recipe.join,
            table=recipe.table,
            memory=recipe.memory,
            query=recipe.query,
            explode=recipe.explode,
        )
    if not len(log):
        raise Unsuitable(
            "The log holds no row that can be used.",
            "See the row account with: spadework look SOURCE",
        )
    if not items or isinstance(content, ItemContent):
        return log, content if isinstance(content, ItemContent) else None
    if given is None and isinstance(source, str) and source.startswith(ADDRESSES):
        # most worlds have no item table
        name = source.removeprefix("world:")
        given = source if name == source or world(name).content is not None else None
    return log, None if given is None else _content_of(recipe, given, log)


def _table_of_rules(recipe: Recipe, given: Any) -> ItemContent | None:
    """The whole item table where `exclude_items` has a rule about it."""
    if given is None or not any(map(is_rule, recipe.exclude_items or ())):
        return None
    return given if isinstance(given, ItemContent) else _content_of(recipe, given, None)


def _content_of(recipe: Recipe, given: Any, log: Interactions | None) -> ItemContent:
    return read_content(
        given,
        log,
        item=recipe.items_id,
        title=recipe.title,
        delimiter=recipe.items_delimiter,
        encoding=recipe.items_encoding,
        before=recipe.items_before,
        table=recipe.items_table,
    )


@dataclass(frozen=True, eq=False)
class ReadAgain:
    """The data of a run that is in its folder already, and the time as of which they were read."""

    log: Interactions
    items: ItemContent | None
    read_at: int


def read_again(
    recipe: Recipe, source: Any, content: Any, kept: Map, *, items: bool = True
) -> ReadAgain:
    """`read_for`, where `kept` is the run's `data.json` or empty: rows that were in the future when
    the run was made are left out again where that gives its log, so that an unchanged file is not
    taken for other data some days later.
    """
    log, table = read_for(recipe, source, content, items=items)
    rows, then = as_map(kept.get("rows")), as_number(kept.get("read_at"))
    had_future = any("future" in reason for reason in as_map(rows.get("set_aside")))
    stored = as_map(kept.get("fingerprint")).get("log")
    if then is None or not had_future or log.fingerprint == stored or log.account is None:
        return ReadAgain(log, table, present())
    if isinstance(source, str) and source == "-":
        return ReadAgain(log, table, present())  # a pipe is read once
    if isinstance(source, Interactions) or log.account.read != as_number(rows.get("read")):
        return ReadAgain(log, table, present())
    with as_if(int(then)):
        earlier, earlier_table = read_for(recipe, source, content, items=items)
    if earlier.fingerprint != stored:
        return ReadAgain(log, table, present())
    return ReadAgain(earlier, earlier_table, int(then))


def choose_split(log: Interactions, recipe: Recipe) -> Split | None:
    """The recipe's split, with a validation split inside; `auto` uses the first one that leaves
    users to judge, None when there is none.
    """
    target = target_of(log, recipe)
    # refuse a target that the log does not hold before any split fails for it
    cuts.goals(log, target)
    if recipe.split != "auto":
        named = _cut(recipe.split, log, recipe, target)
        for stage, part in (("", named), (", once its test part is set aside,", named.valid)):
            if part is not None and not len(part.users):
                raise Unsuitable(
                    f"The split {recipe.split!r}{stage} expects no events of any user.",
                    "Leave the split out: the first one that leaves users to judge is used.",
                )
        return named
    one_timestamp = log.times is not None and log.times.min() == log.times.max()
    order = (
        ["random"]
        if log.times is None or one_timestamp
        else ["by_time", *(["last_basket"] if log.baskets is not None else []), "last_item"]
    )
    thin: Split | None = None
    for name in order:
        try:
            split = _cut(name, log, recipe, target)
        except Unsuitable as error:
            if name == "by_time" and (recipe.test, recipe.valid) != (DEFAULT_SPAN, DEFAULT_SPAN):
                raise  # the user named a span, so no other split is wanted
            events.note(f"split {name}: {error.message}")
            continue
        if split.valid is None or not (_judged(split) and _judged(split.valid)):
            events.note(f"split {name}: no user with a history has held-out events")
        elif min(_judged(split), len(split.users) // 2) < min(ENOUGH, len(split.users) // 2):
            events.note(
                f"split {name}: only {_judged(split)} of "
                f"{formatting.count(len(split.users), 'user')} with held-out events have a history"
            )
            thin = thin or split
        else:
            return split
    return thin


def target_of(log: Interactions, recipe: Recipe) -> str | None:
    """The event type to predict: the recipe's, else the first of its `events`, else the world's
    own; None means all types. Raises `BadRequest` for a target of which the recipe leaves no row.
    """
    _check_target(recipe)
    if recipe.target is not None or log.event_types is None:
        return recipe.target
    if recipe.events and recipe.events[0] in log.event_type_names:
        return recipe.events[0]
    if recipe.source.startswith("world:"):
        return world(recipe.source.removeprefix("world:")).target
    events.note(
        f"all event types are predicted: {', '.join(log.event_type_names[:6])}; name "
        "one with target"
    )
    return None


def _check_target(recipe: Recipe) -> None:
    target = recipe.target
    if target is not None and target in (recipe.dislikes or ()):
        raise BadRequest(
            f"The target {target!r} is among the dislikes, which are never predicted.",
            "Name another target, or leave it out of the dislikes.",
        )
    if target is not None and recipe.events and target not in recipe.events:
        raise BadRequest(
            f"The target {target!r} is not among the events: {', '.join(recipe.events)}.",
            "Name one of them as the target, or add it to the events.",
        )


def _judged(split: Split) -> int:
    return len(split.users) - len(split.users_without_history) if len(split.train) else 0


def _cut(name: str, log: Interactions, recipe: Recipe, target: str | None) -> Split:
    """A registered split, with those settings of the recipe that are its parameters: spans for a
    split by time, the seed for a random one.
    """
    function = splitting.splits[name]
    parameters = inspect.signature(function).parameters
    if "labels" in parameters:
        raise BadRequest(
            f"The split {name!r} needs labels, so it cannot be named in a recipe.",
            "Use sw.read_split in Python.",
        )
    spans = "str" in str(parameters["test"].annotation) if "test" in parameters else False
    given = {"test": recipe.test, "valid": recipe.valid} if spans else {"valid": True}
    own = {"rng": recipe.seed, "target": target}
    return function(log, **given, **{key: own[key] for key in own if key in parameters})
