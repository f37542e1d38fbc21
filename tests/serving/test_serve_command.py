"""What `spadework serve` prints before it answers and when it does, and with which settings."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO

import pytest

import store_servers
from command_line import call
from spadework.client import Client
from spadework.errors import SpadeworkError
from spadework.serving import kept_address, live_file
from spadework.serving.http import running
from spadework.serving.http.settings import Settings
from spadework.serving.keys import Keys


@pytest.fixture
def begun(monkeypatch):
    """The settings of servers that were begun; none of them listens."""
    found = []
    monkeypatch.setattr(running, "check_port", lambda host, port: None)

    def serve(settings, workers, when_ready):
        found.append(settings)
        when_ready()

    monkeypatch.setattr(running, "serve", serve)
    return found


def test_json_is_one_line_once_it_answers(served, begun, capsys):
    output = call(capsys, "serve", served, "--json", "--port", 8901)
    assert output.code == 0, output.err
    assert output.out.count("\n") == 1
    assert json.loads(output.out) == {
        "address": "http://127.0.0.1:8901",
        "folder": str(served),
        "release": live_file.read_live(served).active,
        "store": str(served / live_file.STORE),
    }
    assert [settings.port for settings in begun] == [8901]


def test_without_json_stdout_is_empty(served, begun, capsys):
    output = call(capsys, "serve", served)
    assert (output.code, output.out) == (0, "")
    assert output.err.splitlines()[-1] == "ready: http://127.0.0.1:8765  (stop with Ctrl-C)"
    assert begun


def test_a_password_of_a_store_is_not_printed(served, begun, capsys, monkeypatch):
    # nobody has to be there
    monkeypatch.setattr(kept_address, "open_store", lambda address: StringIO())
    store = "postgresql://me:hush/4711@db.internal/shop"
    output = call(capsys, "serve", served, "--json", "--store", store)
    assert json.loads(output.out)["store"] == "postgresql://db.internal/shop"
    assert "hush" not in output.out + output.err
    assert [settings.store for settings in begun] == [store]


def test_the_store_may_be_named_in_the_environment(served, begun, capsys, monkeypatch):
    """Where no list of processes shows it; what is named as an option comes first."""
    monkeypatch.setattr(kept_address, "open_store", lambda address: StringIO())
    store = "postgresql://me:hush-4711@db.internal/shop"
    monkeypatch.setenv(kept_address.VARIABLE, store)
    output = call(capsys, "serve", served, "--json")
    assert json.loads(output.out)["store"] == "postgresql://db.internal/shop"
    assert "hush" not in output.out + output.err + (served / kept_address.FILE).read_text()
    assert kept_address.address_if_there(served) == store
    call(capsys, "serve", served, "--store", "redis://db.internal/0")
    assert [settings.store for settings in begun] == [store, "redis://db.internal/0"]


def test_ready_is_said_when_it_answers(served):
    """Not before: with one worker and with several, and an answer is there at once."""
    for more in ([], ["--workers", "2"]):
        port = store_servers.free_port()
        command = [sys.executable, "-m", "spadework", "serve", str(served), "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--json", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            address = json.loads(process.stdout.readline())["address"]
            with Client(address, retries=0) as client:
                assert client.ready().status == "ready"
        finally:
            process.terminate()
            _, told = process.communicate(timeout=30)
        assert f"ready: {address}" in told


def test_ipv6_is_in_brackets(served, begun, capsys):
    Keys(served).add(["read"])
    output = call(capsys, "serve", served, "--json", "--host", "2001:DB8:0::1")
    assert json.loads(output.out)["address"] == "http://[2001:db8::1]:8765"
    assert "ready: http://[2001:db8::1]:8765 " in output.err
    assert [settings.host for settings in begun] == ["2001:DB8:0::1"]


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("2001:DB8:0::1", {"[2001:db8::1]:8765"}),
        ("shop.internal", {"shop.internal:8765"}),
        *((host, set()) for host in ("::", "::1", "127.0.0.1", "0.0.0.0")),
    ],
)
def test_requests_for_the_bound_address_and_for_loopback_are_its_own(host, own):
    loopback = {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert Settings(folder="", store="", host=host).hosts == loopback | own


def test_pages_of_other_sites_cannot_be_named(served, capsys):
    output = call(capsys, "serve", served, "--origin", "https://shop.example")
    assert output.code == 2
    assert "No such option '--origin'" in output.err


def test_a_server_loads_its_model_and_nothing_that_makes_one(served):
    code = (
        "import sys\nfrom spadework.serving.http.application import create\n"
        "from spadework.serving.http.server_state import Server\n"
        "from spadework.serving.http.settings import Settings\n"
        "server = Server.of(Settings(folder=sys.argv[1], store=sys.argv[2]))\n"
        "create(server)\nserver.close()\nprint(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(served), str(served / live_file.STORE)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "spadework.models.cooccurrence.presets" in loaded
    above = ("evaluation", "diagnosis", "workbench", "apps", "models.linear", "models.neural")
    assert sorted(loaded & {f"spadework.{name}" for name in above}) == []
    assert sorted(loaded & {"scipy.sparse", "scipy.linalg", "sklearn", "torch", "psycopg"}) == []


def test_a_release_whose_loading_ends_the_process_is_told(served, monkeypatch):
    monkeypatch.setattr(running, "_load_and_tell", print)  # it ends without an answer
    with pytest.raises(SpadeworkError, match="ended with 0"):
        running._load_once(Settings(folder=str(served), store=str(served / live_file.STORE)))
