"""Answers from a run or from one saved model.

Start with `serving_answers`, which the command line calls. `service` finds the model and the
histories; `quota` joins two lists.
"""
