"""Options that several commands share."""

from __future__ import annotations

import click

model_option = click.option(
    "--model",
    "model",
    metavar="NAME",
    help=(
        "Which model of the RUN answers: its role (winner, best, remind, discover, similar), "
        "folder or label."
    ),
)
