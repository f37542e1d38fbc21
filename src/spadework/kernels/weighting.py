"""How much an entry counts, and how alike two items are: the two shelves of weights, by one import.

An *entry weight* turns the occurrences of items in units into weights before pairs are counted. A *pair weight* turns the count of a pair
into a similarity. One function is one weight; it then appears in the sweep, on the command line and in the docs by itself.
"""

from __future__ import annotations

from spadework.kernels.entry_weights import Entries, EntryWeight, entry_weight, entry_weights
from spadework.kernels.pair_weights import PairWeight, association, llr_keeps, pair_weight, pair_weights
from spadework.kernels.pairs import Pairs

__all__ = [
    "Entries",
    "EntryWeight",
    "PairWeight",
    "Pairs",
    "association",
    "entry_weight",
    "entry_weights",
    "llr_keeps",
    "pair_weight",
    "pair_weights",
]
