"""Train the transformer with the settings that a dig advises."""

from __future__ import annotations

from typing import Any

import click

from spadework import formatting
from spadework.apps import terminal


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--ablate",
    is_flag=True,
    help="Also train a pair of models for each piece of advice, all else equal.",
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    help="Train each model that many times, and judge the mean.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help=(
        "Change a parameter of the model, such as --set epochs=10; see: spadework explain "
        "transformer."
    ),
)
@click.option(
    "--accelerator",
    default="auto",
    show_default=True,
    help="auto (a GPU where there is one), cpu or cuda.",
)
@click.option(
    "--devices", default=1, show_default=True, help="Processes or GPUs that share each batch."
)
@click.option(
    "--precision", default="32", show_default=True, help="32, or bf16 on GPUs that support it."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was predicted and observed as JSON."
)
def command(
    run: str,
    ablate: bool,
    seeds: int,
    settings: tuple[str, ...],
    accelerator: str,
    devices: int,
    precision: str,
    as_json: bool,
) -> None:
    """Train the transformer that RUN/train.toml describes, put it on the board of RUN, and
    report whether the advice was right.

    The expected time is printed first. A training that was stopped goes on with the same command.
    Edit train.toml to change an ingredient; the file gives a reason for each.
    """
    from pathlib import Path

    from spadework.apps.recipe_options import parameters_of
    from spadework.models.neural.device import Machine, training_on
    from spadework.workbench.run import Run
    from spadework.workbench.training.excavator import train_transformer

    changes = parameters_of("transformer", settings)
    with terminal.progress() as progress, training_on(Machine(accelerator, devices, precision)):
        try:
            result = train_transformer(Path(run), changes=changes, ablate=ablate, seeds=seeds)
        except KeyboardInterrupt:
            progress.note("Stopped. What is finished is kept; go on with the same command.")
            raise
    if as_json:
        terminal.print_json(result)
    else:
        _print(Run(Path(run)), result)
    if result["state"] != "done":
        click.echo(f"{result['trained']}: {result['state']}. {result['reason']}", err=True)
        raise click.exceptions.Exit(1)


def _print(run: Any, result: dict[str, Any]) -> None:
    from spadework.apps.boards import board_text

    click.echo(board_text(run.board))
    click.echo("\npredicted / observed")
    for prediction in result["predictions"]:
        click.echo(f"  {prediction['outcome']:<12} {prediction['says']}")
    rows = [row for row in result["pairs"] if not row["predicted"]]
    if rows:
        click.echo("\npairs without a prediction")
    for row in rows:
        observed = row["observed"]
        share = (
            "no measurable difference"
            if observed is None or observed["share"] is None
            else _share(observed, row["shares of seeds"])
        )
        click.echo(
            f"  {row['ingredient']} = {row['value']} instead of {row['against']}: "
            f"{row['reason'] or share}"
        )
    click.echo(f"\nserved  {result['winner']}")
    click.echo(f"report  {run.folder / 'report.html'}")


def _share(observed: dict[str, Any], seeds: list[float | None]) -> str:
    low, high = observed["interval"]
    shares = [share for share in seeds if share is not None]
    by_seed = f"; seeds {', '.join(f'{share:+.1%}' for share in shares)}" if len(shares) > 1 else ""
    interval = f"({low:+.1%} … {high:+.1%})"
    users = formatting.count(observed["users"], "user")
    return f"{observed['share']:+.1%} {interval} over {users}{by_seed}"
