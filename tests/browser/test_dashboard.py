"""optuna-dashboard on a run, in a real browser: what we put there is shown, and stays text."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from urllib.error import URLError

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
GRAPHS = "[...document.querySelectorAll('[id^=\"user-defined-plot:\"]')]"
DRAWN = f"{GRAPHS}.length >= 2 && {GRAPHS}.every((g) => g.querySelector('.trace'))"
OUTSIDE = (
    f"{GRAPHS}.filter((g) => g.querySelector('.main-svg').clientHeight > g.clientHeight).length"
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAPERS = f"{GRAPHS}.map((g) => getComputedStyle(g.querySelector('.main-svg')).backgroundColor)"
TEXTS = f"{GRAPHS}.flatMap((g) => [...g.querySelectorAll('text')])"
INKS = f"{TEXTS}.map((text) => getComputedStyle(text).fill)"
LOADED = "(image) => image.complete && image.naturalWidth > 100"


@pytest.fixture(scope="module")
def address(run_folder):
    """Where `jointopt dashboard` shows the run, as a process of its own."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jointopt.cli", "dashboard", run_folder, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{address}/api/meta") as answer:
                    assert json.load(answer)["artifact_is_available"]
                break
            except URLError:
                assert process.poll() is None, "the dashboard ended"
                assert time.monotonic() < until
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def best(address):
    """The best trial, as the dashboard tells it."""
    with urllib.request.urlopen(f"{address}/api/studies/1?after=0") as answer:
        return json.load(answer)["best_trials"][0]


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
def test_a_run_is_shown(width, browser_page, complaints, address, best):
    page = browser_page
    page.set_viewport_size({"width": width, "height": 900})

    page.goto(f"{address}/dashboard/studies/1")
    page.wait_for_function(DRAWN)
    assert page.evaluate(OUTSIDE) == 0
    assert "<script>alert(2)</script><b>/joint" in page.locator("header").inner_text()

    page.goto(f"{address}/dashboard/studies/1/note")
    page.get_by_text("A run on this study has ended.").wait_for()
    assert page.get_by_text(re.compile("24 trials by ")).count() == 1

    page.goto(f"{address}/dashboard/studies/1/trials?numbers={best['number']}")
    page.get_by_text("The model itself saw").wait_for()
    assert page.get_by_role("cell", name="f1").count() == 1
    if width == 1280:  # the dashboard's own columns are wider than a telephone
        assert page.evaluate(OVERFLOW) <= 0
    picture = page.locator("img[src^='/artifacts/']")
    picture.scroll_into_view_if_needed()
    page.wait_for_function(LOADED, arg=picture.element_handle())
    for name in ("confusion.svg", "fold_scores.csv", "pipeline.html"):
        assert page.get_by_text(name).count() == 1
    page.get_by_label("show artifact table").click()
    assert (
        page.get_by_role("dialog")
        .or_(page.get_by_role("presentation"))
        .get_by_text("rows")
        .count()
    )
    assert page.locator("img[src='x']").count() == 0
    assert complaints == []


def luminance(color):
    """Return how bright a color is, as the Web Content Accessibility Guidelines have it."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def unreadable(page):
    """Return what axe finds too faint, without the dashboard's own labels of a trial's state."""
    found = axe.Axe().run(page).response["violations"]
    nodes = [node for v in found if v["id"] == "color-contrast" for node in v["nodes"]]
    return [node["html"] for node in nodes if "MuiChip" not in node["html"]]


def test_what_is_ours_is_read_in_the_dark(browser_page, address, best):
    page = browser_page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/dashboard/studies/1")
    page.wait_for_function(DRAWN)
    assert luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.01
    # Text must be on paper of its own; axe does not look into pictures.
    assert min(map(luminance, page.evaluate(PAPERS))) == 1
    inks = page.evaluate(INKS)
    assert len(inks) > 20
    assert 1.05 / (max(map(luminance, inks)) + 0.05) >= 4.5
    assert unreadable(page) == []

    page.goto(f"{address}/dashboard/studies/1/trials?numbers={best['number']}")
    page.get_by_text("The model itself saw").wait_for()
    assert unreadable(page) == []


def test_files_of_a_trial_stay_text(browser_page, complaints, address, best):
    for file in best["artifacts"]:
        if file["filename"] == "fold_scores.csv":
            continue
        browser_page.goto(f"{address}/artifacts/1/{best['trial_id']}/{file['artifact_id']}")
        text = browser_page.evaluate("document.documentElement.textContent")
        assert ("<i>yes</i>" if file["filename"] == "confusion.svg" else "Pipeline") in text
        assert browser_page.locator("img, i, script").count() == 0
    assert complaints == []
