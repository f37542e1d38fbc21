"""The transformer, set up from what a dig learned."""

from __future__ import annotations

from typing import Any

import click

from spadework.apps import terminal


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--ablate",
    is_flag=True,
    help="Train a pair of models for each piece of advice, too, all else equal.",
)
@click.option(
    "--seeds", default=1, show_default=True, help="Train each model so often, and judge the mean."
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
    help="auto (a card where there is one), cpu or cuda.",
)
@click.option(
    "--devices", default=1, show_default=True, help="Processes or cards that share each epoch."
)
@click.option(
    "--precision", default="32", show_default=True, help="32, or bf16 on cards that have it."
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
    """Train the transformer that RUN/train.toml describes, put it on the board of RUN, and say
    whether the advice was right.

    The expected time is told first. A training that was stopped goes on with the same command. Edit
    train.toml to change an ingredient; each stands there with its reason.
    """
    from pathlib import Path

    from spadework.apps.recipe_options import parameters_of
    from spadework.models.neural.device import Machine, training_on
    from spadework.workbench.run import Run
    from spadework.workbench.training.excavator import train

    changes = parameters_of("transformer", settings)
    with terminal.progress() as shown, training_on(Machine(accelerator, devices, precision)):
        try:
            told = train(Path(run), changes=changes, ablate=ablate, seeds=seeds)
        except KeyboardInterrupt:
            shown.note("Stopped. What is finished is kept; go on with the same command.")
            raise
    if as_json:
        terminal.print_json(told)
    else:
        _print(Run(Path(run)), told)
    if told["state"] != "done":
        click.echo(f"{told['trained']}: {told['state']}. {told['reason']}", err=True)
        raise click.exceptions.Exit(1)


def _print(run: Any, told: dict[str, Any]) -> None:
    from spadework.apps.boards import board_text

    click.echo(board_text(run.board))
    click.echo("\npredicted / observed")
    for one in told["predictions"]:
        click.echo(f"  {one['outcome']:<12} {one['says']}")
    rows = [row for row in told["pairs"] if not row["predicted"]]
    if rows:
        click.echo("\npairs that nothing was predicted of")
    for row in rows:
        found = row["observed"]
        share = (
            "no difference that can be told"
            if found is None or found["share"] is None
            else _share(found, row["shares of seeds"])
        )
        click.echo(
            f"  {row['ingredient']} = {row['value']} instead of {row['against']}: "
            f"{row['reason'] or share}"
        )
    click.echo(f"\nserved  {told['winner']}")
    click.echo(f"report  {run.folder / 'report.html'}")


def _share(found: dict[str, Any], seeds: list[float | None]) -> str:
    low, high = found["interval"]
    apart = [share for share in seeds if share is not None]
    told = f"; seeds {', '.join(f'{share:+.1%}' for share in apart)}" if len(apart) > 1 else ""
    return f"{found['share']:+.1%} ({low:+.1%} … {high:+.1%}) over {found['users']:,} users{told}"
