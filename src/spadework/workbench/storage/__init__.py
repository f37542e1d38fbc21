"""What is on disk: run folders, saved models, and files that are complete or absent.

Start with `files`, then `folder` (a run folder, who holds it, whether it is complete), `artifact`
(one model as plain arrays and JSON) and `roles` (which models a run keeps, and what for). Nothing
here is pickled, and loading runs no code.
"""
