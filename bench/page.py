"""The results as pages of docs, pure functions of what the benches left in bench/results."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from environments import requirements
from harness import ROOT
from prose import wrapped


@dataclass(frozen=True)
class Page:
    """A page of docs: its benches in their order, what stands above them, and the packages of the
    peers beside them.
    """

    path: Path
    title: str
    names: tuple[str, ...]
    introduction: str
    peers: Mapping[str, tuple[str, ...]]
    ours: tuple[str, ...] = ("spadework", "numpy", "scipy", "polars", "numba")
    results: Path = ROOT / "bench" / "results"


PAGES = {
    "benchmarks": Page(
        ROOT / "docs" / "benchmarks.md",
        "Benchmarks",
        (
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
        ),
        """Written by `make bench`; do not edit. Contenders take turns (A B A B …) on the same data,
each repeat in a fresh process, after one uncounted run each. Times are medians, with the
smallest and the largest; memory is the largest resident memory of the process, as the
system accounts it (no less than the 22 MiB of the bench that started it).""",
        {
            "implicit": ("implicit", "sparse-dot-topn", "numpy", "scipy"),
            "rectools": ("RecTools", "numpy", "pandas"),
            "sansa": ("sansa", "scikit-sparse", "numpy", "scipy"),
            "pynndescent": ("pynndescent", "numba", "numpy", "scipy"),
        },
    ),
    "serving": Page(
        ROOT / "docs" / "serving-benchmarks.md",
        "Serving, measured",
        ("serving", "update", "batch", "stores", "store-crashes"),
        """Written by `make bench-serving`; do not edit. The server under load, a day of new events
taken into a model, lists for all users, and stores of events. Servers and what loads them are
processes of this one machine, at its own address. Time and memory of a row are those of its
process, as the system accounts them.""",
        {
            "implicit-serving": ("implicit", "fastapi", "uvicorn", "numpy", "scipy"),
            "kindling-serving": ("kindling-rec", "fastapi", "uvicorn", "numpy", "pandas"),
        },
        ("spadework", "fastapi", "uvicorn", "psycopg", "redis", "numpy", "polars", "numba"),
    ),
    "scale": Page(
        ROOT / "docs" / "scale-benchmarks.md",
        "Large logs, measured",
        (
            "large-look",
            "large-neighbours",
            "billion",
            "large-dig",
            "merging",
            "databases",
            "spark",
        ),
        """Written by `make bench-scale`; do not edit. Logs larger than memory, counts in parts,
logs from databases, and Spark. Each row is a run in a fresh process on this one machine. All take
more than two hours, so results are kept in `bench/kept/scale` until a bench is run again; below
each stand its day and its machine.""",
        {},
        ("spadework", "pyspark", "adbc-driver-postgresql", "numpy", "polars", "numba"),
        ROOT / "bench" / "kept" / "scale",
    ),
    "neural": Page(
        ROOT / "docs" / "neural-benchmarks.md",
        "Transformers, measured",
        ("neural-speed", "neural-films", "neural-beauty", "neural-catalogue"),
        """Written by `make bench-neural`; do not edit. Each training is a fresh process; contenders
take turns on the same data. Quality is of ten items among all, own items left out,
with 95% intervals over users. Seconds are a measurement where the load was low when a bench began
and no more than the processors when it ended.""",
        {"rectools-torch": ("RecTools", "torch", "pytorch-lightning", "numpy")},
        ("spadework", "torch", "lightning-fabric", "numpy", "polars", "numba"),
    ),
}


def said(met: bool | None, target: str) -> str:
    """A verdict in a word; nothing where nothing was aimed at."""
    return "" if not target else "not measured" if met is None else "met" if met else "missed"


def circumstances(name: str) -> dict[str, Any]:
    """When, on what machine, with which versions, and how busy it was, as the bench of this name
    began.
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": (
            f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB, "
            f"{platform.system()}"
        ),
        "python": platform.python_version(),
        "versions": {
            package: version(package)
            for one in PAGES.values()
            if name in one.names
            for package in one.ours
        },
        "load": load(),
    }


def load() -> float:
    """Processes that ran or wanted to, on average of the last minute."""
    return round(os.getloadavg()[0], 1)


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def render(page: Page, results: Sequence[Mapping[str, Any]]) -> str:
    """The page, from the newest result of each bench; of a bench without one it says so."""
    lines = [
        f"# {page.title}",
        "",
        page.introduction,
        "",
        "| what | measured | target | |",
        "|---|---|---|---|",
    ]
    for result in results:
        for verdict in result["verdicts"]:
            what = f"{result['name']}: {verdict['what']}"
            lines.append(
                f"| {what} | {verdict['measured']} | {verdict['target']} | "
                f"{said(verdict['met'], verdict['target'])} |"
            )
    missing = [name for name in page.names if name not in {one["name"] for one in results}]
    lines += [f"| {name} | – | – | not measured |" for name in missing]
    for result in results:
        lines += ["", *_section(result)]
    lines += ["", "## Peers", ""]
    for peer, packages in page.peers.items():
        pins = requirements(peer)
        lines.append(
            f"`.venv-{peer}`, built from `bench/peers/{peer}.txt`: "
            f"{', '.join(f'{name} {pins[name]}' for name in packages)}."
        )
    return wrapped("\n".join(lines) + "\n")


def _section(result: Mapping[str, Any]) -> list[str]:
    around = result["circumstances"]
    versions = ", ".join(f"{name} {number}" for name, number in around["versions"].items())
    heads = [
        "| who | median | min – max | repeats | CPU | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    lines = [f"## {result['title']}", "", *(heads if result["series"] else ())]
    for one in result["series"]:
        values = [sample["seconds"] for sample in one["samples"]]
        cpu = sorted(sample["cpu_seconds"] for sample in one["samples"])[len(values) // 2]
        shown = (
            f"{one['median']:.3f} s | {min(values):.3f} – {max(values):.3f} | {len(values)} | "
            f"{cpu:.2f} s | {one['peak_mib']:,.0f}"
        )
        lines.append(f"| {one['label']} | {shown} |")
    lines += ["", *(f"- {remark}" for remark in result["remarks"])]
    if result["series"]:
        lines.append(
            "- CPU is user and system time of the whole process, imports and loading included."
        )
    busy = f"load {around['load']} when it began" + (
        f", {around['load after']} when it ended" if "load after" in around else ""
    )
    lines += [
        "",
        f"{around['date']}; {around['machine']}; {busy}; Python {around['python']}, {versions}.",
    ]
    return lines
