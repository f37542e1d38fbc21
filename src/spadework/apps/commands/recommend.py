"""Lists for users, in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spadework import formatting
from spadework.apps import terminal
from spadework.apps.options import model_option, settings_option

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


SHOWN = 50
"""Rows that are printed."""


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.option(
    "--histories",
    metavar="FILE",
    help="A log of the users to recommend to; the run's own source if absent.",
)
@settings_option
@click.option(
    "--user",
    "user_ids",
    multiple=True,
    metavar="ID",
    help="Recommend only to these users. Repeatable.",
)
@click.option("-k", "--k", default=10, show_default=True, help="Items per user.")
@click.option(
    "--repeats", default=None, metavar="WAY", help="allow, forbid or only; as in the run if absent."
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["remind", "discover", "both"]),
    help=(
        "Items that a user had before, by the model best at them; new ones, by the model best "
        "at those; or both in one list."
    ),
)
@click.option(
    "--quota",
    type=float,
    metavar="SHARE",
    help="With --for both: share of slots that remind; the share of repeats if absent.",
)
@click.option(
    "--candidates",
    metavar="FILE",
    help="Only these items: a file with one id a line, or a table with a column item_id.",
)
@click.option("--exclude", metavar="FILE", help="Never these items, such as those out of stock.")
@click.option(
    "--only",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only items with this value in the item table: --only department=DAIRY. Repeatable.",
)
@click.option("--new", is_flag=True, help="One list, for a customer without a history.")
@model_option
@click.option(
    "--with",
    "additions",
    type=click.Choice(["titles", "apostrophes"]),
    multiple=True,
    help=(
        "titles: write titles of the items, too; the terminal always shows them. apostrophes: "
        "put ' before texts of csv that a spreadsheet would run as formulas."
    ),
)
@click.option(
    "--out",
    metavar="FILE|ADDRESS",
    help=(
        "Write to .parquet, .csv or .jsonl instead of printing; to a table: sqlite:FILE/TABLE or "
        "postgresql://HOST/DATABASE/TABLE; or to keys: redis://HOST:PORT/NUMBER/PREFIX."
    ),
)
@click.option("--force", is_flag=True, help="Replace the file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    where: str,
    histories: str | None,
    settings: tuple[str, ...],
    user_ids: tuple[str, ...],
    k: int,
    repeats: str | None,
    purpose: Any,
    quota: float | None,
    candidates: str | None,
    exclude: str | None,
    only: tuple[str, ...],
    new: bool,
    model: str | None,
    additions: tuple[str, ...],
    out: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Recommend to every user of a log with the winner of a RUN, another of its models, or an
    ARTIFACT. With --out lists are written as they are made, and a batch that was stopped goes on
    with the same command.
    """
    from spadework.workbench.answers.choices import Choice

    asked: dict[str, Any] = {
        "histories": histories,
        "settings": settings,
        "user_ids": user_ids,
        "k": k,
        "repeats": repeats,
        "model": model,
        "purpose": purpose,
        "quota": quota,
        "choice": Choice(candidates, exclude, only),
        "new": new,
    }
    if "apostrophes" in additions and out is None:
        raise click.UsageError("--with apostrophes is for a file of csv; name one with --out.")
    if out is not None:
        _write(where, out, additions, force, asked, [histories, candidates, exclude])
        return
    from spadework.workbench.answers.serving_answers import recommend

    with terminal.progress():
        frame = recommend(where, titles="titles" in additions or not as_json, **asked)
    _tell_titles(additions, "title" in frame.columns)
    if as_json:
        terminal.print_json(frame.to_dicts())
    else:
        _print(frame)


def _write(
    where: str,
    out: str,
    additions: tuple[str, ...],
    force: bool,
    asked: dict[str, Any],
    read: list[str | None],
) -> None:
    from spadework.apps.recipe_options import database_path, inputs_of, out_path
    from spadework.workbench.answers.asked_lists import Asking
    from spadework.workbench.answers.serving_answers import recommend_into
    from spadework.workbench.sinks.sink_addresses import ENDINGS, open_sink, parsed

    inputs = (*read, *inputs_of(where))

    def writable(path: str, is_database: bool) -> Path:
        if is_database:
            return database_path(path, inputs)
        return out_path(path, force, endings=ENDINGS, inputs=inputs)

    asking = Asking(**asked, titles="titles" in additions)
    sink = open_sink(
        parsed(out), apostrophes="apostrophes" in additions, force=force, writable=writable
    )
    with sink, terminal.progress():
        written, has_titles = recommend_into(sink, where, asking)
    _tell_titles(additions, has_titles)
    click.echo(
        f"{formatting.count(written.rows, 'row')} for "
        f"{formatting.count(written.lists, 'user')} in {sink.name}",
        err=True,
    )


def _tell_titles(additions: tuple[str, ...], has_titles: bool) -> None:
    if "titles" in additions and not has_titles:
        click.echo("There are no titles: dig with an item table (--items, --title).", err=True)


def _print(frame: pl.DataFrame) -> None:
    others = [name for name in frame.columns if name not in ("user_id", "rank", "item_id", "score")]
    rows = [
        [
            "(new)" if row["user_id"] is None else str(row["user_id"]),
            str(row["rank"]),
            str(row["item_id"]),
            f"{row['score']:.4g}",
            *("" if row[name] is None else str(row[name]) for name in others),
        ]
        for row in frame.head(SHOWN).iter_rows(named=True)
    ]
    click.echo(terminal.table(["user_id", "rank", "item_id", "score", *others], rows, right=(1, 3)))
    if len(frame) > SHOWN:
        click.echo(
            f"… {formatting.count(len(frame) - SHOWN, 'more row')}; write them all with --out FILE",
            err=True,
        )
