"""Item-item cosine, the hundred nearest of every item, beside implicit and sparse_dot_topn."""

from __future__ import annotations

import tempfile
from pathlib import Path

from data import DataAbsent, PairSet, pairs
from environments import PeerUnavailable, interpreter
from harness import OURS, Contender, Outcome, Series, Verdict, in_turn, worker
from peered import check_agreement, ratio

NAME = "cosine"
TARGETS = {"ml-1m": 0.33, "films": 0.35, "gowalla_lightgcn": 0.50, "shop": 0.65}
MEMORY_TARGET = 1.5
TOLERANCE = 1e-6
TITLES = {
    "ml-1m": "MovieLens-1M",
    "films": "generated films",
    "gowalla_lightgcn": "Gowalla",
    "shop": "generated shop",
}
WORKERS = {
    "spadework": "our_cosine",
    "implicit": "implicit_cosine",
    "sparse_dot_topn": "topn_cosine",
}


def sizes(kind: str, quick: bool) -> tuple[int, ...]:
    """What `pairs` asks for: the part of the users, or events and items."""
    events = 2_000_000 if quick else 20_000_000
    return {"films": (events,), "shop": (events, 20_000 if quick else 200_000)}.get(
        kind, (10 if quick else 1,)
    )


def run(quick: bool) -> Outcome:
    """Each set of pairs in turn; all similarities must agree."""
    what = "Item-item cosine, 100 neighbours of every item"
    verdicts: list[Verdict] = []
    series: list[Series] = []
    remarks = [
        (
            "Two threads each. The data are loaded, and a slice of them is fitted once, before "
            "the clock starts; every process loads them anew."
        ),
        (
            "spadework: `sw.model('cosine', keep=100).fit(log)`. implicit: "
            "`CosineRecommender(K=100).fit`, given CSR in float64. sparse_dot_topn:"
        ),
        (
            "items scaled to length one, then `sp_matmul_topn` of the transpose and the matrix, "
            "101 of a row."
        ),
    ]
    remarks = [remarks[0], " ".join(remarks[1:])]
    try:
        peers = interpreter("implicit")
    except PeerUnavailable as reason:
        return Outcome(
            NAME,
            what,
            [Verdict(what, "no peer", "≤ implicit", None)],
            [],
            [f"implicit could not be installed: {reason}"],
        )
    for kind, target in TARGETS.items():
        try:
            chosen = pairs(TITLES[kind], kind, *sizes(kind, quick))
        except DataAbsent as reason:
            verdicts.append(Verdict(TITLES[kind], "no data", f"≤ {target} × implicit", None))
            remarks.append(str(reason))
            continue
        found, agreed = _measure(chosen, peers, 3 if quick else 5)
        series += found
        remarks += [f"{chosen.says}.", *(f"{one}." for one in agreed)]
        verdicts += _judged(chosen.title, found, target)
    return Outcome(NAME, what, verdicts, series, remarks)


def _measure(chosen: PairSet, peers: Path, repeats: int) -> tuple[list[Series], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        out = {who: Path(folder) / who for who in WORKERS}
        contenders: dict[str, Contender] = {
            f"{chosen.title}: {who}": worker(
                OURS if who == "spadework" else peers, script, chosen.folder, out[who]
            )
            for who, script in WORKERS.items()
        }
        # in the large ones a cold start is not felt
        found = in_turn(contenders, repeats, warm=chosen.shape["pairs"] < 5_000_000)
        theirs = [who for who in WORKERS if who != "spadework"]
        return found, [
            check_agreement(f"{chosen.title}, {who}", out["spadework"], out[who], TOLERANCE)
            for who in theirs
        ]


def _judged(title: str, found: list[Series], target: float) -> list[Verdict]:
    ours, implicit, topn = found
    share = ours.peak_mib / implicit.peak_mib
    return [
        ratio(f"{title}, time", ours, implicit, target, "implicit"),
        ratio(f"{title}, time", ours, topn, 1, "sparse_dot_topn"),
        Verdict(
            f"{title}, peak memory",
            f"{share:.2f} ×",
            f"≤ {MEMORY_TARGET} × implicit",
            share <= MEMORY_TARGET,
        ),
    ]
