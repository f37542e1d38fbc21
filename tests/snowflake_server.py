"""A server that speaks Snowflake's protocol: fakesnow, which keeps its tables in DuckDB. It needs
other versions of libraries than what is tested, so CI makes an environment for it.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[1] / "build" / "fakesnow" / "bin" / "python"
_PROGRAM = """
import json, sys
import fakesnow, snowflake.connector

with fakesnow.server(session_parameters={}) as given:
    connection = snowflake.connector.connect(**given)
    cursor = connection.cursor()
    print(json.dumps({name: str(value) for name, value in given.items()}), flush=True)
    for line in sys.stdin:
        try:
            cursor.execute(json.loads(line))
            print(json.dumps("done"), flush=True)
        except Exception as error:
            print(json.dumps(str(error)), flush=True)
"""


class Snowflake:
    """A server, and a session of who owns it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, "-W", "ignore", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        atexit.register(self._process.kill)
        given = self._told()
        self.password = given["password"]
        self.settings = f"host={given['host']}&port={given['port']}&protocol=http"
        self._who = f"{given['user']}@{given['account']}"

    def execute(self, *statements: str) -> None:
        """Run statements."""
        for statement in statements:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(statement) + "\n")
            self._process.stdin.flush()
            told = self._told()
            assert told == "done", told

    def address(self, place: str) -> str:
        """Of a database, with a schema and a table behind it."""
        return f"snowflake://{self._who}/{place}?{self.settings}"

    def _told(self) -> dict[str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        while line and not line.startswith(("{", '"')):  # what its server logs
            line = self._process.stdout.readline()
        return json.loads(line)  # type: ignore[no-any-return]


@cache
def server() -> Snowflake:
    """The server of this process."""
    if not PYTHON.exists() or sys.platform == "win32":
        pytest.skip("fakesnow is not installed in build/fakesnow; .ci/run says how")
    return Snowflake()
