"""The studio as people use it, in a browser whose every request to another host is refused and
counted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from makers import random_rows

PATIENCE = 90_000  # milliseconds
ELSEWHERE: list[str] = []
"""Requests to other hosts, of all journeys."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser that reaches this machine alone."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and the journeys of the studio need it.")
        pytest.skip("Chromium is not installed; set CI=true to make this a failure.")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


class Running:
    """A studio in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.start()

    def start(self) -> None:
        """Start it, and wait until it says where it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "spadework", "studio", str(self.root), "--no-open", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = json.loads(self.process.stdout.readline())["address"]

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def close(self) -> str:
        """End it, and what it printed on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=20)[1]


@contextmanager
def opened(browser: Browser, studio: Running, **options) -> Iterator[Page]:
    """A page of the studio, by the address that it printed."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    here = studio.address.partition("/?")[0]

    def at_home(route) -> None:
        if route.request.url.startswith((f"{here}/", "data:")):
            route.continue_()
        else:
            ELSEWHERE.append(route.request.url)
            route.abort()

    context.route("**/*", at_home)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.on("console", lambda told: troubles.append(told.text) if "Policy" in told.text else None)
    page.goto(studio.address)
    yield page
    context.close()
    assert not troubles


@pytest.fixture
def log(tmp_path) -> Path:
    users, items, times = random_rows(1)[:3]
    path = tmp_path / "orders.csv"
    pl.DataFrame({"customer": users, "product": items, "at": times}).write_csv(path)
    return path


@pytest.fixture
def studio(tmp_path, order_run) -> Iterator[Running]:
    """With two finished runs of one log."""
    root = tmp_path / "runs"
    for name in ("first", "second"):
        shutil.copytree(order_run, root / name)
    made = Running(root)
    yield made
    told = made.close()
    assert "Traceback" not in told
    assert not ELSEWHERE


def drop(page: Page, log: Path) -> None:
    """Drop a log on the first page, and wait for its portrait."""
    page.get_by_label("Drop a log here").set_input_files(log)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", name="Portrait of the data")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(
    "script", [True, pytest.param(False, marks=pytest.mark.long)], ids=["script", "no script"]
)
def test_from_a_dropped_log_to_a_verdict(chromium, studio, log, script):
    with opened(chromium, studio, java_script_enabled=script) as page:
        drop(page, log)
        assert "orders.csv, dropped here" in page.inner_text("body")
        page.get_by_label("Budget").select_option("1m")
        page.get_by_role("button", name="Try many models on it").click()
        finish = page.get_by_role("button", name="Finish now")
        expect(finish).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("heading", name="The board so far")).to_be_visible()
        finish.click()
        expect(page.get_by_role("heading", name="Verdict")).to_be_visible(timeout=PATIENCE)
        page.get_by_role("link", name="Runs").click()
        expect(page.get_by_role("link", name="orders")).to_be_visible()


def test_a_log_that_is_none_is_told_in_place_and_columns_are_corrected(chromium, studio, tmp_path):
    path = tmp_path / "odd.csv"
    rows = "\n".join(f"{n % 40},{n * 7 % 30},{n}" for n in range(600))
    path.write_text(f"alpha,beta,gamma\n{rows}\n")
    with opened(chromium, studio) as page:
        page.get_by_label("Drop a log here").set_input_files(path)
        page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_role("alert")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("heading", name="Say which columns are meant")).to_be_visible()
        page.get_by_label("user").fill("alpha")
        page.get_by_label("item", exact=True).fill("beta")
        page.get_by_label("time").fill("-")
        page.get_by_role("button", name="Read it again").click()
        expect(page.get_by_role("heading", name="Portrait of the data")).to_be_visible(
            timeout=PATIENCE
        )
        assert "found: alpha" in page.inner_text("body")


def test_it_goes_on_when_browser_and_studio_are_gone(chromium, studio, log):
    with opened(chromium, studio) as page:
        drop(page, log)
        page.get_by_role("button", name="Try many models on it").click()
        expect(page.get_by_role("heading", name="The board so far")).to_be_visible(timeout=PATIENCE)
        name = page.inner_text("h1")
    studio.kill()
    time.sleep(1)
    studio.start()
    with opened(chromium, studio) as page:
        page.get_by_role("link", name=name).click()
        page.get_by_role("button", name="Stop").click()
        go_on = page.get_by_role("button", name="Go on")
        expect(go_on).to_be_visible(timeout=PATIENCE)
        go_on.click()
        finish = page.get_by_role("button", name="Finish now")
        expect(finish).to_be_visible(timeout=PATIENCE)
        finish.click()
        expect(page.get_by_role("heading", name="Verdict")).to_be_visible(timeout=PATIENCE)


def test_runs_are_found_and_compared(chromium, studio):
    with opened(chromium, studio) as page:
        page.get_by_label("Words").fill("sec")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("link", name="second")).to_be_visible()
        expect(page.get_by_role("link", name="first")).to_have_count(0)
        page.get_by_label("Words").fill("")
        page.get_by_role("button", name="Show").click()
        for name in ("first", "second"):
            page.get_by_label(f"Compare {name}").check()
        page.get_by_role("button", name="Compare the ticked runs").click()
        expect(page.get_by_role("heading", name="The board")).to_be_visible()
        assert "cannot be compared" not in page.inner_text("body")


def test_a_history_is_clicked_together_and_lists_follow(chromium, studio):
    with opened(chromium, studio) as page:
        page.get_by_role("link", name="first").click()
        page.get_by_role("link", name="Through a user's eyes").click()
        page.get_by_role("link", name="Add ").first.click()
        expect(page.get_by_role("heading", name="What each model recommends")).to_be_visible()
        before = page.inner_text("#lists >> xpath=..")
        page.get_by_role("link", name="Add ").nth(3).click()
        expect(page.get_by_role("heading", name="2 events")).to_be_visible()
        assert page.inner_text("#lists >> xpath=..") != before
        page.go_back()
        assert page.inner_text("#lists >> xpath=..").split("ms.")[1] == before.split("ms.")[1]
        page.get_by_role("link", name="Take ").click()
        expect(page.get_by_role("heading", name="0 events")).to_be_visible()


def test_notes_and_the_report_of_a_run_are_kept(chromium, studio):
    with opened(chromium, studio) as page:
        page.get_by_role("link", name="second").click()
        page.get_by_label("What to remember").fill("before the sale")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_label("What to remember")).to_have_value("before the sale\n")
        with page.expect_download() as kept:
            page.get_by_role("link", name="Keep the report").click()
        assert kept.value.suggested_filename == "second.html"
        for part in ("The data and its users", "What helped", "How it was measured"):
            page.get_by_role("link", name=part).click()
            assert page.locator("section h2").count() >= 1


def test_keys_alone_lead_to_a_run(chromium, studio):
    with opened(chromium, studio) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        names = []
        for _ in range(40):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement.textContent.trim()"))
            if names[-1] == "first":
                page.keyboard.press("Enter")
                break
        expect(page.get_by_role("heading", name="Verdict")).to_be_visible()


PAGES = ("/", "/runs/first", "/runs/first/data", "/runs/first/helped", "/runs/first/how",
         "/runs/first/lists", "/compare?run=first&run=second", "/runs/nothing")  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1200),
        ("dark", 360),
        pytest.param("light", 360, marks=pytest.mark.long),
        pytest.param("dark", 1200, marks=pytest.mark.long),
    ],
)
def test_pages_are_accessible_and_fit_a_narrow_screen(chromium, studio, scheme, width):
    with opened(
        chromium, studio, color_scheme=scheme, viewport={"width": width, "height": 800}
    ) as page:
        here = studio.address.partition("/?")[0]
        for path in PAGES:
            page.goto(here + path)
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{path} is {wider} px wider than {width}"
            found = Axe().run(page).response["violations"]
            serious = [
                f"{path}: {one['id']} {node['html'][:120]}"
                for one in found
                if one["impact"] in ("serious", "critical")
                for node in one["nodes"]
            ]
            assert not serious, "\n".join(serious)
