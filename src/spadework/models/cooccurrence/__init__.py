"""Item-to-item models from counts of pairs.

Start with `presets`: each named model is a class of defaults of the one operator, and a new one is six lines there. `operator` has all
its parameters; `channel`, `count_passes` and `grouped_rows` say what is counted, `shared_tables` fits many settings from few counts,
`item_item` answers. `counts` keeps counts on disk, adds them up and fits models of them; `cross` learns from other event types.
"""
