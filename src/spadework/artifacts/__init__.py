"""Fitted models on disk: one model as plain arrays and JSON, and the models that a run keeps.

Start with `artifact` (save and load), then `roles` (which kept model is for what). Nothing is
pickled, and loading runs no code.
"""
