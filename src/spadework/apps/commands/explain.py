"""What a name means."""

from __future__ import annotations

import click

from spadework.apps import terminal


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(name: str, as_json: bool) -> None:
    """What NAME is: the code of a finding, a model, a weight, a metric, a split, a dialect, a slice, a world, or `recipe`."""
    from spadework.workbench.glossary import explain

    entry = explain(name)
    if as_json:
        terminal.print_json(entry)
        return
    click.echo(f"{entry['name']} ({entry['kind']})\n\n{entry['says']}")
    if entry.get("parameters"):
        rows = [[str(p["name"]), str(p["default"]), str(p["says"])] for p in entry["parameters"]]
        click.echo("\n" + terminal.table(["name", "default", "meaning"], rows))
