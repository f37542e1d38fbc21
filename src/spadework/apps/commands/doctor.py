"""What this machine has."""

from __future__ import annotations

import click

from spadework.apps import terminal


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(as_json: bool) -> None:
    """What this machine has and lacks: processors, memory, versions, optional parts."""
    from spadework.workbench.machine import examine

    facts = examine()
    if as_json:
        terminal.print_json(facts)
        return
    rows = [[name, str(value)] for part in facts.values() for name, value in part.items()]
    click.echo(terminal.table(["what", "found"], rows))
