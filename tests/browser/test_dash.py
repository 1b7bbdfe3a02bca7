"""The dashboard in Chromium: sliders, Reset, two sessions, links, a phone, and nothing from afar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import missing, opened

LACKING = missing("starlette", "uvicorn")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(LACKING), reason=LACKING)]

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120.0
SLIDER = "users.*.switching_cost"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`moatlab dash tiny` on a free port."""
    folder = tmp_path_factory.mktemp("dash")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moatlab", "dash", "tiny", "--port", "0", "--no-browser"], text=True, cwd=folder,
            stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, (folder / "log").read_text()
        yield line.split()[5]
    finally:
        process.terminate()
        process.communicate()


class Page:
    """An open page, by what a reader sees."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser, self.address = browser, address

    def open(self, query: str = "") -> Page:
        self.browser.get(self.address + query)
        self.settled()
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector)).strip()

    def until(self, what: Callable[[], Any], meaning: str) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.05)
        raise AssertionError(f"the page never showed {meaning}: {self.text('body')}")

    def settled(self) -> None:
        """Wait until the page has answered all that was asked of it."""
        script = "return typeof busy !== 'undefined' && !busy && wanted === null && $('picture').naturalWidth > 0"
        self.until(lambda: self.run(script), "its picture")

    def picture(self) -> str:
        """The pixels of the picture."""
        self.settled()
        return str(self.run(
            "const i = $('picture'), c = document.createElement('canvas'); c.width = i.naturalWidth;"
            "c.height = i.naturalHeight; c.getContext('2d').drawImage(i, 0, 0); return c.toDataURL()"
        ))  # fmt: skip

    def slide(self, label: str, keys: str) -> None:
        self.browser.find_element("css selector", f"input[aria-label='{label}']").send_keys(keys)
        self.settled()

    def press(self, label: str) -> None:
        button = next(b for b in self.browser.find_elements("css selector", "button") if b.text == label)
        button.click()
        self.settled()

    def query(self) -> str:
        return str(self.run("return decodeURIComponent(location.search)"))


@pytest.fixture
def open_page(address: str, tmp_path: Path) -> Iterator[Callable[[], Page]]:
    """Opens browsers, each with a profile of its own."""
    browsers: list[Any] = []

    def new() -> Page:
        browsers.append(opened(tmp_path / f"profile-{len(browsers)}"))
        return Page(browsers[-1], address)

    try:
        yield new
    finally:
        for browser in browsers:
            browser.quit()


def test_it_opens_a_slider_changes_the_line_and_reset_brings_it_back(open_page: Callable[[], Page]) -> None:
    from selenium.webdriver.common.keys import Keys

    page = open_page().open()
    assert page.text("#status") == "tiny as it is" and page.text("#heading")
    assert len(page.browser.find_elements("css selector", "#sliders .slider")) == 8
    first = page.picture()

    page.slide(SLIDER, Keys.HOME)
    assert page.text("#status") == "changed from tiny" and f"set={SLIDER}=1.0" in page.query()
    changed = page.picture()
    assert changed != first
    assert "--set 'users.*.switching_cost=1.0'" in page.run("return $('command').value")

    page.press("Graduation is forbidden")
    assert "event=2023-01: set apps.graduation off" in page.query()
    page.press("Reset")
    assert page.text("#status") == "tiny as it is" and page.picture() == first
    # Back and forth by the browser's own buttons.
    page.browser.back()
    page.until(lambda: page.text("#status") == "changed from tiny", "what was before Reset")
    page.browser.back()
    page.until(lambda: "event" not in page.query(), "what was before the event")
    assert page.picture() == changed


def test_two_sessions_at_once_do_not_touch_each_other(open_page: Callable[[], Page]) -> None:
    from selenium.webdriver.common.keys import Keys

    one, other = open_page().open(), open_page().open()
    plain = other.picture()
    one.slide(SLIDER, Keys.HOME)
    other.slide(SLIDER, Keys.END)
    mine, theirs = one.picture(), other.picture()
    assert len({plain, mine, theirs}) == 3
    other.press("Reset")
    assert other.picture() == plain and other.text("#status") == "tiny as it is"
    assert one.picture() == mine and one.text("#status") == "changed from tiny"
    # Whoever opens the other's address sees what it shows.
    assert open_page().open(one.query()).picture() == mine


def test_views_pickers_and_a_link(open_page: Callable[[], Page]) -> None:
    page = open_page().open("?layer=labs&firm=each&measure=share&event=2023-06: set apps.entry_rate 0")
    assert page.run("return [$('layer').value, $('firm').value, $('measure').value]") == ["labs", "each", "share"]
    assert page.text("#events li span") == "Entry of apps stops"
    lines = page.picture()
    page.press("Dollars through the stack")
    flow = page.picture()
    page.run("$('year').value = 2023; $('year').dispatchEvent(new Event('input'))")
    page.settled()
    assert "year=2023" in page.query() and "in 2023" in page.text("#heading") and page.picture() not in (flow, lines)
    page.press("Who buys from whom")
    assert "view=graph" in page.query() and "Who buys from whom" in page.text("#heading")
    page.press("Over time")
    page.run("$('layer').value = 'market'; $('layer').dispatchEvent(new Event('change'))")
    page.settled()
    assert page.run("return $('measure').value") == "rent" and "layer=market" in page.query()
    page.run("$('preset').value = 'essay-2023'; $('preset').dispatchEvent(new Event('change'))")
    page.until(lambda: page.text("#status") == "essay-2023 as it is", "the other preset")


def test_an_address_that_is_refused_says_why(open_page: Callable[[], Page]) -> None:
    page = open_page().open("?labs.optimism=2")
    assert "has no 'labs.optimism'" in page.text("#problem") and page.text("#status") == "tiny as it is"
    page.press("Who buys from whom")
    assert page.text("#problem") == ""


def test_a_mistake_is_said_and_the_picture_stays(open_page: Callable[[], Page]) -> None:
    page = open_page().open()
    first = page.picture()
    page.run("$('event').value = 'soon: set apps.graduation off'; $('own').requestSubmit()")
    page.settled()
    assert "not understood" in page.text("#problem") and page.picture() == first


def test_all_comes_from_loopback_and_scripts_are_quiet(open_page: Callable[[], Page]) -> None:
    page = open_page()
    page.browser.execute_cdp_cmd("Network.enable", {})
    # Whatever would come from elsewhere fails, as on a machine without a network.
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["https://*", "*.com/*", "*.org/*", "*.net/*"]})
    page.open("?view=flow")
    loaded = page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert len(loaded) >= 4 and all(url.startswith((page.address, f"blob:{page.address}")) for url in loaded), loaded
    problems = [entry for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not problems, json.dumps(problems)


def test_on_a_phone_the_picture_comes_before_the_controls(open_page: Callable[[], Page]) -> None:
    page = open_page()
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.open()
    tops = page.run(
        "return arguments[0].map(id => $(id).getBoundingClientRect().top)",
        ["picture", "tabs", "layer", "preset", "sliders", "buttons"],
    )
    assert tops == sorted(tops) and len(set(tops)) == len(tops) and 0 < tops[0] < 300
    assert page.run("return document.documentElement.scrollWidth") == 390
