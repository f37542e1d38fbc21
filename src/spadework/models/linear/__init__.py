"""Linear models: a weight from every item to every item.

Start with `ease`, then `linear`, which answers for all of them. `content_ease` adds item content, `forward_ridge` the order of events.
`mrf`, `slim` and `sansa` are the same idea for catalogues whose inverse does not fit into memory; they start from `pruned_gram`.
"""
