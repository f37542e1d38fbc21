"""What commands make of a finished run whose files were damaged one by one.

Each file of a small run is damaged in every way of `damages`; each command is asked in this process
with a fresh copy of the run. What is fitted is left out: a dig and a training end where they would
begin to fit, which is reported as "goes on". An outcome is an answer, a sentence or a traceback.
Exit 1 where there is a traceback, or a sentence that names neither the file nor what to do.

    .venv/bin/python bench/damage_runs.py [--run FOLDER] [--stopped]

`--stopped` takes the manifest away first: then no digest tells that a file is not what was saved.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import click

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("report", "RUN"),
    ("compare", "RUN"),
    ("compare", "RUN", "OTHER"),
    ("recommend", "RUN", "--user", "USER", "--json"),
    ("similar", "RUN", "ITEM", "--json"),
    ("explain", "RUN", "--item", "ITEM", "--user", "USER"),
    ("train", "RUN"),
    ("dig", "SOURCE", "--run", "RUN"),
)


class GoesOn(Exception):
    """Fitting would begin."""


def damages(path: Path) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Ways to damage a file, each with a name."""
    content = path.read_bytes()

    def put(given: bytes) -> Callable[[Path], None]:
        return lambda at: at.write_bytes(given) and None

    def folder(at: Path) -> None:
        at.unlink()
        at.mkdir()

    yield "absent", lambda at: at.unlink()
    yield "a folder", folder
    yield "empty", put(b"")
    yield "half", put(content[: len(content) // 2])
    yield "other bytes", put(bytes(reversed(content)))
    if path.suffix not in (".json", ".toml", ".jsonl"):
        return
    yield "utf-16", put(content.decode().encode("utf-16"))
    yield "latin-1", put(content + b"\xe9\xff")
    for text in ("null", "17", "[]", "{}", '"text"', "[null]", "[[]]", "[" * 3000):
        yield text[:8], put(text.encode())
    if path.suffix != ".json":
        return
    value = json.loads(content)
    if isinstance(value, dict):
        for key in value:
            yield f"without {key}", put(json.dumps(
                {name: inner for name, inner in value.items() if name != key}
            ).encode())  # fmt: skip
            for other in (None, 7, "x", [], {}, [7], {"a": 7}):
                yield f"{key} = {other}", put(json.dumps({**value, key: other}).encode())


def files_of(run: Path) -> list[Path]:
    """The files of a run, relative to it."""
    return sorted(
        path.relative_to(run)
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("lock", "README.md")
    )


def ask(arguments: Sequence[str]) -> tuple[str, str]:
    """The outcome of a command in this process, and what it said."""
    from spadework.apps.cli import spadework
    from spadework.errors import SpadeworkError
    from spadework.workbench.search.choosing import Dig
    from spadework.workbench.training.trainings import Trainings

    shown = io.StringIO()
    with (
        mock.patch.object(Dig, "carry_out", side_effect=GoesOn),
        mock.patch.object(Trainings, "announce", side_effect=GoesOn),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
    ):
        try:
            spadework.main(args=list(arguments), standalone_mode=False, prog_name="spadework")
        except SpadeworkError as error:
            return "sentence", f"{error.message} {error.hint}"
        except click.exceptions.Exit:
            return "answer", shown.getvalue()
        except click.ClickException as error:
            return "sentence", error.format_message()
        except GoesOn:
            return "goes on", shown.getvalue()
        except OSError as error:
            return "sentence", f"The system refused {error.filename}: {error.strerror}."
        except Exception:
            return "traceback", traceback.format_exc()
    return "answer", shown.getvalue()


def outcomes(
    run: Path,
    place: Path,
    commands: Sequence[Sequence[str]],
    *,
    stopped: bool = False,
    keep: Callable[[int], bool] = lambda number: True,
) -> Iterator[tuple[str, str, str, str, str]]:
    """File, damage, command, outcome and what was said, for every damage that `keep` keeps by its
    number. Copies are made in `place`.
    """
    names = {
        "RUN": str(place / "run"),
        "OTHER": str(run),
        "SOURCE": "world:order",
        "USER": "u0003",
        "ITEM": "i0003",
    }
    found: Any = json.loads((run / "recipe.json").read_text())["recipe"]
    settings = [
        f"--set={key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in found.items()
        if key in ("models", "budget")
    ]
    number = 0
    for name in files_of(run):
        for what, damage in damages(run / name):
            number += 1
            if not keep(number):
                continue
            for command in commands:
                shutil.rmtree(place / "run", ignore_errors=True)
                shutil.copytree(run, place / "run")
                if stopped:
                    (place / "run" / "manifest.json").unlink()
                if (place / "run" / name).exists():
                    damage(place / "run" / name)
                words = [names.get(word, word) for word in command]
                words += settings if command[0] == "dig" else []
                kind, said = ask(words)
                yield str(name), what, " ".join(command), kind, said


def main() -> int:
    options = argparse.ArgumentParser(prog="bench/damage_runs.py", description=__doc__)
    options.add_argument("--run", type=Path, help="a finished run of world:order")
    options.add_argument("--stopped", action="store_true", help="take the manifest away first")
    asked = options.parse_args()
    counts: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as place:
        run = asked.run
        if run is None:
            import spadework as sw
            from spadework.workbench.recipe import make

            recipe = make({"models": ["popular", "cosine", "forward"], "budget": "180s"})
            run = sw.dig("world:order", folder=Path(place) / "order", recipe=recipe).folder
        for name, what, command, kind, said in outcomes(
            run, Path(place), COMMANDS, stopped=asked.stopped
        ):
            counts[kind] += 1
            vague = kind == "sentence" and Path(name).name not in said and "model" not in said
            if kind == "traceback" or vague:
                faults += 1
                print(f"{kind}: {name} {what}: {command}: {said.strip()[-1500:]}\n", flush=True)
    print(", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
