"""What a saved model makes of arrays that were changed on purpose: every model of the catalogue,
every array, many changes, each with digests that are made right again.

Each change is loaded and asked for lists, similar items and an explanation in a process of its
own, which serves until it dies. An outcome is a sentence (a SpadeworkError), an answer, a
traceback (any other exception), a dead process or no end within four minutes. Exit 1 where there
are any of the last three.

    .venv/bin/python bench/mutate_models.py [--model NAME]… [--processes 2] [--neural] [--most N]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

LIMIT = 240.0
"""Seconds after which a change counts as endless; the first of a kernel compiles it."""
STRIDE = 17
TYPES = (
    *("float64", "float32", "float16", "int64", "int32", "int16", "int8"),
    *("uint64", "uint32", "uint8", "bool"),
)
SMALL = {"width": 8, "blocks": 1, "heads": 1, "epochs": 1, "batch": 32, "max_length": 8}
OTHER: Mapping[str, dict[str, Any]] = {
    "transformer": {"personal": True, **SMALL},
    "mult-vae": {"hidden": 8, "latent": 4, "epochs": 1},
    "ials": {"dimensions": 8, "epochs": 2},
    "elsa": {"dimensions": 8, "epochs": 2},
    "ease": {"keep": 5},
    "forward-ridge": {"keep": 5},
    "prior": {"weight": 0.5},
}
"""A second setting of some models, which learns other arrays."""


def mutations(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The array with another type, length, order, range, and with numbers that are none."""
    flat, size = array.ravel(), array.size
    with np.errstate(all="ignore"):
        for dtype in TYPES:
            if str(array.dtype) != dtype:
                yield f"dtype {dtype}", array.astype(dtype)
        yield "no cell", array[:0]
        yield "one cell", array[:1]
        yield "one less", array[:-1]
        yield "one more", np.concatenate([array, array[:1]])
        yield "twice as long", np.concatenate([array, array])
        yield "no dimension", np.zeros((), array.dtype)
        yield "a row", array[None]
        yield "a column", flat[:, None]
        yield "flat", np.concatenate([flat, flat[:0]])
        if array.ndim == 2:
            yield "no column", array[:, :0]
            yield "fewer columns", array[:, :-1]
            yield "more columns", np.hstack([array, array[:, :1]])
            yield "transposed", array.T
        yield "reversed", array[::-1]
        yield "rotated", np.roll(flat, 1).reshape(array.shape)
        yield "descending", np.sort(flat)[::-1].reshape(array.shape)
        yield "shuffled", np.random.default_rng(0).permutation(flat).reshape(array.shape)
        yield "all as the first", np.broadcast_to(flat[:1], array.shape) if size else array
        yield "all zero", np.zeros_like(array)
        whole = array.dtype.kind in "iu"
        ends = np.iinfo(array.dtype) if whole else None
        values: list[Any] = (
            [-1, ends.min, ends.max, len(array), 10**6]
            if ends is not None
            else [np.nan, np.inf, -np.inf, 3e38, -3e38, -1.0, 1e-45]
            if array.dtype.kind == "f"
            else [True, False]
        )
        for value in values:
            try:
                given = np.asarray([value]).astype(array.dtype)[0]
            except (OverflowError, ValueError):
                continue
            yield f"all {value}", np.full_like(array, given)
            for where, at in (("first", 0), ("middle", size // 2), ("last", size - 1)):
                if size:
                    changed = flat.copy()
                    changed[at] = given
                    yield f"{where} {value}", changed.reshape(array.shape)


def small_log() -> tuple[Any, Any]:
    """A log with times, baskets and event types, and its item table."""
    import spadework as sw

    rng = np.random.default_rng(1)
    rows = 600
    frame = pl.DataFrame(
        {
            "user": [f"u{u:03d}" for u in rng.integers(0, 40, rows)],
            "item": [f"i{i:03d}" for i in np.minimum(rng.geometric(0.12, rows), 25)],
            "time": np.sort(1_704_067_200 + rng.choice(100 * 86_400, rows, replace=False)),
            "basket": [f"b{b:03d}" for b in np.arange(rows) // 3],
            "event": rng.choice(["view", "purchase"], rows),
        }
    )
    log = sw.read_interactions(frame, event="event")
    ids = log.item_vocabulary.ids
    kinds = ["dairy", "bread", "fruit"]
    table = pl.DataFrame(
        {
            "item_id": ids,
            "category": [kinds[at % 3] for at in range(len(ids))],
            "title": [f"the {name}" for name in ids],
        }
    )
    return log, sw.read_content(table, log)


def saved_models(folder: Path, names: list[str], *, neural: bool) -> list[Path]:
    """Fit and save each model with its defaults, with the last setting of its sweep, and with the
    settings of `OTHER`.
    """
    import spadework as sw

    log, content = small_log()
    made = []
    for name, kind in sw.catalogue().items():
        if (names and name not in names) or (kind.neural and not neural):
            continue
        settings = [{}, kind.variants()[-1], OTHER.get(name, {})]
        if kind.neural:
            settings = [OTHER[name]]
        distinct = {json.dumps(params, sort_keys=True): params for params in settings}
        for number, params in enumerate(distinct.values()):
            fitted = sw.model(name, **params).fit(log, content)
            made.append(sw.save(fitted, folder / f"{name}-{number}"))
    return made


def write(folder: Path, source: Path, name: str, array: np.ndarray) -> None:
    """The model of `source` with one array replaced and every digest as it should be."""
    from safetensors.numpy import load, save

    shutil.copytree(source, folder, dirs_exist_ok=True)
    arrays = load((source / "arrays.safetensors").read_bytes()) | {
        name: np.ascontiguousarray(array).reshape(array.shape)
    }
    content = save(arrays)
    (folder / "arrays.safetensors").write_bytes(content)
    header = json.loads((source / "model.json").read_text())
    header["files"]["arrays.safetensors"] = hashlib.sha256(content).hexdigest()
    header["arrays"] = {
        key: {"shape": list(value.shape), "dtype": str(value.dtype)}
        for key, value in arrays.items()
    }
    (folder / "model.json").write_text(json.dumps(header))


def questions(fitted: Any, log: Any) -> Iterator[Callable[[], object]]:
    """What is asked of a loaded model."""
    item, user = log.item_vocabulary.ids[3], log.user_vocabulary.ids[5]
    yield lambda: fitted.recommend(log, 5).frame()
    yield lambda: fitted.recommend(log, 40, repeats="forbid").frame()
    yield lambda: fitted.recommend(log, 5, repeats="only").frame()
    yield lambda: fitted.similar_items([item], 5).frame()
    yield lambda: fitted.explain(log, item, user)


def outcome_of(folder: Path, log: Any) -> tuple[str, str]:
    """Load the model and ask it everything: "sentence", "answer" or "traceback", and what was
    said.
    """
    import spadework as sw

    said = ""
    try:
        fitted = sw.load(folder)
    except sw.SpadeworkError as error:
        return "sentence", str(error)
    except Exception:
        return "traceback", traceback.format_exc()
    for ask in questions(fitted, log):
        try:
            ask()
        except sw.SpadeworkError as error:
            said = said or str(error)
        except Exception:
            return "traceback", traceback.format_exc()
    return "answer", said


def serve(jobs: Any) -> None:
    """A worker: takes (source, array, change) and sends its outcome, until there is no more."""
    log, _ = small_log()
    with tempfile.TemporaryDirectory() as place:
        while (job := jobs.recv()) is not None:
            source, name, change = job
            from safetensors.numpy import load

            array = load((source / "arrays.safetensors").read_bytes())[name]
            try:
                write(Path(place) / "model", source, name, dict(mutations(array))[change])
            except Exception as error:
                jobs.send(("unwritten", str(error)))
                continue
            jobs.send(outcome_of(Path(place) / "model", log))


class Worker:
    """A process that serves, and its replacement when it dies."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.begin()

    def begin(self) -> None:
        self.jobs, theirs = self.context.Pipe()
        self.process = self.context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.jobs.send(None)
        self.process.join(5)

    def receive(self) -> tuple[str, str]:
        try:
            if self.jobs.poll(LIMIT):
                found: tuple[str, str] = self.jobs.recv()
                return found
            self.process.kill()
            found = ("endless", f"no answer within {LIMIT:.0f} s")
        except (EOFError, OSError):
            self.process.join(5)
            found = ("dead", f"exit code {self.process.exitcode}")
        self.begin()
        return found


def main() -> int:
    options = argparse.ArgumentParser(prog="bench/mutate_models.py", description=__doc__)
    options.add_argument("--model", action="append", default=[], metavar="NAME")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--every", type=int, default=1, help="of so many changes one")
    options.add_argument("--most", type=int, help="so many changes at most, of all models alike")
    options.add_argument("--neural", action="store_true", help="networks, too")
    asked = options.parse_args()
    from safetensors.numpy import load

    counts: Counter[str] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        models = saved_models(Path(place), asked.model, neural=asked.neural)
        jobs = [
            (source, name, change)
            for source in models
            for name, array in load((source / "arrays.safetensors").read_bytes()).items()
            for change in dict(mutations(array))
        ][:: asked.every]
        # in strides, so that those done first are a sample of all
        jobs = [job for turn in range(STRIDE) for job in jobs[turn::STRIDE]]
        print(f"{len(models)} models, {len(jobs):,} changes", end="", flush=True)
        jobs = jobs[: asked.most]
        print(f", of which {len(jobs):,}", flush=True)
        workers = [Worker() for _ in range(asked.processes)]
        for begin in range(0, len(jobs), len(workers)):
            if begin % 500 < len(workers):
                print(f"{begin:,}: {dict(counts)}", flush=True)
            batch = jobs[begin : begin + len(workers)]
            for worker, job in zip(workers, batch, strict=False):
                worker.jobs.send(job)
            for worker, job in zip(workers, batch, strict=False):
                kind, said = worker.receive()
                counts[kind] += 1
                if kind in ("traceback", "dead", "endless", "unwritten"):
                    where = f"{job[0].name} {job[1]} {job[2]}"
                    faults.append(f"{kind}: {where}: {said.strip().splitlines()[-1]}")
                    print(faults[-1], flush=True)
                    if kind == "traceback" and len(faults) <= 5:
                        print(said, flush=True)
        for worker in workers:
            worker.end()
    print(", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
