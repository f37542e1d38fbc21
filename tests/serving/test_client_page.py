"""The calls of docs/client.md and docs/serving.md run as they stand there, against a real server on
loopback.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from live_server import live_server
from makers import ROOT

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
RUNNERS = {
    "python": [sys.executable, "-W", "error", "-c"],
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
TOOLS = {"python": sys.executable, "bash": "curl", "javascript": "node"}
SEES = {  # what its output shows
    "python": ("personal", "1 0 0 0", "bad-body"),
    "bash": ('"items":[', '"lists":[', '"source":"similar"', '"verdict":', '"forgotten":true'),
    "javascript": ("i0", "1 accepted", "bad-body"),
}


@pytest.fixture(scope="module")
def server(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "serving"
    shutil.copytree(released, folder)
    with live_server(folder) as found:
        yield found


@pytest.mark.parametrize("language", RUNNERS)
def test_the_calls_of_the_page_run(language, server):
    if shutil.which(TOOLS[language]) is None:
        pytest.skip(f"{TOOLS[language]} is not installed")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    done = subprocess.run(
        [*RUNNERS[language], blocks[0]],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in SEES[language]:
        assert text in done.stdout, done.stdout + done.stderr
    assert server.key not in done.stdout + done.stderr


def test_the_requests_of_the_page_on_serving_run(server, shop, shelves):
    """And what each asks for is what it gets."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [*RUNNERS["bash"], block], env=server.environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    one, two, among, quotas, new, later, why = map(json.loads, done.stdout.splitlines())
    of_item = dict(zip(shop.item_vocabulary.ids, shelves.table["category"], strict=True))

    def categories(answer) -> list[str]:
        assert answer["items"]
        return [of_item[each["item"]] for each in answer["items"]]

    assert set(categories(one)) == {"dairy"}
    assert set(categories(two)) <= {"bread", "fruit"}
    assert {each["item"] for each in among["items"]} == {"i001", "i003"}
    assert max(Counter(categories(quotas)).values()) <= 2
    assert "fruit" in categories(quotas)
    assert new["items"]
    assert later["items"]
    assert any(each["because"] for each in why["items"])
