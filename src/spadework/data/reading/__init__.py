"""Files and frames in, a log and its row account out.

Start with `reading`; `data/addresses.py` is its entry point, and item tables are read by
`data/content.py`. `formats` makes one table of what was given, whatever its format and shape;
`columns` decides which column is the user, the item and the time; `values` says what a cell means:
a time, a number, an id; `rows` checks every value, codes it and sorts the log. A row is used, or it
is set aside with its reason (`set_aside`); nothing else can happen to it. `tables` is what all of
them hand on.
"""
