"""The page docs/budgets.md, from what `budgets.py` left: each number to reach, with its target, and
whether it was met.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from budget_logs import FAMILIES, LOGS
from budgets import GROCERY, LAST_BUILD, PARTS, PEER, Where
from data import FOLDER
from harness import OURS, BenchFailed, Verdict, worker
from page import said
from prose import wrapped

INTRODUCTION = """# What a budget buys

Written by `python bench/budgets.py all` and `python bench/budgets.py tell`; do not edit. Each dig
is a process of its own: `spadework dig … --budget B` as a user types it, timed from its start to
its end. Regret is 1 − ndcg@10 on the test span of the winner / the same of the winner of 15
minutes; below zero, the shorter dig won. Warm: the compiled code is there, from `doctor --warm`.
Busy: two processes beside it that only keep processors busy. Cold: an empty folder for compiled
code. Settings are those with a score, on the validation span or on the test span.
"""
Found = dict[str, Any]


class Read:
    """The results that are there."""

    def __init__(self, where: Where) -> None:
        self.where = where

    def of(self, name: str) -> Found | None:
        """A result by its name."""
        path = self.where.results / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def peer(self, log: str) -> Found | None:
        """What kindling did."""
        path = PEER / f"{log}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def dig(self, log: str, budget: str, around: str = "warm", build: str = "") -> Found | None:
        """A cell."""
        return self.of("-".join((log, budget, around, *([build] if build else []))))

    def regret(self, log: str, budget: str, around: str = "warm") -> float | None:
        """Regret beside the dig of 15 minutes; one where nothing won."""
        here, there = self.dig(log, budget, around), self.dig(log, "15m")
        if here is None or there is None or not there["ndcg"]:
            return None
        return float(1 - (here["ndcg"] or 0.0) / there["ndcg"])

    def compare(self, these: str, those: str, mean: float | None) -> Found | None:
        """The paired difference of two kept values, or what it was when both were at hand; None
        where their users differ, or where it is of another dig than that whose mean is given.
        """
        path = self.where.results / "pairs" / f"{Path(these).stem}-{Path(those).stem}.json"
        if Path(these).exists() and Path(those).exists():
            try:
                compared = dict(worker(OURS, "budget_cut", "compare", these, those)().answer)
            except BenchFailed:
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(compared), encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        same = found is not None and mean is not None and abs(found["these"] - mean) < 1e-6
        return found if same else None


def render(where: Where) -> str:
    """The whole page."""
    read = Read(where)
    parts = [
        _regrets(read),
        _cold(read),
        _sessions(read),
        _kindling(read),
        _verdicts(read),
        _overrun(read),
        _default(read),
    ]
    lines = [INTRODUCTION, "| what | measured | target | |", "|---|---|---|---|"]
    for verdicts, _ in parts:
        lines += [
            (
                f"| {one.what} | {one.measured} | {one.target} | "
                f"{said(one.met, one.target) if one.met is not None else 'not measured in full'} |"
            )
            for one in verdicts
        ]
    lines += [f"| {one} |" for one in _twenty(where)]
    lines += [
        "",
        "## The logs",
        "",
        "| log | cut | rows to learn from | users | repeats |",
        "|---|---|---|---|---|",
    ]
    for log, about in LOGS.items():
        cut = (read.peer(log) or {}).get("cut")
        told = f"{cut['rows']:,} | {cut['users']:,} | {cut['repeats']}" if cut else "– | – | –"
        lines.append(f"| {log} | {about.cut} | {told} |")
    for _, section in parts:
        lines += ["", *section]
    return wrapped("\n".join([*lines, "", *_circumstances(read)]) + "\n")


Part = tuple[list[Verdict], list[str]]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}".replace("-", "−")


def _within(what: str, found: Sequence[float | None], middle: float, worst: float) -> list[Verdict]:
    """Median and worst of the logs; judged only where all logs were dug."""
    known = [one for one in found if one is not None]
    made = []
    for how, target, take in (("median", middle, statistics.median), ("worst", worst, max)):
        value = take(known) if known else None
        met = None if len(known) < len(found) or value is None else value <= target
        if value is not None and value > target and how == "worst":
            met = False  # one log is enough to miss it
        made.append(
            Verdict(f"{what}, {how} of {len(known)} logs", _percent(value), f"≤ {target:.0%}", met)
        )
    return made


def _regrets(read: Read) -> Part:
    lines = [
        "## Regret",
        "",
        "| log | winner of 15 min | ndcg@10 | winner of 60 s | regret | busy: winner | regret |",
        "|---|---|---|---|---|---|---|",
    ]
    for log in LOGS:
        whole, short, busy = (
            read.dig(log, "15m"),
            read.dig(log, "60s"),
            read.dig(log, "60s", "busy"),
        )
        cells = [
            _winner(whole),
            _number(whole),
            _winner(short),
            _percent(read.regret(log, "60s")),
            _winner(busy),
        ]
        lines.append(
            f"| {log} | {' | '.join(cells)} | {_percent(read.regret(log, '60s', 'busy'))} |"
        )
    warm, busy_all = (
        [read.regret(log, "60s", around) for log in LOGS] for around in ("warm", "busy")
    )
    return [
        *_within("regret at 60 s", warm, 0.03, 0.1),
        *_within("regret at 60 s beside two busy loops", busy_all, 0.05, 0.15),
    ], lines


def _winner(found: Found | None) -> str:
    return "–" if found is None else f"`{found['winner']}`"


def _number(found: Found | None) -> str:
    return "–" if found is None or found["ndcg"] is None else f"{found['ndcg']:.4f}"


def _cold(read: Read) -> Part:
    lines = [
        "## Cold",
        "",
        "| log | settings warm | cold | ratio | regret cold |",
        "|---|---|---|---|---|",
    ]
    ratios = []
    for log in LOGS:
        warm, cold = read.dig(log, "60s"), read.dig(log, "60s", "cold")
        both = warm is not None and cold is not None
        ratio = (
            cold["judged"] / max(warm["judged"], 1)
            if warm is not None and cold is not None
            else None
        )
        ratios.append(ratio)
        counts = (
            f"{warm['judged']} | {cold['judged']} | {ratio:.2f}"
            if both and warm and cold
            else "– | – | –"
        )
        lines.append(f"| {log} | {counts} | {_percent(read.regret(log, '60s', 'cold'))} |")
    known = [one for one in ratios if one is not None]
    low = min(known, default=None)
    met = None if low is None or (len(known) < len(ratios) and low >= 0.8) else low >= 0.8
    return [
        Verdict(
            f"settings judged in 60 s cold / warm, least of {len(known)} logs",
            "–" if low is None else f"{low:.2f}",
            "≥ 0.8",
            met,
        )
    ], lines


def _sessions(read: Read) -> Part:
    found, regret = read.dig("sessions", "2m"), read.regret("sessions", "2m")
    lines = ["## Sessions", "", "| family | models with a score within 2 min |", "|---|---|"]
    if found is None:
        return [Verdict("sessions, 2 min: families on the board", "–", "all three", None)], lines
    there = {
        family: [one for one in found["models"] if one in names]
        for family, names in FAMILIES.items()
    }
    lines += [f"| {family} | {', '.join(names) or 'none'} |" for family, names in there.items()]
    on = sum(map(bool, there.values()))
    return [
        Verdict(
            "sessions, 2 min: families on the board",
            f"{on} of {len(there)}",
            "all three",
            on == len(there),
        ),
        Verdict(
            "sessions, 2 min: regret",
            _percent(regret),
            "≤ 3%",
            None if regret is None else regret <= 0.03,
        ),
    ], lines


def _kindling(read: Read) -> Part:
    head = (
        "| log | 60 s: winner | ndcg@10 | kindling-rec | its fit, its answers | its order | the "
        "winner is above it by |"
    )
    lines = ["## Beside kindling-rec at its defaults", "", head, "|---|---|---|---|---|---|---|"]
    above = sure = known = 0
    for log in LOGS:
        ours, theirs = read.dig(log, "60s"), read.peer(log)
        if theirs is None or theirs["best"] is None:
            why = (
                "; ".join(f"{order}: {one['stopped']}" for order, one in theirs["tried"].items())
                if theirs
                else "not measured"
            )
            lines.append(f"| {log} | {_winner(ours)} | {_number(ours)} | {why} | | | |")
            continue
        peer = theirs["tried"][theirs["best"]]
        others = [
            f"{order} {one['metrics']['ndcg@10']:.4f}"
            for order, one in theirs["tried"].items()
            if "metrics" in one and order != theirs["best"]
        ]
        told = "–"
        gap = (
            read.compare(
                str(read.where.kept / f"{log}-60s-warm.npz"),
                str(FOLDER / "kindling" / f"{log}.npz"),
                ours["ndcg"],
            )
            if ours
            else None
        )
        if gap is not None:
            known, above, sure = (
                known + 1,
                above + (gap["value"] > 0),
                sure + (gap["interval"][0] > 0),
            )
            told = f"{gap['value']:+.4f} ({gap['interval'][0]:+.4f} … {gap['interval'][1]:+.4f})"
        order = theirs["best"] + (f" ({', '.join(others)})" if others else "")
        fit = (
            f"{peer['fit_seconds']:.0f} s, {peer['answer_seconds']:.0f} s, load "
            f"{peer['circumstances']['load']}"
        )
        lines.append(
            f"| {log} | {_winner(ours)} | {_number(ours)} | "
            f"{peer['metrics']['ndcg@10']:.4f} | {fit} | {order} | {told} |"
        )
    lines += [
        "",
        "Its rows are those of our cut, ids as text, baskets as sessions where there are baskets. "
        "Order is told in each way that its contract takes, and the one that serves it best on "
        "the test span counts: dates; the same as whole seconds; places in the user's own "
        "sequence, as numbers or as days; or the order of rows alone. Where repeats are "
        "forbidden, its own switch for them is off. Users without a list count as misses.",
    ]
    whole = known == len(LOGS)
    return [
        Verdict(
            "winner at 60 s above kindling-rec",
            f"{above} of {known} logs",
            "all eight",
            above == known if whole else False if above < known else None,
        ),
        Verdict(
            "the same, with an interval",
            f"{sure} of {known} logs",
            "at least six",
            sure >= 6 if whole or sure >= 6 else None,
        ),
    ], lines


def kind_of(verdict: str | None) -> str:
    """What a verdict says, in the first words of its own sentence, after the one about repeats;
    `undecided` and `cannot tell` contradict nothing.
    """
    if verdict is None:
        return "none"
    head = verdict.split(":")[0].split(". ")[-1].strip()
    return "undecided" if re.search(r"undecided|cannot tell", head, re.IGNORECASE) else head


def _verdicts(read: Read) -> Part:
    cells = [(budget, around) for budget in ("60s", "3m", "10m") for around in ("warm", "cold")]
    lines = [
        "## The verdict",
        "",
        "| log | " + " | ".join(f"{b} {a}" for b, a in cells) + " | |",
        "|---|" + "---|" * (len(cells) + 1),
    ]
    against, whole = [], 0
    for log in LOGS:
        found = [read.dig(log, budget, around) for budget, around in cells]
        kinds = ["–" if one is None else kind_of(one["verdict"]) for one in found]
        decided = {kind for kind in kinds if kind not in ("–", "undecided", "none")}
        whole += all(one is not None for one in found)
        against += [log] if len(decided) > 1 else []
        told = "contradiction" if len(decided) > 1 else "no contradiction" if decided else ""
        lines.append(f"| {log} | {' | '.join(kinds)} | {told} |")
    met = False if against else True if whole == len(LOGS) else None
    return [
        Verdict(
            f"VER-1 over six digs of each log ({whole} logs whole)",
            f"{len(against)} contradictions",
            "none",
            met,
        )
    ], lines


def _overrun(read: Read) -> Part:
    asked = ("30s", "60s", "3m", "10m")
    lines = ["## Overrun", "", "| log | " + " | ".join(asked) + " |", "|---|" + "---|" * len(asked)]
    over, known = [], 0
    for log in LOGS:
        cells = []
        for budget in asked:
            found = read.dig(log, budget)
            cells.append("–" if found is None else f"{found['seconds']:.0f} s")
            known += found is not None
            over += (
                [f"{log} {budget}"]
                if found is not None and found["seconds"] > 1.1 * _seconds(found["budget"]) + 5
                else []
            )
        lines.append(f"| {log} | {' | '.join(cells)} |")
    met = False if over else True if known == len(asked) * len(LOGS) else None
    lines += [
        "",
        f"Too long: {', '.join(over)}."
        if over
        else "Whole seconds of the process, imports and reading included.",
    ]
    lines[-1] += (
        " Digs of 3 and 10 minutes were made two at a time, each on one of two processors, with "
        "tests and type checks at a low priority beside them. Labels are those of the build that "
        "dug: some parameters have other names today."
    )
    return [
        Verdict(
            "seconds of the process ≤ 1.1 × budget + 5 s",
            f"{known - len(over)} of {known} digs",
            "all",
            met,
        )
    ], lines


def _seconds(budget: str) -> float:
    return float(budget[:-1]) * {"s": 1, "m": 60}[budget[-1]]


def _row(who: str, found: Found | None) -> str:
    if found is None:
        return f"| {who} | – | – | – | – | – | – |"
    load = f"{found['circumstances']['load']} … {found['circumstances']['load after']}"
    if "peak_mib" not in found:  # its cell was lost, but for what the run had printed
        load = "not kept"
    peak = f"{found['peak_mib']:,.0f}" if "peak_mib" in found else "not kept"
    return (
        f"| {who} | {found['seconds']:.0f} s | {load} | {found['judged']} | "
        f"{peak} | `{found['winner']}` | {_number(found)} |"
    )


def _default(read: Read) -> Part:
    """The default dig of the grocery log, beside the build before: seconds, settings, memory and
    winner.
    """
    here, last = read.dig(GROCERY, "default"), read.dig(GROCERY, "default", build="last")
    lines = [
        "## `make dig`, until it ends",
        "",
        "| who | seconds | load | settings | peak MiB | winner | ndcg@10 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row("this build", here), _row(f"the build before ({LAST_BUILD})", last)]
    if here is None:
        return [
            Verdict(
                "the default dig of the grocery log", "–", "300 settings, ≤ 5 min, ≤ 3 GB", None
            )
        ], lines
    kept = read.where.kept
    gap = read.compare(
        str(kept / f"{GROCERY}-default-warm.npz"),
        str(kept / f"{GROCERY}-default-warm-last.npz"),
        here["ndcg"],
    )
    if gap is not None:
        lines += ["", f"The winner is above the other by {_gap(gap)}."]
    ratio = here["seconds"] / last["seconds"] if last is not None else None
    return [
        Verdict(
            "settings judged by the default dig of the grocery log",
            str(here["judged"]),
            "≥ 300",
            here["judged"] >= 300,
        ),
        Verdict("its seconds", f"{here['seconds']:.0f} s", "≤ 300 s", here["seconds"] <= 300),
        Verdict(
            "its memory", f"{here['peak_mib']:,.0f} MiB", "≤ 3,072 MiB", here["peak_mib"] <= 3072
        ),
        Verdict(
            "its seconds / those of the build before",
            "–" if ratio is None else f"{ratio:.2f} ×",
            "≤ 0.6 ×",
            None if ratio is None else ratio <= 0.6,
        ),
        Verdict(
            "its winner beside the build before",
            _gap(gap),
            "same or better",
            None if gap is None else gap["interval"][1] >= 0,
        ),
    ], lines


def _gap(gap: Found | None) -> str:
    return (
        "–"
        if gap is None
        else f"{gap['value']:+.4f} ({gap['interval'][0]:+.4f} … {gap['interval'][1]:+.4f})"
    )


def _twenty(where: Where) -> Iterator[str]:
    """The rows of the bench on twenty million rows, which `run.py --only dig-20m` makes."""
    path = where.results / "dig-20m.json"
    if path.exists() and not where.quick:
        for one in json.loads(path.read_text(encoding="utf-8"))["verdicts"]:
            yield (
                f"20 M rows: {one['what']} | {one['measured']} | {one['target']} | "
                f"{said(one['met'], one['target'])}"
            )


def _circumstances(read: Read) -> list[str]:
    """Machine, dates, versions and load of all cells that are there."""
    names = dict.fromkeys(
        cell.name for part in PARTS.values() for log in LOGS for cell in part(log)
    )
    found = [one for one in map(read.of, names) if one is not None]
    if not found:
        return ["No dig was made yet."]
    around = [one["circumstances"] for one in found]
    dates, machines = (
        sorted({one["date"] for one in around}),
        sorted({one["machine"] for one in around}),
    )
    loads = [
        (one["circumstances"]["load"], one["circumstances"]["load after"])
        for one in found
        if one["around"] != "busy" and "peak_mib" in one
    ]
    versions = "; ".join(
        dict.fromkeys(
            ", ".join(f"{name} {number}" for name, number in one["versions"].items())
            for one in around
        )
    )
    commits = ", ".join(dict.fromkeys(one["commit"] for one in found if one["build"] == "here"))
    busy = (
        (
            f"load when a dig began {min(a for a, _ in loads)} to {max(a for a, _ in loads)}, "
            f"when it ended up to {max(b for _, b in loads)}"
        )
        if loads
        else ""
    )
    return [
        (
            f"{len(found)} digs, {dates[0]} to {dates[-1]}; {'; '.join(machines)}; {busy}; "
            f"Python {around[0]['python']}, {versions}; source {commits}."
        )
    ]
