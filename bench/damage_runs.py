"""What commands make of a finished run whose files were damaged one by one.

Each file of a small run is damaged in every way of `damages`; each command is asked in a process
with a fresh copy of the run. What is fitted is left out: a dig and a training end where they would
begin to fit, which is reported as "goes on". An outcome is an answer, a sentence, a traceback, no
end within two minutes, or a dead process. Exit 1 where there is any of the last three, or a
sentence that names neither the file nor what to do.

    .venv/bin/python bench/damage_runs.py [--work FOLDER] [--run FOLDER] [--stopped] [--every N]

`--stopped` takes the manifest away first: then no digest tells that a file is not what was saved.
`--every N` damages in one of N ways, counted over all files, and says so. With `--work` the run and
the outcomes are kept in that folder, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import shutil
import signal
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
    ("publish", "RUN"),
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

    def pipe(at: Path) -> None:
        at.unlink()
        os.mkfifo(at)

    def link(at: Path) -> None:
        at.unlink()
        at.symlink_to(at.parent / "nothing")

    yield "absent", lambda at: at.unlink()
    yield "a folder", folder
    yield "a pipe", pipe
    yield "a link to nothing", link
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
    ask_about: Callable[[tuple[str, str, str]], bool] = lambda case: True,
) -> Iterator[tuple[str, str, str, str, str]]:
    """File, damage, command, outcome and what was said, for every damage that `keep` keeps by its
    number and every case (file, damage, command) that `ask_about` takes. Copies are made in
    `place`.
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
                if not ask_about((str(name), what, " ".join(command))):
                    continue
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


LIMIT = 120
"""Seconds after which a command counts as endless."""
FAULTS = ("traceback", "endless", "dead")


def work(run: Path, kept: Path, part: int, parts: int, every: int, stopped: bool) -> None:
    """Ask every part-th damage and append what comes out to a file of JSON lines. A command that
    ends the process, or does not end, is known by a line that says only that it was begun.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it ends the process, whatever a kernel does
    known = {tuple(line["case"]) for line in lines_of(kept) if "kind" in line}
    with tempfile.TemporaryDirectory() as place, kept.open("a", encoding="utf-8") as file:

        def write(case: Sequence[str], **found: str) -> None:
            file.write(json.dumps({"case": case, **found}) + "\n")
            file.flush()

        def is_new(case: tuple[str, str, str]) -> bool:
            if case in known:
                return False
            write(case)
            signal.alarm(LIMIT)
            return True

        for name, what, command, kind, said in outcomes(
            run,
            Path(place),
            COMMANDS,
            stopped=stopped,
            keep=lambda number: number % (every * parts) == every * part,
            ask_about=is_new,
        ):
            signal.alarm(0)
            write((name, what, command), kind=kind, said=said[-3000:])


def lines_of(kept: Path) -> list[dict[str, Any]]:
    """The lines of such a file; the last may be half a line."""
    found = []
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def ask_all(run: Path, folder: Path, parts: int, every: int, stopped: bool) -> list[dict[str, Any]]:
    """All outcomes, by so many processes; one that ends is started again behind what ended it."""
    context = multiprocessing.get_context("spawn")
    way = "stopped" if stopped else "finished"
    files = [folder / f"{way}-{part}-of-{parts}-every-{every}.jsonl" for part in range(parts)]
    running: dict[int, Any] = {}
    for part in range(parts):
        running[part] = None
    while running:
        for part, process in list(running.items()):
            if process is not None:
                process.join(1)
                if process.exitcode is None:
                    continue
                if process.exitcode == 0:
                    del running[part]
                    continue
                ended = lines_of(files[part])[-1]["case"]
                kind = "endless" if process.exitcode == -signal.SIGALRM else "dead"
                line = {"case": ended, "kind": kind, "said": f"exit code {process.exitcode}"}
                with files[part].open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(line) + "\n")
            running[part] = context.Process(
                target=work, args=(run, files[part], part, parts, every, stopped)
            )
            running[part].start()
    return [line for path in files for line in lines_of(path) if "kind" in line]


def fresh_run(folder: Path) -> Path:
    """A small run of world:order in this folder, dug if there is none."""
    import spadework as sw
    from spadework.workbench.recipe import make

    recipe = make({"models": ["popular", "cosine", "forward"], "budget": "180s"})
    return sw.dig("world:order", folder=folder / "order", recipe=recipe).folder


def main() -> int:
    options = argparse.ArgumentParser(prog="bench/damage_runs.py", description=__doc__)
    options.add_argument("--work", type=Path, help="keeps the run and the outcomes")
    options.add_argument("--run", type=Path, help="a finished run of world:order")
    options.add_argument("--stopped", action="store_true", help="take the manifest away first")
    options.add_argument("--every", type=int, default=1, help="of so many damages one")
    options.add_argument("--processes", type=int, default=2)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = asked.work or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        run = asked.run or fresh_run(folder)
        all_of_them = sum(1 for name in files_of(run) for _ in damages(run / name))
        share = f", of which one in {asked.every}" if asked.every > 1 else ""
        print(f"{len(files_of(run))} files, {all_of_them:,} damages{share}", flush=True)
        found = ask_all(run, folder, asked.processes, asked.every, asked.stopped)
    faults = 0
    for line in found:
        name, what, command = line["case"]
        vague = line["kind"] == "sentence" and not any(
            words in line["said"] for words in (Path(name).name, "model", "`spadework dig`")
        )
        if line["kind"] in FAULTS or vague:
            faults += 1
            said = line["said"].strip()[-1500:]
            print(f"{line['kind']}: {name} {what}: {command}: {said}\n", flush=True)
    counts = Counter(line["kind"] for line in found)
    print(", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
