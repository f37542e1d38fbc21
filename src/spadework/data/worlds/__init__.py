"""Synthetic logs whose right answer is known, for tests and for `world:NAME` as a source.

Start with `worlds`: one function is one world. `finer_worlds` hold one effect next to another that
looks like it.
"""
