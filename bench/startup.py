"""How long the command and the package take to be there."""

from __future__ import annotations

from harness import OURS, Contender, Outcome, Verdict, in_turn, process, seconds

NAME = "startup"
HELP_TARGET, IMPORT_TARGET = 0.25, 0.10


def run(quick: bool) -> Outcome:
    """Whole processes, the interpreter's own start included; the bare interpreter stands beside for
    comparison.
    """
    contenders: dict[str, Contender] = {
        "spadework --help": lambda: process([OURS.parent / "spadework", "--help"]),
        "python -c 'import spadework'": lambda: process([OURS, "-c", "import spadework"]),
        "python -c pass": lambda: process([OURS, "-c", "pass"]),
    }
    series = in_turn(contenders, 5 if quick else 15)
    limits = (HELP_TARGET, IMPORT_TARGET)
    verdicts = [
        Verdict(one.label, seconds(one.median), f"≤ {limit:.2f} s", one.median <= limit)
        for one, limit in zip(series, limits, strict=False)
    ]
    return Outcome(
        NAME,
        "Start",
        verdicts,
        series,
        ["Whole processes from start to end, the interpreter's own start included."],
    )
