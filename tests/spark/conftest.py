"""One session of Spark for all tests here; where it cannot be had, they are skipped."""

from __future__ import annotations

import os
import sys

import pytest

from spadework.errors import SpadeworkError
from spadework.spark.sessions import check_installed, check_java, without_pandas_warning


@pytest.fixture(scope="session")
def spark():
    try:
        check_installed()
        check_java()
    except SpadeworkError as missing:
        pytest.skip(f"{missing.message} {missing.hint}")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with without_pandas_warning():
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[2,4]")  # a task may fail three times
            .appName("spadework tests")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.memory", "1g")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate()
        )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
