"""What was given, as one table: files, folders, databases, frames.

Start with `opening`: it finds the bytes (`path_patterns`, `byte_sources`, `known_formats`) and
makes a table of them: text in `delimited` (`records`, `encodings`, `preambles`) and `line_lists`,
JSON in `jsonlines` (`json_documents`, `python_lines`, `json_tables`), parquet and Arrow in
`columnar` and `folder_parts` (`lakes`, `partitions`), databases in `sqlite_files` and
`duckdb_files`, workbooks in `workbooks` (`sheet_cells`). `wide_tables` and `nested_rows` make rows
of a log of other shapes. Nothing here knows what a value means, but for what decides whether a
first line is a header.
"""
