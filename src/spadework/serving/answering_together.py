"""Answers to several requests that are alike, made together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spadework.serving.answering_requests import (
    NOTHING,
    Answer,
    events_of,
    items_of,
    recommend,
    sources_of,
    told_of,
)
from spadework.serving.history_reading import read_all, unwanted_items
from spadework.serving.request_bodies import RecommendBody
from spadework.serving.served_release import Served
from spadework.serving.stores.store import History


def is_plain(body: RecommendBody) -> bool:
    """Whether a request asks for nothing that others do not ask for as well, but for its user, its
    history, its length and its policy of repeats.
    """
    return not (
        body.explain
        or body.candidates is not None
        or body.filter
        or body.exclude
        or body.at_most
        or body.at_least
        or body.at is not None
    )


def recommend_together(
    served: Served,
    asked: Sequence[tuple[RecommendBody, History]],
    failed: Callable[[BaseException], None] = lambda error: None,
) -> list[Answer]:
    """What `recommend` answers each of several plain requests of one length and one policy: what
    they have in common is made once. Raises what a model raises, and `recommend` then knows what to
    answer instead.
    """
    policy = asked[0][0].repeats or served.repeats
    histories = []
    for body, stored in asked:
        events, further, before = events_of(body, stored)
        unwanted = unwanted_items(stored, further, served.form)
        # what only some need is made for these alone
        alone = before or unwanted or (policy == "forbid" and stored.older)
        histories.append([] if alone else events)
    found = read_all(histories, served.ids, served.model.item_vocabulary, served.form)
    starts = found.log.starts.tolist()
    k = min(asked[0][0].n, len(served.ids))
    lists = served.lists.of_histories(found.log, k, policy)
    answers = []
    for at, (body, stored) in enumerate(asked):
        begin, end = starts[at], starts[at + 1]
        if begin == end:
            answers.append(recommend(served, body, stored, failed))
            continue
        codes, scores, own = lists[at].items, lists[at].scores, lists[at].own
        of_user = served.lists.scorer.from_history(codes[:own], found.log.items[begin:end])
        sources = sources_of(of_user.tolist(), len(codes), "popular")
        items = items_of(served, served.ids, codes, scores, sources)
        told = told_of(found.events[at], found.unknown[at], found.unread[at], 0)
        answers.append(Answer(served.id, items, body.user, told, [] if items else [NOTHING]))
    return answers
