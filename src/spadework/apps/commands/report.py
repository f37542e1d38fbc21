"""The report of a run."""

from __future__ import annotations

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--out", metavar="FILE", help="Where to write; RUN/report.html, or stdout for the other forms."
)
@click.option(
    "--form",
    type=click.Choice(["html", "markdown", "json"]),
    default="html",
    show_default=True,
    help="How to render.",
)
@click.option(
    "--with-ids",
    is_flag=True,
    help="Print the users' own ids, where the run kept them (dig --with-ids).",
)
@click.option("--force", is_flag=True, help="Replace the file named with --out.")
@click.option("--json", "as_json", is_flag=True, help="The same as --form json.")
def command(
    run: str, out: str | None, form: str, with_ids: bool, force: bool, as_json: bool
) -> None:
    """Render the report of a RUN again: one file, no script, no other host."""
    from pathlib import Path
    from typing import Literal, cast

    from spadework import files
    from spadework.apps.recipe_options import inputs_of, out_path
    from spadework.workbench.report.report import render

    form = "json" if as_json else form
    text = render(Path(run), cast(Literal["html", "markdown", "json"], form), with_ids=with_ids)
    if out is None and form != "html":
        click.echo(text)
        return
    page = Path(run) / "report.html"
    path = page if out is None else out_path(out, force, inputs=inputs_of(run))
    files.write_bytes(path, text.encode())
    click.echo(str(path))
