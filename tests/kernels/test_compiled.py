"""Where compiled kernels are kept: in the first folder that can be written, in another one for
other sources, and never a failure.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from makers import SOURCE, Recorder
from spadework import events, kernels
from spadework.kernels import compiled
from spadework.kernels.compiled import kernel


def twice(values):
    total = 0.0
    for value in values:
        total += 2.0 * value
    return total


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A listener within the test; remarks of other tests are forgotten."""
    listener = Recorder()
    compiled._remarks.clear()
    compiled._remarked.clear()
    with events.listening(listener):
        yield listener


@pytest.fixture
def chosen(monkeypatch) -> Iterator[pytest.MonkeyPatch]:
    """The choice of the folder is made anew within the test, and once more after it."""
    compiled.home.cache_clear()
    for name in (*compiled.NAMED, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    monkeypatch.undo()
    compiled.home.cache_clear()


def out_of_reach(tmp_path: Path) -> Path:
    """A path that not even the superuser can make: it is below a file."""
    file = tmp_path / "file"
    file.write_text("")
    return file / "folder"


def test_every_kernel_is_kept_here_under_a_name_of_its_own():
    names = []
    for module in pkgutil.walk_packages(kernels.__path__, "spadework.kernels."):
        for thing in vars(importlib.import_module(module.name)).values():
            if hasattr(thing, "py_func") and thing.__module__ == module.name:
                assert isinstance(thing._cache, compiled._KernelCache), (
                    f"{module.name}.{thing.__name__} is not compiled by `kernel`"
                )
                names.append(thing._cache._name)
    assert len(names) > 100
    assert len(set(names)) == len(names)


# ---- which folder


@pytest.mark.parametrize("name", compiled.NAMED)
def test_a_named_folder_comes_first(name, chosen, tmp_path):
    chosen.setenv(name, str(tmp_path / "named"))
    assert compiled.home() == tmp_path / "named" / f"kernels-{compiled.digest()}"


def test_then_the_package_and_then_the_users_cache(chosen, tmp_path):
    package = Path(compiled.__file__).parent / "__pycache__"
    chosen.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    chosen.setattr(tempfile, "tempdir", str(tmp_path))
    assert list(compiled.candidate_folders()) == [
        package,
        tmp_path / "user" / "spadework",
        tmp_path / f"spadework-{os.getuid()}",
    ]
    assert compiled.home() == package / f"kernels-{compiled.digest()}"
    compiled.home.cache_clear()
    chosen.setattr(
        compiled, "candidate_folders", lambda: iter([out_of_reach(tmp_path), tmp_path / "user"])
    )
    assert compiled.home() == tmp_path / "user" / f"kernels-{compiled.digest()}"


def test_by_default_the_users_cache_is_below_home(chosen, tmp_path):
    chosen.setenv("HOME", str(tmp_path))
    assert list(compiled.candidate_folders())[1] == tmp_path / ".cache" / "spadework"


def test_a_folder_for_temporary_files_must_be_the_users_own(chosen, tmp_path):
    """Machine code is read from it, so nobody else may write there."""
    chosen.setattr(tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"spadework-{os.getuid()}"
    assert compiled.own_temporary_folder() == own
    assert own.stat().st_mode & 0o777 == 0o700
    assert compiled.own_temporary_folder() == own, "it is kept for the next process"
    own.chmod(0o777)
    assert compiled.own_temporary_folder() is None
    own.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    own.symlink_to(tmp_path / "elsewhere")
    assert compiled.own_temporary_folder() is None
    own.unlink()
    own.mkdir(mode=0o700)
    other = os.getuid() + 1
    own.rename(tmp_path / f"spadework-{other}")
    chosen.setattr(os, "getuid", lambda: other)
    assert compiled.own_temporary_folder() is None


def test_a_named_folder_that_cannot_be_written_is_remarked(chosen, recorder, tmp_path):
    named = out_of_reach(tmp_path)
    chosen.setenv("SPADEWORK_CACHE_DIR", str(named))
    folder = compiled.home()
    assert folder is not None
    assert recorder.notes == [
        f"{named} cannot be written; compiled kernels are kept in {folder.parent}."
    ]


def test_a_folder_that_can_only_be_read_is_used_where_it_was_filled(chosen, tmp_path):
    chosen.setenv("SPADEWORK_CACHE_DIR", str(tmp_path))
    chosen.setattr(compiled, "_can_write", lambda folder: False)
    chosen.setattr(compiled, "candidate_folders", lambda: iter([tmp_path]))
    folder = tmp_path / f"kernels-{compiled.digest()}"
    folder.mkdir()
    (folder / f"one{compiled.SUFFIX}").write_bytes(b"")
    assert compiled.home() is None
    (folder / compiled.stamp(0)).write_text("{}")
    compiled.home.cache_clear()
    assert compiled.home() == folder
    assert not compiled.keeps()


def test_other_sources_have_another_folder(monkeypatch, tmp_path):
    copy = shutil.copytree(
        Path(compiled.__file__).parent,
        tmp_path / "kernels",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    monkeypatch.setattr(compiled, "__file__", str(copy / "compiled.py"))
    assert compiled.digest.__wrapped__() == compiled.digest()
    instructions = copy / "counting" / "instructions.py"
    instructions.write_text(instructions.read_text() + "\n")
    assert compiled.digest.__wrapped__() != compiled.digest()


def test_folders_of_old_sources_are_removed(tmp_path):
    for age in range(compiled.KEPT + 3):
        assert compiled._can_write(tmp_path / f"kernels-{age}")
    (tmp_path / "other").mkdir()
    assert compiled._can_write(tmp_path / "kernels-new")
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == compiled.KEPT + 2
    assert {"kernels-new", "other"} <= left


# ---- what is kept


def test_a_kernel_is_compiled_once_for_its_types(monkeypatch, recorder, tmp_path):
    monkeypatch.setattr(compiled, "home", lambda: tmp_path)
    for dtype, files in ((np.float32, 1), (np.float32, 1), (np.float64, 2)):
        assert kernel(twice)(np.ones(3, dtype)) == 6.0
        assert len(list(tmp_path.iterdir())) == files
    assert recorder.notes == []


def test_a_damaged_file_is_remarked_and_written_anew(monkeypatch, recorder, tmp_path):
    monkeypatch.setattr(compiled, "home", lambda: tmp_path)
    assert kernel(twice)(np.ones(3)) == 6.0
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[:100]):
        path.write_bytes(damaged)
        compiled._remarked.clear()
        assert kernel(twice)(np.ones(3)) == 6.0
        assert path.stat().st_size > 100
    assert len(recorder.notes) == 3
    assert all(
        note.startswith(f"A compiled kernel in {tmp_path} cannot be read and is compiled again (")
        for note in recorder.notes
    )


def test_a_folder_that_can_no_longer_be_written_is_a_remark(monkeypatch, recorder, tmp_path):
    monkeypatch.setattr(compiled, "home", lambda: out_of_reach(tmp_path))
    assert kernel(twice)(np.ones(3)) == 6.0
    assert kernel(twice)(np.ones(3, np.float32)) == 6.0
    assert len(recorder.notes) == 1
    assert "cannot be kept in" in recorder.notes[0]


def test_without_a_folder_there_is_one_remark_and_everything_works(chosen, recorder, tmp_path):
    chosen.setattr(compiled, "candidate_folders", lambda: iter([out_of_reach(tmp_path)]))
    for dtype in (np.float32, np.float64):
        assert kernel(twice)(np.ones(3, dtype)) == 6.0
    assert recorder.notes == [
        f"Compiled kernels cannot be kept: {tmp_path / 'file' / 'folder'} cannot be written. "
        "Each process compiles anew; name a folder by SPADEWORK_CACHE_DIR."
    ]


def test_a_remark_waits_for_a_listener(recorder):
    thread = threading.Thread(target=compiled.remark, args=("something",))
    thread.start()
    thread.join()
    assert recorder.notes == []
    compiled.tell()
    compiled.tell()
    compiled.remark("something")
    assert recorder.notes == ["something"]


def test_machine_code_that_is_kept_is_called_without_what_compiles(tmp_path):
    """That would take a third of a second at each start. It still comes where it is needed."""
    (tmp_path / "doubling.py").write_text(
        "from spadework.kernels.compiled import kernel\n"
        "@kernel\ndef twice(values):\n    made = values.copy()\n"
        "    for at in range(len(made)):\n        made[at] *= 2\n    return made\n"
    )
    code = (
        "import sys, numpy as np\nfrom doubling import twice\n"
        "print(twice(np.ones(2)).tolist(), 'numba.np.npyimpl' in sys.modules)\n"
    )
    other = "print(twice(np.ones(2, np.int64)).tolist(), 'numba.np.npyimpl' in sys.modules)"
    environment = {
        **os.environ,
        "SPADEWORK_CACHE_DIR": str(tmp_path / "kept"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE.parent)]),
    }

    def output(code: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            timeout=120,
            check=True,
        )
        return done.stdout.splitlines()

    assert output(code) == ["[2.0, 2.0] True"]
    assert output(code + other) == ["[2.0, 2.0] False", "[2, 2] True"]
