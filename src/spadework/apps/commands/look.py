"""A portrait of a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spadework.apps import terminal
from spadework.apps.recipe_command import RecipeCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spadework.data.interactions import Interactions
    from spadework.diagnosis.finding import Finding


@click.command(cls=RecipeCommand)
@click.argument("source", required=False)
@click.option("--items", metavar="FILE", help="Item table: titles, texts, categories.")
@click.option("--recipe", metavar="TOML", help="Read all settings from a file.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting, such as --set user=CustomerID. Repeatable.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 when a finding blocks.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    source: str | None,
    items: str | None,
    recipe: str | None,
    settings: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> int:
    """Read SOURCE and say what is in it: rows used and set aside, facts, how it would be cut,
    findings. Nothing is fitted.
    """
    from spadework.apps.recipe_options import recipe_of
    from spadework.diagnosis.checking import diagnose
    from spadework.diagnosis.portrait import facts
    from spadework.workbench.recipe import command_of
    from spadework.workbench.sources import choose_split, read_for

    asked = recipe_of(source, items=items, path=recipe, settings=settings)
    with terminal.progress():
        log, content = read_for(asked, asked.source, None)
        split = choose_split(log, asked) if len(log) else None
        found = diagnose(log, content, split)
        told = facts(log) | {"split": None if split is None else split.describe()}
    aside = _keep_set_aside(log)
    if as_json:
        account = {} if log.account is None else log.account.as_json()
        findings = [finding.as_json() for finding in found]
        terminal.print_json(
            {
                **account,
                "facts": told,
                "findings": findings,
                "set_aside_file": None if aside is None else str(aside),
            }
        )
    else:
        click.echo(_text(asked.source, command_of(asked), log, told, found, aside))
    return 1 if strict and any(finding.level == "blocker" for finding in found) else 0


def _text(
    source: str,
    again: str,
    log: Interactions,
    told: dict[str, Any],
    found: Sequence[Finding],
    aside: Path | None,
) -> str:
    from spadework.apps.boards import findings_text

    account = log.account
    lines = []
    if account is not None:
        lines.append(f"{source}   {account.read:,} rows → {account.used:,} used")
        if account.set_aside:
            reasons = " · ".join(f"{rows:,} {reason}" for reason, rows in account.set_aside.items())
            lines.append(f"  set aside: {reasons}     see {aside}")
        lines.append(
            "  columns: " + ", ".join(f"{role} = {name}" for role, name in account.columns.items())
        )
        if account.other_columns:
            lines.append("  not used: " + ", ".join(account.other_columns))
        lines += [f"  {remark}" for remark in account.remarks]
    span = f"{told['first'][:10]} … {told['last'][:10]}" if told["first"] else "no calendar"
    lines.append(
        f"{told['users']:,} users · {told['items']:,} items · {span} · median "
        f"{told['median_history']:.0f} events a user"
    )
    lines.append(
        f"{told['repeat_share']:.0%} of the events repeat a pair · the top 1 % of items "
        f"hold {told['head_share']:.0%} of the events"
    )
    lines.append(_cut_text(told["split"]))
    lines += [
        "",
        findings_text([finding.as_json() for finding in found]).rstrip() or "no findings",
        "",
        f"next: {again}",
    ]
    return "\n".join(lines)


def _cut_text(split: dict[str, Any] | None) -> str:
    if split is None:
        return (
            "nobody can be judged: no way to cut the log leaves users with history and "
            "something expected of them"
        )
    judged = split["users"] - split["users_without_history"]
    repeated, cold = split["target_repeat_share"], split["cold_target_share"]
    return (
        f"a dig would judge {judged:,} users on {split['split'].split(': ')[-1]}: {repeated:.0%} "
        f"of what they take is a repeat, {cold:.0%} is of items that nobody took before"
    )


def _keep_set_aside(log: Interactions) -> Path | None:
    """Rows set aside go to runs/set-aside, named by content, so looking twice writes the same
    file.
    """
    account = log.account
    if account is None or account.rows_set_aside is None or not len(account.rows_set_aside):
        return None
    from spadework.workbench.storage import files

    path = Path("runs") / "set-aside" / f"{Path(account.source).stem}-{log.fingerprint[:8]}.parquet"
    files.write_parquet(path, account.rows_set_aside)
    return path
