"""Lists that are made together are those that are made one by one, to the bit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makers import content_of
from released import fill_store, form_of, make_release
from spadework.data.interactions import Interactions
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.models.needs import REPEATS
from spadework.models.single_lists import SingleLists
from spadework.serving import answering_requests as answers
from spadework.serving import answering_together, releases, served_release
from spadework.serving.history_reading import read, read_all
from spadework.serving.http.lists_together import Together
from spadework.serving.item_ids import ItemIds
from spadework.serving.request_bodies import RecommendBody
from spadework.serving.served_release import Served
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event, History
from spadework.workbench.answers import publishing


@pytest.mark.parametrize("name", catalogue())
def test_lists_of_several_histories_are_those_of_each(name: str, orders: Interactions) -> None:
    fitted = model(name).fit(orders, content_of(orders))
    lists, ids, form = SingleLists.of(fitted), ItemIds(fitted.item_vocabulary), form_of(orders)
    histories = [history.events for _, history in publishing.histories(orders)]
    histories[1] = [*histories[1], Event("", "of another shop", histories[1][-1].time)]
    histories[3] = [event._replace(event_type="return") for event in histories[3]]
    several = read_all(histories, ids, fitted.item_vocabulary, form)
    for repeats in REPEATS:
        found = lists.of_histories(several.log, 7, repeats)
        for at, history in enumerate(histories):
            alone = read(history, ids, fitted.item_vocabulary, form, None)
            assert alone[1:] == tuple(counts[at] for counts in several[1:])
            if not len(alone.log):
                continue  # best sellers answer
            single = lists.of_history(alone.log, 7, repeats)
            assert single.items.tolist() == found[at].items.tolist(), (at, repeats)
            assert single.scores.tobytes() == found[at].scores.tobytes()
            assert single.own == found[at].own


@pytest.fixture
def served(tmp_path: Path, orders: Interactions) -> Served:
    name = make_release(tmp_path, model("cosine").fit(orders), orders, repeats="forbid")
    fill_store(tmp_path, orders)
    return served_release.load(tmp_path / releases.RELEASES / name)


def _bodies(orders: Interactions) -> list[RecommendBody]:
    """Requests that are alike, and others that are not."""
    users = [str(each) for each in orders.user_vocabulary.ids]
    items = [str(each) for each in orders.item_vocabulary.ids]
    bodies = [RecommendBody(user=user) for user in users[:8]]
    bodies += [RecommendBody(user="nobody"), RecommendBody(history=[items[0], "unknown"])]
    bodies += [RecommendBody(user=user, history=[items[2]], n=10) for user in users[:3]]
    bodies += [RecommendBody(user=user, n=3, repeats="only") for user in users[:3]]
    bodies += [RecommendBody(user=user, exclude=items[:3]) for user in users[:3]]
    bodies += [RecommendBody(user=users[0], explain=True), RecommendBody(user=users[0], at=1e9)]
    return bodies


def test_requests_of_one_moment_are_answered_as_each_alone(
    tmp_path: Path, served: Served, orders: Interactions
) -> None:
    store = SqliteStore(tmp_path / "events.sqlite")
    users = [str(each) for each in orders.user_vocabulary.ids]
    items = [str(each) for each in orders.item_vocabulary.ids]
    # one with more events than are read, and one who had something of late
    store.append([Event(users[1], items[at % 9], 2_000_000_000_000 + at) for at in range(700)])
    store.append([Event(users[2], items[4], 2_000_000_000_000)])
    bodies = _bodies(orders)
    alone = [
        answers.recommend(served, body, store.history(body.user) if body.user else History())
        for body in bodies
    ]
    assert _answered(served, store, bodies) == alone
    plain = [
        body
        for body in bodies
        if answering_together.is_plain(body) and (body.n, body.repeats) == (10, None)
    ]
    assert len(plain) > 10
    asked = [(body, store.history(body.user) if body.user else History()) for body in plain]
    assert answering_together.recommend_together(served, asked) == [
        answers.recommend(served, *each) for each in asked
    ]
    store.close()


def test_a_list_that_fails_is_that_of_its_caller_alone(
    tmp_path: Path, served: Served, orders: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "events.sqlite")
    failures: list[BaseException] = []
    bodies = _bodies(orders)[:8]
    bad = RecommendBody.model_construct(**{**dict(bodies[0]), "user": "\ud800"})
    found = _answered(served, store, [*bodies, bad], failures)
    assert found[:8] == _answered(served, store, bodies)
    assert all(each.items for each in found[:8])
    assert "no store can keep" in str(found[8])
    # a model that fails for one of them: that one has best sellers
    whole, worst = SingleLists.of_history, store.history(bodies[3].user or "").events

    def failing(lists: SingleLists, log: Interactions, *rest: object) -> object:
        if len(log) == len(worst):
            raise FloatingPointError
        return whole(lists, log, *rest)  # type: ignore[arg-type]

    def all_failing(lists: SingleLists, *rest: object) -> object:
        raise FloatingPointError

    monkeypatch.setattr(SingleLists, "of_history", failing)
    monkeypatch.setattr(SingleLists, "of_histories", all_failing)
    found = _answered(served, store, bodies, failures)
    assert {item.source for item in found[3].items} == {"fallback"}
    assert len(failures) >= 1
    assert any(item.source == "personal" for each in found for item in each.items)
    store.close()


def test_a_caller_who_goes_away_takes_no_other_along(
    tmp_path: Path, served: Served, orders: Interactions
) -> None:
    store = SqliteStore(tmp_path / "events.sqlite")

    async def ask() -> list[int]:
        with ThreadPoolExecutor(1) as threads:
            made = Together(store, threads, lambda error: None)
            asked = [made.begin(served, body, None) for body in _bodies(orders)[:3]]
            asked[1].answered.cancel()
            found = await asyncio.gather(asked[0].answered, asked[2].answered)
        return [len(each.items) for each in found]

    assert asyncio.run(ask()) == [10, 10]
    store.close()


@pytest.mark.parametrize("seconds", [0.0, 0.002, 1.0])
def test_slow_models_answer_in_threads(
    tmp_path: Path, served: Served, orders: Interactions, seconds: float
) -> None:
    store = SqliteStore(tmp_path / "events.sqlite")
    bodies = _bodies(orders)
    expected = _answered(served, store, bodies)
    assert _answered(replace(served, seconds=seconds), store, bodies) == expected
    store.close()


def _answered(
    served: Served,
    store: SqliteStore,
    bodies: list[RecommendBody],
    failures: list[BaseException] | None = None,
) -> list[Any]:
    """What requests of one moment are answered."""

    async def ask() -> list[Any]:
        with ThreadPoolExecutor(2) as threads:
            made = Together(store, threads, [].append if failures is None else failures.append)
            asked = [made.begin(served, body, None).answered for body in bodies]
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())
