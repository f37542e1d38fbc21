"""New events for a run."""

from __future__ import annotations

import click

from spadework.apps import terminal
from spadework.apps.options import from_store_option


@click.command()
@click.argument("where", metavar="RUN")
@click.argument("new_events", metavar="[NEW_EVENTS]", required=False)
@from_store_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(where: str, new_events: str | None, store: str | None, as_json: bool) -> None:
    """Join NEW_EVENTS to the log of a RUN, and make its models again: those that can take the new
    events as they are, the others by a fit. What answers now stays so; `spadework nightly` judges
    the new models.
    """
    from spadework.workbench.updating.nightly_run import update

    with terminal.progress():
        remade = update(where, new_events, store)
    if as_json:
        terminal.print_json(remade.as_json())
        return
    for line in remade.says:
        click.echo(terminal.visible(line))
    if remade.generation is None:
        click.echo("There is nothing new, so nothing was made.", err=True)
    else:
        click.echo(f"Judge them, and let them answer: spadework nightly {where}", err=True)
