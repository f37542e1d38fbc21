"""From counts of pairs to tables of nearest items.

Start with `pair_weights` (how similar two items are) and `entry_weights` (how much an event
counts): one function is one weight. Then `neighbour_table`, which weighs the pairs of a block and
keeps the largest. `pruning_bounds` and `sparse_top_k` make that fast: in long rows most pairs are
never weighed, since a bound shows that they cannot be among the largest.

The bounds hold for weights that are declared `bounded`: they do not fall when the joint count
rises, and do not rise with the size of the right item. Decision 0007 says why that is enough. Do
not loosen this condition, nor touch the rule for ties: the lower column stays.
"""
