"""The pages in a real browser: drawn, within their width, readable by all, and never fooled."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
PAGES = {
    "report": ("run_folder", "report.html"),
    "compare": ("comparison_folder", "comparison.html"),
}
DRAWN = "[...document.querySelectorAll('.plot')].every((p) => p.querySelector('.main-svg'))"
SEEN = (
    "[...document.querySelectorAll('.plot')].filter((p) => p.querySelector('.trace, .hm')).length"
)
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((part) => (part.open = true));
  document.querySelectorAll(".sk-toggleable__control").forEach((box) => (box.checked = true));
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT = """[...document.querySelectorAll(".scroll:has(> table.pairs)")]
  .filter((region) => region.scrollWidth > region.clientWidth).length"""
INK = "getComputedStyle(document.querySelector('.xtick text')).fill"


@pytest.fixture(scope="module", params=[*PAGES])
def address(request):
    folder, name = PAGES[request.param]
    return (request.getfixturevalue(folder) / name).as_uri()


def drawn(page, address):
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page


@pytest.fixture(scope="module")
def shared(watched, address):
    """One page for the tests that leave it as it was: drawing it takes seconds."""
    found = watched()
    drawn(found.page, address)
    return found


@pytest.fixture
def opened(shared):
    shared.page.emulate_media(media="screen", color_scheme="light")
    shared.page.set_viewport_size({"width": 1280, "height": 720})
    return shared.page


def test_the_page_fits_and_is_drawn_in_light_and_dark(opened, shared):
    assert opened.locator(".plot").count() >= 4
    assert opened.evaluate(SEEN)
    inks = set()
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            opened.set_viewport_size({"width": width, "height": 900})
            opened.emulate_media(color_scheme=scheme)
            opened.wait_for_function(
                "(ink) => getComputedStyle(document.querySelector('.xtick text')).fill !== ink",
                arg="rgb(29, 36, 48)" if scheme == "dark" else "rgb(230, 233, 238)",
            )
            assert opened.evaluate(OVERFLOW) <= 0, (width, scheme)
            assert opened.evaluate(CUT) == 0, (width, scheme)
            inks.add(opened.evaluate(INK))
    assert len(inks) == 2
    assert shared.complaints == []


def test_the_page_is_readable_folded_and_unfolded(browser_page, address):
    page = drawn(browser_page, address)
    page.set_viewport_size({"width": 390, "height": 900})
    found = axe.Axe().run(page).response["violations"]
    assert not [v for v in found if v["impact"] in ("serious", "critical")]
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate(UNFOLD)
    page.wait_for_function(DRAWN)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        assert not found, (scheme, found)


def test_the_pipeline_of_a_trial_is_readable_in_light_and_dark(browser_page, run_folder):
    files = [path.read_text(errors="replace") for path in (run_folder / "artifacts").iterdir()]
    page = next(text for text in files if "<title>Pipeline of trial" in text)
    browser_page.set_content(page)
    assert browser_page.get_by_text("columns: ColumnTransformer").count()
    for unfolded in (False, True):
        if unfolded:
            browser_page.evaluate(UNFOLD)
        for scheme in ("light", "dark"):
            browser_page.emulate_media(color_scheme=scheme)
            found = axe.Axe().run(browser_page).response["violations"]
            assert not found, (unfolded, scheme, found)


def test_the_page_prints_on_a_few_sheets(opened, shared):
    opened.emulate_media(media="print")
    opened.set_viewport_size({"width": 688, "height": 900})  # A4 within its margins
    opened.wait_for_function(f"{OVERFLOW} <= 0")
    assert not opened.locator("nav").is_visible()
    folded = opened.locator("details.more:not([open])")
    assert folded.count()
    assert not any(part.is_visible() for part in folded.all())
    sheets = re.findall(rb"/Type /Page\b", opened.pdf(format="A4"))
    assert 2 <= len(sheets) <= 10
    assert shared.complaints == []


def test_names_stay_text(opened, shared):
    assert opened.locator("img").count() == 0
    shown = opened.locator("main").inner_text()
    assert "<img src=x onerror=alert(1)>" in shown
    if opened.url.endswith("comparison.html"):
        assert "<script>alert(2)</script>" in shown
    # scikit-learn's diagram has one of its own, for readers that do not show it.
    assert opened.locator("main i, main b:not(.sk-text-repr-fallback b)").count() == 0
    assert shared.complaints == []


def test_the_page_reads_without_scripts(browser, run_folder):
    page = browser.new_page(java_script_enabled=False)
    page.goto((run_folder / "report.html").as_uri())
    text = page.locator("main").inner_text()
    blank = [plot.bounding_box() for plot in page.locator(".plot").all()]
    page.close()
    assert blank == [None] * len(blank)
    assert "on 20 rows that no search has seen" in text
    assert "jointopt predict" in text
    assert "needs JavaScript" in text
