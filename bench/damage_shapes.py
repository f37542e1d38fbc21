"""Readings of damaged sources: every shape of docs/shapes.md × every damage of
tests/shape_damages.py, in turn, from a seed.

Each reading has to end in an account that adds up or in one sentence with a way out, within some
seconds; where the true events are known, used ones are among them or something is told. Each fifth
reading goes through the command `look`. What is wrong is printed as it is found; then the numbers
by shape and damage. Exit 1 where anything is wrong.

    .venv/bin/python bench/damage_shapes.py [--readings 20000] [--seed 0] [--kept FILE] [--from N]

With `--kept` every reading is kept as a line of JSON, and a second start goes on behind the last.
`--only N` makes one reading and says what it came to.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where shapes and damages are

import shape_readings
from shape_readings import ACCOUNT, KINDS, NAMES, SENTENCE, Reading

HANG = 60.0


def table(counts: Counter[tuple[str, str, str]]) -> str:
    """Readings by shape and damage: account / sentence / anything else."""
    lines = []
    for shape in NAMES:
        total = [0, 0, 0]
        for kind in KINDS:
            found = [counts[shape, kind, ACCOUNT], counts[shape, kind, SENTENCE]]
            others = sum(
                count
                for (one, other, outcome), count in counts.items()
                if (one, other) == (shape, kind) and outcome not in (ACCOUNT, SENTENCE)
            )
            if sum(found) + others:
                lines.append(f"{shape:48} {kind:36} {found[0]:5} / {found[1]:5} / {others:3}")
                total = [total[0] + found[0], total[1] + found[1], total[2] + others]
        lines.append(f"{shape:48} {'(all)':36} {total[0]:5} / {total[1]:5} / {total[2]:3}")
    return "\n".join(lines)


def kept_readings(path: Path | None) -> list[dict[str, object]]:
    """Readings of an earlier start."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def one(number: int, seed: int) -> Reading | None:
    """One reading in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="damage-"))
    try:
        faulthandler.dump_traceback_later(HANG, exit=True)
        return shape_readings.read(number, folder, seed)
    finally:
        faulthandler.cancel_dump_traceback_later()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    options = argparse.ArgumentParser(prog="bench/damage_shapes.py", description=__doc__)
    options.add_argument("--readings", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--kept", type=Path, help="a file that every reading is written to")
    options.add_argument("--only", type=int, help="the number of one reading")
    asked = options.parse_args()
    warnings.simplefilter("error")
    if asked.only is not None:
        print(one(asked.only, asked.seed))
        return 0
    counts: Counter[tuple[str, str, str]] = Counter()
    faults = changed = made = 0
    number = -1
    for line in kept_readings(asked.kept):
        number, made = int(str(line["number"])), made + 1
        counts[str(line["shape"]), str(line["damage"]).split(" + ")[0], str(line["outcome"])] += 1
        faults += line["outcome"] not in (ACCOUNT, SENTENCE)
        changed += bool(line["changed"])
    with open(asked.kept or "/dev/null", "a", encoding="utf-8", buffering=1) as kept:
        while made < asked.readings:
            number += 1
            reading = one(number, asked.seed)
            if reading is None:
                continue
            made += 1
            counts[reading.shape, reading.damage.split(" + ")[0], reading.outcome] += 1
            changed += reading.changed
            kept.write(json.dumps(asdict(reading)) + "\n")
            if reading.outcome not in (ACCOUNT, SENTENCE):
                faults += 1
                print(f"{number}: {reading.outcome}: {reading.shape} × {reading.damage}, "
                      f"{dict(reading.options)}: {reading.said[-1500:]}\n", flush=True)  # fmt: skip
    print(table(counts))
    ended = Counter(outcome for _, _, outcome in counts.elements())
    print(f"\n{made:,} readings: {', '.join(f'{n:,} {o}' for o, n in ended.most_common())}; "
          f"changed and told: {changed:,}")  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
