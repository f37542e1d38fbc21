"""What a dig tries, for how long, and what it takes in the end.

Start with `planner`, which spends the budget, and decision 0016. `judging` fits and judges settings
on nested samples of users (`rungs`) and keeps each finished trial (`trial_cache`); `costs`
forecasts seconds; `sweep` and `design` try co-occurrence settings together; `tuning` searches
hyperparameters of other models. `choosing` goes from a split to the board: plan, ask, `choice`,
`finals`.

What leads is decided by values alone; seconds decide what there is time for, and in which order. A
run with time enough repeats itself.

`plan` makes the families, `blending` and `leaders` the mixtures and those that are kept, `windows`
an older span, `ending` reserves the end, `held` keeps fitted models, `budgeting`, `boardfile`,
`telling`, `effects`, `lessons` and `example_users` write what came out.
"""
