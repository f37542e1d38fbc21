"""Run folders and saved models.

Start with `run_files` (the files of a run, and their reader), then `folder` (the folder's path, and
whether the run is complete), `lock` (which process works in it), `artifact` (one model as plain
arrays and JSON) and `roles` (the kept models and their purposes). Nothing is pickled, and loading
runs no code.
"""
