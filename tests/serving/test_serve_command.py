"""What `spadework serve` prints before it answers, and with which settings it does."""

from __future__ import annotations

import json
from io import StringIO

import pytest

from command_line import call
from spadework.serving import kept_address, releases
from spadework.serving.http import running
from spadework.serving.http.settings import Settings
from spadework.serving.keys import Keys


@pytest.fixture
def begun(monkeypatch):
    """The settings of servers that were begun; none of them listens."""
    found = []
    monkeypatch.setattr(running, "check_port", lambda host, port: None)
    monkeypatch.setattr(running, "serve", lambda settings, workers: found.append(settings))
    return found


def test_json_is_one_line_before_it_serves(served, begun, capsys):
    output = call(capsys, "serve", served, "--json", "--port", 8901)
    assert output.code == 0, output.err
    assert output.out.count("\n") == 1
    assert json.loads(output.out) == {
        "address": "http://127.0.0.1:8901",
        "folder": str(served),
        "release": releases.read_live(served).active,
        "store": str(served / releases.STORE),
    }
    assert [settings.port for settings in begun] == [8901]


def test_without_json_stdout_is_empty(served, begun, capsys):
    output = call(capsys, "serve", served)
    assert (output.code, output.out) == (0, "")
    assert output.err.startswith("http://127.0.0.1:8765 ")
    assert begun


def test_a_password_of_a_store_is_not_printed(served, begun, capsys, monkeypatch):
    # nobody has to be there
    monkeypatch.setattr(kept_address, "open_store", lambda address: StringIO())
    store = "postgresql://me:hush/4711@db.internal/shop"
    output = call(capsys, "serve", served, "--json", "--store", store)
    assert json.loads(output.out)["store"] == "postgresql://db.internal/shop"
    assert "hush" not in output.out + output.err
    assert [settings.store for settings in begun] == [store]


def test_ipv6_is_in_brackets(served, begun, capsys):
    Keys(served).add(["read"])
    output = call(capsys, "serve", served, "--json", "--host", "2001:DB8:0::1")
    assert json.loads(output.out)["address"] == "http://[2001:db8::1]:8765"
    assert output.err.startswith("http://[2001:db8::1]:8765 ")
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
