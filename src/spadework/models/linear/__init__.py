"""Linear models: a weight from every item to every item.

Start with `ease`, and beside it `ease_parameters` (what is counted) and `matrix_scorer` (what
answers); `linear` is what all of them that learn a dense matrix have in common. `edlae` is EASE
with dropout.
`content_ease` adds item content, `forward_ridge` the order of events. `mrf`, `slim` and `sansa` are
the same idea for catalogues whose inverse does not fit into memory; they start from `pruned_gram`.
The first two answer as item-item models do, `sansa` through two sparse factors. Only the costly
part is learned, and the rest is scaled when a model answers; decision 0008 gives the reasons.
"""
