"""Layer 5, advice: data and scores become findings.

Start with `finding`, then `integrity` (one function, one check of a log) and `questions/` (one
function, one question that cheap models answer). `evidence` compares settings user by user. `rules`
and `verdict` turn the answers into advice about a transformer.
"""
