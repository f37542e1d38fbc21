"""Counting which items occur together, in one pass over the log.

Start with `grouped_events` (the log by user, session or basket) and `postings` (the same by item),
then `binary_counts`, which counts each item once a group, and `weighted_counts`, which counts many
channels of weights, distances and directions at once; its loops are in `weighted_loops`.
`count_blocks` cuts the rows so that the counts of a block fit into the cache of a processor.
`added_rows` adds up counts of parts of a log.

Inside, items are *ranks*: 0 is the most common item. A code is an item's index in the sorted ids;
`code_of_rank` and `rank_of_code` translate. `neighbour_table` turns ranks back into codes.

Plain counts are whole numbers. Weighted counts are float32 sums. Neither depends on the number of
threads: additions of a row happen in the order of the log. Do not touch the order of additions or
the types in a loop: such a change alters every number of the project. `tests/oracles.py` holds slow
twins.
"""
