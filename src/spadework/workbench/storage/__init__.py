"""Run folders.

Start with `run_files` (the files of a run, and their reader), then `folder` (the folder's path, and
whether the run is complete) and `lock` (which process works in it). Saved models are one floor
below, in `artifacts`.
"""
