"""The commands of docs/serving.md, as they stand there: from a log to a server, and to lists and
vectors elsewhere.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import polars as pl
import pytest

import store_servers
from command_line import run as run_command
from makers import ROOT, random_rows
from spadework.client import Client, NewEvent

PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def block(after: str) -> list[str]:
    """The commands of the first block behind a text, without their remarks."""
    (text,) = re.findall(r"^```\n(.*?)^```", PAGE[PAGE.index(after) :], re.MULTILINE | re.DOTALL)[
        :1
    ]
    return [line for line in text.splitlines() if line.strip()]


def spadework(line: str, folder, *more: str):
    """A command of the page in a folder; its output."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "spadework", line
    output = run_command(*arguments, *more, cwd=folder)
    assert output.code == 0, f"{line}: {output.err}"
    return output


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder in which the log was dug."""
    folder = tmp_path_factory.mktemp("shop")
    users, items, times = random_rows(4, users=80, items=25, rows=1200)
    users, items = ["42", *users], ["milk", *items]
    frame = pl.DataFrame({"user": users, "item": items, "time": [times[0], *times]})
    frame.write_csv(folder / "orders.csv")
    install, dig, *_ = block("# Serving")
    assert install.startswith("pip install 'spadework[server]'")
    spadework(dig, folder, "--budget", "30s", "--models", "popular,cosine")
    return folder


def test_five_commands_lead_from_a_log_to_an_answer(shop):
    _, _, serve, *calls = block("# Serving")
    port = store_servers.free_port()
    _, *arguments = shlex.split(serve, comments=True)
    command = [sys.executable, "-m", "spadework", *arguments, "--port", str(port)]
    process = subprocess.Popen(command, cwd=shop, stderr=subprocess.PIPE, text=True)
    try:
        with Client(f"http://127.0.0.1:{port}", retries=400, within=60) as client:
            client.ready()
            assert len(calls) == 2
            for call in calls:
                if shutil.which("curl") is None:
                    break
                done = subprocess.run(
                    ["bash", "-c", f"{call} --max-time 10".replace(":8765", f":{port}")],
                    capture_output=True, text=True, timeout=30, check=True,
                )  # fmt: skip
                answer = json.loads(done.stdout)
                assert answer.get("items") or answer["events"][0]["verdict"] == "accepted"
            before = client.recommend("nobody yet", n=3)
            client.add_events([NewEvent("nobody yet", "milk")])
            after = client.recommend("nobody yet", n=3)
            assert {each.source for each in before.items} == {"popular"}
            assert (before.history.events, after.history.events) == (0, 1)
    finally:
        process.terminate()
        _, told = process.communicate(timeout=30)
    assert "Traceback" not in told
    add, list_keys, _ = block("## Keys")
    key = spadework(add, shop).out.strip()
    listed = spadework(list_keys, shop).out
    assert "events, read" in listed
    assert key not in listed


def test_lists_go_where_the_page_says(shop):
    commands = block("## All lists at once")
    assert len(commands) == 4
    for line in commands:
        if "postgresql://" in line:
            address = store_servers.place("postgres").address + "/journey"
            line = line.replace("postgresql://db.internal/shop/lists", address)
        if "redis://" in line:
            address = store_servers.place("redis").address + "/journey"
            line = line.replace("redis://127.0.0.1:6379/0/lists", address)
        spadework(line, shop)
    whole = pl.read_parquet(shop / "lists.parquet")
    assert whole["user_id"].n_unique() > 70
    with closing(sqlite3.connect(shop / "shop-lists.db")) as connection:
        assert connection.execute("SELECT * FROM lists").fetchall() == whole.rows()


def test_neighbours_go_where_the_page_says(shop):
    (line,) = block("## Vectors and neighbours")
    spadework(line, shop, "--model", "similar")
    assert pl.read_parquet(shop / "vectors" / "neighbours.parquet").height > 0
