"""What a fit holds beside a mapped log, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from spadework.data.mapped.mapped_log import MappedLogWriter

ROWS, USERS, ITEMS = 2_000_000, 200_000, 1_000
STATUS = Path("/proc/self/status")

FIT = """
import json, sys, threading
from pathlib import Path
import spadework as sw
from spadework.limits import hand_memory_back
from spadework.models.counting import event_blocks

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

def fitted(log, settings):
    return sw.model("cooccurrence", keep=10, **settings).fit(log)

event_blocks.BLOCK_ROWS = 1 << 17
log, found = sw.open_log(sys.argv[1]), []
few = next(event_blocks.user_blocks(log, 1000)).log
for settings in json.loads(sys.argv[2]):
    fitted(few, settings)  # compiles
    hand_memory_back()  # else what the first fits have freed is used again
    before, most, ended = held(), [0], threading.Event()
    def look():
        while not ended.wait(0.002):
            most[0] = max(most[0], held())
    thread = threading.Thread(target=look)
    thread.start()
    fitted(log, settings)
    ended.set()
    thread.join()
    found.append((most[0] - before) / len(log))
print(json.dumps(found))
"""


@pytest.mark.skipif(
    not STATUS.exists() or "RssAnon" not in STATUS.read_text(), reason="the system does not tell"
)
def test_a_fit_holds_a_few_numbers_an_event(tmp_path):
    rng = np.random.default_rng(0)
    kinds = {"users": np.int32, "items": np.int32, "times": np.int64}
    writer = MappedLogWriter(tmp_path, {name: np.dtype(kind) for name, kind in kinds.items()})
    times = np.sort(rng.integers(1_600_000_000, 1_660_000_000, (USERS, ROWS // USERS)), axis=1)
    columns = {
        "users": np.repeat(np.arange(USERS), ROWS // USERS),
        "items": rng.integers(0, ITEMS, ROWS),
        "times": times.reshape(-1),
    }
    writer.append(columns, np.full(USERS, ROWS // USERS))
    writer.finish(*(pl.Series(np.arange(count)) for count in (USERS, ITEMS)))
    bounds = {"{}": 15, '{"entry": "bm25"}': 45, '{"distance": "inverse"}': 45}
    command = [sys.executable, "-c", FIT, str(tmp_path), f"[{', '.join(bounds)}]"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for (settings, bound), bytes_a_row in zip(bounds.items(), found, strict=True):
        assert bytes_a_row < bound, settings
