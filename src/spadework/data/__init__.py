"""Layer 1, facts: immutable values without opinions.

Start with `interactions` (the log in columns) and `addresses` (every way in). `splitting` cuts a
log; one function there is one split. `content` is what is known about items. `reading/` turns files
into logs, `worlds/` makes logs whose right answer is known.
"""
