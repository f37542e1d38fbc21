"""The network: it sees no future and no padding, one position is the same as all positions, and its
blocks are their formulas.
"""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest
import torch

from spadework.data.addresses import read_content
from spadework.models.neural.items import ItemNetwork, parts_of
from spadework.models.neural.network import Drop, Encoder, Shape

SHAPES = [
    Shape(
        width=16,
        blocks=2,
        heads=2,
        length=8,
        block=block,
        causal=causal,
        positions=positions,
        times=times,
    )
    for block in ("ligr", "sasrec")
    for causal in (True, False)
    for positions, times in (("absolute", False), ("relative", True), ("none", True))
]
every_shape = pytest.mark.parametrize(
    "shape",
    SHAPES,
    ids=lambda s: f"{s.block}-{'causal' if s.causal else 'both'}-{s.positions}-{s.times}",
)
ITEMS = 12


def case(shape: Shape, seed: int = 0):
    """An encoder whose every weight is random, vectors, and three windows of 6, 4 and 1 events."""
    torch.manual_seed(seed)
    encoder = Encoder(shape).eval()
    for weights in encoder.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    vectors = torch.randn(ITEMS, shape.width)
    lengths = torch.tensor([6, 4, 1])
    inputs = torch.randint(0, ITEMS, (3, 6))
    inputs[torch.arange(6) >= lengths[:, None]] = ITEMS
    timestamps = torch.cumsum(torch.randint(1, 10**6, (3, 6)), dim=1)
    return encoder, vectors, inputs, timestamps, lengths


@every_shape
def test_one_position_is_the_same_as_that_position_among_all(shape):
    encoder, vectors, inputs, timestamps, lengths = case(shape)
    with torch.no_grad():
        every = encoder(vectors, inputs, timestamps, lengths)
        one = encoder(vectors, inputs, timestamps, lengths, lengths - 1)
    torch.testing.assert_close(one, every[torch.arange(3), lengths - 1], rtol=1e-4, atol=1e-5)


@every_shape
def test_padding_and_other_windows_change_nothing(shape):
    encoder, vectors, inputs, timestamps, lengths = case(shape)
    with torch.no_grad():
        together = encoder(vectors, inputs, timestamps, lengths, lengths - 1)
        alone = encoder(
            vectors, inputs[1:2, :4], timestamps[1:2, :4], lengths[1:2], lengths[1:2] - 1
        )
    torch.testing.assert_close(alone, together[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape.causal], ids=lambda s: f"{s.block}-{s.positions}"
)
def test_a_causal_network_does_not_see_what_comes_later(shape):
    encoder, vectors, inputs, timestamps, lengths = case(shape)
    later, then = inputs.clone(), timestamps.clone()
    later[0, 3:], then[0, 3:] = (later[0, 3:] + 1) % ITEMS, then[0, 3:] + 10**7
    with torch.no_grad():
        one, other = (
            encoder(vectors, inputs, timestamps, lengths),
            encoder(vectors, later, then, lengths),
        )
    torch.testing.assert_close(one[0, :3], other[0, :3], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(one[0, 3:], other[0, 3:])


@pytest.mark.parametrize(
    "shape",
    [shape for shape in SHAPES if not shape.causal],
    ids=lambda s: f"{s.block}-{s.positions}",
)
def test_a_network_of_both_sides_sees_what_comes_later(shape):
    encoder, vectors, inputs, timestamps, lengths = case(shape)
    later = inputs.clone()
    later[0, 5] = (later[0, 5] + 1) % ITEMS
    with torch.no_grad():
        one, other = (
            encoder(vectors, inputs, timestamps, lengths),
            encoder(vectors, later, timestamps, lengths),
        )
    assert not torch.allclose(one[0, 0], other[0, 0])


def test_without_positions_and_times_and_from_both_sides_order_changes_nothing():
    shape = dataclasses.replace(SHAPES[0], causal=False, positions="none", times=False)
    encoder, vectors, inputs, timestamps, lengths = case(shape)
    order = torch.tensor([3, 1, 0, 2, 4, 5])
    with torch.no_grad():
        one = encoder(vectors, inputs[:1], timestamps[:1], lengths[:1])
        other = encoder(vectors, inputs[:1, order], timestamps[:1], lengths[:1])
    torch.testing.assert_close(other[0], one[0, order], rtol=1e-4, atol=1e-5)


def test_the_time_between_events_is_read_only_with_the_parameter_times():
    for times in (False, True):
        encoder, vectors, inputs, timestamps, lengths = case(
            dataclasses.replace(SHAPES[0], times=times)
        )
        with torch.no_grad():
            one = encoder(vectors, inputs, timestamps, lengths, lengths - 1)
            other = encoder(vectors, inputs, timestamps**2, lengths, lengths - 1)
            shifted = encoder(vectors, inputs, timestamps + 10**9, lengths, lengths - 1)
        assert torch.allclose(one, other) != times
        torch.testing.assert_close(
            one,
            shifted,
            rtol=1e-4,
            atol=1e-5,
            msg="the calendar is not read, only what lies between",
        )


@pytest.mark.parametrize("block", ["ligr", "sasrec"])
def test_a_block_is_its_formula(block):
    """By hand, one head, with matrices alone."""
    shape = Shape(width=8, blocks=1, heads=1, length=4, block=block, dropout=0.0)
    encoder, *_ = case(shape)
    one = encoder.blocks[0]
    x = torch.randn(1, 4, 8)
    normed = one.norm(x)
    keys, values = one.attention.keys_values(normed).chunk(2, dim=-1)
    scores = one.attention.queries(normed) @ keys.transpose(1, 2) / 8**0.5
    scores = scores.masked_fill(torch.ones(4, 4).triu(1).bool(), float("-inf"))
    attended = one.attention.out(torch.softmax(scores, -1) @ values)
    if block == "sasrec":
        y = x + attended
        expected = y + one.out(torch.nn.functional.gelu(one.into(one.norm_2(y))))
    else:
        y = x + torch.sigmoid(one.gate(x)) * attended
        gate, through = one.into(one.norm_2(y)).chunk(2, dim=-1)
        expected = y + torch.sigmoid(one.gate_2(y)) * one.out(
            torch.nn.functional.silu(gate) * through
        )
    torch.testing.assert_close(one(x, None), expected, rtol=1e-4, atol=1e-5)


def test_dropout_leaves_out_its_share_keeps_the_mean_and_does_nothing_in_use():
    drop, x = Drop(0.25), torch.ones(400, 999)
    torch.manual_seed(0)
    dropped = drop(x)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    assert drop.eval()(x) is x
    assert Drop(0.0)(x) is x


# ---- items


def test_an_item_is_the_sum_of_its_parts_and_rare_items_trust_their_own_vector_little(shop):
    table = pl.DataFrame(
        {
            "item_id": shop.item_vocabulary.ids,
            "category": [["dairy", "bread", "fruit"][n % 3] for n in range(20)],
            "price": [float(n) for n in range(20)],
            "title": [f"word{n % 4} and word{n % 5}" for n in range(20)],
            "picture": [[float(n), 1.0, -1.0] for n in range(20)],
        }
    )
    parts = parts_of(
        shop.item_counts.astype(float), read_content(table, shop), trust_from=5.0, components=4
    )
    assert parts.dense.shape == (20, 3 + 4 + 2), "picture, words, price and where it is known"
    assert abs(parts.dense[:, -2].mean()) < 1e-6
    network = ItemNetwork(parts, 6, ids=True)
    every = network()
    c = float(shop.item_counts[3])
    own = network.ids.weight[3] * c / (c + 5.0)
    at = slice(int(parts.starts[3]), int(parts.starts[4]))
    category_part = sum(
        network.categories.weight[code] * weight
        for code, weight in zip(parts.category_codes[at], parts.category_weights[at], strict=True)
    )
    dense = torch.from_numpy(parts.dense[3]) @ network.adaptor.weight.T
    torch.testing.assert_close(every[3], own + category_part + dense, rtol=1e-4, atol=1e-6)

    some = torch.tensor([7, 3, 19])
    torch.testing.assert_close(network(some), every[some], rtol=1e-6, atol=1e-7)


def test_an_item_without_events_has_no_vector_of_its_own(shop):
    counts = shop.item_counts.astype(float)
    counts[2] = 0
    network = ItemNetwork(parts_of(counts, None, trust_from=0.0, components=8), 6, ids=True)
    assert not network()[2].any()
    assert network()[3].any()
