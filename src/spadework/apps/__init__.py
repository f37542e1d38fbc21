"""Layer 7, commands: parse, call one function below, render.

Start with `cli`; each module of `commands/` is a command. `summary` is what a dig prints,
`terminal` the progress line and tables.
"""
