"""What this machine has."""

from __future__ import annotations

import click

from spadework.apps import terminal


@click.command()
@click.option(
    "--warm",
    is_flag=True,
    help="Compile everything for this machine now, so that no dig waits for it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(warm: bool, as_json: bool) -> None:
    """What this machine has and lacks: processors, memory, versions, optional parts, compiled
    kernels.
    """
    from spadework.workbench.machine import examine

    compile_time = {"compiled in": _warm()} if warm else {}
    facts = examine()
    facts["compiled kernels"] |= compile_time
    if as_json:
        terminal.print_json(facts)
        return
    rows = [[name, str(value)] for part in facts.values() for name, value in part.items()]
    click.echo(terminal.table(["what", "found"], rows))


def _warm() -> str:
    """Compile all kernels; how long that took, in words."""
    from spadework.durations import words
    from spadework.workbench.warming import Warming

    with terminal.progress():
        warming = Warming.begin()
        return words(warming.wait())
