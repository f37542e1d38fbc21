"""Where a batch of lists goes: a file, a table of a database, or keys of Redis.

Start with `sink`, which says what each of them can do. `sink_addresses` finds the one that a text
names; `batch` writes lists into it part by part.
"""
