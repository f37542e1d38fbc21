"""Boards of runs next to each other."""

from __future__ import annotations

import click

from spadework.apps import terminal


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--pareto", is_flag=True, help="Only models that no other beats in both cost and quality."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(runs: tuple[str, ...], pareto: bool, as_json: bool) -> None:
    """The board of one RUN, or of several with differences paired user by user where they judged
    the same users.
    """
    from pathlib import Path

    from spadework import formatting
    from spadework.apps.boards import board_text
    from spadework.workbench.comparison import compare
    from spadework.workbench.report import outcome, run_facts
    from spadework.workbench.run import Run

    cut_short = [
        (run, sentence)
        for run in runs
        if not as_json and (sentence := outcome.cut_short(run_facts.read(Path(run))))
    ]
    if len(runs) == 1:
        board = Run(Path(runs[0])).board
        if as_json:
            terminal.print_json({"run": runs[0], **board})
        else:
            click.echo(
                "".join(f"{sentence}\n\n" for _, sentence in cut_short)
                + terminal.visible(board_text(board, pareto=pareto))
            )
        return
    comparison = compare([Path(run) for run in runs])
    if as_json:
        terminal.print_json(comparison)
        return
    for run, sentence in cut_short:
        click.echo(f"{run}: {sentence}")
    rows = []
    for row in comparison["rows"]:
        gap = row["difference"]
        paired = ""
        if gap:
            ends = formatting.interval(gap["interval"], sign=True)
            paired = f"{formatting.signed(gap['value'])} ({ends})"
        rows.append([row["run"], row["label"], formatting.score(row["value"]), paired])
    click.echo(f"{comparison['metric']}; differences to {comparison['against']}")
    click.echo(
        terminal.table(["run", "model", comparison["metric"], "difference (95%)"], rows, right=(2,))
    )
    for remark in comparison["remarks"]:
        click.echo(remark)
