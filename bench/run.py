"""`make bench`: every bench, then docs/benchmarks.md. Exit 1 when a bench fails or results that should be equal are not."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

import page
from harness import BENCH, ROOT, BenchFailed, Outcome, say

NAMES = (
    "startup",
    "metrics",
    "reading",
    "cosine",
    "recommend",
    "ease",
    "factors",
    "sparse",
    "baskets",
    "people",
    "together",
    "growth",
    "report",
    "diagnosis",
    "dig",
    "dig-20m",
)
RESULTS = BENCH / "results"
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run what was asked for. `--quick` is small and leaves no trace on the page."""
    options = argparse.ArgumentParser(prog="bench/run.py", description="Speed and memory beside the peers, written to docs/benchmarks.md.")
    options.add_argument("--only", choices=NAMES, action="append", metavar="NAME", help=f"one of {', '.join(NAMES)}; repeatable")
    options.add_argument("--quick", action="store_true", help="a tenth of the data, fewer repeats, nothing written")
    asked = options.parse_args()
    failures = []
    for name in asked.only or NAMES:
        say(name)
        around = page.circumstances()
        try:
            outcome: Outcome = importlib.import_module(name.replace("-", "_")).run(asked.quick)
        except BenchFailed as failure:
            failures.append(name)
            say(f"  failed: {failure}")
            continue
        for verdict in outcome.verdicts:
            print(f"{name}: {verdict.what}: {verdict.measured} (target {verdict.target}) {page.said(verdict.met)}", flush=True)
        if not asked.quick:
            RESULTS.mkdir(exist_ok=True)
            written = json.dumps(outcome.as_json() | {"circumstances": around}, indent=1, ensure_ascii=False)
            (RESULTS / f"{name}.json").write_text(written, encoding="utf-8")
    if not asked.quick:
        found = [json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS / f"{name}.json" for name in NAMES) if path.exists()]
        PAGE.write_text(page.render(found), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    if failures:
        say(f"failed: {', '.join(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
