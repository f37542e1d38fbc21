"""Item-to-item models from counts of pairs.

Start with `presets`: each named model is a class of defaults of the one operator, and a new one is
six lines there. `operator` has all its parameters; `models.counting` defines what is counted,
`item_item` makes the lists. Every fit, also of a single model, goes `shared_tables.tables_of` →
`counting.count_passes.count_pass` → `kernels.similarity.neighbour_table.tables`.
`counts` keeps counts on disk, adds them up and fits models of them, those of the Gram matrix too;
`user_sets` says who was counted. `cross` learns from other event types.
"""
