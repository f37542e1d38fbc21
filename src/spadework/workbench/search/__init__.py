"""The search of a dig: what is tried, for how long, and which model wins.

Start with `planner`, which spends the budget, and decision 0016. `judging` fits and judges settings
on nested samples of users (`rungs`) and saves each finished trial (`trial_cache`); `costs`
estimates seconds; `sweep` and `design` try co-occurrence settings together; `tuning` searches
hyperparameters of other models. `choosing` goes from a split to the board: search, questions,
`choice`, `finals`.

Values alone decide which setting leads; seconds decide what there is time for, and in which order.
A run with enough time repeats itself.

`model_families` makes the families, `blending` the mixtures, `leaders` picks the models that are
kept, `windows` adds an older span, `schedule` and `ending` share and reserve time, `held` keeps
fitted models. `budgeting`, `boardfile`, `board_parts`, `effects`, `model_effects` and
`example_users` write the results.
"""
