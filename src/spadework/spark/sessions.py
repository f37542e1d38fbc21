"""What a session of Spark needs here, and how its failures are told."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spadework import errors
from spadework.errors import BadRequest, MissingExtra, SpadeworkError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RECORDS, BATCH_BYTES = 131_072, 1 << 26
"""Rows and bytes of the batches that go to and from Python: few batches, of a bounded size."""
_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(RECORDS),
    "spark.sql.execution.arrow.maxBytesPerBatch": str(BATCH_BYTES),
}
_TOLD = re.compile(r"spadework\.errors\.(\w+): (.*)")


def check_installed() -> None:
    """Refuse to go on without PySpark or pyarrow."""
    for module, name in (("pyspark", "PySpark"), ("pyarrow", "pyarrow, which Spark talks with,")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(name, "spark")


def check_java() -> None:
    """Refuse to start Spark here without Java: Spark itself waits long and tells little."""
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").exists():
        raise BadRequest(
            f"JAVA_HOME is {home}, and there is no bin/java in it.",
            "Set it to a Java 17 or 21, or unset it where `java` is found without it.",
        )
    if not home and shutil.which("java") is None:
        raise BadRequest(
            "Spark runs on Java, and there is no `java` on this machine.",
            "Install Java 17, such as the package openjdk-17-jre-headless, or set JAVA_HOME.",
        )


def session(master: str = "local[*]", settings: Mapping[str, str] | None = None) -> SparkSession:
    """A session of Spark: on this machine (`"local[2]"`: two tasks at once), or on a cluster
    (`"spark://HOST:PORT"`). One that stands already is returned as it is; a session that was made
    in another way is as good.

    Workers on this machine run this Python. `settings` are those of Spark:
    `{"spark.driver.memory": "4g"}`. Raises MissingExtra without PySpark, BadRequest
    without Java.
    """
    check_installed()
    check_java()
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with without_pandas_warning():
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(master).appName("spadework")
        for name, value in (settings or {}).items():
            builder = builder.config(name, value)
        found: SparkSession = builder.getOrCreate()
    return found


@contextmanager
def settled(session: SparkSession) -> Iterator[None]:
    """Within the block, batches for Python are of a good size, and an error of ours that was raised
    on an executor is raised here as it was. The settings of the session are as before afterwards.
    """
    before = {name: session.conf.get(name, None) for name in _SETTINGS}
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    try:
        with without_pandas_warning():
            yield
    except SpadeworkError:
        raise
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        raise told from error
    finally:
        for name, setting in before.items():
            if setting is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, setting)


@contextmanager
def without_pandas_warning() -> Iterator[None]:
    """Within the block, PySpark does not warn of a new pandas, which is not used here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        yield


def slots(session: SparkSession) -> int:
    """Tasks that run at the same time; 8 where the session does not say."""
    try:
        return max(int(session.sparkContext.defaultParallelism), 1)
    except Exception:  # a session of Spark Connect has no context
        return 8


def _told(error: Exception) -> SpadeworkError | None:
    """The error of ours in what Spark tells of a failed task; None where there is none."""
    lines = str(error).splitlines()
    for at, line in enumerate(lines):
        found = _TOLD.search(line)
        kind: Any = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, SpadeworkError):
            hint = lines[at + 1].strip() if at + 1 < len(lines) else ""
            again = kind.__new__(kind, found[2], hint)
            SpadeworkError.__init__(again, found[2], hint)
            return again
    return None
