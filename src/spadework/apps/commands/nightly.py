"""What a schedule calls each night."""

from __future__ import annotations

import click

from spadework.apps import terminal
from spadework.apps.options import from_store_option


@click.command()
@click.argument("where", metavar="RUN")
@click.option("--events", "new_events", metavar="FILE", help="A file of new events to join, too.")
@from_store_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(where: str, new_events: str | None, store: str | None, as_json: bool) -> int:
    """Take the new events of the store that `spadework serve` fills, or of another, into the models
    of a RUN, judge the new ones beside those that answer, and let them answer unless they are
    worse.

    Exit 0: the new models answer, or there was nothing new; 1: they were refused, and what answered
    before still does; 2: a bad request.
    """
    from spadework.workbench.updating.nightly_run import nightly

    with terminal.progress():
        found = nightly(where, new_events, store)
    if as_json:
        terminal.print_json(found.as_json())
    else:
        click.echo(terminal.visible(found.says))
    return found.code
