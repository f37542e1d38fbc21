"""The results as a page: docs/benchmarks.md, a pure function of what the benches left in bench/results."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from environments import requirements

_OURS = ("spadework", "numpy", "scipy", "polars", "numba")
_PEERS = {
    "implicit": ("implicit", "sparse-dot-topn", "numpy", "scipy"),
    "rectools": ("RecTools", "numpy", "pandas"),
    "sansa": ("sansa", "scikit-sparse", "numpy", "scipy"),
    "pynndescent": ("pynndescent", "numba", "numpy", "scipy"),
}


def said(met: bool | None) -> str:
    """A verdict in a word."""
    return "not measured" if met is None else "met" if met else "missed"


def circumstances() -> dict[str, Any]:
    """When, on what machine, with which versions, and how busy it was."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _OURS},
        "load": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def render(results: Sequence[Mapping[str, Any]]) -> str:
    """The page, from the newest result of each bench."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. Contenders take turns (A B A B …) on the same data, each repeat in a fresh process, after one",
        "uncounted run each. Times are medians, with the smallest and the largest; memory is the largest resident memory of the process, as the",
        "system accounts it (no less than the 22 MiB of the bench that started it).",
        "",
        "| what | measured | target | |",
        "|---|---|---|---|",
    ]
    for result in results:
        for verdict in result["verdicts"]:
            what = f"{result['name']}: {verdict['what']}"
            lines.append(f"| {what} | {verdict['measured']} | {verdict['target']} | {said(verdict['met'])} |")
    for result in results:
        lines += ["", *_section(result)]
    lines += ["", "## Peers", ""]
    for peer, packages in _PEERS.items():
        pins = requirements(peer)
        lines.append(f"`.venv-{peer}`, built from `bench/peers/{peer}.txt`: {', '.join(f'{name} {pins[name]}' for name in packages)}.")
    return "\n".join(lines) + "\n"


def render_neural(results: Sequence[Mapping[str, Any]]) -> str:
    """The page of `make bench-neural`."""
    lines = [
        "# Transformers, measured",
        "",
        "Written by `make bench-neural`; do not edit. Contenders take turns on the same data, each in a fresh process with two threads. Quality is",
        "of ten items among all, users' own items left out.",
        "",
        "| what | measured | target | |",
        "|---|---|---|---|",
    ]
    for result in results:
        lines += [f"| {one['what']} | {one['measured']} | {one['target']} | {said(one['met'])} |" for one in result["verdicts"]]
    for result in results:
        lines += ["", *_section(result)]
    pins = requirements("rectools-torch")
    peers = ", ".join(f"{name} {pins[name]}" for name in ("RecTools", "torch", "pytorch-lightning", "numpy"))
    return "\n".join([*lines, "", f"`.venv-rectools-torch`, built from `bench/peers/rectools-torch.txt`: {peers}."]) + "\n"


def _section(result: Mapping[str, Any]) -> list[str]:
    around = result["circumstances"]
    versions = ", ".join(f"{name} {number}" for name, number in around["versions"].items())
    lines = [f"## {result['title']}", "", "| who | median | min – max | repeats | CPU | peak MiB |", "|---|---|---|---|---|---|"]
    for one in result["series"]:
        values = [sample["seconds"] for sample in one["samples"]]
        cpu = sorted(sample["cpu_seconds"] for sample in one["samples"])[len(values) // 2]
        shown = f"{one['median']:.3f} s | {min(values):.3f} – {max(values):.3f} | {len(values)} | {cpu:.2f} s | {one['peak_mib']:,.0f}"
        lines.append(f"| {one['label']} | {shown} |")
    lines += ["", *(f"- {remark}" for remark in result["remarks"])]
    lines.append("- CPU is user and system time of the whole process, imports and loading included.")
    lines += ["", f"{around['date']}; {around['machine']}; load {around['load']} when it began; Python {around['python']}, {versions}."]
    return lines
