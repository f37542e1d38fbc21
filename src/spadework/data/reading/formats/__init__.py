"""What was given, as one table: files, folders, databases, frames.

Start with `opening`: it finds the bytes (`path_patterns`, `byte_sources`, `known_formats`) and
makes a table of them: text in `delimited` (`records`, `encodings`, `preambles`) and `line_lists`,
JSON in `jsonlines` (`json_documents`, `python_lines`, `json_tables`), parquet and Arrow in
`columnar` and `folder_parts` (`lakes`, `partitions`), databases in `sqlite_files` and
`duckdb_files` (`databases`), workbooks in `workbooks` (`sheet_cells`); `named_tables` says which
table of several in a file. `wide_tables` and `nested_rows` make rows of a log of other shapes,
`joined_tables` adds columns of other tables by a key. Values are handed on as they are written;
names of columns are read, to tell a header, a shape, and which table has a log.
"""
