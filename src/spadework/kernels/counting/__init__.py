"""Counting which items occur together, in one pass over the log.

Start with `grouped_events` (the log by user, session or basket) and `postings` (the same by item), then `binary_counts`, which
counts each item once a group, and `weighted_counts`, which counts many channels of weights, distances and directions at once; its
loops are in `weighted_loops`. `count_blocks` cuts the rows so that the counts of a block fit into the cache of a processor.

Counts are exact and do not depend on the number of threads: additions of a row happen in the order of the log. Whoever changes a loop
here changes every number of the project; `tests/kernels/` holds slow twins of all of them.
"""
