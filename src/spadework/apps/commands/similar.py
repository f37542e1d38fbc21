"""Neighbours of items."""

from __future__ import annotations

import click

from spadework.apps import terminal
from spadework.apps.options import model_option


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.option("-k", "--k", default=10, show_default=True, help="Similar items per ITEM.")
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(where: str, items: tuple[str, ...], k: int, model: str | None, as_json: bool) -> None:
    """The items most similar to each ITEM, by the best model of a RUN that knows similar items, or
    by an ARTIFACT.
    """
    from spadework.workbench.answers.serving_answers import similar

    with terminal.progress():
        frame = similar(where, items, k=k, model=model)
    if as_json:
        terminal.print_json(frame.to_dicts())
        return
    rows = [
        [str(value) if not isinstance(value, float) else f"{value:.4g}" for value in row]
        for row in frame.iter_rows()
    ]
    click.echo(terminal.table(frame.columns, rows))
