"""Losses and samplers compared with their definitions: LogQ belongs to the sampler that drew, and
all items as samples are the full softmax.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spadework.models.neural import losses, negatives
from spadework.models.neural.negatives import Drawn
from spadework.models.neural.personal_popularity import PersonalPrior, prior_of

ITEMS, WIDTH, PAIRS = 40, 6, 30
SOURCES = ("uniform", "popularity", "in-batch", "mixed")


@pytest.fixture
def case():
    """Hidden, vectors, targets, weights and counts, all at random."""
    made = torch.Generator().manual_seed(3)
    hidden = torch.randn(PAIRS, WIDTH, generator=made, dtype=torch.float64)
    vectors = torch.randn(ITEMS, WIDTH, generator=made, dtype=torch.float64)
    targets = torch.randint(0, ITEMS // 2, (PAIRS,), generator=made)
    counts = torch.randint(1, 50, (ITEMS,), generator=made)
    return (
        hidden,
        vectors,
        targets,
        torch.rand(PAIRS, generator=made, dtype=torch.float64) + 0.1,
        counts,
    )


def sampler_of(source, counts, samples, items=ITEMS):
    return negatives.sampler(source, items, samples, counts, power=0.75, share=0.5)


def gradients(loss, hidden, vectors):
    hidden, vectors = hidden.clone().requires_grad_(), vectors.clone().requires_grad_()
    value = loss(hidden, vectors)
    value.backward()
    return value.detach(), hidden.grad, vectors.grad


def plain_softmax(hidden, vectors, targets, weights):
    terms = torch.nn.functional.cross_entropy(hidden @ vectors.T, targets, reduction="none")
    return (terms * weights).sum() / weights.sum()


def close(ours, theirs, tolerance=1e-9):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


# ---- softmax


@pytest.mark.parametrize("cells", [1, 100, 10**6])
def test_softmax_in_blocks_is_cross_entropy_with_its_gradients(case, cells, monkeypatch):
    hidden, vectors, targets, weights, _ = case
    monkeypatch.setattr(losses, "CELLS", cells)
    ours = gradients(lambda h, v: losses.softmax(h, v, targets, weights), hidden, vectors)
    close(ours, gradients(lambda h, v: plain_softmax(h, v, targets, weights), hidden, vectors))


def test_the_prior_and_its_scale_are_learned_as_autograd_would(case):
    hidden, vectors, _, _, _ = case
    inputs = torch.tensor([[1, 2, 1, 7, ITEMS], [3, 3, 3, 4, 5]])
    positions, targets = (
        torch.tensor([0, 1, 2, 3, 5, 6, 7, 8]),
        torch.tensor([2, 1, 7, 1, 3, 3, 4, 4]),
    )
    weights = torch.ones(8, dtype=torch.float64)

    def by(function):
        scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
        value, one, two = gradients(lambda h, v: function(h[:8], v, scale), hidden, vectors)
        return value, one, two, scale.grad

    def ours(h, v, scale):
        return losses.softmax(
            h, v, targets, weights, PersonalPrior(inputs, positions, scale, ITEMS)
        )

    def slowly(h, v, scale):
        counts = torch.zeros(8, ITEMS, dtype=torch.float64)
        for row, position in enumerate(positions.tolist()):
            for column in range(position % 5 + 1):
                counts[row, inputs[position // 5, column]] += 1
        return torch.nn.functional.cross_entropy(
            h @ v.T + scale * prior_of(counts.float()), targets
        )

    close(by(ours), by(slowly), 1e-6)


def test_the_prior_counts_events_up_to_its_position_and_is_the_same_for_some_items_as_for_all():
    inputs = torch.tensor([[1, 2, 1, 7, ITEMS], [3, 3, 3, 4, 5]])
    positions = torch.tensor([2, 3, 8])
    prior = PersonalPrior(inputs, positions, torch.ones(()), ITEMS)
    every = prior.of_all(slice(0, 3), ITEMS)
    torch.testing.assert_close(every[0, 1], prior_of(torch.tensor(2.0)))
    assert every[1, 4] == 0
    torch.testing.assert_close(every[2, 3], prior_of(torch.tensor(3.0)))
    assert every[2, 5] == 0, "later events are not counted"
    some = torch.tensor([7, 1, 1, 3])
    torch.testing.assert_close(prior.of_some(slice(0, 3), some), every[:, some])
    torch.testing.assert_close(
        prior.of_own(slice(0, 3), torch.tensor([1, 7, 4])), every[[0, 1, 2], [1, 7, 4]]
    )


# ---- samples


def test_with_all_items_as_samples_the_gradient_is_that_of_the_full_softmax(case):
    hidden, vectors, targets, weights, _ = case
    every = torch.arange(ITEMS)
    uniform = torch.full((ITEMS,), 1 / ITEMS, dtype=torch.float64)
    drawn = Drawn(every, uniform.log(), uniform[targets])
    positions = torch.arange(PAIRS)
    ours = gradients(
        lambda h, v: losses.sampled_softmax(
            h, v, targets, weights, drawn, logq=True, positions=positions
        ),
        hidden,
        vectors,
    )
    close(
        ours, gradients(lambda h, v: plain_softmax(h, v, targets, weights), hidden, vectors), 1e-5
    )


@pytest.mark.parametrize("source", SOURCES)
def test_chances_sum_to_one_and_items_are_drawn_by_them(case, source):
    _, _, targets, _, counts = case
    one = sampler_of(source, counts, 200_000)
    chances = one.chances(targets)
    assert float(chances.sum()) == pytest.approx(1, abs=1e-5)
    drawn = one.draw(targets, torch.Generator().manual_seed(0))
    found = torch.bincount(drawn.items, minlength=ITEMS) / 200_000
    torch.testing.assert_close(found, chances, atol=5e-3, rtol=0)
    torch.testing.assert_close(drawn.log_q, chances[drawn.items].log())
    torch.testing.assert_close(drawn.q_of_targets, chances[targets])


@pytest.mark.parametrize("source", ["uniform", "popularity", "mixed"])
def test_the_estimate_comes_nearer_to_the_full_softmax_with_more_draws_and_only_with_logq(
    case, source
):
    """In-batch alone is left out: what is no target of the batch can never be drawn, so no
    correction reaches the full softmax.
    """
    hidden, vectors, targets, weights, counts = case
    vectors = vectors * 0.5
    full = plain_softmax(hidden, vectors, targets, weights)
    positions = torch.arange(PAIRS)

    def mean_of(samples, logq, draws):
        one, made = sampler_of(source, counts, samples), torch.Generator().manual_seed(1)
        found = [
            losses.sampled_softmax(
                hidden,
                vectors,
                targets,
                weights,
                one.draw(targets, made),
                logq=logq,
                positions=positions,
            )
            for _ in range(draws)
        ]
        return float(torch.stack(found).mean() - full)

    few, many = abs(mean_of(8, True, 400)), abs(mean_of(2_000, True, 60))
    assert many < 0.01
    assert few > many, "with few draws the logarithm of an estimate is below that of the truth"
    assert abs(mean_of(8, False, 50)) > 0.3, (
        "without LogQ the few samples are not scaled to all items"
    )


@pytest.mark.parametrize("source", ["uniform", "popularity", "mixed"])
def test_gradients_of_many_draws_average_to_that_of_the_full_softmax(case, source):
    hidden, vectors, targets, weights, counts = case
    positions, one, made = (
        torch.arange(PAIRS),
        sampler_of(source, counts, 2_000),
        torch.Generator().manual_seed(2),
    )
    full = gradients(lambda h, v: plain_softmax(h, v, targets, weights), hidden, vectors)
    summed = [torch.zeros_like(hidden), torch.zeros_like(vectors)]
    for _ in range(60):
        drawn = one.draw(targets, made)
        found = gradients(
            lambda h, v, d=drawn: losses.sampled_softmax(
                h, v, targets, weights, d, logq=True, positions=positions
            ),
            hidden,
            vectors,
        )
        summed = [so_far + part / 60 for so_far, part in zip(summed, found[1:], strict=True)]
    for ours, theirs in zip(summed, full[1:], strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 0.02


def test_a_mixture_without_a_share_of_the_batch_is_uniform_and_with_all_of_it_in_batch(case):
    _, _, targets, _, counts = case
    for share, source in ((0.0, "uniform"), (1.0, "in-batch")):
        mixed = negatives.sampler("mixed", ITEMS, 10, counts, power=1.0, share=share)
        torch.testing.assert_close(
            mixed.chances(targets), sampler_of(source, counts, 10).chances(targets)
        )


def test_popularity_to_the_power_of_zero_is_uniform_and_items_without_events_are_never_drawn(case):
    _, _, targets, _, counts = case
    flat = negatives.sampler("popularity", ITEMS, 10, counts, power=0.0, share=0.5)
    torch.testing.assert_close(flat.chances(targets), torch.full((ITEMS,), 1 / ITEMS))
    counts = counts.clone()
    counts[3] = 0
    assert sampler_of("popularity", counts, 10).chances(targets)[3] == 0


def test_a_true_item_of_a_position_is_no_negative_there(case):
    hidden, vectors, _, _, _ = case
    targets = torch.tensor([1, 2, 5])
    positions = torch.tensor([0, 0, 4])  # 1 and 2 are both true at position 0
    weights = torch.ones(3, dtype=torch.float64)

    def loss(items):
        items = torch.tensor(items)
        q = torch.full((len(items),), 1 / ITEMS)
        drawn = Drawn(items, q.log(), torch.full((3,), 1 / ITEMS))
        return losses.sampled_softmax(
            hidden[:3], vectors, targets, weights, drawn, logq=False, positions=positions
        )

    alone = torch.nn.functional.softplus(hidden[2] @ vectors[1] - hidden[2] @ vectors[5])
    alone2 = torch.nn.functional.softplus(hidden[2] @ vectors[2] - hidden[2] @ vectors[5])
    torch.testing.assert_close(loss([1]), alone / 3)  # no negative at position 0 is left
    torch.testing.assert_close(loss([2]), alone2 / 3)
    assert torch.isfinite(loss([5]))


@pytest.mark.parametrize("binary", [False, True])
def test_sampled_losses_in_blocks_are_the_same(case, binary, monkeypatch):
    hidden, vectors, targets, weights, counts = case
    targets = targets[:PAIRS]
    positions = torch.arange(PAIRS) // 3 * 3
    drawn = sampler_of("mixed", counts, 20).draw(targets, torch.Generator().manual_seed(5))

    def loss(h, v):
        if binary:
            return losses.binary(
                h, v, targets, weights, drawn, positions=positions, items=ITEMS, calibration=0.5
            )
        return losses.sampled_softmax(h, v, targets, weights, drawn, logq=True, positions=positions)

    at_once = gradients(loss, hidden, vectors)
    # seven pairs a block, which cuts through positions with three pairs
    monkeypatch.setattr(losses, "CELLS", 35)
    close(gradients(loss, hidden, vectors), at_once, 1e-6)


# ---- binary


def test_binary_and_generalised_binary_are_their_formulas(case):
    hidden, vectors, targets, weights, counts = case
    drawn = sampler_of("uniform", counts, 12).draw(targets, torch.Generator().manual_seed(4))
    own, others = (hidden * vectors[targets]).sum(1), hidden @ vectors[drawn.items].T
    kept = targets[:, None] != drawn.items[None]
    for t in (0.0, 0.75, 1.0):
        alpha = 12 / (ITEMS - 1)
        beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
        true = -(torch.sigmoid(own) ** beta).log()
        wrong = -((1 - torch.sigmoid(others)).log() * kept).sum(1)
        expected = ((true + wrong) / (1 + kept.sum(1)) * weights).sum() / weights.sum()
        found = losses.binary(
            hidden,
            vectors,
            targets,
            weights,
            drawn,
            positions=torch.arange(PAIRS),
            items=ITEMS,
            calibration=t,
        )
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_the_logits_held_at_once_are_within_the_budget(case, monkeypatch):
    """Never pairs × items: the largest tensor that softmax makes has `CELLS` numbers, or a row."""
    hidden, vectors, targets, weights, _ = case
    monkeypatch.setattr(losses, "CELLS", 200)
    seen = []
    real = torch.logsumexp
    monkeypatch.setattr(
        torch,
        "logsumexp",
        lambda logits, axis: (seen.append(logits.numel()), real(logits, axis))[1],
    )
    losses.softmax(hidden, vectors, targets, weights)
    assert max(seen) <= 200
    assert sum(seen) == PAIRS * ITEMS
    assert np.isclose(len(seen), PAIRS * ITEMS / 200)
