"""A process that serves others does not die where one of them is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

WRITES = """
import os, signal
from spadework import broken_pipes
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
{change}
reader, writer = os.pipe()
os.close(reader)
try:
    os.write(writer, b"x")
except BrokenPipeError:
    print("an error")
"""


@pytest.mark.parametrize(
    ("change", "code", "said"), [("", -13, ""), ("broken_pipes.raise_errors()", 0, "an error\n")]
)
def test_a_closed_connection_is_an_error(change, code, said):
    done = subprocess.run(
        [sys.executable, "-c", WRITES.format(change=change)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, said)
