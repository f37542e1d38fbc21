"""Vectors of users and items.

Start with `elsa`, then `vector_scorer`, which makes the lists for all of them. `ials` is implicit
ALS; `gf_cf` filters the graph of users and items.
"""
