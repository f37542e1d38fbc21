"""Laws of every command, found by walking the folder of commands."""

from __future__ import annotations

import importlib
import json
import pkgutil
import shutil
import tempfile
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from command_line import call, run
from spadework.apps import commands
from spadework.apps.cli import spadework
from spadework.artifacts import artifact
from spadework.data.worlds.worlds import world
from spadework.models.labels import model
from spadework.serving import live_file
from spadework.serving.keys import Keys

NAMES = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


def command_of(name: str) -> click.Command:
    """A command, or that of a group, which is named after both."""
    first, *rest = name.split()
    found = importlib.import_module(f"spadework.apps.commands.{first}").command
    for word in rest:
        found = found.commands[word]
    return found


def whole_names() -> list[str]:
    """All commands; those of a group in its place."""
    found = []
    for name in NAMES:
        group = command_of(name)
        below = sorted(group.commands) if isinstance(group, click.Group) else []
        found += [f"{name} {word}" for word in below] or [name]
    return found


COMMANDS = whole_names()
ENDLESS = {"serve", "studio"}
"""Commands that never end by themselves: what they print is tested in
`tests/serving/test_serve_command.py` and `tests/studio/test_studio_command.py`.
"""
every_command = pytest.mark.parametrize("name", COMMANDS)
every_command_that_ends = pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ENDLESS]
)
# how to call each one with --json; RUN is a finished run, COPY one that may change, NETWORK a
# transformer, NEW a folder to come, RELEASES a folder of releases with a KEY
ARGUMENTS = {
    "compare": ["RUN"],
    "dig": [
        "world:order",
        "--run",
        "RUN",
        "--models",
        "popular,cosine,forward",
        "--budget",
        "180s",
    ],
    "doctor": [],
    "explain": ["cosine"],
    "export": ["NETWORK", "--out", "NEW"],
    "keys add": ["RELEASES", "--scope", "read"],
    "keys list": ["RELEASES"],
    "keys remove": ["RELEASES", "KEY"],
    "look": ["world:repeats"],
    "nightly": ["COPY"],
    "publish": ["COPY"],
    "recommend": ["RUN", "--user", "u0003", "-k", "3"],
    "report": ["RUN"],
    "serve": ["RELEASES"],
    "similar": ["RUN", "i0003", "-k", "3"],
    "studio": ["NEW", "--no-open"],
    "train": ["COPY", "--set", "width=16", "--set", "blocks=1", "--set", "epochs=1"],
    "update": ["COPY", "world:order"],
}

MOST = {"recommend": 16, "dig": 10, "serve": 9}
"""The largest number of options of these commands; all others have at most seven. A server has no
recipe whose keys could say the rest.
"""


def filled(name: str, run) -> list[str]:
    assert name in ARGUMENTS, f"add to ARGUMENTS how to call the command {name}"
    paths = {
        "RUN": lambda: run,
        "COPY": lambda: copied(run),
        "NETWORK": network,
        "NEW": lambda: Path(tempfile.mkdtemp()) / "new",
    }
    if "RELEASES" in ARGUMENTS[name]:
        folder = Path(tempfile.mkdtemp())
        live_file.write_live(folder, live_file.Live("0123456789abcdef"))
        keys = Keys(folder)
        keys.add(["read"])
        paths |= {"RELEASES": lambda: folder, "KEY": lambda: keys.all[0].name}
    return [
        str(paths[argument]()) if argument in paths else argument for argument in ARGUMENTS[name]
    ]


def copied(run: Path) -> Path:
    return shutil.copytree(run, Path(tempfile.mkdtemp()) / "run")


@cache
def network() -> Path:
    """A transformer of one epoch."""
    transformer = model("transformer", width=16, blocks=1, heads=1, epochs=1).fit(
        world("order").log
    )
    return artifact.save(transformer, Path(tempfile.mkdtemp()) / "model")


def test_the_command_line_lists_what_the_folder_holds():
    help_result = CliRunner().invoke(spadework, ["--help"])
    assert help_result.exit_code == 0
    for name in NAMES:
        assert f"\n  {name} " in help_result.output


@every_command
def test_h_is_short_for_help(name):
    """In a process of its own: click remembers the first name under which help was asked for."""
    output = run(*name.split(), "-h")
    assert (output.code, output.err) == (0, "")
    assert output.out.startswith(f"Usage: spadework {name} ")


@every_command
def test_help_describes_every_option(name):
    help_result = CliRunner().invoke(spadework, [*name.split(), "--help"])
    assert help_result.exit_code == 0
    assert help_result.output.startswith(f"Usage: spadework {name} ")
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert any(option in help_result.output for option in parameter.opts)
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"
            assert parameter.help.endswith(".")


@every_command
def test_at_most_seven_options_and_json_among_them(name):
    options = [
        parameter for parameter in command_of(name).params if isinstance(parameter, click.Option)
    ]
    assert len(options) <= MOST.get(name, 7), (
        f"{name} has {len(options)} options; the rest are keys of the recipe"
    )
    assert "--json" in {opt for option in options for opt in option.opts}


@every_command_that_ends
def test_json_is_one_document_on_stdout(name, order_run, capsys):
    output = call(capsys, *name.split(), *filled(name, order_run), "--json")
    assert output.code == 0, output.err
    assert json.loads(output.out)
    assert "Traceback" not in output.err


@every_command_that_ends
def test_without_json_text_is_printed(name, order_run, capsys):
    output = call(capsys, *name.split(), *filled(name, order_run))
    assert output.code == 0, output.err
    assert output.out.strip()
    assert not output.out.startswith("{")


@every_command
def test_an_unknown_option_is_a_bad_request(name, order_run, capsys):
    output = call(capsys, *name.split(), *filled(name, order_run), "--jsno")
    assert output.code == 2
    assert output.out == ""
    happened, hint = output.sentences
    assert happened.startswith("No such option '--jsno'.")
    assert "'--json'" in happened
    assert hint == f"See: spadework {name} --help"


@every_command
def test_a_missing_argument_is_a_bad_request(name, capsys):
    required = [p for p in command_of(name).params if isinstance(p, click.Argument) and p.required]
    if not required:
        assert all(not p.required for p in command_of(name).params)
        return
    output = call(capsys, *name.split())
    assert output.code == 2
    assert output.sentences[0].startswith("Missing argument '")
    assert output.sentences[1] == f"See: spadework {name} --help"


def test_an_unknown_command_tells_the_nearest(capsys):
    output = call(capsys, "dgi")
    assert output.code == 2
    assert output.sentences == (
        "There is no command named 'dgi'.",
        f"Did you mean 'dig'? Known: {', '.join(NAMES)}.",
    )


def test_the_version_is_printed(capsys):
    output = call(capsys, "--version")
    assert output.code == 0
    assert output.out.startswith("spadework 0.")


def test_no_command_at_all_shows_the_help(capsys):
    output = call(capsys)
    assert "Commands:" in output.out + output.err
    assert output.code == 2
