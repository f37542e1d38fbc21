"""Layer 6, memory: what was asked and what came out, as a run folder, and the pages that show it.

Start with `run` (the folder as an object) and `job` (read, split, search, report). `recipe` has
every key that a user may set.
"""
