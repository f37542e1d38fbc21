"""A server that speaks MySQL: MariaDB, in a folder of its own."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import store_servers


class Mysql(store_servers.Server):
    """A database for each test."""

    kind = "mysql"

    def __init__(self) -> None:
        super().__init__("")
        store_servers._give_to_server_user(self.folder)
        self.port = store_servers.free_port()
        made = self.run(
            *("mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )
        assert made.wait(store_servers._WAIT) == 0, self.last_words()
        self.start()
        self.execute(
            f"create user spade@'%' identified by '{store_servers.PASSWORD}'",
            "grant all on *.* to spade@'%'",
        )

    @property
    def address(self) -> str:
        """Of the server, without a password."""
        return f"mysql://spade@127.0.0.1:{self.port}"

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """The rows of the last statement, run as who owns the server."""
        import pymysql

        made = pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True)
        with made as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def _started(self) -> Any:
        return self.run(
            *("mariadbd", "--no-defaults", f"--datadir={self.folder / 'data'}"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1"),
            *(f"--socket={self.folder / 'socket'}", "--innodb-buffer-pool-size=16M"),
        )

    def _answers(self) -> bool:
        import pymysql

        try:
            self.execute("select 1")
        except pymysql.err.OperationalError:
            return False
        return True


@cache
def mysql() -> Mysql:
    """The server, started once in this process; the test is skipped where there is none."""
    if not all(map(store_servers._binary, ("mariadbd", "mariadb-install-db"))):
        pytest.skip("mariadbd is not installed: apt-get install mariadb-server-core")
    return Mysql()
