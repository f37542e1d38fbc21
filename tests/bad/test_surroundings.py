"""What a command finds around it: closed streams, output that cannot show every sign, settings of
threads, limits of memory, names that a terminal would obey.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from command_line import call
from makers import SOURCE
from spadework import limits
from spadework.apps import surroundings, terminal


def process(arguments: str, **environment: str | None) -> subprocess.CompletedProcess[bytes]:
    """A shell's line, with `spadework` for the command."""
    own = {"PYTHONPATH": str(SOURCE.parent), **environment}
    variables = {key: value for key, value in {**os.environ, **own}.items() if value is not None}
    line = arguments.replace("spadework", f"{sys.executable} -m spadework")
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, env=variables, timeout=120, check=False
    )


# ---- streams


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_closed_streams(closed):
    done = process(f"spadework explain cosine {closed}")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert (b"cosine (model" in done.stdout) == (closed == "<&-")


@pytest.mark.slow
def test_nothing_is_read_from_a_closed_stdin():
    done = process("spadework look - <&-")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") >= 2


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252"])
def test_output_that_cannot_show_every_sign(encoding):
    done = process("spadework explain lift", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    text = done.stdout.decode(encoding)
    assert "lift (model" in text
    assert "?" not in text.split("\n")[0]


@pytest.mark.slow
def test_the_language_c():
    done = process(
        "spadework explain lift", LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("a → b … c — d", "ascii", "a -> b ... c - d"),
        ("café", "cp1252", "café"),
        ("北京", "latin-1", "\\u5317\\u4eac"),
        ("\udce9", "utf-8", "\\udce9"),
    ],
)
def test_signs_are_written_with_like_ones_or_escaped(text, encoding, shown, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    surroundings.prepare_streams()
    sys.stdout.write(text)
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == shown


def test_json_is_the_same_value_in_any_encoding(monkeypatch):
    value = {"item_id": "北京 é"}
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    terminal.print_json(value)
    sys.stdout.flush()
    assert json.loads(written.getvalue().decode("latin-1")) == value


# ---- threads


@pytest.mark.parametrize("name", surroundings.THREADS)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "9" * 40, "1,x"])
def test_settings_of_threads_that_are_no_number(name, value, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    output = call(capsys, "doctor")
    assert output.code == 2
    assert output.sentences == (
        f"The variable {name} is {value!r}, which is no number of threads.",
        "Unset it, or set it to a whole number above zero.",
    )


@pytest.mark.parametrize("value", ["1", "8", "4,2", " "])
def test_settings_of_threads_that_are(value, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    surroundings.check_threads()
    assert os.environ.get("OMP_NUM_THREADS") == (None if value == " " else value)


@pytest.mark.slow
def test_a_setting_is_refused_before_the_libraries_read_it():
    done = process("spadework look world:order", NUMBA_NUM_THREADS="none")
    assert done.returncode == 2
    assert done.stderr.decode().startswith("The variable NUMBA_NUM_THREADS is 'none'")


# ---- memory


def groups(place: Path, monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    (place / "self").write_text(own)
    monkeypatch.setattr(limits, "OWN_GROUPS", place / "self")
    monkeypatch.setattr(limits, "CONTAINERS", place / "cgroup")


def put(folder: Path, **values: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name.replace("__", ".")).write_text(value)


def test_the_limit_of_a_container_of_version_2(tmp_path, monkeypatch):
    groups(tmp_path, monkeypatch, "0::/\n")
    top = tmp_path / "cgroup"
    stat = "anon 9\ninactive_file 7\nactive_file 30\n"
    put(top, memory__max="1000000\n", memory__current="400000\n", memory__stat=stat)
    assert limits.available_bytes() == 600_037, "pages of files can be given back"
    put(top, memory__max="max\n")
    assert limits.available_bytes() > 1_000_000
    put(top, memory__max="300000\n", memory__stat="file 7\n")
    assert limits.available_bytes() == 0, "more is used than is allowed by now"


def test_a_limit_above_counts_as_well(tmp_path, monkeypatch):
    groups(tmp_path, monkeypatch, "0::/a/b\n")
    top = tmp_path / "cgroup"
    put(top / "a" / "b", memory__max="max\n", memory__current="10\n")
    put(top / "a", memory__max="5000\n", memory__current="1000\n")
    assert limits.available_bytes() == 4000


def test_the_limit_of_a_container_of_version_1(tmp_path, monkeypatch):
    groups(tmp_path, monkeypatch, "4:cpu,memory:/docker/x\n0::/\n")
    top = tmp_path / "cgroup" / "memory"
    files = {"memory__limit_in_bytes": "9000", "memory__usage_in_bytes": "4000"}
    put(top, **files, memory__stat="total_inactive_file 400\ntotal_active_file 100\n")
    assert limits.available_bytes() == 5500, "the path inside the container is another one"
    put(top / "docker" / "x", **files | {"memory__limit_in_bytes": str(2**63 - 4096)})
    assert limits.available_bytes() == 5500


def test_the_limit_of_the_process(monkeypatch, capsys):
    limit = [2**40]
    monkeypatch.setattr(limits.resource, "getrlimit", lambda which: (limit[0], 2**62))
    free, room = limits.available_bytes(), limits.room_of_process()
    assert 0 < 2**40 - room < 2**39, "what is taken already"
    assert free < room
    limit[0] = 2**20
    assert limits.available_bytes() == limits.room_of_process() == 0
    output = call(capsys, "doctor")
    assert output.code == 2
    assert output.sentences == (
        "There is not enough memory: the limit of this process leaves 0 MiB of address space.",
        "spadework needs 1.5 GiB to start and 3 GiB to dig: raise the limit, such as by ulimit -v "
        "unlimited.",
    )
    limit[0] = limits.resource.RLIM_INFINITY
    assert limits.room_of_process() is None


def test_no_groups_at_all(tmp_path, monkeypatch):
    groups(tmp_path, monkeypatch, "")
    (tmp_path / "self").unlink()
    assert limits.available_bytes() > 2**20


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError("Unable to allocate 9.31 GiB"), "There is not enough memory: "),
        (ImportError("x.so: failed to map segment"), "There is not enough memory: "),
        (RuntimeError("can't start new thread"), "There is not enough memory: "),
        (OSError("Could not find/load shared object file"), "There is not enough memory: "),
        (PermissionError(13, "Permission denied", "x"), "The system refused x: Permission denied"),
        (KeyError("recipe"), "This is a bug in spadework (test_surroundings.py:"),
        (UnicodeEncodeError("utf-8", "caf\udce9", 3, 4, "surrogates"), "'caf\\udce9' is not UTF-8"),
    ],
)
def test_whatever_happens_ends_in_sentences(error, says, monkeypatch, capsys):
    def fail(self, *given, **more):
        raise error

    monkeypatch.setattr(click.Group, "main", fail)
    output = call(capsys, "doctor")
    assert output.code == 2
    assert says in output.err
    assert "Traceback" not in output.err
    assert len(output.err.strip().splitlines()) == 2
    if "The details are in " in output.err:
        kept = Path(output.err.split("The details are in ")[1].split(";")[0])
        assert "KeyError" in kept.read_text()
        kept.unlink()


# ---- names that a terminal would obey


def test_control_characters_are_shown_escaped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "no\x1b]0;te\x07\x9b"
    rows = "".join(f"u{at % 7},i{at % 5},{1_700_000_000 + 3600 * at},x\n" for at in range(60))
    (tmp_path / "log\x1b[31m.csv").write_text(f"user,item,time,{name}\n{rows}")
    output = call(capsys, "look", "log\x1b[31m.csv")
    assert output.code == 0, output.err
    assert "no\\x1b]0;te\\x07\\x9b" in output.out
    assert "log\\x1b[31m.csv" in output.out
    for sign in ("\x1b", "\x07", "\x9b"):
        assert sign not in output.out + output.err
    refused = call(capsys, "look", "none\x1b.csv")
    assert refused.code == 2
    assert "none\\x1b.csv" in refused.err
    assert "\x1b" not in refused.err


def test_rows_set_aside_that_cannot_be_kept_are_told(tmp_path, monkeypatch, capsys):
    from spadework import files

    def refuse(path, frame):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "write_parquet", refuse)
    rows = "".join(f"u{at % 7},i{at % 5},{1_700_000_000 + 3600 * at}\n" for at in range(60))
    (tmp_path / "log.csv").write_text(f"user,item,time\n{rows}u1,,1700000000\n")
    output = call(capsys, "look", "log.csv")
    assert output.code == 0, output.err
    assert "The rows set aside are not kept: " in output.err
    assert "set aside: 1" in output.out


def test_a_name_that_is_not_utf8_is_refused_before_reading(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    output = call(capsys, "look", "caf\udce9.csv")
    assert output.code == 2
    assert output.sentences[0] == "The source 'caf\\udce9.csv' is not UTF-8."
