"""`make bench-neural`: transformers beside RecTools' on MovieLens-1M, and to the numbers that are published; writes docs/neural-benchmarks.md.

`--quick` trains one epoch of each and writes nothing. `--only speed|films|beauty` runs a part, and takes the others from the last results.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import page
from data import OUTSIDE
from environments import PeerUnavailable, interpreter
from harness import BENCH, OURS, ROOT, WORKERS, BenchFailed, Outcome, Series, Verdict, in_turn, process, say, worker
from peered import ratio

PAGE = ROOT / "docs" / "neural-benchmarks.md"
RESULTS = BENCH / "results"
PARTS = ("speed", "films", "beauty")
PEER = "rectools-torch"
SAME = {
    "width": 256,
    "blocks": 2,
    "heads": 4,
    "block": "sasrec",
    "feed": 1,
    "max_length": 100,
    "batch": 128,
    "sample_by": "user",
    "withheld": 0,
}
THEIRS = {"n_factors": 256, "n_blocks": 2, "n_heads": 4, "session_max_len": 100, "batch_size": 128, "loss": "softmax"}
FILMS = {"size": "tiny", "max_length": 200, "batch": 64, "epochs": 28, "patience": 30, "dropout": 0.1}
BEAUTY: dict[str, Any] = {"content": True, "size": "tiny", "max_length": 50, "epochs": 25, "patience": 8, "dropout": 0.3, "batch": 128}
EPOCH_TARGET, ANSWER_TARGET = 0.6, 0.5


def main() -> int:
    """What was asked for; exit 1 where a part failed."""
    options = argparse.ArgumentParser(
        prog="bench/neural.py", description="Transformers beside RecTools', written to docs/neural-benchmarks.md."
    )
    options.add_argument("--only", choices=PARTS, action="append", help="repeatable")
    options.add_argument("--quick", action="store_true", help="one epoch of each, nothing written")
    asked = options.parse_args()
    failed = []
    for name in asked.only or PARTS:
        say(name)
        around = page.circumstances()
        try:
            outcome = {"speed": speed, "films": films, "beauty": beauty}[name](asked.quick)
        except BenchFailed as failure:
            failed.append(name)
            say(f"  failed: {failure}")
            continue
        for verdict in outcome.verdicts:
            print(f"{name}: {verdict.what}: {verdict.measured} (target {verdict.target}) {page.said(verdict.met)}", flush=True)
        if not asked.quick:
            RESULTS.mkdir(exist_ok=True)
            told = outcome.as_json() | {"circumstances": around}
            (RESULTS / f"neural-{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    if not asked.quick:
        paths = [RESULTS / f"neural-{name}.json" for name in PARTS]
        PAGE.write_text(
            page.render_neural([json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]), encoding="utf-8"
        )
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if failed else 0


def speed(quick: bool) -> Outcome:
    """Epochs and answers of the same network, in turn."""
    epochs = 1 if quick else 3
    what = "MovieLens-1M: one epoch of SASRec, width 256, two blocks, four heads, length 100, batch 128, full softmax"
    remarks = [
        "Both learn from the newest 100 events of each user, the last two left out. Two threads. Seconds are of an epoch, or of ten items for "
        "6,040 users, items of the history left out."
    ]
    try:
        peer = interpreter(PEER)
    except PeerUnavailable as reason:
        return Outcome("neural", what, [Verdict("RecTools", "no peer", "", None)], [], [*remarks, str(reason)])
    verdicts: list[Verdict] = []
    series: list[Series] = []
    with cut("ml-1m") as folder:
        for asked, target in (("epochs", EPOCH_TARGET), ("recommend", ANSWER_TARGET)):
            count = epochs if asked == "epochs" else 1
            ours, theirs = in_turn(
                {
                    f"{asked}: spadework": worker(OURS, "our_sequences", folder, asked, json.dumps(SAME | {"epochs": count})),
                    f"{asked}: RecTools": worker(peer, "rectools_sequences", folder, asked, json.dumps(THEIRS | {"epochs": count})),
                },
                1, warm=False,
            )  # fmt: skip
            series += [ours, theirs]
            verdicts.append(ratio(f"MovieLens-1M, {asked}", ours, theirs, target, "RecTools"))
            if asked == "epochs":
                mine, yours = (one.samples[0].answer["ndcg@10"] for one in (ours, theirs))
                verdicts.append(
                    Verdict(
                        f"ndcg@10 after {count} epochs", f"{mine:.4f}, RecTools {yours:.4f}", "no less", None if quick else mine >= yours
                    )
                )
    return Outcome("neural", what, verdicts, series, remarks)


def films(quick: bool) -> Outcome:
    """MovieLens-1M to the published number."""
    settings = FILMS | ({"epochs": 1} if quick else {})
    with cut("ml-1m") as folder:
        (one,) = in_turn(
            {f"transformer{_told(settings)}": worker(OURS, "our_sequences", folder, "fit", json.dumps(settings))}, 1, warm=False
        )
    found = one.samples[0].answer
    verdicts = [
        Verdict("MovieLens-1M, R@10", f"{found['recall@10']:.4f}", "≥ .305", None if quick else found["recall@10"] >= 0.305),
        Verdict(
            "MovieLens-1M, N@10",
            f"{found['ndcg@10']:.4f} ± {found['ndcg half']:.4f}",
            "≥ .175",
            None if quick else found["ndcg@10"] >= 0.175,
        ),
    ]
    remark = (
        "Leave-one-out, all items ranked, fitted without the validation items, which histories hold. RecTools' SASRec has .3058 / .1779, eSASRec "
        f".3133 / .1772 (blondered/transformer_benchmark). {found['epochs']} epochs; a list for everybody takes {found['recommend']:.1f} s."
    )
    return Outcome("neural", "MovieLens-1M to the published number", verdicts, [one], [remark])


def beauty(quick: bool) -> Outcome:
    """Beauty to the published number, with ids alone and with content."""
    series: list[Series] = []
    verdicts: list[Verdict] = []
    with cut("s3rec_beauty") as folder:
        for name, changes in (("content", {}), ("ids alone", {"content": False})):
            settings = BEAUTY | changes | ({"epochs": 1} if quick else {})
            (one,) = in_turn(
                {f"{name}: transformer{_told(settings)}": worker(OURS, "our_sequences", folder, "fit", json.dumps(settings))}, 1, warm=False
            )
            found = one.samples[0].answer
            series.append(one)
            met = None if quick else found["recall@10"] >= 0.0921 and found["ndcg@10"] >= 0.0531
            told = f"{found['recall@10']:.4f} / {found['ndcg@10']:.4f} ± {found['ndcg half']:.4f}"
            verdicts.append(Verdict(f"Beauty, {name}, R@10 / N@10", told, "≥ .0921 / .0531", met))
    remark = (
        "S3-Rec's Beauty, leave-one-out, all items ranked, fitted without the validation items. SASRec with sampled softmax: .0921 / .0531."
    )
    return Outcome("neural", "Beauty to the published number", verdicts, series, [remark])


@contextmanager
def cut(name: str) -> Iterator[Path]:
    """A folder with train, given and expected of a leave-one-out cut, and the item table."""
    if not (OUTSIDE / name / "interactions.parquet").exists():
        raise BenchFailed(f"There is no log {name!r}; set SPADEWORK_DATA to the folder that holds it.")
    with tempfile.TemporaryDirectory() as folder:
        process([OURS, WORKERS / "sequences_cut.py", OUTSIDE / name, folder])
        if (OUTSIDE / name / "items.parquet").exists():
            shutil.copy(OUTSIDE / name / "items.parquet", folder)
        yield Path(folder)


def _told(settings: dict[str, Any]) -> str:
    return f"({', '.join(f'{name}={value}' for name, value in settings.items())})"


if __name__ == "__main__":
    sys.exit(main())
