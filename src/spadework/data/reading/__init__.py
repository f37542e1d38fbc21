"""Files and frames in, a log and its row account out.

Start with `reading`, the only module that others call. `opening` finds the bytes (`byte_sources`) and makes a table of them (`delimited`,
`jsonlines`, Parquet, frames); `column_roles` decides which column is the user, the item and the time; `assembly` checks every value and
codes it. A row is used, or it is set aside with its reason (`set_aside`, `account`); nothing else can happen to it.
"""
