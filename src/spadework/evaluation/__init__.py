"""Layer 4, judgement: models are judged on splits.

Start with `trial` (fit, recommend, judge one model) and `scoreboard` (several compared).
`metrics` and `dialects` are registries: one function is one metric, and a dialect fixes whose
definition counts. `statistics` has intervals and paired differences.
"""
