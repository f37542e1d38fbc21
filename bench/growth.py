"""How the time of item-item cosine grows with events and with items."""

from __future__ import annotations

import math

from data import PairSet, pairs
from harness import OURS, ROOT, Contender, Outcome, Series, in_turn, worker
from spadework.workbench.report.charts.curve_charts import rank_curve

NAME = "growth"
EVENTS = (5_000_000, 10_000_000, 20_000_000)
ITEMS = (50_000, 100_000, 200_000)
PICTURES = ROOT / "docs" / "lab" / "pictures"


def run(quick: bool) -> Outcome:
    """Three numbers of events at the most items, three numbers of items at the most events; no peer
    and no target.
    """
    part = 10 if quick else 1
    steps = [(events // part, ITEMS[-1] // part) for events in EVENTS] + [
        (EVENTS[-1] // part, items // part) for items in ITEMS[:-1]
    ]
    sets = {
        step: pairs(f"{step[0] / 1e6:g} M events, {step[1]:,} items", "shop", *step)
        for step in steps
    }
    contenders: dict[str, Contender] = {
        one.title: worker(OURS, "our_cosine", one.folder) for one in sets.values()
    }
    series = dict(zip(sets, in_turn(contenders, 3 if quick else 5), strict=True))
    most = (EVENTS[-1] // part, ITEMS[-1] // part)
    remarks = [
        (
            "The shop of the bench `cosine`, two threads, 100 neighbours an item; 20 events a "
            "user, so Σ n² over users grows as events do."
        ),
        _told("events", series[steps[0]], series[most], EVENTS[-1] / EVENTS[0]),
        _told("items", series[most[0], ITEMS[0] // part], series[most], ITEMS[-1] / ITEMS[0]),
        *(_measured(sets[step], series[step]) for step in steps),
    ]
    if not quick:
        _draw(
            "events",
            EVENTS,
            [series[events, ITEMS[-1]].median for events in EVENTS],
            f"{ITEMS[-1]:,} items",
        )
        _draw(
            "items",
            ITEMS,
            [series[EVENTS[-1], items].median for items in ITEMS],
            f"{EVENTS[-1] / 1e6:g} M events",
        )
    return Outcome(NAME, "Growth of item-item cosine", [], list(series.values()), remarks)


def _draw(of: str, counts: tuple[int, ...], medians: list[float], beside: str) -> None:
    """Time against a count, both on logarithmic axes, as a picture beside the log."""
    PICTURES.mkdir(exist_ok=True)
    chart = rank_curve(
        counts,
        medians,
        title=f"Seconds of item-item cosine by {of}, {beside}",
        x_axis=of,
        y_axis=f"seconds, {beside}",
    )
    (PICTURES / f"growth-{of}.svg").write_text(chart + "\n", encoding="utf-8")


def _told(of: str, least: Series, most: Series, times: float) -> str:
    grown = most.median / least.median
    return (
        f"{times:g} times the {of}: {grown:.2f} times the time, a power of "
        f"{math.log(grown) / math.log(times):.2f}."
    )


def _measured(chosen: PairSet, found: Series) -> str:
    shape = chosen.shape
    return (
        f"{chosen.says}: {found.median / shape['pairs'] * 1e9:.0f} ns a pair, "
        f"{found.median / shape['squared'] * 1e9:.2f} ns a pair of pairs."
    )
