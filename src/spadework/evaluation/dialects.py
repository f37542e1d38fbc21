"""Metrics of one name that differ between papers. Every number carries its dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spadework.registry import Registry


@dataclass(frozen=True)
class Dialect:
    """What a metric divides by and what the ideal list is."""

    name: str
    recall: Literal["targets", "capped"]  # all targets, or at most k of them
    # the k best targets, all targets, or only the hits of the list
    ideal: Literal["truncated", "full", "hits"]
    graded: bool  # gains are the weights of the expected events, not 1
    description: str


dialects: Registry[Dialect] = Registry("dialect")

for _dialect in (
    Dialect(
        "lightgcn",
        "targets",
        "truncated",
        False,
        "recall over all targets, ideal list of k; LightGCN, BARS",
    ),
    Dialect(
        "vaecf",
        "capped",
        "truncated",
        False,
        "recall over at most k targets, ideal list of k; Mult-VAE, EASE, SANSA",
    ),
    Dialect(
        "polimi",
        "targets",
        "full",
        False,
        "recall over all targets, ideal list of all targets; Ferrari Dacrema",
    ),
    Dialect("nbr", "targets", "full", False, "as polimi; next-basket papers (recall, NDCG, PHR)"),
    Dialect(
        "loo",
        "targets",
        "truncated",
        False,
        "one target: recall is hit rate, NDCG is 1/log2(rank + 1); sequential papers",
    ),
    Dialect(
        "aprec",
        "targets",
        "hits",
        False,
        "ideal list of the hits alone, which flatters lists with few hits; bert4rec_repro",
    ),
    Dialect(
        "pps",
        "targets",
        "truncated",
        True,
        "graded gains: the weight of the expected event (like 2, play 1, skip 0)",
    ),
):
    dialects.register(_dialect.name, _dialect)
