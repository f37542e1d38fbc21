"""From a request and a history to an answer: the list, where each item comes from, and what was
left out on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, Mask
from spadework.errors import BadRequest, Unsuitable
from spadework.models.needs import Repeats
from spadework.models.scorer import HasContributions
from spadework.serving.catalogue_filters import diverse
from spadework.serving.history_reading import Reading, older_items, read, unwanted_items
from spadework.serving.item_ids import ItemIds
from spadework.serving.request_bodies import (
    MOST_HISTORY,
    Chosen,
    PastEvent,
    RecommendBody,
    SimilarBody,
    Source,
    Wanted,
)
from spadework.serving.served_release import Served
from spadework.serving.stores.base_histories import last_times
from spadework.serving.stores.store import MOST_OLDER, Event, History, Older
from spadework.timestamps import milliseconds

_NONE = np.empty(0, np.int32)
_LONGEST = 5_000
"""Items that are ranked at most, where quotas leave many of them out."""
NOTHING = "No item is left that may be recommended."
_BECAUSE = 3
"""Items of the history that an explanation names."""


class Item(NamedTuple):
    """One item of an answer."""

    item: str
    score: float
    source: Source
    title: str | None = None
    because: list[dict[str, Any]] | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields that are there."""
        item, score, source, title, because = self
        found: dict[str, Any] = {"item": item, "score": score, "source": source}
        if title is not None:
            found["title"] = title
        if because is not None:
            found["because"] = because
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """A list and what is to be known about it."""

    artifact: str
    items: list[Item]
    user: str | None = None
    history: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The body of the answer, but for the name of the request."""
        found: dict[str, Any] = {"artifact": self.artifact}
        if self.user is not None:
            found["user"] = self.user
        found["items"] = [item.as_json() for item in self.items]
        if self.history:
            found["history"] = self.history
        if self.remarks:
            found["remarks"] = self.remarks
        return found


def recommend(
    served: Served,
    body: RecommendBody,
    stored: History,
    failed: Callable[[BaseException], None] = lambda error: None,
) -> Answer:
    """The list for a request. `stored` is what the store knows of its user; the events of the
    request come after. Where the model fails, best sellers answer, and `failed` is told why.
    """
    events, further, before = events_of(body, stored)
    cut = len(before)
    remarks = []
    if cut:
        remarks.append(f"The newest {MOST_HISTORY} events of the history count; {cut} do not.")
    reading = read(events, served.ids, served.model.item_vocabulary, served.form, _seconds(body.at))
    unwanted = unwanted_items(stored, further, served.form)
    older = {**stored.older, **last_times(before)} if cut else stored.older
    unwanted += _had(served, body, older, remarks)
    found = _of_history(served, body, reading, unwanted, remarks, failed)
    return Answer(served.id, found, body.user, told_of(*reading[1:], cut), remarks)


def _had(served: Served, wanted: Wanted, older: Older, remarks: list[str]) -> list[str]:
    """Items of events before those that are read, where what the user had must not be shown."""
    if not older or (wanted.repeats or served.repeats) != "forbid":
        return []
    if len(older) >= MOST_OLDER:
        remarks.append(
            f"Before the newest {MOST_HISTORY} events the last {MOST_OLDER:,} items are known; "
            "others that the user had may be in the list."
        )
    return older_items(older, served.form)


def similar(served: Served, body: SimilarBody) -> Answer:
    """Items similar to an item; none, with a remark, for an item that the model does not know.
    Raises `Unsuitable` where no model of the release knows similar items.
    """
    if served.similar is None:
        raise Unsuitable(
            f"The release {served.id} has no model that knows similar items.",
            "Dig with a co-occurrence model among the models, such as 'cosine', and publish again.",
        )
    ids, remarks = served.similar.ids, []
    code = ids.code(body.item)
    if code < 0:
        remarks.append(f"The item {body.item!r} is not known.")
        return Answer(served.id, [], remarks=remarks)
    # attributes are those of the winner's items, which are the same log's
    allowed = _allowed(served, body, remarks)
    struck = ids.known(body.exclude)
    model = served.similar

    def ranking(longest: int) -> tuple[Codes, Array, int]:
        asked = longest + len(struck)
        while True:
            codes, best = model.ranking(code, asked)
            kept = ~np.isin(codes, struck)
            if allowed is not None:
                kept &= allowed[codes]
            if kept.sum() >= longest or len(codes) < asked:
                shown = np.flatnonzero(kept)[:longest]
                return codes[shown], best[shown], len(shown)
            asked *= 8

    codes, best, _ = _within_quotas(served, body, ranking, remarks)
    sources: list[Source] = ["similar"] * len(codes)
    return Answer(served.id, items_of(served, ids, codes, best, sources), remarks=remarks)


def _of_history(
    served: Served,
    wanted: Wanted,
    reading: Reading,
    unwanted: Sequence[str],
    remarks: list[str],
    failed: Callable[[BaseException], None],
) -> list[Item]:
    """The list for a history."""
    allowed = _allowed(served, wanted, remarks)
    out = [*wanted.exclude, *unwanted]
    struck = served.ids.known(out) if out else None
    repeats = wanted.repeats or served.repeats
    log = reading.log

    def by_model(longest: int) -> tuple[Codes, Array, int]:
        k = min(longest, len(served.ids))
        found = served.lists.of_history(log, k, repeats, allowed, struck)
        return found.items, found.scores, found.own

    def best_sellers(longest: int) -> tuple[Codes, Array, int]:
        codes = _best(served, repeats, log.items, allowed, struck, longest)
        return codes, served.best_scores[codes], 0

    behind: Source = "popular"
    try:
        # without a known event nothing is personal: what sells best of late
        ranking = by_model if len(log) or repeats == "only" else best_sellers
        codes, best, own = _within_quotas(served, wanted, ranking, remarks)
    except BadRequest:
        raise
    except Exception as error:  # whatever a model does, there is an answer
        failed(error)
        behind = "fallback"
        remarks.append("The model could not answer; these are the best sellers.")
        codes, best, own = _within_quotas(served, wanted, best_sellers, remarks)
    of_user = served.lists.scorer.from_history(codes[:own], log.items).tolist()
    sources = sources_of(of_user, len(codes), behind)
    because = None
    if wanted.explain and behind == "popular":
        try:
            because = _because(served, reading, codes, of_user)
        except Unsuitable:
            remarks.append(f"The model {served.model.label!r} has no parts that could be shown.")
        except Exception as error:  # a list without reasons is better than none
            failed(error)
            remarks.append("The reasons could not be found.")
    if not len(codes):
        remarks.append(NOTHING)
    return items_of(served, served.ids, codes, best, sources, because)


def sources_of(of_user: Sequence[bool], length: int, behind: Source) -> list[Source]:
    """Where the items of a list come from; the first are the model's own."""
    found: list[Source] = ["personal" if is_own else behind for is_own in of_user]
    found += [behind] * (length - len(of_user))
    return found


def _within_quotas(
    served: Served,
    wanted: Chosen,
    ranking: Callable[[int], tuple[Codes, Array, int]],
    remarks: list[str],
) -> tuple[Codes, Array, int]:
    """The first `n` of a ranking that keep to the quotas: codes, scores, and how many of these are
    by the model's own evidence. The ranking is made longer until the list is full.
    """
    if not wanted.at_most and not wanted.at_least:
        return ranking(wanted.n)
    longest = wanted.n * 8
    while True:
        codes, scores, own = ranking(longest)
        kept = diverse(codes, wanted.n, wanted.at_most, wanted.at_least, served.filters)
        if (len(kept) == wanted.n and not wanted.at_least) or len(codes) < longest:
            break
        if longest >= _LONGEST:
            break
        longest = _LONGEST
    if len(kept) < min(wanted.n, len(codes)):
        remarks.append(f"The quotas leave {len(kept)} of the {len(codes)} items that were ranked.")
    for column, of_values in wanted.at_least.items():
        groups = served.filters.groups(column, codes[kept])
        for value, least in of_values.items():
            there = sum(value in values for values in groups)
            if there < least:
                remarks.append(f"Only {there} items have {column} = {value!r}; {least} were asked.")
    return codes[kept], scores[kept], int((np.asarray(kept) < own).sum())


def _best(
    served: Served,
    repeats: Repeats,
    history: Codes,
    allowed: Mask | None,
    struck: Codes | None,
    longest: int,
) -> Codes:
    """The best sellers that may be shown."""
    codes = served.best
    out = _NONE if struck is None else struck
    if repeats == "forbid":
        out = np.union1d(history, out)
    if allowed is not None:
        codes = codes[allowed[codes]]
    elif repeats != "only":
        codes = codes[: longest + len(out)]
    if repeats == "only":
        codes = codes[np.isin(codes, history)]
    return codes[~np.isin(codes, out)][:longest] if len(out) else codes[:longest]


def _allowed(served: Served, wanted: Chosen, remarks: list[str]) -> Mask | None:
    """The items that a request allows; None where all are. Unknown candidates are counted."""
    mask = served.filters.mask(wanted.filter)
    if mask is not None and not mask.any():
        remarks.append(f"No item fits the filter. {served.filters.in_words(wanted.filter)}")
    if wanted.candidates is None:
        return mask
    codes = served.ids.codes(wanted.candidates)
    unknown = int((codes < 0).sum())
    if unknown:
        remarks.append(f"{unknown} of {len(codes)} candidates are not known.")
    among = np.zeros(len(served.ids), np.bool_)
    among[codes[codes >= 0]] = True
    return among if mask is None else among & mask


def events_of(body: RecommendBody, stored: History) -> tuple[list[Event], list[Event], list[Event]]:
    """The stored events and those of the request behind them, the newest that count; those of the
    request; and those that do not count.
    """
    if not body.history:
        return stored.events, [], []
    last = stored.events[-1].time if stored.events else 0
    more = []
    for given in body.history:
        past = PastEvent(item=given) if isinstance(given, str) else given
        if past.time is not None:
            last = milliseconds(past.time)
        else:
            last += 1000  # a step of its own, as models count steps by times
        more.append(Event("", past.item, last, past.event, past.weight, past.basket))
    if any(isinstance(given, PastEvent) and given.time is not None for given in body.history):
        merged = sorted([*stored.events, *more], key=lambda event: event.time)
    else:
        merged = [*stored.events, *more]
    return merged[-MOST_HISTORY:], more, merged[:-MOST_HISTORY]


def _seconds(at: float | str | None) -> int | None:
    return None if at is None else milliseconds(at) // 1000


def told_of(events: int, unknown: int, unread: int, cut: int) -> dict[str, int]:
    """What an answer says of the history it was made of."""
    found = {"events": events}
    for name, count in (("unknown", unknown), ("unread", unread), ("older", cut)):
        if count:
            found[name] = count
    return found


def _because(
    served: Served, reading: Reading, codes: Codes, of_user: Sequence[bool]
) -> list[list[dict[str, Any]] | None]:
    """What of the history led to each item that is there for it; None for the others."""
    scorer, model = served.lists.scorer, served.model
    block = scorer.reader.read(reading.log, np.zeros(1, np.int32))
    found: list[list[dict[str, Any]] | None] = []
    for code, is_own in zip(codes.tolist(), of_user, strict=False):  # best sellers follow
        if not is_own:
            found.append(None)
            continue
        if isinstance(scorer, HasContributions):
            parts = scorer.contributions(block, code).frame(model.item_vocabulary)
        else:
            parts = model.explain(reading.log, model.item_vocabulary.ids[code])
        # a mixture has a part for each of its models
        named = (
            parts.filter(pl.col("item_id").is_not_null())
            .group_by("item_id", maintain_order=True)
            .agg(pl.col("contribution").sum())
            .filter(pl.col("contribution") != 0)
            .sort("contribution", descending=True, maintain_order=True)
        )
        found.append(
            [
                {"item": str(item), "contribution": float(value)}
                for item, value in named.head(_BECAUSE).rows()
            ]
        )
    return found + [None] * (len(codes) - len(of_user))


def items_of(
    served: Served,
    ids: ItemIds,
    codes: Codes,
    scores: Array,
    sources: Sequence[Source],
    because: Sequence[list[dict[str, Any]] | None] | None = None,
) -> list[Item]:
    """The items of a list, best first."""
    texts = ids.texts(codes)
    titles = served.titles_of(codes)
    reasons = because or [None] * len(texts)
    return list(map(Item, texts, scores.tolist(), sources, titles, reasons))
