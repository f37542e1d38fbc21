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
    type=click.Choice(["titles"]),
    multiple=True,
    help="Write titles of the items, too; the terminal always shows them.",
)
@click.option(
    "--out", metavar="FILE", help="Write to .parquet, .csv or .jsonl instead of printing."
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
    ARTIFACT.
    """
    from spadework.apps.recipe_options import inputs_of, out_path
    from spadework.workbench.answers.choices import Choice
    from spadework.workbench.answers.serving_answers import recommend

    endings = (".parquet", ".csv", ".jsonl")
    inputs = (histories, candidates, exclude, *inputs_of(where))
    path = out_path(out, force, endings=endings, inputs=inputs) if out else None
    with terminal.progress():
        frame = recommend(
            where,
            histories=histories,
            settings=settings,
            user_ids=user_ids,
            k=k,
            repeats=repeats,
            model=model,
            purpose=purpose,
            quota=quota,
            choice=Choice(candidates, exclude, only),
            new=new,
            titles="titles" in additions or (path is None and not as_json),
        )
    if additions and "title" not in frame.columns:
        click.echo("There are no titles: dig with an item table (--items, --title).", err=True)
    if path is not None:
        _write(frame, path)
        click.echo(
            f"{formatting.count(len(frame), 'row')} for "
            f"{formatting.count(frame['user_id'].n_unique(), 'user')} in {path}",
            err=True,
        )
    elif as_json:
        terminal.print_json(frame.to_dicts())
    else:
        _print(frame)


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


def _write(frame: pl.DataFrame, path: Path) -> None:
    from spadework import files

    if path.suffix == ".parquet":
        files.write_parquet(path, frame)
    elif path.suffix == ".csv":
        files.write_bytes(path, frame.write_csv().encode())
    else:
        files.write_bytes(path, frame.write_ndjson().encode())
