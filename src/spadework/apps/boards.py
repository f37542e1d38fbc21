"""Boards and findings as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from spadework import durations, formatting
from spadework.apps.terminal import table

if TYPE_CHECKING:
    from spadework.evaluation.entries import Entry


def board_text(board: Mapping[str, Any], *, pareto: bool = False) -> str:
    """Heading, one line per model, failures included."""
    from spadework.evaluation.entries import read_all

    protocol = board["protocol"]
    primary = protocol.get("primary", "")
    entries = [
        entry for entry in read_all(board["scores"]) if not pareto or entry.pareto or not entry.done
    ]
    rows = [entry for entry in entries if entry.done]
    heading = protocol.get("heading", protocol.get("split", ""))
    text = f"{heading}\n{facts_line(protocol)}".rstrip() + "\n"
    if rows:
        text += f"\n{rows_table(rows, primary)}\n"
    choice = board.get("choice") or {}
    if choice.get("says") and choice.get("winner") == board.get("winner"):
        sentence = f"saved: {board['winner']}. {choice['says']}"
        labels = [entry.label for entry in (*entries, *read_all(board["validation"]))]
        text += formatting.with_labels(sentence, labels) + "\n"
    elif board.get("winner") and rows and board["winner"] != entries[0].label:
        text += f"chosen on validation: {formatting.label(board['winner'])}\n"
    text += "\n".join([*_without_numbers(entries), *_remarks(entries)])
    if protocol.get("leak"):
        text += f"\n{protocol['leak']}"
    if protocol.get("interrupted"):
        text += (
            "\nInterrupted: these are scores on the validation span, of the models that were "
            "finished."
        )
    return text


def _without_numbers(entries: Sequence[Entry]) -> list[str]:
    """One line per reason, with all models that share it."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if not entry.done:
            by_reason.setdefault((entry.state, entry.reason or ""), []).append(entry.label)
    return [
        f"{state}: {', '.join(labels)}. {reason}" for (state, reason), labels in by_reason.items()
    ]


def _remarks(entries: Sequence[Entry]) -> list[str]:
    """Remarks of models during fitting, each remark once."""
    by_remark: dict[str, list[str]] = {}
    for entry in entries:
        for remark in entry.remarks:
            own = remark.removeprefix(f"{entry.label}: ")
            by_remark.setdefault(own, []).append(_clipped(entry.label))
    return [f"remark: {', '.join(labels)}: {remark}" for remark, labels in by_remark.items()]


def rows_table(
    entries: Sequence[Entry],
    primary: str,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """One line per finished model; `marks` maps labels to the word next to them, such as saved."""
    head, right = ["rank", "model", primary, "95%", "fit", "answer", "memory"], (0, 2, 4, 5, 6)
    rows = [_row(entry, primary) for entry in entries]
    spare = (6, 5, 3, 4)
    if any(entry.label in marks for entry in entries):
        head.append("")
        rows = [
            [*row, marks.get(entry.label, "")] for row, entry in zip(rows, entries, strict=True)
        ]
    return table(head, rows, right=right, spare=spare)


def _row(entry: Entry, primary: str) -> list[str]:
    return [
        "" if entry.rank is None else str(entry.rank),
        _clipped(entry.label),
        formatting.score(entry.value(primary)),
        "" if entry.interval is None else formatting.interval(entry.interval),
        _seconds(entry.fit_seconds),
        _seconds(entry.recommend_seconds),
        "" if entry.memory_mib is None else f"{entry.memory_mib:,.0f} MiB",
    ]


def facts_line(protocol: Mapping[str, Any]) -> str:
    """Facts that explain the numbers: repeats, cold targets, new users."""
    parts = []
    if protocol.get("target_repeat_share") is not None:
        parts.append(f"{protocol['target_repeat_share']:.0%} of the targets are repeats")
        parts.append(f"{protocol['cold_target_share']:.1%} are items that no model knows (misses)")
        parts.append(
            f"judged separately: {formatting.count(protocol['users_without_history'], 'user')} "
            "without history"
        )
    return "; ".join(parts)


def findings_text(
    findings: Sequence[Mapping[str, Any]], line: Callable[[Mapping[str, Any]], str] | None = None
) -> str:
    """One line per finding, a second with the advice, a third to type; findings that need no
    action share a line.

    `line` makes the third line of a finding, for a known log and run; without it, the line holds
    the words SOURCE and RUN.
    """
    no_action = [
        finding["code"]
        for finding in findings
        if finding["level"] == "note" and finding.get("unit") in ("share", "metric")
    ]
    lines = []
    for finding in findings:
        if finding["code"] in no_action:
            continue
        lines.append(f"{finding['level']:<7}  {finding['code']:<7}  {finding['says']}")
        lines += [f"                  → {finding['advice']}"] if finding["advice"] else []
        command = finding.get("command") if line is None else line(finding)
        lines += [f"                  $ {command}"] if command else []
    if no_action:
        lines.append(
            f"note     {len(no_action)} other checks need no action: {', '.join(no_action)}"
        )
        lines.append(
            "                  → They are in the report, under Findings, and in findings.json."
        )
    return "\n".join(lines) + "\n\n" if lines else ""


def _seconds(value: float | None) -> str:
    return "" if value is None else durations.words(value)


def _clipped(label: str) -> str:
    """A label cut to leave room for numbers; the full label is in the report and in --json."""
    return formatting.label(label, 48)
