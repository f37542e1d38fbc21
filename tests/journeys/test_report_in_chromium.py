"""The report and the notebook cell in a browser without a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.workbench.report import charts, notebook, report

sys.path.insert(0, str(Path(__file__).parents[1] / "workbench"))
import run_folder

SECTIONS = [
    "verdict",
    "account",
    "portrait",
    "findings",
    "board",
    "helped",
    "slices",
    "repeats",
    "faces",
    "honesty",
    "recipe",
]
Browser = Callable[..., str]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Runs headless Chromium with every host name unknown, and returns what it prints."""
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and the journeys of the report need it.")
        pytest.skip("Chromium is not installed; set CI=true to make this a failure.")

    def run(*options: str) -> str:
        common = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ]
        done = subprocess.run(
            [program, *common, *options], capture_output=True, timeout=120, check=True
        )
        return done.stdout.decode()

    return run


def pixels(path: Path) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of an eight-bit PNG with three or four channels."""
    data, at, packed = path.read_bytes(), 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide = high = channels = 0
    while at < len(data):
        size, chunk_type = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if chunk_type == b"IHDR":
            wide, high, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8
            channels = {2: 3, 6: 4}[colour]
        elif chunk_type == b"IDAT":
            packed += body
        at += size + 12
    flat = zlib.decompress(packed)
    stride = wide * channels
    rows, before = [], bytearray(stride)
    for row in range(high):
        line = bytearray(flat[row * (stride + 1) + 1 : (row + 1) * (stride + 1)])
        unfilter(flat[row * (stride + 1)], line, before, channels)
        rows.append(
            bytes(b"".join(bytes(line[start : start + 3]) for start in range(0, stride, channels)))
        )
        before = line
    return wide, high, rows


def unfilter(filter_type: int, line: bytearray, above: bytearray, step: int) -> None:
    """Undo one of the five filters of PNG, in place."""
    for at in range(len(line)):
        left = line[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        guess = left + above[at] - corner
        paeth = min((left, above[at], corner), key=lambda near: abs(guess - near))
        line[at] = (
            line[at] + (0, left, above[at], (left + above[at]) // 2, paeth)[filter_type]
        ) & 255


def colours(path: Path) -> dict[bytes, int]:
    """Number of pixels of each colour, on every fourth row."""
    _, _, rows = pixels(path)
    found: dict[bytes, int] = {}
    for row in rows[::4]:
        for start in range(0, len(row), 3):
            found[row[start : start + 3]] = found.get(row[start : start + 3], 0) + 1
    return found


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return report.write(run_folder.write_run(tmp_path / "run", run_folder.realistic()))


def test_the_report_opens_whole_without_a_network(browser: Browser, page: Path) -> None:
    assert set(re.findall(r"https?://[^\"'\s<)]+", page.read_text(encoding="utf-8"))) == {
        "http://www.w3.org/2000/svg"
    }
    parsed = browser("--dump-dom", page.as_uri())
    assert len(re.findall(r"<h1[ >]", parsed)) == 1
    assert re.findall(r'<section id="([a-z]+)"', parsed) == SECTIONS
    assert parsed.count("<svg") == len(re.findall("<svg", page.read_text(encoding="utf-8")))
    assert "<script" not in parsed


def test_the_report_is_drawn_light_and_dark(browser: Browser, page: Path, tmp_path: Path) -> None:
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    browser(f"--screenshot={light}", "--window-size=700,560", page.as_uri())
    browser(
        f"--screenshot={dark}",
        "--window-size=700,560",
        "--blink-settings=preferredColorScheme=0",
        page.as_uri(),
    )
    by_light, by_dark = colours(light), colours(dark)
    assert len(by_light) > 50
    assert max(by_light, key=by_light.__getitem__) in (b"\xff\xff\xff", b"\xf6\xf5\xf2")
    assert max(by_dark, key=by_dark.__getitem__) in (b"\x17\x1b\x1f", b"\x10\x13\x16")
    assert by_light.get(b"\x0f\x6b\x7a", 0) > 20, "the accent colour of the marks is missing"
    assert by_dark.get(b"\x5c\xc0\xcf", 0) > 20, "the accent colour of the marks is missing"


def test_the_report_prints(browser: Browser, page: Path, tmp_path: Path) -> None:
    printed = tmp_path / "report.pdf"
    browser("--no-pdf-header-footer", f"--print-to-pdf={printed}", page.as_uri())
    pages = len(re.findall(rb"/Type\s*/Page[^s]", printed.read_bytes()))
    assert 5 <= pages <= 30


@pytest.mark.parametrize("width", [400, 1100])
def test_nothing_makes_the_page_wider_than_the_window(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    """The page is in a frame of the given width; a script of the outer page measures it."""
    page = report.write(run_folder.write_run(tmp_path / "run", run_folder.huge()))
    inner = page.read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
    frame = tmp_path / "frame.html"
    measure = (
        "const f=document.querySelector('iframe'); f.onload=()=>{document.title='wide "
        "'+f.contentDocument.documentElement.scrollWidth}"
    )
    frame.write_text(
        (
            f'<iframe style="width:{width}px;height:900px;border:0" '
            f'srcdoc="{inner}"></iframe><script>{measure}</script>'
        ),
        encoding="utf-8",
    )
    parsed = browser(
        "--dump-dom", "--virtual-time-budget=5000", "--window-size=1300,900", frame.as_uri()
    )
    found = re.search(r"<title>wide (\d+)</title>", parsed)
    assert found is not None
    assert int(found[1]) <= width


@pytest.mark.parametrize("way", ["parsed", "set by script"])
def test_a_notebook_cell_shows_its_table_once(browser: Browser, tmp_path: Path, way: str) -> None:
    """A parsed page attaches the shadow root; `innerHTML`, as notebooks use it, leaves the plain
    copy to be seen.
    """
    svg = charts.dots_with_interval(
        [charts.Dot("a", 1.0), charts.Dot("b", 2.0)], title="t", axis="score"
    )
    cell = notebook.html_cell("Board", svg, ["Model", "#Score"], [("cosine", "0.1")])
    count = """
      const seen = [...document.querySelectorAll('#cell > div')].map(host => {
        const root = host.shadowRoot || host;
        return [!!host.shadowRoot, root.querySelectorAll('table').length,
                root.querySelector('svg').getBoundingClientRect().width > 100,
                host.querySelector('table').getBoundingClientRect().width > 0].join(' ')});
      document.title = seen.join(';');"""
    put = cell if way == "parsed" else ""
    quoted = json.dumps(cell).replace("</", "<\\/")
    script = "" if way == "parsed" else f"document.getElementById('cell').innerHTML = {quoted};"
    file = tmp_path / "cell.html"
    file.write_text(
        f"<title>none</title><div id='cell'>{put}</div><script>{script}{count}</script>",
        encoding="utf-8",
    )
    parsed = browser("--dump-dom", file.as_uri())
    assert (
        f"<title>{'true 1 true false' if way == 'parsed' else 'false 1 true true'}</title>"
        in parsed
    )
