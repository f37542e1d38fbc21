"""An accepted event survives: writers and servers are killed at random moments. Two hundred of each
are in `bench/store_crashes.py`.
"""

from __future__ import annotations

import pytest

import store_crashes
import store_servers


@pytest.mark.parametrize("kind", store_servers.KINDS)
def test_killed_writers_lose_nothing_and_leave_nothing_half(kind):
    assert store_crashes.killed_writers(store_servers.place(kind), 3, 1) > 0


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_killed_servers_lose_nothing_and_writers_go_on(kind):
    place = store_servers.place(kind)
    if not place.can_be_killed:
        pytest.skip("The server is not ours to kill.")
    assert store_crashes.killed_servers(place, 2, 2) > 0
