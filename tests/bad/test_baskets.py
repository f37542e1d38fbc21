"""Odd logs of baskets: every model of repeats recommends or reports what it needs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import spadework as sw
from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError, Unsuitable
from spadework.models.labels import model

MODELS = {
    "personal": {}, "personal by time": {"clock": "time"},
    "personal by intervals": {"interval": 0.8}, "p-topfreq": {}, "gp-topfreq": {},
    "tifu-knn": {}, "tifu-knn as its code": {"form": "code", "groups": 50},
    "up-cf": {"max_baskets": 100}, "prior": {"parts": "cosine"},
    "blend": {"parts": "personal + cosine", "quota": 2},
}  # fmt: skip
HOUR = 3600


def read(
    rows: list[tuple[str, str, int, int]], *, time: bool = True, basket: bool = True
) -> Interactions:
    frame = pl.DataFrame(rows, schema=["user", "item", "time", "basket"], orient="row")
    return sw.read_interactions(
        frame.select("user", "item", *["time"] * time, *["basket"] * basket)
    )


def bought(baskets: int, *, users: int = 12, step: int = HOUR) -> list[tuple[str, str, int, int]]:
    """Each user buys one of two own items and one of all in every basket."""
    rng = np.random.default_rng(0)
    return [
        (f"u{user:02d}", f"i{item:02d}", 1_700_000_000 + step * number, 100 * user + number)
        for user in range(users)
        for number in range(baskets)
        for item in {user % 7 + 7 * (number % 2), int(rng.integers(0, 20))}
    ]


def giant() -> list[tuple[str, str, int, int]]:
    """One basket of 10,000 items and small ones."""
    return [
        *bought(4),
        *(("giant", f"x{item:05d}", 1_700_000_000, 9_000) for item in range(10_000)),
        ("giant", "x00007", 1_700_009_000, 9_001),
    ]


LOGS = {
    "one basket per user": lambda: read(bought(1)),
    "baskets without times": lambda: read(bought(4), time=False),
    "times without baskets": lambda: read(bought(4), basket=False),
    "equal timestamps": lambda: read(bought(4, step=0)),
    "equal timestamps without baskets": lambda: read(bought(4, step=0), basket=False),
    "the clock goes backwards": lambda: read(bought(6, step=-HOUR)),
    "a basket of 10,000 items": lambda: read(giant()),
    "fewer baskets than groups": lambda: read(bought(2)),
}


@pytest.mark.parametrize("case", LOGS)
@pytest.mark.parametrize("name", MODELS)
def test_odd_baskets_get_lists_or_a_refusal(name, case):
    log = LOGS[case]()
    fitted = model(name.split()[0], **MODELS[name])
    if (name, case) == ("personal by time", "baskets without times"):
        with pytest.raises(Unsuitable, match=r"needs times, and there are none"):
            fitted.fit(log)
        return
    lists = fitted.fit(log, rng=0).recommend(log, 5)
    assert lists.items.shape == (log.user_count, 5)
    assert (lists.items >= 0).all(), "with filling, every slot holds an item"
    assert np.isfinite(lists.scores).all()
    again = fitted.recommend(log, 5, repeats="only", fill=False)
    for row, user in enumerate(again.users):
        own_items = set(log.items[log.users == user].tolist())
        assert set(again.items[row][again.items[row] >= 0].tolist()) <= own_items


def test_a_log_with_neither_baskets_nor_times_counts_every_event():
    log = read(bought(4), time=False, basket=False)
    for name, params in MODELS.items():
        if name != "personal by time":
            assert (
                model(name.split()[0], **params).fit(log, rng=0).recommend(log, 3).items >= 0
            ).all()
    with pytest.raises(SpadeworkError, match="times"):
        model("personal", clock="time").fit(log)


def test_a_backward_clock_orders_baskets_by_their_times():
    """Rows may come in any order: what is newest by the clock is newest."""
    log = read(
        [
            ("u", "old", 1_700_000_000 - HOUR, 2),
            ("u", "new", 1_700_000_000, 1),
            ("v", "old", 1_700_000_000, 3),
        ]
    )
    listed = model("personal", popularity=0.0).fit(log).recommend(log, 2, fill=False)
    assert log.item_vocabulary.ids.gather(listed.items[0].tolist()).to_list() == ["new", "old"]


def test_a_next_basket_needs_a_user_with_an_earlier_basket(tmp_path):
    assert not len(splitting.last_basket(read(bought(1))).users)
    assert len(splitting.last_basket(read(giant())).users) == 13
    with pytest.raises(Unsuitable, match="needs baskets or times"):
        splitting.last_basket(read(bought(4), time=False, basket=False))
    for baskets, when in ((1, ""), (2, ", once its test part is set aside,")):
        with pytest.raises(
            Unsuitable, match=f"The split 'last_basket'{when} expects no events of any user"
        ) as refusal:
            sw.dig(
                read(bought(baskets)),
                folder=tmp_path / f"run{baskets}",
                recipe=sw.Recipe(split="last_basket"),
            )
        assert "Leave the split out" in str(refusal.value)
