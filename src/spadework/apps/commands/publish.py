"""A release of a run, for a server."""

from __future__ import annotations

import click

from spadework.apps import terminal
from spadework.apps.options import model_option, store_option


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.option("--to", metavar="DIR", help="Folder of the releases; RUN/serving if absent.")
@store_option
@model_option
@click.option("--activate", is_flag=True, help="Put it live, also where another one is.")
@click.option(
    "--shadow/--no-shadow",
    default=None,
    help="Let it answer beside the live one, counted and never shown; --no-shadow: none any more.",
)
@click.option(
    "--keep-releases",
    "keep",
    type=click.IntRange(1),
    metavar="N",
    help=(
        "Newest releases that stay, 10 if never named. Those that are live, were live before, "
        "answer as shadow or are used by a server stay as well."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    where: str,
    to: str | None,
    store: str | None,
    model: str | None,
    activate: bool,
    shadow: bool | None,
    keep: int | None,
    as_json: bool,
) -> None:
    """Make a release of the winner of a RUN, as its newest update made it, or of an ARTIFACT: one
    folder that never changes, with all that `spadework serve` needs. The first one is put live.
    """
    import shlex
    from pathlib import Path

    from spadework.serving import live_file
    from spadework.shown_addresses import shown
    from spadework.workbench.answers.served_folder import publish

    if activate and shadow:
        raise click.UsageError("A release is put live, or is the shadow: --activate or --shadow.")
    with terminal.progress():
        target = None if to is None else Path(to)
        made = publish(where, store, target, model, activate, shadow, keep)
    live = live_file.read_live(made.folder)
    is_live = live is not None and live.active == made.release.id
    if as_json:
        terminal.print_json(
            {
                "release": made.release.id,
                "folder": str(made.release.folder),
                "model": made.release.facts["model"],
                "live": is_live,
                "shadow": live is not None and live.shadow == made.release.id,
            }
        )
        return
    click.echo(f"{made.release.folder}")
    # what was given is given again; a password of an address is not shown, and so not passed on
    kept = [] if store is None else ["--store", shown(store)]
    if is_live:
        line = ["spadework", "serve", str(made.folder), *kept]
        click.echo(f"It is live. Serve it with: {shlex.join(line)}", err=True)
    else:
        others = [] if to is None else ["--to", to]
        others += kept if model is None else [*kept, "--model", model]
        line = ["spadework", "publish", where, *others, "--activate"]
        click.echo(
            f"{live.active if live else 'Nothing'} is live; put this one live with: "
            f"{shlex.join(line)}",
            err=True,
        )
