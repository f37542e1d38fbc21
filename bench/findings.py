"""What the probes say of public logs, as docs/findings-on-public-logs.md tells it.

Run it as `python bench/findings.py [LOG …] > docs/findings-on-public-logs.md`; LOGs are parts of
names in `LOGS`. Probes look at the validation span alone, as in a dig: up to 2,000 of its users.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

import spadework as sw
from family import CASES, DATA, Case
from shelf import CASES as SHELF
from spadework.data import splitting
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.probe import ask_all
from spadework.evaluation.trial import Protocol
from spadework.workbench.search.design import design
from spadework.workbench.search.rungs import rungs_of


def by_time(name: str, *, texts: bool = True) -> Callable[[], Case]:
    """A log with a calendar: the tenth before the last tenth of its span."""

    def made() -> Case:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        log = sw.read_interactions(
            frame.select("user", "item", "timestamp"), user="user", item="item", time="timestamp"
        )
        items = DATA / name / "items.parquet"
        content = (
            sw.read_content(pl.read_parquet(items), log, item="item")
            if texts and items.exists()
            else None
        )
        return Case(
            splitting.by_time(log, test=0.1, valid=0.1),
            "ndcg@10",
            "recall@10",
            "lightgcn",
            "auto",
            True,
            content=content,
        )

    return made


def anime() -> Case:
    """No order at all: a random fifth of each user's items."""
    frame = pl.read_parquet(DATA / "anime_caserec" / "interactions.parquet")
    log = sw.read_interactions(frame.select("user", "item"), user="user", item="item")
    content = sw.read_content(
        pl.read_parquet(DATA / "anime_caserec" / "items.parquet"), log, item="item"
    )
    return Case(
        splitting.random(log, valid=True, rng=0),
        "ndcg@10",
        "recall@10",
        "lightgcn",
        "auto",
        False,
        content=content,
    )


def grocery() -> Case:
    """As a dig cuts it."""
    log = sw.read_interactions("sample:grocery")
    return Case(
        splitting.by_time(log, test=0.1, valid=0.1),
        "ndcg@10",
        "recall@10",
        "lightgcn",
        "auto",
        True,
        content=sw.read_content("sample:grocery", log),
    )


def last_item(name: str) -> Callable[[], Case]:
    """Positions in each user's sequence: the item before the last."""

    def made() -> Case:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        log = sw.read_interactions(
            frame.select("user", "item", "timestamp"), user="user", item="item", time="timestamp"
        )
        return Case(
            splitting.last_item(log, valid=True), "ndcg@10", "hitrate@10", "loo", "auto", True
        )

    return made


Known: TypeAlias = dict[str, str]
"""Code → "found" (weak or strong), "quiet" (asked, and neither), "unasked"."""
LOGS: dict[str, tuple[Callable[[], Case], str, Known]] = {
    "grocery (The Complete Journey)": (
        grocery,
        "households buy again; 40–60% of a next basket was bought before",
        {"REP-1": "found", "REP-3": "found"},
    ),
    "Ta-Feng": (
        SHELF["Ta-Feng"],
        "repeats: personal frequency beats most next-basket models (Reality Check, 2021)",
        {"REP-1": "found", "REP-3": "found"},
    ),
    "TaoBao": (SHELF["TaoBao"], "repeats, few baskets a user", {"REP-1": "found"}),
    "MovieLens-1M, by time": (
        by_time("ml-1m"),
        "timestamps are questionnaire order (Time to Split, 2025), so order and pauses say "
        "nothing; films are rated once; "
        "the popularity of the last days beats that of all time (eSASRec, 2025)",
        {
            "INT-7": "found",
            "ORD-1": "quiet",
            "TIME-3": "quiet",
            "TIME-1": "found",
            "REP-1": "unasked",
        },
    ),
    "MovieLens-100k, by time": (
        by_time("ml-100k"),
        "the same, smaller",
        {"ORD-1": "quiet", "REP-1": "unasked"},
    ),
    "Beauty (S3-Rec)": (
        CASES["Beauty (s3rec)"],
        "order and recency matter (eSASRec far above EASE); content helps (S3-Rec, 2020)",
        {
            "ORD-1": "found",
            "ORD-2": "found",
            "ORD-5": "found",
            "CON-1": "found",
            "REP-1": "unasked",
        },
    ),
    "Yelp (S3-Rec)": (
        CASES["Yelp (s3rec)"],
        "order adds little",
        {"ORD-1": "quiet", "ORD-2": "quiet", "ORD-5": "quiet"},
    ),
    "Last.fm (S3-Rec)": (
        last_item("s3rec_lastfm"),
        "few users, long histories",
        {"REP-1": "unasked"},
    ),
    "Beauty (BERT4Rec)": (
        last_item("bert4rec_beauty"),
        "order and recency matter",
        {"ORD-1": "found", "ORD-2": "found"},
    ),
    "Gowalla (LightGCN)": (
        CASES["Gowalla (lightgcn)"],
        "no times at all; popular places drown the others (normalised graphs win)",
        {"INT-5": "found", "ORD-1": "unasked", "TIME-1": "unasked", "POP-1": "found"},
    ),
    "Anime (CaseRec)": (
        anime,
        "no times at all; genres",
        {"INT-5": "found", "ORD-1": "unasked", "TIME-1": "unasked"},
    ),
    "Yoochoose": (
        CASES["Yoochoose 100k"],
        "sessions of anonymous clicks: the last click says most",
        {"ORD-2": "found", "ORD-5": "found"},
    ),
}


def main(parts: list[str]) -> None:
    """One section a log."""
    print("# Findings on public logs\n")
    print(
        "Written by `python bench/findings.py`; do not edit. What the probes of `spadework "
        "dig` say of logs whose nature is known, on the"
    )
    print(
        "validation span alone. A share is of the metric without the choice, with its 95% "
        "interval, paired by user. The log's integrity"
    )
    print(
        "checks come first; `spadework explain CODE` says what a question means. Found: a weak or "
        "strong finding, or any finding of an integrity check. Quiet: the question was asked, and "
        "its finding is a note; or a check found nothing. Unasked: this log cannot answer it, or "
        "there was no time.\n"
    )
    chosen = [
        name for name in LOGS if not parts or any(part.lower() in name.lower() for part in parts)
    ]
    told = [_section(name, LOGS[name][0](), *LOGS[name][1:]) for name in chosen]
    agreed = [row for row in told for row in row.agreed]
    print(f"{sum(agreed)} of {len(agreed)} things that are known of these logs were said.\n")
    print("| log | known of it | said |\n|---|---|---|")
    for name, row in zip(chosen, told, strict=True):
        print(f"| {name} | {LOGS[name][1]} | {', '.join(row.verdicts)} |")
    print()
    for row in told:
        print("\n".join(row.lines))


@dataclass(frozen=True)
class Section:
    """What was said of a log, and whether that is what is known of it."""

    lines: list[str]
    verdicts: list[str]
    agreed: list[bool]


def _section(name: str, case: Case, known: str, expected: Known) -> Section:
    valid = case.split.valid
    assert valid is not None
    protocol = Protocol.of(valid, metrics=[case.metric], dialect=case.dialect, repeats=case.repeats)
    begun = time.monotonic()
    common = design(valid.train, case.content).common
    evidence = Evidence(
        protocol, case.content, rungs_of(np.flatnonzero(protocol.judged), 0)[0], common=common
    )
    answers, unanswered = ask_all(evidence)
    train = valid.train
    spent = time.monotonic() - begun
    findings = [*diagnose(train, case.content, valid), *answers]
    lines = [
        f"## {name}\n",
        (
            f"{len(train):,} rows, {len(train.active_users):,} users, "
            f"{int((train.item_counts > 0).sum()):,} items in train; {protocol.heading};"
        ),
        (
            f"{len(evidence.rows):,} users asked; {valid.repeat_share:.0%} of the targets are "
            f"repeats; {spent:.0f} s."
        ),
        f"Known of it: {known}.\n",
        "| level | code | says |\n|---|---|---|",
    ]
    for one in findings:
        lines.append(
            f"| {'**' + one.level + '**' if one.level != 'note' else one.level} | "
            f"{one.code} | {one.says} |"
        )
    lines += [f"| cannot tell | {left.code} | {left.why} |" for left in unanswered]
    said = {
        one.code: "found" if one.level != "note" or one.code.startswith("INT") else "quiet"
        for one in findings
    }
    said |= {left.code: "unasked" for left in unanswered}
    agreed = [said.get(code, "quiet") == what for code, what in expected.items()]
    verdicts = [
        f"{code} {said.get(code, 'quiet')}{'' if fine else f' (not {what})'}"
        for (code, what), fine in zip(expected.items(), agreed, strict=True)
    ]
    print(f"{name}: {spent:.0f} s", file=sys.stderr, flush=True)
    return Section([*lines, ""], verdicts, agreed)


if __name__ == "__main__":
    main(sys.argv[1:])
