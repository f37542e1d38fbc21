"""What users buy again: personal frequency and next-basket models.

Start with `personal`. `purchases` gathers every basket in which a user took an item,
`repurchase_gaps` learns how long items rest between purchases, and `basket_neighbours` adds what
similar users buy (TIFU-KNN, UP-CF).
"""
