"""What a name means, and which items of a history contribute to the score of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spadework.apps import terminal
from spadework.apps.options import model_option, settings_option

if TYPE_CHECKING:
    from spadework.workbench.answers.serving_answers import Explanation

SHOWN = 20


@click.command()
@click.argument("name", metavar="NAME|RUN|ARTIFACT")
@click.option(
    "--item",
    metavar="ID",
    help="With a RUN: which items of a user's history contribute to this item.",
)
@click.option(
    "--user",
    metavar="ID",
    help="Whose history; may be left out where the histories are of one user.",
)
@click.option(
    "--histories", metavar="FILE", help="A log of the user; the run's own source if absent."
)
@settings_option
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    name: str,
    item: str | None,
    user: str | None,
    histories: str | None,
    settings: tuple[str, ...],
    model: str | None,
    as_json: bool,
) -> None:
    """What NAME is: the code of a finding, a model, a weight, a metric, a split, a dialect, a
    slice, a world, a term such as cold-start, or `recipe`.

    With --item: which items of a user's history contribute to the score of that item, by the
    winner of a RUN or, where that cannot tell, by its model for similar items.
    """
    if item is not None:
        _item(name, item, user, histories, settings, model, as_json)
        return
    _refuse_without_item(name, {"--user": user, "--histories": histories, "--model": model})
    from spadework.workbench.glossary import describe

    entry = describe(name)
    if as_json:
        terminal.print_json(entry)
        return
    click.echo(f"{entry['name']} ({entry['kind']})\n\n{entry['says']}")
    if entry.get("parameters"):
        rows = [[str(p["name"]), str(p["default"]), str(p["says"])] for p in entry["parameters"]]
        click.echo("\n" + terminal.table(["name", "default", "meaning"], rows))


def _refuse_without_item(name: str, given: dict[str, str | None]) -> None:
    from pathlib import Path

    from spadework.errors import BadRequest

    hint = f"Name the item: spadework explain {name} --user ID --item ID"
    if any((Path(name) / file).exists() for file in ("recipe.json", "model.json")):
        raise BadRequest(f"{name} is a folder; --item is missing.", hint)
    for option, value in given.items():
        if value is not None:
            raise BadRequest(f"{option} has no meaning without --item.", hint)


def _item(
    where: str,
    item: str,
    user: str | None,
    histories: str | None,
    settings: tuple[str, ...],
    model: str | None,
    as_json: bool,
) -> None:
    from spadework.workbench.answers.serving_answers import explain

    with terminal.progress():
        explanation = explain(
            where, item, user, histories=histories, settings=settings, model=model
        )
    if as_json:
        rows = explanation.contributions.to_dicts()
        terminal.print_json(
            {
                "model": explanation.model,
                "user_id": explanation.user,
                "item_id": explanation.item,
                "contributions": rows,
            }
        )
    else:
        _print(explanation)


def _print(explanation: Explanation) -> None:
    frame = explanation.contributions
    if not len(frame):
        click.echo(
            f"No item in the history of {explanation.user} contributes to {explanation.item}, by "
            f"{explanation.model}."
        )
        return
    click.echo(
        f"Contributions to {explanation.item} from the history of {explanation.user}, by "
        f"{explanation.model}:\n"
    )
    rows = [
        [
            "(other)"
            if value is None
            else f"{value:.4g}"
            if isinstance(value, float)
            else str(value)
            for value in row
        ]
        for row in frame.head(SHOWN).iter_rows()
    ]
    click.echo(terminal.table(frame.columns, rows, right=(frame.columns.index("contribution"),)))
    if len(frame) > SHOWN:
        click.echo(f"… {len(frame) - SHOWN:,} more; all of them with --json", err=True)
