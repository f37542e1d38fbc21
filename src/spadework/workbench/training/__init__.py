"""Training a transformer after a dig, and whether the advice was right.

Start with `excavator`. `made_of` turns findings into parameters and predictions, `judged` puts the
network on the board of the dig, `advice` compares predictions with what was observed, and `kept`
writes the results.
"""
