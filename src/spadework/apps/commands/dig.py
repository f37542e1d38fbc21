"""The main job."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from spadework import formatting
from spadework.apps import terminal
from spadework.apps.recipe_command import RecipeCommand

if TYPE_CHECKING:
    from spadework.workbench.recipe import Recipe
    from spadework.workbench.run import Run


@click.command(cls=RecipeCommand)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--run", "folder", metavar="DIR", help="Folder for the run; runs/DATE-NAME if absent."
)
@click.option(
    "--budget",
    metavar="TIME",
    help="Time for fitting and judging, such as 60s or 5m (the default).",
)
@click.option("--items", metavar="FILE", help="Item table: titles, texts, categories.")
@click.option(
    "--recipe",
    metavar="TOML",
    help="Read all settings from a file; see `spadework explain recipe`.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting, such as --set user=CustomerID. Repeatable.",
)
@click.option(
    "--prefer",
    type=click.Choice(["sense", "quality"]),
    help=(
        "Save the cheapest model without a measurable difference from the best (sense, the "
        "default), or the best by value (quality)."
    ),
)
@click.option(
    "--strict",
    is_flag=True,
    help=(
        "Exit with 1 when no user can be judged, or the budget was too short for the log. A "
        "finding that blocks ends with 2 in any case."
    ),
)
@click.option(
    "--verbose", is_flag=True, help="Print each model as it is judged, and the whole board."
)
@click.option("--force", is_flag=True, help="Replace a run of another recipe in the same folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_obj
def command(
    begun: float | None,
    sources: tuple[str, ...],
    folder: str | None,
    budget: str | None,
    items: str | None,
    recipe: str | None,
    settings: tuple[str, ...],
    prefer: str | None,
    strict: bool,
    verbose: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Try many models on SOURCE, judge them on what came later, keep the best, write a report.

    SOURCE is a file (csv, tsv, jsonl, parquet, arrow; gz or zst), a database (SQLite, DuckDB), a
    workbook (xlsx, ods), a folder of parquet, sample:grocery (the default), world:NAME, or - for
    standard input. Several files are one log. spark://HOST:PORT TABLE (or spark://local[2]) digs
    a sample of a table in Spark, and fits the winner on all of it.
    """
    from pathlib import Path

    from spadework.apps.recipe_options import recipe_of
    from spadework.workbench.recipe_texts import command_of

    in_spark = bool(sources) and sources[0].startswith("spark://")
    parsed_recipe = recipe_of(
        () if in_spark else sources,
        items=items,
        budget=budget,
        path=recipe,
        settings=settings,
        prefer=prefer,
    )
    with terminal.progress(verbose) as progress:
        try:
            run = (
                _dig_in_spark(sources, parsed_recipe, folder, force=force)
                if in_spark
                else _dig(parsed_recipe, folder, force=force, begun=begun)
            )
        except KeyboardInterrupt:
            again = command_of(parsed_recipe, Path(folder) if folder else None)
            progress.note(
                f"Stopped. What is finished is kept; go on with the same command: {again}"
            )
            raise
    if as_json:
        terminal.print_json(run.as_json())
    else:
        click.echo(terminal.visible(_everything(run) if verbose else _summary(run)))
        if in_spark:
            click.echo(terminal.visible(_told_of_spark(run)), nl=False)
    return 1 if strict and _blocks(run) else 0


def _dig(recipe: Recipe, folder: str | None, *, force: bool, begun: float | None) -> Run:
    from spadework.workbench.run import dig

    return dig(recipe.source, folder=folder, recipe=recipe, force=force, begun=begun)


def _dig_in_spark(
    sources: tuple[str, ...], recipe: Recipe, folder: str | None, *, force: bool
) -> Run:
    from spadework.errors import BadRequest
    from spadework.spark.sampled_dig import dig_address

    if len(sources) > 2:
        raise BadRequest("Several tables of Spark are named.", "Give one; union them in Spark.")
    table = sources[1] if len(sources) == 2 else recipe.table
    return dig_address(sources[0], table, folder=folder, recipe=recipe, force=force)


def _told_of_spark(run: Run) -> str:
    from spadework.spark.sampled_dig import told_of

    told = told_of(run)
    return f"{told}\n" if told else ""


def _blocks(run: Run) -> bool:
    """Whether a script should stop at this run."""
    cut_short = (run.board.get("budget") or {}).get("starved") is True
    judged = any(entry.get("state") == "done" for entry in run.scores)
    return cut_short or not judged or any(finding["level"] == "blocker" for finding in run.findings)


def _summary(run: Run) -> str:
    from spadework.apps.summary import summary_text
    from spadework.workbench.recipe import Recipe
    from spadework.workbench.recipe_texts import command_of
    from spadework.workbench.report import run_facts

    facts = run_facts.read(run.folder)
    enough = (run.board.get("budget") or {}).get("would_do")
    # the budget is printed below, even where it is the default
    default_budget = run.recipe.model_copy(update={"budget": Recipe.model_fields["budget"].default})
    larger = (
        f"{command_of(default_budget, run.folder)} --budget {shlex.quote(enough)}" if enough else ""
    )
    return summary_text(facts, run.folder, larger)


def _everything(run: Run) -> str:
    """The whole board, with every model that has no score and its reason."""
    from spadework.apps.boards import board_text, findings_text
    from spadework.apps.summary import remark_lines
    from spadework.workbench.report import outcome, run_facts
    from spadework.workbench.report.next_line import line_for

    recipe = run.recipe.model_dump(mode="json")
    rows, facts = run.rows, run_facts.read(run.folder)
    cut_short = outcome.cut_short(facts)
    return "\n".join(
        [
            *([f"{cut_short}\n"] if cut_short else []),
            f"{formatting.count(rows['read'], 'row')} → {rows['used']:,} used"
            + (f"     see {run.set_aside}" if run.set_aside else ""),
            *remark_lines(facts.remarks),
            findings_text(run.findings, lambda finding: line_for(finding, recipe, str(run.folder)))
            + board_text(run.board),
            f"\nreport  {run.folder / 'report.html'}",
            f"next    spadework recommend {run.folder} --out recommendations.parquet",
        ]
    )
