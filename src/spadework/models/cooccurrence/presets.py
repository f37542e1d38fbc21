"""The named co-occurrence models: settings of the one operator. A new one is one more class of
defaults.
"""

from __future__ import annotations

from typing import ClassVar

from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.needs import Need


class Raw(CoOccurrence):
    """Items by how often they occur together."""

    name = "raw"
    weight = "raw"


class Confidence(CoOccurrence):
    """Items by the share of the history item's users who interacted with them: each row divided by
    its size.
    """

    name = "confidence"
    weight = "confidence"


class Cosine(CoOccurrence):
    """Item-item cosine over binary histories."""

    name = "cosine"


class Jaccard(CoOccurrence):
    """Items by shared users over all users of either."""

    name = "jaccard"
    weight = "jaccard"


class Lift(CoOccurrence):
    """Items by how far the two are from independence."""

    name = "lift"
    weight = "lift"


class Npmi(CoOccurrence):
    """Items by normalised pointwise mutual information."""

    name = "npmi"
    weight = "npmi"


class Forward(CoOccurrence):
    """Which items follow which: pairs at distance d count 1/d, half of it against time, over
    left^0.7 · right^0.3; history 0.7^n.
    """

    name = "forward"
    needs: ClassVar[frozenset[Need]] = frozenset({"times"})
    weight = "power"
    distance = "inverse"
    backward = 0.5
    left_power = 0.7
    right_power = 0.3
    history = 0.7


class ItemKnnTfidf(CoOccurrence):
    """Item-item cosine over histories in which heavy users count less.

    Users are damped by log(items / (1 + size)), never below zero; in the usual code it is below
    zero for a user of nearly all items.
    """

    name = "item-knn-tfidf"
    entry = "tfidf"


class ItemKnnBm25(CoOccurrence):
    """Items by the product of their BM25 weights, not normalised, as in the library implicit, with
    the K1 = 1.2 and B = 0.75 of its class.

    An item is no neighbour of itself here, so `keep` counts others only.
    """

    name = "item-knn-bm25"
    weight = "raw"
    entry = "bm25"


class P3Alpha(CoOccurrence):
    """A random walk of three steps, item → user → item: each step's probability to the power
    α (left_power and group_power).

    α is applied to the row-normalised probabilities, not to the counts, which would be another
    model. Cooper et al., "Random Walks in Recommender Systems", WWW 2014.
    """

    name = "p3alpha"
    weight = "power"
    group_power = 1.0
    left_power = 1.0
    right_power = 0.0


class Rp3Beta(CoOccurrence):
    """The random walk of p3alpha, with popular destinations divided by size^β (right_power); rows
    sum to one.

    Paudel et al., "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
    Applications", 2017.
    """

    name = "rp3beta"
    weight = "power"
    group_power = 0.7
    left_power = 0.7
    right_power = 0.4
    keep = 200
    normalise = True


class Sar(CoOccurrence):
    """Simple algorithm for recommendation: affinity of the user (weights, decayed with a half-life
    of 30 days) times item similarity.

    Pairs are counted over distinct items, so repeated rows do not inflate counts, and a seen item
    is excluded by name, not by adding −∞ times its affinity. The table has no diagonal: with
    repeats allowed, history items do not float to the top by construction.
    """

    name = "sar"
    weight = "jaccard"
    repeated = "value"
    history_half_life = "30d"
    keep = 2000


class AssociationRules(CoOccurrence):
    """Items of the same users as the last item: symmetric counts, last item only."""

    name = "association-rules"
    weight = "raw"
    last = 1


class SequentialRules(CoOccurrence):
    """Items that follow the last item: forward counts of weight 1/d up to ten steps apart, last
    item only.

    Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018.
    """

    name = "sequential-rules"
    needs: ClassVar[frozenset[Need]] = frozenset({"times"})
    weight = "raw"
    distance = "inverse"
    max_distance = 10
    backward = 0.0
    last = 1
