"""Lists from vectors: what the fast product guesses, exact sums decide, so the twin is a plain
ranking of exact scores.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from spadework.errors import SpadeworkError
from spadework.kernels.ranking import dot_products, max_inner_product, top_k
from spadework.ragged import SparseRows


def marks_of(rng: np.random.Generator, users: int, items: int, share: float) -> SparseRows:
    cells = csr_array(
        np.where(rng.random((users, items)) < share, rng.standard_normal((users, items)), 0).astype(
            np.float32
        )
    )
    return SparseRows(cells.indptr.astype(np.int64), cells.indices.astype(np.int32), cells.data)


def world(seed: int, users: int, items: int, width: int, *, coarse: bool) -> dict[str, object]:
    """Vectors of both sides; coarse ones make many equal scores."""
    rng = np.random.default_rng(seed)
    vectors, others = (
        rng.standard_normal((rows, width)).astype(np.float32) for rows in (users, items)
    )
    if coarse:
        vectors, others = np.sign(vectors), np.sign(others)
    return {
        "vectors": vectors,
        "items": others,
        "added": marks_of(rng, users, items, 0.1) if seed % 2 else None,
        "base": rng.standard_normal((users, items)).astype(np.float32) if seed % 3 == 0 else None,
    }


def twin(made: dict[str, object]) -> np.ndarray:
    scores = made["vectors"].astype(np.float64) @ made["items"].astype(np.float64).T
    if made["added"] is not None:
        starts, columns, values = made["added"]
        scores += csr_array((values, columns, starts), shape=scores.shape).toarray()
    return scores if made["base"] is None else scores + made["base"]


@given(
    st.integers(0, 10**6),
    st.integers(1, 20),
    st.integers(1, 150),
    st.integers(1, 30),
    st.integers(1, 60),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_lists_are_the_ranking_of_exact_scores(seed, users, items, width, k, coarse):
    made = world(seed, users, items, width, coarse=coarse)
    scores = dot_products.score(**made)
    np.testing.assert_allclose(scores, twin(made), rtol=1e-6, atol=1e-6)
    seen = marks_of(np.random.default_rng(seed + 1), users, items, 0.2)
    for policy in ("allow", "forbid", "only"):
        expected = scores.copy()
        if policy != "allow":
            top_k.exclude(expected, seen.starts, seen.columns, only=policy == "only")
        codes, best = top_k.top_k(expected, k)
        found = max_inner_product.recommend(
            **made, k=k, seen=None if policy == "allow" else seen[:2], only=policy == "only"
        )
        np.testing.assert_array_equal(found[0], codes)
        assert found[1].tobytes() == best.tobytes()


def test_a_batch_equals_one_by_one_across_blocks(monkeypatch):
    monkeypatch.setattr(max_inner_product, "USERS", 16)
    monkeypatch.setattr(max_inner_product, "ITEMS", 50)
    made = world(4, 50, 333, 24, coarse=False)
    codes, best = max_inner_product.recommend(made["vectors"], made["items"], 10)
    for user in range(50):
        one = max_inner_product.recommend(made["vectors"][user : user + 1], made["items"], 10)
        assert one[0].tobytes() == codes[user : user + 1].tobytes()
        assert one[1].tobytes() == best[user : user + 1].tobytes()


@pytest.mark.parametrize("marked", [True, False])
def test_users_are_done_when_the_items_left_are_too_short(monkeypatch, marked):
    """Some thousand short items behind a few long ones are not multiplied where items are sorted by
    length; the lists are the same in any order.
    """
    made = world(3 if marked else 4, 40, 3000, 8, coarse=False) | {"base": None}
    rng = np.random.default_rng(0)
    made["items"] *= rng.permutation(np.where(np.arange(3000) < 300, 1.0, 0.01)).astype(np.float32)[
        :, None
    ]
    seen = marks_of(rng, 40, 3000, 0.05)
    scores = dot_products.score(**made)
    top_k.exclude(scores, seen.starts, seen.columns)
    codes, best = top_k.top_k(scores, 10)
    multiplied = []
    absorb = max_inner_product._absorb
    monkeypatch.setattr(
        max_inner_product,
        "_absorb",
        lambda product, *rest: (multiplied.append(product.size), absorb(product, *rest)),
    )
    monkeypatch.setattr(max_inner_product, "ITEMS", 100)
    # in order of length; in the given order
    for users, share in ((16, 0.5 if not marked else 1.0), (1000, 1.0)):
        monkeypatch.setattr(max_inner_product, "USERS", users)
        multiplied.clear()
        found = max_inner_product.recommend(**made, k=10, seen=seen[:2])
        assert found[0].tobytes() == codes.tobytes()
        assert found[1].tobytes() == best.tobytes()
        assert sum(multiplied) <= share * 40 * 3000


def test_gather_sums_in_order():
    items = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    found = dot_products.gather(
        np.asarray([0, 2, 2]), np.asarray([1, 4], np.int32), np.asarray([2, 0.5], np.float32), items
    )
    np.testing.assert_allclose(found, [2 * items[1] + 0.5 * items[4], np.zeros(3)], rtol=1e-6)


@pytest.mark.parametrize("only", [True, False])
def test_what_is_not_a_number_is_refused(only):
    items = np.ones((200, 2), np.float32)
    vectors = np.asarray([[1, 1], [np.nan, 1]], np.float32)
    seen = np.asarray([0, 1, 2]), np.asarray([3, 3], np.int32)
    with pytest.raises(SpadeworkError, match="Row 1 of the scores"):
        max_inner_product.recommend(vectors, items, 3, seen=seen, only=only)


def test_no_items_make_empty_lists():
    codes, best = max_inner_product.recommend(
        np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32), 4
    )
    assert (codes == -1).all()
    assert np.isneginf(best).all()
