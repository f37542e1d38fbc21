"""Files and frames in, a log and its row account out.

Start with `reading`; `data/addresses.py` is its entry point, and item tables are read by
`data/content.py`. `opening` finds the bytes (`path_patterns`, `byte_sources`, `known_formats`) and
makes a table of them: text in `delimited` (`headers`, `records`) and `line_lists`, JSON in
`jsonlines` (`json_documents`, `python_lines`, `json_tables`), parquet and Arrow in `columnar` and
`folder_parts` (`lakes`, `partitions`), databases in `sqlite_files` and `duckdb_files`, sheets in
`workbooks` (`sheet_cells`), frames; `named_tables` chooses among the tables of a file.
`wide_tables` and `nested_rows` make rows of a log of other shapes; `column_roles` decides which
column is the user, the item and the time, by `synonyms` and by `column_values`; `readings` is what
users say about the time, `clocks` reads it (`whole_times` numbers, `calendars` texts); `assembly`
checks every value and codes it. A row is used, or it is set aside with its reason (`set_aside`);
nothing else can happen to it.
"""
