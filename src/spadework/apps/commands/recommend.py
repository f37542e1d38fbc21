"""Lists for users, in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spadework.apps import terminal
from spadework.apps.options import model_option

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.option(
    "--histories",
    metavar="FILE",
    help="A log of the users to recommend to; the run's own source if absent.",
)
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
@model_option
@click.option(
    "--out", metavar="FILE", help="Write to .parquet, .csv or .jsonl instead of printing."
)
@click.option("--force", is_flag=True, help="Replace the file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    where: str,
    histories: str | None,
    user_ids: tuple[str, ...],
    k: int,
    repeats: str | None,
    purpose: Any,
    quota: float | None,
    model: str | None,
    out: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Recommend to every user of a log with the winner of a RUN, another of its models, or an
    ARTIFACT.
    """
    from spadework.apps.recipe_options import inputs_of, out_path
    from spadework.workbench.serving.serving_answers import recommend

    endings, inputs = (".parquet", ".csv", ".jsonl"), (histories, *inputs_of(where))
    path = out_path(out, force, endings=endings, inputs=inputs) if out else None
    with terminal.progress():
        frame = recommend(
            where,
            histories=histories,
            user_ids=user_ids,
            k=k,
            repeats=repeats,
            model=model,
            purpose=purpose,
            quota=quota,
        )
    if path is not None:
        _write(frame, path)
        click.echo(
            f"{len(frame):,} rows for {frame['user_id'].n_unique():,} users in {path}", err=True
        )
    elif as_json:
        terminal.print_json(frame.to_dicts())
    else:
        rows = [
            [str(user), str(rank), str(item), f"{score:.4g}", *rest]
            for user, item, score, rank, *rest in frame.head(50).iter_rows()
        ]
        click.echo(
            terminal.table(
                ["user_id", "rank", "item_id", "score", *frame.columns[4:]], rows, right=(1, 3)
            )
        )
        if len(frame) > 50:
            click.echo(f"… {len(frame) - 50:,} more rows; write them all with --out FILE", err=True)


def _write(frame: pl.DataFrame, path: Path) -> None:
    from spadework import files

    if path.suffix == ".parquet":
        files.write_parquet(path, frame)
    elif path.suffix == ".csv":
        files.write_bytes(path, frame.write_csv().encode())
    else:
        files.write_bytes(path, frame.write_ndjson().encode())
