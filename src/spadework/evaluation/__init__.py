"""Floor 4, judgement: models and splits become numbers.

Start with `trial` (fit, ask, judge one model) and `scoreboard` (several beside each other).
`metrics` and `dialects` are registries: one function is one metric, and a dialect says whose
definition counts. `statistics` has intervals and paired differences.
"""
