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
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help=(
        "Read --histories otherwise than the log of the run was, such as --set user=CustomerID. "
        "Repeatable."
    ),
)
from_store_option = click.option(
    "--from-store",
    "store",
    metavar="ADDRESS",
    help=(
        "Take the events of this store: a file, postgresql://HOST/DATABASE or "
        "redis://HOST:PORT/NUMBER."
    ),
)
store_option = click.option(
    "--store",
    metavar="ADDRESS",
    help=(
        "Where events and histories are kept: a file, postgresql://HOST/DATABASE or "
        "redis://HOST:PORT/NUMBER; if absent, that of the variable SPADEWORK_STORE, the one that "
        "was named before, or events.sqlite beside the releases."
    ),
)
