"""One session of Spark for all tests here; where it cannot be had, they are skipped."""

from __future__ import annotations

import pytest

import spadework as sw
from spadework.errors import SpadeworkError
from spadework.spark.sessions import check_installed, check_java


@pytest.fixture(scope="session")
def spark():
    try:
        check_installed()
        check_java()
    except SpadeworkError as missing:
        pytest.skip(f"{missing.message} {missing.hint}")
    session = sw.spark.session(
        "local[2,4]",  # a task may fail three times
        {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.memory": "1g",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
        },
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
