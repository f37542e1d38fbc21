"""Keys of a server's callers."""

from __future__ import annotations

import click

from spadework.apps import terminal


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
def add(where: str, scopes: tuple[str, ...], note: str) -> None:
    """Make a key. It is shown this once; a digest of it is kept."""
    click.echo(_keys(where).add(scopes, note))


@command.command("list")
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
def list_keys(where: str) -> None:
    """The keys by the first digits of their digests, as the log names them."""
    rows = [[key.name, ", ".join(sorted(key.scopes)), key.note] for key in _keys(where).all]
    click.echo(terminal.table(["key", "scopes", "note"], rows) if rows else "There are no keys.")


@command.command()
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
@click.argument("name", metavar="KEY")
def remove(where: str, name: str) -> None:
    """Remove the key whose digest begins so; a running server refuses it from then on."""
    _keys(where).remove(name)
    click.echo(f"{name} is removed.", err=True)


def _keys(where: str):  # type: ignore[no-untyped-def]
    from spadework.serving.keys import Keys
    from spadework.workbench.answers.served_folder import folder_of

    return Keys(folder_of(where))
