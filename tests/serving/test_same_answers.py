"""What a server answers is what the library answers, for every model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from makers import content_of
from released import form_of
from spadework.data.interactions import Interactions
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.models.needs import REPEATS
from spadework.models.single_lists import SingleLists
from spadework.serving.history_reading import read
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.store import Event
from spadework.workbench.answers import publishing


@pytest.mark.parametrize("name", catalogue())
def test_a_single_list_is_the_list_of_the_library(name: str, orders: Interactions) -> None:
    fitted = model(name).fit(orders, content_of(orders))
    lists, ids, form = SingleLists.of(fitted), ItemIds(fitted.item_vocabulary), form_of(orders)
    allowed = np.arange(len(ids)) % 3 > 0
    candidates = fitted.item_vocabulary.ids.filter(allowed.tolist())
    for repeats in REPEATS:
        for mask in (None, allowed):
            whole = fitted.recommend(
                orders, 7, repeats=repeats, candidates=None if mask is None else candidates
            )
            for row, (user, history) in enumerate(publishing.histories(orders)):
                reading = read(history.events, ids, fitted.item_vocabulary, form, None)
                single = lists.of_history(reading.log, 7, repeats, mask)
                own = whole.items[row] >= 0
                assert single.items.tolist() == whole.items[row][own].tolist(), (user, repeats)
                assert single.scores.tobytes() == whole.scores[row][own].tobytes()


def test_events_of_one_second_are_one_basket(orders: Interactions) -> None:
    """A log has whole seconds, so a model that learned from it groups by these."""
    fitted = model("cosine").fit(orders)
    ids, form = ItemIds(fitted.item_vocabulary), form_of(orders)
    item = str(fitted.item_vocabulary.ids[0])
    events = [
        *(Event("ann", item, time) for time in (5_100, 5_900, 6_000)),
        *(Event("ann", item, time, basket="5") for time in (7_000, 9_000)),
    ]
    reading = read(events, ids, fitted.item_vocabulary, form, None)
    assert reading.log.baskets is not None
    assert reading.log.baskets.tolist() == [0, 0, 1, 2, 2]


def test_items_to_leave_out_are_what_users_do_not_want(orders: Interactions) -> None:
    fitted = model("cosine").fit(orders)
    lists, ids, form = SingleLists.of(fitted), ItemIds(fitted.item_vocabulary), form_of(orders)
    items: list[Any] = fitted.item_vocabulary.ids.head(5).to_list()
    for user, history in publishing.histories(orders):
        reading = read(history.events, ids, fitted.item_vocabulary, form, None)
        struck = ids.known([str(item) for item in items])
        single = lists.of_history(reading.log, 5, "allow", None, struck)
        whole = fitted.recommend(orders, 5, users=[user], exclude=items)
        assert single.items.tolist() == whole.items[0][whole.items[0] >= 0].tolist()
