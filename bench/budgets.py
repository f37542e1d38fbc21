"""What a budget buys: `python bench/budgets.py WHAT [--log NAME]… [--quick]`, then `python
bench/budgets.py tell > docs/budgets.md`.

Each dig is a cell: a log, a budget, what is beside it (`warm`: nothing; `busy`: two busy loops;
`cold`: no compiled code), and whose source it runs. A cell is one process and one JSON in
bench/kept/budgets, written as it ends; one that is there is not run again without `--again`. So
what several parts ask for is dug once, and a stopped bench goes on. All parts on all logs take
about seven hours.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import page
from budget_logs import LOGS, recipe_of, settings_of
from data import FOLDER, DataAbsent
from environments import PeerUnavailable, interpreter
from harness import BENCH, OURS, ROOT, WORKERS, BenchFailed, process, say, worker

LAST_BUILD = "fe6e110"
"""The build before budgets were planned."""
LOOPS = 2
KEPT = BENCH / "kept"
"""Results that stay in git: seven hours of digs are made in several goes."""
PEER = KEPT / "kindling"
PEER_LIMIT = 360.0
"""Seconds after which kindling is stopped, unless asked otherwise."""


@dataclass(frozen=True)
class Where:
    """Where results stand: a quick run leaves no trace on the page."""

    quick: bool = False

    @property
    def results(self) -> Path:
        """JSON of each cell."""
        return BENCH / "results" / "budgets-quick" if self.quick else KEPT / "budgets"

    @property
    def kept(self) -> Path:
        """Run folders without their models, and each user's values."""
        return FOLDER / ("budgets-quick" if self.quick else "budgets")


@dataclass(frozen=True)
class Cell:
    """One dig."""

    log: str
    budget: str  # such as 60s; "default" asks for none
    around: str = "warm"
    build: str = "here"  # or "last"

    @property
    def name(self) -> str:
        """Its file's name."""
        return "-".join(
            (self.log, self.budget, self.around, *([] if self.build == "here" else [self.build]))
        )


Cells = Callable[[str], list[Cell]]
GROCERY = "grocery"
PARTS: dict[str, Cells] = {
    "reference": lambda log: [Cell(log, "15m")],
    "minute": lambda log: [Cell(log, "60s")],
    "busy": lambda log: [Cell(log, "60s", "busy")],
    "cold": lambda log: [Cell(log, "60s", "cold")],
    "sessions": lambda log: [Cell(log, "2m")] if log == "sessions" else [],
    "verdicts": lambda log: [
        Cell(log, budget, around) for budget in ("60s", "3m", "10m") for around in ("warm", "cold")
    ],
    "overrun": lambda log: [Cell(log, budget) for budget in ("30s", "60s", "3m", "10m")],
    "default": lambda log: (
        [Cell(log, "default"), Cell(log, "default", build="last")] if log == GROCERY else []
    ),
}
"""Which cells each part needs of a log."""
SIDE_BY_SIDE = ("default",)
"""Parts whose seconds are held against each other: where one cell is missing all are dug anew, one
after the other, so no old load is compared.
"""


# ---- a dig


def tree_of(build: str, tree: Path) -> Path:
    """The source tree of a build; the last one is checked out beside the data when it is absent."""
    if build == "here":
        return tree
    folder = FOLDER / f"build-{LAST_BUILD}"
    if not folder.exists():
        say(f"  checking out {LAST_BUILD}")
        process(["git", "worktree", "add", "--force", "--detach", folder, LAST_BUILD])
    return folder


@contextlib.contextmanager
def beside(loops: int) -> Iterator[None]:
    """So many processes that only keep a processor busy."""
    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def command_of(cell: Cell, folder: Path, budget: str) -> list[str | Path]:
    """The dig as a user types it."""
    asked = [] if budget == "default" else ["--budget", budget]
    return [
        OURS,
        "-m",
        "spadework",
        "dig",
        *settings_of(cell.log),
        "--run",
        folder,
        *asked,
        "--json",
    ]


def warm_up(cell: Cell, where: Where, tree: Path) -> None:
    """Compiled code: `doctor --warm`; a build that lacks it digs once, uncounted. Once for each log
    and source.
    """
    stamp = where.kept / f"warm-{cell.log}-{_mark(tree)}"
    if stamp.exists():
        return
    say(f"  {cell.log}: warm-up")
    environment = {"PYTHONPATH": str(tree / "src")}
    if (tree / "src" / "spadework" / "workbench" / "warming.py").exists():
        process([OURS, "-m", "spadework", "doctor", "--warm"], environment=environment)
    else:
        with tempfile.TemporaryDirectory() as folder:
            process(
                command_of(cell, Path(folder) / "run", "15s" if where.quick else "60s"),
                environment=environment,
            )
    stamp.touch()


def dig(cell: Cell, where: Where, tree: Path) -> dict[str, Any]:
    """Run a cell and tell what came of it."""
    source = tree_of(cell.build, tree)
    folder = where.kept / cell.name
    shutil.rmtree(folder, ignore_errors=True)
    if cell.around != "cold":
        warm_up(cell, where, source)
    budget = ("30s" if cell.budget == "15m" else "15s") if where.quick else cell.budget
    around = page.circumstances("dig")
    with tempfile.TemporaryDirectory() as empty, beside(LOOPS if cell.around == "busy" else 0):
        cold = (
            {"SPADEWORK_CACHE_DIR": empty, "NUMBA_CACHE_DIR": empty}
            if cell.around == "cold"
            else {}
        )
        done = process(
            command_of(cell, folder, budget),
            environment={"PYTHONPATH": str(source / "src"), **cold},
        )
    shutil.rmtree(folder / "models", ignore_errors=True)
    told: dict[str, Any] = {
        "log": cell.log,
        "budget": budget,
        "around": cell.around,
        "build": cell.build,
        **commit(source),
    }
    told |= {
        "seconds": done.seconds,
        "cpu_seconds": done.cpu_seconds,
        "peak_mib": done.peak_mib,
        **facts_of(folder),
    }
    if told["ndcg"] is not None:
        worker(OURS, "budget_cut", "keep", folder, where.kept / f"{cell.name}.npz")()
    return told | {"circumstances": around | {"load after": page.load()}}


def facts_of(folder: Path) -> dict[str, Any]:
    """Winner, its metric on the test span, how many settings have a score, which models those are
    of, and the verdict.
    """
    board = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    done = {
        entry["label"]: entry["model"]
        for entry in [*board["validation"], *board["scores"]]
        if entry["state"] == "done"
    }
    entry = next(
        (
            one
            for one in board["scores"]
            if one["label"] == board["winner"] and one["state"] == "done"
        ),
        None,
    )
    findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    verdict = next((one["says"] for one in findings if one["code"] == "VER-1"), None)
    return {
        "winner": board["winner"],
        "best": board.get("best"),
        "ndcg": None if entry is None else entry["metrics"]["ndcg@10"],
        "interval": None if entry is None else entry["interval"],
        "judged": len(done),
        "tested": sum(one["state"] == "done" for one in board["scores"]),
        "models": sorted(set(done.values())),
        "verdict": verdict,
    }


def commit(tree: Path) -> dict[str, str]:
    """Which source this is; a changed tree says so."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=9"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    return {"commit": said.stdout.strip()}


def _mark(tree: Path) -> str:
    """A mark of the source: compiled code is kept by it."""
    files = sorted((tree / "src").rglob("*.py"))
    return hashlib.sha256(
        b"".join(str(tree).encode() + path.read_bytes() for path in files)
    ).hexdigest()[:12]


# ---- kindling


def kindling(name: str, limit: float, *, again: bool) -> dict[str, Any]:
    """Its lists for the users of our cut, judged as ours are; of the ways to tell it the order, the
    one that serves it best counts.
    """
    python, kept = interpreter("kindling"), FOLDER / "kindling"
    cut = kept / "cuts" / name
    cut.mkdir(parents=True, exist_ok=True)
    (cut / "recipe.json").write_text(json.dumps(recipe_of(name)), encoding="utf-8")
    exported = dict(worker(OURS, "budget_cut", "export", cut / "recipe.json", cut)().answer)
    tried = {}
    for order in LOGS[name].orders:
        # what was tried is not tried again when another way is added
        told = cut / f"told-{order}.json"
        if again or not _enough(told, limit):
            told.write_text(
                json.dumps(_kindled(python, cut, order, exported["repeats"], limit), indent=1),
                encoding="utf-8",
            )
        tried[order] = json.loads(told.read_text(encoding="utf-8"))
    able = [order for order in tried if "metrics" in tried[order]]
    best = max(able, key=lambda order: tried[order]["metrics"]["ndcg@10"], default=None)
    if best is not None:
        for suffix in (".parquet", ".npz"):
            shutil.copyfile(cut / f"judged-{best}{suffix}", kept / f"{name}{suffix}")
    return {"log": name, "cut": exported, "best": best, "tried": tried}


def _enough(told: Path, limit: float) -> bool:
    """Whether this was tried, and would not be let run longer now."""
    if not told.exists():
        return False
    found = json.loads(told.read_text(encoding="utf-8"))
    return "metrics" in found or found.get("limit", PEER_LIMIT) >= limit


def _kindled(python: Path, cut: Path, order: str, repeats: str, limit: float) -> dict[str, Any]:
    """Fit and answer in its own process, then judge; or why there is nothing to judge."""
    around = page.circumstances("dig")
    words = [
        python,
        WORKERS / "kindling_lists.py",
        cut,
        order,
        "allow" if repeats == "allow" else "forbid",
    ]
    told: dict[str, Any]
    try:
        ended = subprocess.run(
            list(map(str, words)), capture_output=True, text=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired as late:
        fitted = bytes(late.stdout or b"").decode().strip() or "not fitted by then"
        told = {
            "stopped": f"stopped after {limit:.0f} s ({fitted}), "
            f"load {around['load']} to {page.load()}",
            "limit": limit,
        }
    else:
        if ended.returncode:
            told = {"stopped": f"ended with {ended.returncode}: {ended.stderr.strip()[-400:]}"}
        else:
            told = json.loads((cut / f"lists-{order}.json").read_text(encoding="utf-8"))
            told |= worker(
                OURS,
                "budget_cut",
                "judge",
                cut / "recipe.json",
                cut / f"lists-{order}.csv",
                cut / f"judged-{order}",
            )().answer
    say(f"  kindling, {order}: {told.get('stopped') or told['metrics']}")
    return told | {"circumstances": around | {"load after": page.load()}}


# ---- the command


def main() -> int:
    """Run a part, or print the page."""
    options = argparse.ArgumentParser(
        prog="bench/budgets.py", description="What a budget buys, on eight logs."
    )
    options.add_argument("what", choices=[*PARTS, "kindling", "all", "tell"])
    options.add_argument(
        "--log",
        choices=LOGS,
        action="append",
        metavar="NAME",
        help=f"one of {', '.join(LOGS)}; repeatable",
    )
    options.add_argument("--again", action="store_true", help="also where there is a result")
    options.add_argument(
        "--quick", action="store_true", help="15 s for each budget, kept apart from the page"
    )
    options.add_argument(
        "--limit",
        type=float,
        default=PEER_LIMIT,
        metavar="SECONDS",
        help="after which kindling is stopped",
    )
    options.add_argument(
        "--tree",
        type=Path,
        default=ROOT,
        help="the source tree to measure; the bench's own if absent",
    )
    asked = options.parse_args()
    where = Where(asked.quick)
    if asked.what == "tell":
        from budget_page import render

        if (made := BENCH / "results" / "dig-20m.json").exists():  # of `run.py --only dig-20m`
            shutil.copy(made, where.results)
        print(render(where), end="")
        return 0
    for folder in (where.kept, where.results, PEER):
        folder.mkdir(parents=True, exist_ok=True)
    failed, tree = 0, asked.tree.resolve()
    for part in [*PARTS, "kindling"] if asked.what == "all" else [asked.what]:
        for log in asked.log or LOGS:
            if part == "kindling":
                ways = [
                    FOLDER / "kindling" / "cuts" / log / f"told-{order}.json"
                    for order in LOGS[log].orders
                ]
                anew = asked.again or not all(_enough(way, asked.limit) for way in ways)
                failed += not _keeps(
                    PEER / f"{log}.json",
                    partial(kindling, log, asked.limit, again=asked.again),
                    again=anew,
                )
                continue
            cells = [(cell, where.results / f"{cell.name}.json") for cell in PARTS[part](log)]
            anew = asked.again or (
                part in SIDE_BY_SIDE and not all(path.exists() for _, path in cells)
            )
            for cell, path in cells:
                failed += not _keeps(path, partial(dig, cell, where, tree), again=anew)
    return 1 if failed else 0


def _keeps(path: Path, run: Callable[[], dict[str, Any]], *, again: bool) -> bool:
    """Run it and keep its result, unless that is there; whether there is one."""
    if path.exists() and not again:
        return True
    say(path.stem)
    try:
        told = run()
    except (BenchFailed, DataAbsent, PeerUnavailable) as failure:
        say(f"  failed: {failure}")
        return False
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    if "winner" in told:
        say(
            f"  {told['winner']}: {told['ndcg']}, {told['judged']} settings, "
            f"{told['seconds']:.1f} s"
        )
    return True


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT / "src"))  # for the workers
    sys.exit(main())
