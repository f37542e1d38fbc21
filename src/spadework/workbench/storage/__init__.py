"""Files on disk: run folders, saved models, and files that are complete or absent.

Start with `files`, then `folder` (a run folder, which process holds it, whether it is complete),
`artifact` (one model as plain arrays and JSON) and `roles` (the kept models and their purposes).
Nothing is pickled, and loading runs no code.
"""
