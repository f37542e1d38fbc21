"""The sparse relatives of EASE: fit and recall on Gowalla beside the package sansa, and a catalogue
of 200,000 items.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from data import DataAbsent, PairSet, pairs
from environments import PeerUnavailable, interpreter
from harness import OURS, Contender, Outcome, Series, Verdict, in_turn, seconds, worker

NAME = "sparse"
TARGET = 0.5
LARGE_SECONDS, LARGE_GB = 900, 10.0
DENSITY, L2 = "1e-3", "20"
# the defaults, chosen on a cut of the train part, see docs/lab/notes-sansa.md; half the time of 500
# pairs
SETTINGS = ("keep=200",)
OURS_TRIED = {
    "sansa": ("sansa", "density=1e-3", "least=1", *SETTINGS),
    "mrf": ("mrf", "neighbours=100", *SETTINGS),
}
LARGE = ("mrf", "neighbours=100", *SETTINGS)
PEER = "package sansa"


def run(quick: bool) -> Outcome:
    """Gowalla beside the peer, then the large shop once."""
    what = "Sparse relatives of EASE: fit"
    verdicts: list[Verdict] = []
    series: list[Series] = []
    remarks = [
        "Two processors each. Compiled before the clock starts, by fits of small logs. Recall "
        "and NDCG at 20 on the test part of LightGCN's "
        "split, all items ranked, those of the history left out.",
        f"sansa 1.1.0: `ICFGramianFactorizerConfig`, density {DENSITY} (41 cells in a row of each "
        f"factor), λ {L2}, one scan, five steps of fine-tuning; one thread, as it is. spadework: "
        "the same density for its `sansa`; 100 neighbours for `mrf`; both with the defaults "
        "otherwise, chosen on a cut of the train part, and 200 pairs an item.",
    ]
    try:
        chosen = pairs("Gowalla", "gowalla_lightgcn", 10 if quick else 1)
        _gowalla(chosen, verdicts, series, remarks, 1 if quick else 3, judged=not quick)
    except DataAbsent as reason:
        verdicts.append(Verdict("Gowalla", "no data", f"≤ {TARGET} × {PEER}", None))
        remarks.append(str(reason))
    large = pairs(
        "generated shop", "shop", 2_000_000 if quick else 20_000_000, 20_000 if quick else 200_000
    )
    contender: dict[str, Contender] = {
        f"{large.title}: {LARGE[0]}": worker(OURS, "our_sparse", large.folder, "-", *LARGE)
    }
    (found,) = in_turn(contender, 1, warm=False)
    series.append(found)
    remarks.append(
        f"{large.says}. `{LARGE[0]}` with {', '.join(LARGE[1:])}; {_size(found)} of "
        "weights; one run."
    )
    gigabytes = found.peak_mib * 2**20 / 1e9
    verdicts += [
        Verdict(
            f"{large.title}, fit of {LARGE[0]}",
            seconds(found.median),
            f"≤ {LARGE_SECONDS // 60} min",
            found.median <= LARGE_SECONDS,
        ),
        Verdict(
            f"{large.title}, peak memory",
            f"{gigabytes:.1f} GB",
            f"≤ {LARGE_GB:g} GB",
            gigabytes <= LARGE_GB,
        ),
    ]
    return Outcome(NAME, what, verdicts, series, remarks)


def _gowalla(
    chosen: PairSet,
    verdicts: list[Verdict],
    series: list[Series],
    remarks: list[str],
    repeats: int,
    *,
    judged: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = {who: Path(folder) / who.replace(" ", "-") for who in (*OURS_TRIED, PEER)}
        contenders: dict[str, Contender] = {
            f"{chosen.title}: {who}": worker(OURS, "our_sparse", chosen.folder, out[who], *settings)
            for who, settings in OURS_TRIED.items()
        }
        try:
            contenders[f"{chosen.title}: {PEER}"] = worker(
                interpreter("sansa"), "sansa_fit", chosen.folder, out[PEER], DENSITY, L2
            )
        except PeerUnavailable as reason:
            remarks.append(
                f"sansa could not be installed, it is compiled against libsuitesparse-dev: {reason}"
            )
            verdicts.append(
                Verdict(f"{chosen.title}, fit", "no peer", f"≤ {TARGET} × {PEER}", None)
            )
        found = dict(zip(contenders, in_turn(contenders, repeats, warm=False), strict=True))
        series += found.values()
        remarks.append(f"{chosen.says}.")
        remarks += [
            (
                f"{label}: {_size(one)} of weights, lists for all users in "
                f"{seconds(one.samples[-1].answer['answering'])}."
            )
            for label, one in found.items()
        ]
        names = [label.removeprefix(f"{chosen.title}: ") for label in contenders]
        recalls: dict[str, float] = {}
        if judged:
            answer = worker(OURS, "recall", *(f"{out[who]}.npy" for who in names))().answer
            recalls = {who: answer[out[who].name]["recall@20"] for who in names}
            told = (
                (
                    f"{who} {answer[out[who].name]['recall@20']:.4f} and "
                    f"{answer[out[who].name]['ndcg@20']:.4f}"
                )
                for who in names
            )
            remarks.append(f"{chosen.title}, recall and NDCG at 20: {'; '.join(told)}.")
    if PEER in names:
        verdicts += _beside(chosen.title, found, recalls)


def _beside(title: str, found: dict[str, Series], recalls: dict[str, float]) -> list[Verdict]:
    theirs = found[f"{title}: {PEER}"]
    verdicts = []
    for who in OURS_TRIED:
        share = found[f"{title}: {who}"].median / theirs.median
        verdicts.append(
            Verdict(
                f"{title}, fit of {who}", f"{share:.2f} ×", f"≤ {TARGET} × {PEER}", share <= TARGET
            )
        )
        if recalls:
            ahead = recalls[who] - recalls[PEER]
            verdicts.append(
                Verdict(
                    f"{title}, recall@20 of {who}", f"{ahead:+.4f}", f"not below {PEER}", ahead >= 0
                )
            )
    return verdicts


def _size(one: Series) -> str:
    return f"{one.samples[-1].answer['held'] / 2**20:,.0f} MiB"
