"""Which items may be recommended, the titles of items, and histories in the codes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Mask
from spadework.artifacts import artifact
from spadework.data.addresses import read_content
from spadework.data.content import ItemContent
from spadework.data.id_files import read_item_ids
from spadework.data.interactions import Interactions
from spadework.data.item_conditions import columns_in_words, common_values, with_value
from spadework.data.joins import join
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary
from spadework.data.worlds.worlds import world
from spadework.errors import BadData, BadRequest
from spadework.models.base import Recommender
from spadework.models.requests import MODEL
from spadework.workbench.run import Run


@dataclass(frozen=True)
class Choice:
    """The items that may be recommended: those of a file, but for those of another, with some
    values in the run's item table.
    """

    candidates: str | None = None
    exclude: str | None = None
    only: Sequence[str] = ()

    def ids(self, run: Run | None, vocabulary: Vocabulary) -> pl.Series | None:
        """Their ids; None where all may be. Raises `BadRequest` where none is left, and BadData
        where no id of a file fits.
        """
        if not self.candidates and not self.exclude and not self.only:
            return None
        allowed = np.ones(len(vocabulary), np.bool_)
        if self.candidates:
            allowed &= _in_file(self.candidates, vocabulary)
        if self.exclude:
            allowed &= ~_in_file(self.exclude, vocabulary)
        if self.only:
            content = content_of(run, vocabulary)
            for condition in self.only:
                allowed &= _with_value(condition, content)
        if not allowed.any():
            raise BadRequest(
                "No item is left that may be recommended.",
                "Name other --candidates, or exclude fewer items.",
            )
        return vocabulary.ids.filter(pl.Series(allowed))


def histories_in(log: Interactions, vocabulary: Vocabulary) -> Interactions:
    """The histories with the codes of a model's items; ids that do not fit are counted in a note.
    Raises BadData where none fits.
    """
    if log.item_vocabulary == vocabulary:
        return log
    joined = join(
        log.item_vocabulary.ids, vocabulary, what="item", here="the histories", there=MODEL
    )
    for remark in joined.remarks:
        events.note(remark)
    codes = joined.codes[log.items]
    kept = log.where(codes >= 0)
    known = Interactions.from_codes(
        kept.users,
        codes[codes >= 0],
        user_vocabulary=log.user_vocabulary,
        item_vocabulary=vocabulary,
        times=kept.times,
        weights=kept.weights,
        baskets=kept.baskets,
        event_types=kept.event_types,
        event_type_names=log.event_type_names,
    ).as_of(log.now)
    return replace(known, unwanted=_unwanted_in(log.unwanted, vocabulary))


def _unwanted_in(unwanted: Unwanted | None, vocabulary: Vocabulary) -> Unwanted | None:
    """Items that must not be shown, by the ids of a model."""
    if unwanted is None:
        return None
    try:
        codes = join(
            unwanted.items, vocabulary, what="item", here="the histories", there=MODEL
        ).codes
    except BadData:  # none of them is known, so none can be shown
        return None
    return unwanted.renamed(codes, vocabulary)


def _in_file(path: str, vocabulary: Vocabulary) -> Mask:
    name = Path(path).name
    joined = join(read_item_ids(path), vocabulary, what="item", here=name, there=MODEL)
    for remark in joined.remarks:
        events.note(remark)
    found = np.zeros(len(vocabulary), np.bool_)
    found[joined.codes[joined.codes >= 0]] = True
    return found


def content_of(run: Run | None, vocabulary: Vocabulary) -> ItemContent:
    """The run's item table, read again."""
    recipe = None if run is None else run.recipe
    source = "" if recipe is None else recipe.source
    given = None if recipe is None else recipe.items
    if run is not None and given is not None and not Path(given).exists() and ":" not in given:
        given = run.data.get("items path") or given
    if given is None and source.startswith("sample:"):
        given = source
    none = np.zeros(0, np.int32)
    items = Interactions(
        users=none, items=none, user_vocabulary=vocabulary, item_vocabulary=vocabulary
    )
    if given is None and source.startswith("world:"):
        content = world(source.removeprefix("world:")).content
        if content is not None and content.item_vocabulary == vocabulary:
            return content
    if given is None or recipe is None:
        raise BadRequest(
            "There is no item table, so --only has nothing to look at.",
            "Dig with one (--items FILE), or give the ids with --candidates FILE.",
        )
    return read_content(
        given,
        items,
        item=recipe.items_id,
        title=recipe.title,
        delimiter=recipe.items_delimiter,
        encoding=recipe.items_encoding,
        before=recipe.items_before,
        table=recipe.items_table,
    )


def _with_value(condition: str, content: ItemContent) -> Mask:
    """Which items have COLUMN=VALUE; of a list one of its values is enough."""
    column, equals, value = condition.partition("=")
    columns = columns_in_words(content.table)
    if not equals:
        raise BadRequest(f"--only {condition!r} is not COLUMN=VALUE.", columns)
    if column not in content.table.columns or content.roles[column] == "vector":
        raise BadRequest(f"The item table has no column {column!r} (--only).", columns)
    found = with_value(content.table, column, value)
    if not found.any():
        common = common_values(content.table, column)
        raise BadRequest(
            f"No item has {column} = {value!r}.",
            f"Its most frequent values are {', '.join(repr(one) for one in common)}.",
        )
    return found


def titles_of(folder: Path, fitted: Recommender) -> pl.DataFrame | None:
    """Titles of a model's items: item_id and title; None where its folder has none."""
    titles, ids = artifact.titles(folder), fitted.item_vocabulary.ids
    if titles is None or titles.equals(ids.cast(pl.String)):
        return None
    return pl.DataFrame({"item_id": ids, "title": titles})


def titled(frame: pl.DataFrame, titles: pl.DataFrame | None) -> pl.DataFrame:
    """The frame with a title for each item_id, where there are titles."""
    if titles is None:
        return frame
    return frame.join(titles, on="item_id", how="left", maintain_order="left")
