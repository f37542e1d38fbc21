"""A server of recommendations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spadework.apps import terminal
from spadework.apps.options import store_option

if TYPE_CHECKING:
    from spadework.serving.http.settings import Settings


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT|RELEASES")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8765,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen at.",
)
@click.option(
    "--host-name",
    "host_names",
    multiple=True,
    metavar="NAME[:PORT]",
    help=(
        "A further name that requests may be for, as behind a proxy; without a port at any. "
        "Repeatable."
    ),
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that answer; they share the arrays of the models.",
)
@click.option(
    "--rate", type=click.FloatRange(0.1), metavar="N", help="Requests a second of one caller."
)
@click.option(
    "--queue",
    default=64,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Requests that wait at most; more are told to come later.",
)
@click.option("--log-requests", is_flag=True, help="A line for each request, without ids of users.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print address, folder, release and store as JSON, once it answers.",
)
def command(
    where: str,
    store: str | None,
    host: str,
    port: int,
    host_names: tuple[str, ...],
    workers: int,
    rate: float | None,
    queue: int,
    log_requests: bool,
    as_json: bool,
) -> None:
    """Answer requests over HTTP with the live release: lists for users and histories, similar
    items, and events that count at once. A RUN that was never published is published first.

    On this machine alone unless --host says otherwise, and then only with keys.
    """
    from pathlib import Path

    from spadework.errors import BadRequest
    from spadework.serving.http import collector

    with collector.keeping():
        from spadework.serving.http.running import check_port, require_server, serve
        from spadework.serving.http.settings import Settings
        from spadework.serving.kept_address import address_of
        from spadework.serving.keys import Keys
        from spadework.serving.live_file import LIVE

    require_server()
    is_local = host in ("127.0.0.1", "::1", "localhost")
    folder = Path(where)
    with terminal.progress():
        if (folder / LIVE).exists():
            address = address_of(folder, store)
        else:
            # a folder of releases needs nothing of the workbench
            from spadework.workbench.answers.served_folder import prepared

            folder, address = prepared(where, store)
    needs_key = not is_local or bool(host_names)
    if needs_key and not len(Keys(folder)):
        raise BadRequest(
            f"{host if not is_local else host_names[0]} can be reached from other machines, and "
            "there is no key.",
            f"Make one: spadework keys add {folder} --scope read --scope events",
        )
    check_port(host, port)
    settings = Settings(
        folder=str(folder),
        store=address,
        host=host,
        port=port,
        host_names=host_names,
        needs_key=needs_key,
        queue=queue,
        rate=rate,
        log_requests=log_requests,
    )
    click.echo(f"{folder} is loaded, to answer at {settings.address}.", err=True)
    if not is_local:
        click.echo(
            "This address can be reached from other machines; the connection is not encrypted, so "
            "put a proxy with TLS in front.",
            err=True,
        )
    serve(settings, workers, lambda: _tell(settings, as_json))


def _tell(settings: Settings, as_json: bool) -> None:
    """Say that it answers."""
    import json
    from pathlib import Path

    from spadework.serving.live_file import read_live
    from spadework.shown_addresses import shown

    if as_json:
        live = read_live(Path(settings.folder))
        facts = {
            "address": settings.address,
            "folder": settings.folder,
            "release": None if live is None else live.active,
            "store": shown(settings.store),
        }
        click.echo(json.dumps(facts))  # one line, which a program can wait for
    click.echo(f"ready: {settings.address}  (stop with Ctrl-C)", err=True)
