"""What a model has learned, for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from spadework.apps import terminal
from spadework.apps.options import model_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("where", metavar="RUN|ARTIFACT")
@click.option(
    "--out",
    metavar="DIR",
    help="A new folder for model.onnx, items.json and a README: a transformer as ONNX.",
)
@click.option(
    "--vectors",
    metavar="DIR",
    help="A new folder for vectors of items and users, or neighbours of items, as parquet.",
)
@click.option(
    "--histories",
    metavar="FILE",
    help="With --vectors: a log of the users; the run's own source if absent.",
)
@click.option("-k", "--k", default=10, show_default=True, help="With --out: items per list.")
@click.option(
    "--repeats",
    default="forbid",
    show_default=True,
    metavar="WAY",
    help="With --out: forbid leaves out the events that are given, allow does not.",
)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(
    context: click.Context,
    where: str,
    out: str | None,
    vectors: str | None,
    histories: str | None,
    k: int,
    repeats: str,
    model: str | None,
    as_json: bool,
) -> None:
    """Write what a model of a RUN, or an ARTIFACT, has learned: with --out a transformer as ONNX
    (histories in, best items out, without Python or PyTorch), with --vectors tables for a feature
    store or an index of vectors.
    """
    if (out is None) == (vectors is None):
        raise click.UsageError("Name one folder: --out for ONNX, or --vectors for tables.")
    given = {
        name
        for name in ("k", "repeats", "histories")
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    for name in sorted(given & ({"histories"} if out is not None else {"k", "repeats"})):
        other = "--vectors" if out is not None else "--out"
        raise click.UsageError(f"--{name} has a meaning with {other} alone.")
    paths = (
        _as_onnx(where, out, k, repeats, model)
        if out
        else _vectors(where, vectors, model, histories)
    )
    if as_json:
        terminal.print_json({path.name: str(path) for path in paths})
    else:
        for path in paths if vectors else paths[:1]:
            click.echo(f"{path}")


def _as_onnx(where: str, out: str, k: int, repeats: str, model: str | None) -> list[Path]:
    from spadework.models.neural.device import require_torch
    from spadework.workbench.answers.serving_answers import fitted_of

    require_torch()
    with terminal.progress():
        from spadework.models.neural.export import export

        folder = export(fitted_of(where, model), out, k=k, repeats=repeats)
    return [folder / name for name in ("model.onnx", "items.json", "README.md")]


def _vectors(
    where: str, folder: str | None, model: str | None, histories: str | None
) -> list[Path]:
    from pathlib import Path

    from spadework.workbench.answers.exported_vectors import export_vectors

    assert folder is not None
    with terminal.progress():
        return export_vectors(where, Path(folder), model=model, histories=histories)
