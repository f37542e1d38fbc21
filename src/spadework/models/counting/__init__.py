"""What pairs of events are counted, and in which passes over a log.

Start with `channel`: one way to count pairs, as a value. `grouped_rows` cuts the rows of a log into
users, sessions or baskets; `event_blocks` does so block by block, since a log may be larger than
memory, and `event_arrays` holds what weighted counts read. `count_passes` hands them to the
counting kernels, with channels that share a pass. Co-occurrence models and the linear models that
prune a Gram matrix read from here. Do not weigh pairs here: weights belong to `kernels.similarity`.
"""
