"""Pages over a folder of runs, in a browser on this machine."""

from __future__ import annotations

import click


@click.command()
@click.argument("folder", default="runs", metavar="[FOLDER]")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen at; the first free one from 8766 on if absent.",
)
@click.option(
    "--open/--no-open", "opens", default=True, show_default=True, help="Open the browser."
)
@click.option("--json", "as_json", is_flag=True, help="Print address and folder as JSON.")
def command(folder: str, port: int | None, opens: bool, as_json: bool) -> None:
    """Drop a log, watch the dig, compare runs: pages over the runs in FOLDER (runs, if absent).

    It answers on this machine alone, and only the browser that opens the printed address. Digs go
    on when it is closed.
    """
    from pathlib import Path

    from spadework.errors import BadRequest
    from spadework.studio.http.starting import require_studio, studio

    require_studio()
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise BadRequest(f"{folder} is a file.", "Name the folder in which runs are.")
    if (place / "recipe.json").is_file():
        raise BadRequest(
            f"{folder} is a run itself.",
            f"Name the folder it is in: spadework studio {place.parent}",
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(
            f"The folder {folder} cannot be made: {error.strerror}.", "Name another."
        ) from None

    def ready(address: str) -> None:
        import json
        import webbrowser

        if as_json:
            click.echo(json.dumps({"address": address, "folder": str(place.resolve())}))
        click.echo(f"studio of {place.resolve()}: {address}  (stop with Ctrl-C)", err=True)
        if opens:
            webbrowser.open(address)

    studio(place, port, ready)
