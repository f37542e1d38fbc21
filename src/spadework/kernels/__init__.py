"""Floor 2, arithmetic: arrays in, arrays out. Nothing here knows of logs, ids or models.

Start with `compiled`, which compiles every loop, and `parallel`, which shares work among threads.
The loops are in the folders below. Do not change types, bounds or the order of additions in a loop:
the last bits of every result depend on them. Each kernel has a slow twin in tests/oracles.py or in
its test; results do not depend on the number of threads.
"""
