"""`make bench`, `make bench-serving` and `make bench-neural`: benches, then their page. Exit 1 when
a bench fails or results that should be equal are not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

import page
from harness import ROOT, BenchFailed, Outcome, say


def main() -> int:
    """Run what was asked for. `--quick` is small and leaves no trace on the page."""
    names = [name for one in page.PAGES.values() for name in one.names]
    options = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Speed, memory and quality beside the peers, written to a page of docs.",
    )
    which = options.add_mutually_exclusive_group()
    which.add_argument(
        "--page",
        choices=page.PAGES,
        default="benchmarks",
        help="all benches of this page; without it, of benchmarks",
    )
    which.add_argument(
        "--only",
        choices=names,
        action="append",
        metavar="NAME",
        help=f"one of {', '.join(names)}; repeatable",
    )
    options.add_argument(
        "--quick",
        action="store_true",
        help="less data, fewer repeats, an epoch instead of all, nothing written",
    )
    asked = options.parse_args()
    run = asked.only or page.PAGES[asked.page].names
    failures = []
    for name in run:
        say(name)
        around = page.circumstances(name)
        try:
            outcome: Outcome = importlib.import_module(name.replace("-", "_")).run(asked.quick)
        except BenchFailed as failure:
            failures.append(name)
            say(f"  failed: {failure}")
            continue
        for verdict in outcome.verdicts:
            print(
                (
                    f"{name}: {verdict.what}: {verdict.measured} (target {verdict.target}) "
                    f"{page.said(verdict.met, verdict.target)}"
                ),
                flush=True,
            )
        if not asked.quick:
            place = next(one.results for one in page.PAGES.values() if name in one.names)
            place.mkdir(parents=True, exist_ok=True)
            told = outcome.as_json() | {"circumstances": around | {"load after": page.load()}}
            written = json.dumps(told, indent=1, ensure_ascii=False)
            (place / f"{name}.json").write_text(written, encoding="utf-8")
    for one in page.PAGES.values():
        if not asked.quick and set(one.names) & set(run):
            paths = [one.results / f"{name}.json" for name in one.names]
            found = [
                json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()
            ]
            one.path.write_text(page.render(one, found), encoding="utf-8")
            print(f"written: {one.path.relative_to(ROOT)}")
    if failures:
        say(f"failed: {', '.join(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
