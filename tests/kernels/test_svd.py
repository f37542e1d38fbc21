"""Leading singular vectors against the dense decomposition: what they span, the same by every
way.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from spadework import events
from spadework.kernels.solvers import svd


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (1, 5), (5, 1)])
@pytest.mark.parametrize("dense", [0, 600])
@pytest.mark.parametrize("count", [1, 5])
def test_they_span_what_the_dense_decomposition_spans(monkeypatch, shape, dense, count):
    monkeypatch.setattr(svd, "DENSE", dense)
    count = min(count, *shape)
    rng = np.random.default_rng(sum(shape))
    x = csr_array(np.where(rng.random(shape) < 0.4, rng.random(shape), 0) + np.eye(*shape))
    found = svd.leading(x, count, "")
    v = np.linalg.svd(x.toarray())[2][:count].T
    np.testing.assert_allclose(found @ found.T, v @ v.T, atol=1e-5)


def test_what_the_matrix_does_not_reach_is_zero():
    x = csr_array(np.outer([1.0, 2, 0], [1.0, 0, 1, 1]))
    found = svd.leading(x, 3, "")
    np.testing.assert_allclose(np.abs(found[:, 0]), np.asarray([1, 0, 1, 1]) / np.sqrt(3))
    assert not found[:, 1:].any()


def test_limits_reach_into_the_iteration(monkeypatch):
    monkeypatch.setattr(svd, "DENSE", 0)

    class Impatient:
        def step(self, label: str, done: int, total: int | None) -> None:
            if done == 3:
                raise TimeoutError(label)

        def note(self, message: str) -> None: ...

    with events.listening(Impatient()), pytest.raises(TimeoutError, match="waves"):
        svd.leading(csr_array(np.random.default_rng(0).random((30, 20))), 4, "waves")
