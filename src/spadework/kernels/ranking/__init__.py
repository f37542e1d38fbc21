"""From histories and learned arrays to the best items.

Start with `top_k`, the one place where scores become ranks: excluded items are −∞, ties go to the
lower code, empty slots are −1. Then `row_choice`, which columns of a row may be chosen, and its
users: `sparse_scores` (a table of neighbours), `dense_scores` (a matrix) and `factor_pair_scores`
(two sparse factors). `dot_products` scores by vectors; `max_inner_product` finds the best by
vectors without scoring all. `relevance` compares lists with targets. Do not touch
the order of sums nor the rule for ties: lists must be the same for one user and for a batch.
"""
