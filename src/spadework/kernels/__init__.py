"""Floor 2, arithmetic: arrays in, arrays out. Nothing here knows of logs, ids or models.

Start with `compiled`, which every loop goes through, and `parallel`, which shares work among
threads. The loops are in the folders below. Each kernel has a slow twin in tests/oracles.py or in
its test; results do not depend on the number of threads.
"""
