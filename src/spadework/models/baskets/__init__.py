"""What users buy again: personal frequency and next-basket models.

Start with `personal`, for which `own_item_scorer` answers. `purchases` gathers every basket in
which a user bought an item, `repurchase_gaps` learns the time between purchases of an item, and
`basket_neighbours` adds what similar users buy (TIFU-KNN, UP-CF).
"""
