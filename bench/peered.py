"""Two results of workers, compared in a process of its own, so that the bench itself stays
small.
"""

from __future__ import annotations

from pathlib import Path

from harness import OURS, BenchFailed, Series, Verdict, say, worker


def check_agreement(what: str, ours: Path, theirs: Path, tolerance: float) -> str:
    """Raise BenchFailed where two files of numbers differ by more than the tolerance; else say by
    how much they do.
    """
    found = worker(OURS, "agreement", ours, theirs)().answer
    if not found["largest"] <= tolerance:
        raise BenchFailed(
            f"{what}: results differ by {found['largest']:.3g}, more than {tolerance:g}."
        )
    if not found["filled"] > 0:
        raise BenchFailed(f"{what}: there is nothing to compare.")
    said = f"{what}: results differ by {found['largest']:.1g} at most"
    say(f"  {said}")
    return said


def ratio(what: str, ours: Series, theirs: Series, target: float, unit: str) -> Verdict:
    """Our median time over theirs."""
    value = ours.median / theirs.median
    return Verdict(what, f"{value:.3f} ×", f"≤ {target} × {unit}", value <= target)
