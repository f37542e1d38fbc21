"""A trained transformer for other programs."""

from __future__ import annotations

import click

from spadework.apps import terminal
from spadework.apps.options import model_option


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="A new folder for model.onnx, items.json and a README.",
)
@click.option("-k", "--k", default=10, show_default=True, help="Items per list.")
@click.option(
    "--repeats",
    default="forbid",
    show_default=True,
    metavar="WAY",
    help="forbid leaves out the events that are given, allow does not.",
)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(where: str, out: str, k: int, repeats: str, model: str | None, as_json: bool) -> None:
    """Write the transformer of a RUN, or an ARTIFACT, as ONNX: histories in, best items out,
    without Python or PyTorch.
    """
    from spadework.models.neural.device import require_torch
    from spadework.workbench.answers.serving_answers import fitted_of

    require_torch()
    with terminal.progress():
        from spadework.models.neural.export import export

        folder = export(fitted_of(where, model), out, k=k, repeats=repeats)
    if as_json:
        terminal.print_json(
            {name: str(folder / name) for name in ("model.onnx", "items.json", "README.md")}
        )
    else:
        click.echo(f"{folder / 'model.onnx'}")
