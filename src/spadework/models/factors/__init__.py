"""Vectors of users and items.

Start with `vectors`, which makes the lists for all of them, then `elsa`. `ials` is implicit ALS;
`gf_cf` filters the graph of users and items.
"""
