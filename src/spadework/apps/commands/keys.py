"""Keys of a server's callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spadework.apps import terminal

if TYPE_CHECKING:
    from spadework.serving.keys import Key, Keys

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def command() -> None:
    """Keys of a server's callers. Without any, every program on this machine may ask for
    everything.
    """


@command.command()
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
@click.option(
    "--scope", "scopes", multiple=True, required=True, metavar="NAME",
    help="What it may do: read, events or admin. Repeatable.",
)  # fmt: skip
@click.option("--note", default="", metavar="TEXT", help="Whose it is.")
@json_option
def add(where: str, scopes: tuple[str, ...], note: str, as_json: bool) -> None:
    """Make a key. It is shown this once; a digest of it is kept."""
    keys = _keys(where)
    made = keys.add(scopes, note)
    if as_json:
        terminal.print_json({"key": made, **_facts(keys.all[-1])})
    else:
        click.echo(made)


@command.command("list")
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
@json_option
def list_keys(where: str, as_json: bool) -> None:
    """The keys by the first digits of their digests, as the log names them."""
    keys = _keys(where).all
    if as_json:
        terminal.print_json({"keys": [_facts(key) for key in keys]})
        return
    rows = [[key.name, ", ".join(sorted(key.scopes)), key.note] for key in keys]
    click.echo(terminal.table(["key", "scopes", "note"], rows) if rows else "There are no keys.")


@command.command()
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
@click.argument("name", metavar="KEY")
@json_option
def remove(where: str, name: str, as_json: bool) -> None:
    """Remove the key whose digest begins so; a running server refuses it from then on."""
    _keys(where).remove(name)
    if as_json:
        terminal.print_json({"removed": name})
    else:
        click.echo(f"{name} is removed.")


def _facts(key: Key) -> dict[str, object]:
    return {"name": key.name, "scopes": sorted(key.scopes), "note": key.note}


def _keys(where: str) -> Keys:
    from spadework.serving.keys import Keys
    from spadework.workbench.answers.served_folder import folder_of

    return Keys(folder_of(where))
