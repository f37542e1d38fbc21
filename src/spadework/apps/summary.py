"""What a dig prints: the result, the best models next to the baselines, what was left out, and what
to type next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spadework import formatting
from spadework.apps.boards import facts_line, findings_text, rows_table
from spadework.evaluation.entries import Entry
from spadework.json_values import Map, as_map, as_number, as_text
from spadework.workbench.report import outcome
from spadework.workbench.report.next_line import line_for
from spadework.workbench.report.run_facts import RunFacts

MOST = 10
"""Models of the board that are shown; the baselines and the saved models follow below them."""
MOST_REMARKS = 20
BASELINES = ("popular", "popular(window=7d)", "random")
_PAYS = ("The excavator may pay", "A transformer is worth")


def summary_text(facts: RunFacts, folder: Path, larger: str = "") -> str:
    """All that is printed of a finished run; `larger` is the command with a sufficient budget,
    where there is one.
    """

    def line(finding: Map) -> str:
        return line_for(finding, as_map(facts.recipe.get("recipe")), str(folder))

    parts = [
        outcome.cut_short(facts),
        "\n".join([_rows(facts, folder), *remark_lines(facts.remarks)]).strip("\n"),
        "\n".join(_choice(facts)),
        findings_text(facts.findings, line).rstrip(),
    ]
    parts += [
        _board(facts),
        "\n".join(_without_a_score(facts)),
        "\n".join(_next(facts, folder, larger)),
    ]
    return "\n\n".join(part for part in parts if part)


def shown_rows(facts: RunFacts) -> tuple[list[Entry], int]:
    """The best rows of the board, then baselines and saved models further down, in the board's
    order; and how many are not shown.
    """
    scored = facts.scored
    wanted = {*BASELINES, *outcome.marks(facts)}
    shown = [row for index, row in enumerate(scored) if index < MOST or row.label in wanted]
    return shown, len(scored) - len(shown)


def _rows(facts: RunFacts, folder: Path) -> str:
    rows = as_map(facts.data.get("rows"))
    read, used = as_number(rows.get("read")), as_number(rows.get("used"))
    if read is None or used is None:
        return ""
    set_aside = folder / "set_aside.parquet"
    return f"{formatting.count(read, 'row')} → {used:,.0f} used" + (
        f"     see {set_aside}" if set_aside.exists() else ""
    )


def remark_lines(remarks: Sequence[str]) -> list[str]:
    """The remarks as lines, the first of very many."""
    more = len(remarks) - MOST_REMARKS
    lines = [f"  {remark}" for remark in remarks[:MOST_REMARKS]]
    return lines + (
        [f"  … {formatting.count(more, 'more remark')} in the report"] if more > 0 else []
    )


def _choice(facts: RunFacts) -> Iterator[str]:
    """The models that are saved, with the reason."""
    served, best = outcome.winner(facts), outcome.best(facts)
    names = formatting.labels([served, best, *(label for _, label in outcome.saved(facts))])
    row = next((row for row in facts.board if row.label == served and row.done), None)
    if row is not None:
        value, ends = row.value(facts.primary), row.interval
        yield f"saved    {names[served]}: {facts.primary} {formatting.score(value)}" + (
            f" ({formatting.interval(ends)})" if ends else ""
        )
    elif served:
        yield f"saved    {names[served]}: no score on the test span"
    if best != served:
        yield f"best     {names[best]}, by value on validation"
    why = formatting.with_labels(outcome.why(facts), [served, best, *outcome.tied(facts)])
    yield from (f"         {text}" for text in (why, outcome.not_above_popular(facts)) if text)
    yield from (
        f"saved    {names[label]}: {name[:1].lower()}{name[1:]}"
        for name, label in outcome.saved(facts)[1:]
    )


def _board(facts: RunFacts) -> str:
    shown, more = shown_rows(facts)
    if not shown:
        return "No model has a score."
    protocol: dict[str, Any] = dict(facts.protocol)
    text = f"{as_text(protocol.get('heading')) or facts.primary}\n{facts_line(protocol)}".rstrip()
    text += f"\n\n{rows_table(shown, facts.primary, outcome.marks(facts))}"
    return text + (f"\n… {more} more in the report" if more else "")


def _without_a_score(facts: RunFacts) -> Iterator[str]:
    """One line for what had no time, one for each other reason, and what a reader of the numbers
    must know.
    """
    no_time, validation_only = (
        outcome.no_time_sentence(facts),
        outcome.validation_only_sentence(facts),
    )
    if no_time:
        yield no_time
    if validation_only:
        yield f"{validation_only} The report lists them."
    yield from outcome.other_reasons(facts)
    leak, budget = as_text(facts.protocol.get("leak")), as_map(facts.scores.get("budget"))
    if leak:
        yield leak
    if facts.interrupted:
        yield (
            "Interrupted: these are scores on the validation span, of the models that were "
            "finished."
        )
    if budget.get("ended") in ("done", "asked") and not outcome.cut_short(facts):
        yield as_text(budget.get("says"))
    reused = outcome.reused_sentence(facts)
    if reused:
        yield reused


def _next(facts: RunFacts, folder: Path, larger: str) -> Iterator[str]:
    yield f"report   {folder / 'report.html'}"
    yield f"next     spadework recommend {folder} --out recommendations.parquet"
    if larger:
        yield f"         {larger}"
    verdict = next((found for found in facts.findings if found.get("code") == "VER-1"), {})
    if as_text(verdict.get("says")).startswith(_PAYS) and not outcome.cut_short(facts):
        yield f"         spadework train {folder}"
