"""A portrait of a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spadework import formatting
from spadework.apps import terminal
from spadework.apps.recipe_command import RecipeCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spadework.data.content import ItemContent
    from spadework.data.interactions import Interactions
    from spadework.diagnosis.finding import Finding
    from spadework.workbench.recipe import Recipe


@click.command(cls=RecipeCommand)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
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
    sources: tuple[str, ...],
    items: str | None,
    recipe: str | None,
    settings: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> int:
    """Read SOURCE and print what is in it: rows used and set aside, facts, how it would be split,
    findings. Nothing is fitted. Several files are one log.
    """
    from spadework.apps.recipe_options import recipe_of
    from spadework.diagnosis.checking import diagnose
    from spadework.diagnosis.portrait import facts
    from spadework.workbench.large.room import check_limit
    from spadework.workbench.large.sample import sample_of
    from spadework.workbench.recipe_texts import command_of
    from spadework.workbench.sources import choose_split, read_for

    parsed_recipe = recipe_of(sources, items=items, path=recipe, settings=settings)
    check_limit(parsed_recipe, "before anything is read,")  # a dig would refuse it
    with terminal.progress():
        log, content = read_for(parsed_recipe, parsed_recipe.source, None)
        # a cut copies rows, so of a log larger than memory a sample of users is cut
        split = choose_split(sample_of(log, parsed_recipe).log, parsed_recipe) if len(log) else None
        found = diagnose(log, content, split)
        log_facts = facts(log) | {"split": None if split is None else split.describe()}
    set_aside = _keep_set_aside(log)
    if as_json:
        account = {} if log.account is None else log.account.as_json()
        findings = [finding.as_json() for finding in found]
        terminal.print_json(
            {
                **account,
                "items": None if content is None else content.as_json(),
                "facts": log_facts,
                "findings": findings,
                "set_aside_file": None if set_aside is None else str(set_aside),
            }
        )
    else:
        text = _text(
            parsed_recipe,
            command_of(parsed_recipe),
            log,
            content,
            log_facts,
            found,
            set_aside,
        )
        click.echo(terminal.visible(text))
    return 1 if strict and any(finding.level == "blocker" for finding in found) else 0


def _source(recipe: Recipe) -> str:
    others = len(recipe.more or ())
    return recipe.source + (f" and {others} more" if others else "")


def _text(
    recipe: Recipe,
    again: str,
    log: Interactions,
    content: ItemContent | None,
    log_facts: dict[str, Any],
    found: Sequence[Finding],
    set_aside: Path | None,
) -> str:
    from spadework.apps.boards import findings_text
    from spadework.workbench.report.next_line import line_for

    source, settings = _source(recipe), recipe.model_dump(mode="json")
    account = log.account
    lines = []
    if account is not None:
        lines.append(f"{source}   {formatting.count(account.read, 'row')} → {account.used:,} used")
        if account.set_aside:
            reasons = " · ".join(f"{rows:,} {reason}" for reason, rows in account.set_aside.items())
            where = "" if set_aside is None else f"     see {set_aside}"
            lines.append(f"  set aside: {reasons}{where}")
        lines.append(
            "  columns: " + ", ".join(f"{role} = {name}" for role, name in account.columns.items())
        )
        if account.other_columns:
            lines.append("  not used: " + ", ".join(account.other_columns))
        lines += [f"  {remark}" for remark in account.remarks]
    lines += [f"  {remark}" for remark in (() if content is None else content.remarks)]
    span = (
        f"{log_facts['first'][:10]} … {log_facts['last'][:10]}"
        if log_facts["first"]
        else "no dates"
    )
    lines.append(
        f"{formatting.count(log_facts['users'], 'user')} · "
        f"{formatting.count(log_facts['items'], 'item')} · {span} · median "
        f"{log_facts['median_history']:.0f} interactions per user"
    )
    lines.append(
        f"{log_facts['repeat_share']:.0%} of the interactions are repeats · the top 1% of items "
        f"have {log_facts['head_share']:.0%} of the interactions"
    )
    lines.append(_split_text(log_facts["split"]))
    lines += _remarks_of(log_facts["split"])
    lines += [
        "",
        findings_text(
            [finding.as_json() for finding in found],
            lambda finding: line_for(finding, settings, "RUN"),
        ).rstrip()
        or "no findings",
        "",
        f"next: {again}",
    ]
    return "\n".join(lines)


def _split_text(split: dict[str, Any] | None) -> str:
    if split is None:
        return (
            "no user can be judged: no split of the log leaves users with both a history and "
            "later interactions"
        )
    judged = split["users"] - split["users_without_history"]
    repeated, cold = split["target_repeat_share"], split["cold_target_share"]
    return (
        f"a dig would judge {formatting.count(judged, 'user')} on "
        f"{split['split'].split(': ')[-1]}: {repeated:.0%} of their items are repeats, {cold:.0%} "
        "are items that no user had before"
    )


def _remarks_of(split: dict[str, Any] | None) -> list[str]:
    """What the cut leaks, and remarks on it."""
    if split is None:
        return []
    return [*([split["leak"]] if split["leak"] else []), *split["remarks"]]


def _keep_set_aside(log: Interactions) -> Path | None:
    """Rows set aside go to runs/set-aside, named by content, so a second look writes the same
    file.
    """
    account = log.account
    if account is None or account.rows_set_aside is None or not len(account.rows_set_aside):
        return None
    from spadework import files

    path = Path("runs") / "set-aside" / f"{Path(account.source).stem}-{log.fingerprint[:8]}.parquet"
    try:
        files.write_parquet(path, account.rows_set_aside)
    except OSError as error:  # such as a working folder that cannot be written
        click.echo(f"The rows set aside are not kept: {path}: {error.strerror or error}.", err=True)
        return None
    return path
