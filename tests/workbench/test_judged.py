"""A model trained after the dig, compared with the dig's winner."""

from __future__ import annotations

import numpy as np

from makers import DAY, START, make_log
from spadework.data import splitting
from spadework.evaluation.trial import Protocol, Score
from spadework.workbench.search.rungs import rungs_of
from spadework.workbench.training import judged


def test_a_network_is_compared_among_the_users_that_judged_the_winner():
    """A dig that had no time for all users has the winner's score on a sample: the network's score
    on the same users decides.
    """
    users, items = np.repeat(np.arange(2400), 3), np.random.default_rng(0).integers(0, 50, 7200)
    split = splitting.last_item(
        make_log(users, items, np.tile([START, START + DAY, START + 2 * DAY], 2400))
    )
    protocol = Protocol.of(split, metrics=["ndcg@10"], repeats="allow", seed=3)
    sample, all_users = (
        rungs_of(np.flatnonzero(protocol.judged), 3)[0],
        np.flatnonzero(protocol.judged),
    )
    assert len(sample) < len(all_users)
    values = np.full(len(protocol.truth.users), np.nan, np.float32)
    values[all_users] = 0.1
    values[sample] = 0.3
    network = Score(
        model="transformer",
        label="transformer",
        params={},
        state="done",
        values={"ndcg@10": values},
    )
    full_mean = float(np.nanmean(values))

    def board(value, users):
        entry = {"label": "ease", "state": "done", "metrics": {"ndcg@10": value}, "users": users}
        return {"winner": "ease", "validation": [entry]}

    between = (full_mean + 0.3) / 2
    assert judged.is_above_winner(board(between, len(sample)), network, protocol)
    assert not judged.is_above_winner(board(between, len(all_users)), network, protocol)
    assert not judged.is_above_winner(board(between, None), network, protocol), (
        "boards of earlier versions were judged in full"
    )
    assert not judged.is_above_winner(board(0.31, len(sample)), network, protocol)
    after = {
        "winner": "transformer",
        "winner_of_dig": "ease",
        "validation": [],
        "validation_of_dig": between,
        "validation_users_of_dig": len(sample),
    }
    assert judged.is_above_winner(after, network, protocol), (
        "also after a training has replaced its entry"
    )
