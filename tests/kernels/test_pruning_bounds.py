"""Bounds on groups of cells leave out nothing: tables made with them equal, bit for bit, those for
which every cell was weighed.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.counting.count_blocks import Block
from spadework.kernels.similarity import pruning_bounds
from spadework.kernels.similarity.pair_weights import pair_weights
from spadework.kernels.similarity.pairs import Pairs
from spadework.kernels.similarity.pruning_bounds import Runs
from spadework.models.labels import model

ITEMS, KEEP = 160, 3
SETTINGS = {
    "plain": {},
    "shrunk": {"left_power": 0.7, "right_power": 0.3, "shrink": 4.0},
    "far": {"left_power": 2.0, "right_power": 2.0, "pmi_k": 3.0, "ppmi_k": 2.0, "support": 2.0},
    "level": {"left_power": 0.0, "right_power": 0.0},
    "sure": {"llr": 1.0},
}
DECAYED = {"distance": "inverse", "backward": 0.5, "age_half_life": "3d", "group_power": 0.5}


def log(seed: int) -> Interactions:
    """Full histories, a few items common and many rare, with timestamps that tie; some items come
    late, so that decayed sizes are in no order.
    """
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(90, dtype=np.int32), 60)
    items = np.minimum(rng.geometric(0.02, len(users)) - 1, ITEMS - 1).astype(np.int32)
    times = rng.integers(0, 40, len(users)) * 86_400 + np.where(items % 7 == 0, 40 * 86_400, 0)
    user_ids, item_ids = (Vocabulary(pl.Series(np.arange(count))) for count in (90, ITEMS))
    return Interactions.from_codes(
        users, items, user_vocabulary=user_ids, item_vocabulary=item_ids, times=times
    )


def table(
    name: str, settings: dict[str, object], train: Interactions
) -> tuple[list[int], list[int], list[float]]:
    state = (
        model("cooccurrence", weight=name, keep=KEEP, max_length=None, **settings).fit(train).state
    )
    return state["starts"].tolist(), state["columns"].tolist(), state["values"].tolist()


def cases():
    """Every weight with every setting, counted as sets and, where it may be, in channels with
    decay.
    """
    for name, weight in pair_weights.items():
        for title, settings in SETTINGS.items():
            yield pytest.param(name, settings, id=f"{name}-{title}-sets")
            if not weight.counts_only and "llr" not in settings:
                yield pytest.param(name, settings | DECAYED, id=f"{name}-{title}-channels")


@pytest.mark.parametrize(("name", "settings"), list(cases()))
def test_what_is_kept_is_what_is_kept_of_all_cells(name, settings, monkeypatch):
    used = []
    real = Runs.candidates
    monkeypatch.setattr(
        Runs,
        "candidates",
        lambda self, *given: used.append(len(self.peaks)) or real(self, *given),
    )
    for seed in range(3):
        train = log(seed)
        found = table(name, settings, train)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pruning_bounds, "LONG", 10**9)
            before = len(used)
            assert found == table(name, settings, train)
            assert len(used) == before, "without bounds"
    falls = pair_weights[name].bounded and (
        name != "asymmetric" or settings.get("left_power", 0.5) <= 1
    )
    assert bool(used) == falls, "with bounds where they hold"


@pytest.mark.parametrize("name", [name for name, weight in pair_weights.items() if weight.bounded])
@given(st.data())
def test_a_bounded_weight_is_largest_in_the_corner_of_a_box(name, data):
    groups = 1000.0
    most, least = (data.draw(st.integers(1, 300)) for _ in range(2))
    right = data.draw(st.integers(least, 400))
    joint = data.draw(st.integers(1, min(most, right)))
    left = data.draw(st.integers(joint, 500))
    given = {
        "groups": groups,
        "shrink": data.draw(st.sampled_from([0.0, 3.0])),
        "left_power": 0.7,
        "right_power": 0.4,
    }

    def value(c: float, j: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(
                pair_weights[name](
                    Pairs(*(np.asarray([x], np.float64) for x in (c, left, j)), **given)
                )[0]
            )

    inside = value(joint, right)
    assert inside <= 0 or inside <= value(most, least) * (1 + 1e-9) + 1e-12


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=5).filter(any),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 1000),
)
def test_candidates_hold_the_largest_of_each_row_and_are_cells_of_it(lengths, keep, channels, seed):
    rng = np.random.default_rng(seed)
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    columns = np.concatenate(
        [np.sort(rng.choice(20, length, replace=False)) for length in lengths]
    ).astype(np.uint32)
    joint = rng.integers(0, 5, (len(columns), channels)).astype(np.float32)
    block = Block(0, len(lengths), starts, columns, joint, ascending=True)
    right = rng.integers(1, 9, 20).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning_bounds, "LONG", 0)
        runs = Runs.of(block, keep, 20)
    assert runs is not None
    ones = np.ones(len(lengths), np.float32)
    for channel in range(channels):
        found, names, counts = runs.candidates(lambda c, i, j: c / j, channel, ones, right, keep)
        for row in range(len(lengths)):
            own = {
                int(columns[at]): float(joint[at, channel])
                for at in range(starts[row], starts[row + 1])
            }
            chosen = dict(
                zip(
                    names[found[row] : found[row + 1]].tolist(),
                    counts[found[row] : found[row + 1]].tolist(),
                    strict=True,
                )
            )
            assert chosen.items() <= own.items()
            best = sorted(
                (count / right[column] for column, count in own.items() if count), reverse=True
            )[:keep]
            assert (
                sorted(
                    (count / right[column] for column, count in chosen.items() if count),
                    reverse=True,
                )[: len(best)]
                == best
            )


def test_no_bounds_where_rows_are_short_or_columns_do_not_ascend():
    joint = np.ones((40, 1), np.float32)
    starts, columns = np.asarray([0, 40]), np.arange(40, dtype=np.uint32)
    assert Runs.of(Block(0, 1, starts, columns, joint, ascending=True), 3, 40) is not None
    assert Runs.of(Block(0, 1, starts, columns, joint, ascending=True), 4, 40) is None
    assert Runs.of(Block(0, 1, starts, columns, joint), 3, 40) is None


def sparse(rows: list[list[float]]) -> Block:
    """A block of one channel with these counts in each row, at columns 0, 1, 2, …"""
    lengths = [len(row) for row in rows]
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    columns = np.concatenate([np.arange(length, dtype=np.uint32) for length in lengths])
    return Block(
        0,
        len(rows),
        starts,
        columns,
        np.concatenate(rows).astype(np.float32)[:, None],
        ascending=True,
    )


def kept(block: Block, keep: int, weigh=lambda c, i, j: c / j) -> list[list[float]]:
    """Counts of the candidates of each row, where every item has size one."""
    length = int(np.diff(block.starts).max())
    runs = Runs.of(block, keep, length)
    assert runs is not None
    starts, _, joint = runs.candidates(
        weigh, 0, np.ones(block.rows, np.float32), np.ones(length, np.float32), keep
    )
    return [joint[low:high].tolist() for low, high in zip(starts[:-1], starts[1:], strict=True)]


def test_few_cells_are_left_of_a_skewed_row():
    row = [1.0] * 400
    row[7], row[100], row[399] = 90, 80, 70
    (found,) = kept(sparse([row]), 3)
    assert sorted(found)[-3:] == [70, 80, 90]
    assert len(found) <= 3 * 16, "a group around each of the three"


def test_an_edge_that_rises_and_falls_from_row_to_row_drops_nothing():
    rng = np.random.default_rng(4)
    rows = [
        (rng.integers(1, 30, 60) * scale).tolist()
        for scale in (1, 1, 1000, 1000, 1, 0.001, 0.001, 500, 1)
    ]
    for row, found in zip(rows, kept(sparse(rows), 4), strict=True):
        np.testing.assert_allclose(sorted(found)[-4:], sorted(row)[-4:], rtol=1e-6)


def test_values_that_are_no_numbers_set_no_edge():
    row = [1.0, 10.0, 9.0, 1.0, 8.0, 7.0] * 8

    def odd(joint, left, right):
        return np.where(joint > 2, joint, np.float32(np.nan))

    (found,) = kept(sparse([row]), 3, odd)
    assert sorted(found)[-3:] == [10, 10, 10]
    row = [1.0] * 36 + [5.0, 4.0]  # fewer numbers than are kept
    assert {4.0, 5.0} <= set(kept(sparse([row]), 3, odd)[0])
