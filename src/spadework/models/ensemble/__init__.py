"""Models made of models.

Start with `blend`, then `mixture`, which fits the parts and joins their candidates. `prior` adds
personal popularity to any model, and `boosted` re-ranks candidates with boosted trees. Weights are
learned on an inner hold-out (`inner_holdout`), never on the rows that judge the model.
"""
