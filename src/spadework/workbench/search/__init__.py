"""What a dig tries, for how long, and what it takes in the end.

Start with `planner`, which spends the budget, and decision 0016. `judging` fits and judges settings on nested samples of users
(`rungs`) and keeps each finished trial (`trial_cache`); `costs` forecasts seconds; `sweep` and `design` try co-occurrence settings
together; `tuning` searches hyperparameters of other models. `choosing` goes from a split to the board: plan, ask, `choice`, `finals`.

What is decided depends on values alone and never on seconds, so that a run with time enough repeats itself.
"""
