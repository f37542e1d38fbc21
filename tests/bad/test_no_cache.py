"""No folder for compiled kernels can be written: the package, the home, the named folder and that
for temporary files are all out of reach.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from makers import SOURCE

CODE = """
import sys
from pathlib import Path
from spadework.kernels import compiled
compiled.digest()
compiled.__file__ = str(Path(sys.argv[1]) / "package" / "compiled.py")
compiled.own_temporary_folder = lambda: None
"""
"""Not even the superuser makes a folder below a file, so the package is given such a path."""
REMARK = "Compiled kernels cannot be kept: "


def run(code: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "file"
    file.write_text("")
    out_of_reach = {
        name: str(file / name) for name in ("HOME", "XDG_CACHE_HOME", "SPADEWORK_CACHE_DIR")
    }
    environment = {**os.environ, **out_of_reach, "PYTHONPATH": str(SOURCE.parent)}
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE + code, str(file), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=300,
    )


@pytest.mark.parametrize(
    "arguments",
    [("look", "world:order"), ("explain", "cosine"), ("doctor",)],
    ids=lambda arguments: arguments[0],
)
def test_commands_work(arguments, tmp_path):
    done = run("from spadework.apps.cli import main; main(sys.argv[2:])", tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count(REMARK) <= 1
    assert ("nowhere: no folder can be written" in done.stdout) == (arguments == ("doctor",))


def test_importing_prints_nothing(tmp_path):
    done = run(
        "import spadework as sw; sw.catalogue(); [getattr(sw, name) for name in sw.__all__]",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_models_work_and_the_remark_is_printed_once(tmp_path):
    code = """
import spadework as sw
from spadework import events
from spadework.apps import terminal
log = sw.world("order").log
with terminal.progress():
    for name in ("cosine", "popular"):
        print(len(sw.model(name).fit(log).recommend(log, 3)))
"""
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["400", "400"]
    assert done.stderr.count(REMARK) == 1
    assert done.stderr.count("\n") == 1
