"""The schedules of docs/updates.md: units that systemd accepts, code that parses, commands that
are there.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from makers import ROOT
from spadework.apps.cli import spadework

PAGE = (ROOT / "docs" / "updates.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


def commands_in(text: str) -> list[list[str]]:
    """Each call of the command in a text, word by word."""
    found = re.findall(r"spadework nightly [^\n\"'>]*", text)
    found += [
        " ".join(re.findall(r'"(.*?)"', line))
        for line in text.splitlines()
        if '"nightly", ' in line
    ]
    return [shlex.split(line)[1:] for line in found]


def test_every_schedule_calls_a_command_that_is_there():
    texts = [*blocks("ini")[:1], *blocks("cron"), *blocks("python")]
    assert len(texts) == 4
    for text in texts:
        (call,) = commands_in(text)
        assert call[0] == "nightly"
        # click reads all words before it prints the help
        found = CliRunner().invoke(spadework, [*call, "--help"])
        assert found.exit_code == 0, found.output


def test_units_are_what_systemd_reads(tmp_path):
    service, timer = blocks("ini")
    (tmp_path / "spadework-nightly.service").write_text(service)
    (tmp_path / "spadework-nightly.timer").write_text(timer)
    for name in ("spadework-nightly.service", "spadework-nightly.timer"):
        assert f"/etc/systemd/system/{name}" in PAGE
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd-analyze here")
    done = subprocess.run(
        [verify, "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True
    )
    assert "spadework-nightly" not in done.stderr, done.stderr


def test_the_line_of_cron_has_five_fields_and_a_command():
    (line,) = blocks("cron")
    fields = line.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
    assert fields[5].startswith("cd ")


def test_snippets_parse():
    for code in blocks("python"):
        ast.parse(code)
