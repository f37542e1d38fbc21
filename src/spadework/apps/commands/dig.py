"""The main job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spadework.apps import terminal
from spadework.apps.recipe_command import RecipeCommand

if TYPE_CHECKING:
    from spadework.workbench.run import Run


@click.command(cls=RecipeCommand)
@click.argument("source", required=False)
@click.option("--run", "folder", metavar="DIR", help="Folder for the run; runs/DATE-NAME if absent.")
@click.option("--budget", metavar="TIME", help="Time for fitting and judging, such as 60s or 10m (the default).")
@click.option("--items", metavar="FILE", help="Item table: titles, texts, categories.")
@click.option("--recipe", metavar="TOML", help="Read all settings from a file; see `spadework explain recipe`.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change one setting, such as --set user=CustomerID. Repeatable."
)
@click.option("--force", is_flag=True, help="Replace a run of another recipe in the same folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    source: str | None, folder: str | None, budget: str | None, items: str | None, recipe: str | None, settings: tuple[str, ...], force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Try many models on SOURCE, judge them on what came later, keep the best, write a report.

    SOURCE is a file (csv, tsv, jsonl, parquet, arrow; gz or zst), a folder of parquet, sample:grocery (the default), world:NAME, or - for
    standard input.
    """
    from pathlib import Path

    from spadework.apps.asking import recipe_of
    from spadework.workbench.recipe import command_of
    from spadework.workbench.run import dig

    asked = recipe_of(source, items=items, budget=budget, path=recipe, settings=settings)
    with terminal.progress() as shown:
        try:
            run = dig(asked.source, folder=folder, recipe=asked, force=force)
        except KeyboardInterrupt:
            again = command_of(asked, Path(folder) if folder else None)
            shown.note(f"Stopped. What is finished is kept; go on with the same command: {again}")
            raise
    if as_json:
        terminal.print_json(run.as_json())
    else:
        _print(run)


def _print(run: Run) -> None:
    from spadework.apps.boards import board_text, findings_text

    rows = run.rows
    click.echo(f"{rows['read']:,} rows → {rows['used']:,} used" + (f"     see {run.set_aside}" if run.set_aside else ""))
    click.echo(findings_text(run.findings), nl=False)
    click.echo(board_text(run.board))
    click.echo(f"\nreport  {run.folder / 'report.html'}")
    click.echo(f"next    spadework recommend {run.folder} --out recommendations.parquet")
