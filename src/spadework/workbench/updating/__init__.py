"""A run that goes on learning: new events are joined to its log, its models are made again, and the
new ones are held beside the running ones before they answer.

Start with `nightly_run` (all of it in one call). `remaking` makes a generation: `joining` the log,
`additive_models` the models that take new events as they are, the others by a fit; `generations` is
where it stands on disk. `promotion` judges it. What a dig left is never changed.
"""
