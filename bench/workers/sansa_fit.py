"""sansa_fit.py FOLDER OUT DENSITY L2: fit the package sansa with incomplete factors, then twenty
items for every user into OUT.npy.

Runs in the peer's own environment. The seconds are those of the fit.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from counted import loaded, two_processors
from sansa import SANSA, ICFGramianFactorizerConfig, SANSAConfig, UMRUnitLowerTriangleInverterConfig
from scipy.sparse import csr_matrix

K = 20
USERS_AT_ONCE = 1000


def fresh(density: float, l2: float) -> SANSA:
    """Settings of its README for sparse catalogues: one scan and five steps of fine-tuning."""
    inverter = UMRUnitLowerTriangleInverterConfig(scans=1, finetune_steps=5)
    return SANSA(SANSAConfig(l2, density, ICFGramianFactorizerConfig(), inverter))


def main(folder: Path, out: str, density: float, l2: float) -> None:
    """Time one fit and one round of answers."""
    two_processors()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    starts, items, item_count = loaded(folder)
    matrix = csr_matrix(
        (np.ones(len(items), np.float32), items, starts), shape=(len(starts) - 1, item_count)
    )
    matrix.sort_indices()
    common = np.argsort(-np.bincount(items), kind="stable")[:500]
    fresh(0.01, l2).fit(matrix[:2000, common].tocsr())  # its loops are compiled by the first fit
    model = fresh(density, l2)
    begun = time.perf_counter()
    model.fit(matrix)
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    found = [
        _best(model, matrix[first : first + USERS_AT_ONCE])
        for first in range(0, matrix.shape[0], USERS_AT_ONCE)
    ]
    answering = time.perf_counter() - begun
    np.save(f"{out}.npy", np.concatenate(found).astype(np.int32))
    held = sum(
        part.data.nbytes + part.indices.nbytes + part.indptr.nbytes for part in model.weights
    )
    cells = [int(part.nnz) for part in model.weights]
    print(
        json.dumps(
            {"seconds": seconds, "answer": {"held": held, "answering": answering, "cells": cells}}
        )
    )


def _best(model: SANSA, histories: csr_matrix) -> np.ndarray:
    """Its own `recommend` goes user by user through sparse rows and fails where one has fewer than
    twenty; this is the same, faster.
    """
    scores = model.forward(histories).toarray()
    scores[histories.nonzero()] = -np.inf
    top = np.argpartition(-scores, K, axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable")
    return np.take_along_axis(top, order, 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
