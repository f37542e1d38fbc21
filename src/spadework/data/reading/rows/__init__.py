"""From chosen columns to a sorted log, and the account of every row.

Start with `assembly`, which checks and codes the values; `sorted_log` sorts them, leaves out exact
duplicates, and takes returns off what was bought (`netting`, `returned_rows`). `no_choices` are
rows that say nothing about taste. `accounting` adds up what was set aside.
"""
