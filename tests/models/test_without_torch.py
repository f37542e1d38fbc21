"""Where PyTorch is not installed everything else works, and the error for a network names the
command that installs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from makers import ROOT
from spadework.artifacts import artifact
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.workbench.glossary import describe

COMMAND = "pip install 'spadework[neural]'"


def without_torch(code: str, *arguments: object) -> str:
    """What the code prints in a process that cannot import PyTorch, Fabric or ONNX."""
    hidden = (
        "import sys\nfor name in ('torch', 'lightning_fabric', 'onnx', 'onnxscript', "
        "'onnxruntime'):\n    sys.modules[name] = None\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", hidden + textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_catalogue_is_complete_and_errors_name_what_to_install():
    output = without_torch(
        """
        import spadework as sw
        from spadework.data.worlds.worlds import world
        from spadework.errors import MissingExtra
        log = world("order").log
        for name, cls in sw.catalogue().items():
            if cls.neural:
                try:
                    sw.model(name).fit(log)
                except MissingExtra as error:
                    print(name, error.message, error.hint)
        board = sw.scoreboard([sw.model("cosine"), sw.model("transformer")], sw.split.by_time(log))
        print([(score.label, score.state, score.reason) for score in board.scores])
        """
    )
    for name, cls in catalogue().items():
        if cls.neural:
            assert (
                f"{name} PyTorch, which networks are trained with, is not installed. "
                f"Install it with: {COMMAND}"
            ) in output
            assert COMMAND in describe(name)["says"]
    assert "('cosine', 'done', None)" in output
    assert "('transformer', 'skipped'" in output


def test_a_dig_and_what_mult_vae_learned_need_no_torch(order_run, tmp_path, world):
    one = model("mult-vae", hidden=16, latent=4, epochs=2).fit(world("order").log)
    artifact.save(one, tmp_path / "model")
    output = without_torch(
        """
        import sys
        import spadework as sw
        from spadework.data.worlds.worlds import world
        from spadework.workbench.recipe import make
        fitted = sw.load(sys.argv[1])
        print(fitted.recommend(world("order").log, 3).items[:2].tolist())
        recipe = make({"models": ["popular", "cosine"], "budget": "60s"})
        made = sw.dig("world:order", folder=sys.argv[2], recipe=recipe)
        left = made.board["not_tried"]
        print(made.winner, [row for row in left if row["what"] == "transformers"])
        from spadework.apps.cli import main
        try:
            main(["train", sys.argv[2]])
        except SystemExit as stopped:
            print("exit", stopped.code)
        try:
            main(["doctor"])
        except SystemExit:
            pass
        """,
        tmp_path / "model",
        tmp_path / "run",
    )
    assert str(one.recommend(world("order").log, 3).items[:2].tolist()) in output
    assert "cosine" in output
    assert f"Install it with: {COMMAND}" in output
    assert "exit 2" in output
    assert f"missing: {COMMAND}" in output


def test_importing_the_package_or_its_catalogue_does_not_import_torch():
    code = (
        "import sys, spadework; spadework.catalogue(); print([name for name in ('torch', "
        "'lightning_fabric', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_threads_that_wait_do_not_spin():
    """OpenMP reads it when PyTorch is loaded, so it is set before; a value of the user's stays."""
    code = "import spadework.models.neural, os; print(os.environ['OMP_WAIT_POLICY'])"
    for chosen, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        plain = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**plain, "PYTHONPATH": "src", **chosen},
            check=True,
        )
        assert done.stdout.strip() == expected
