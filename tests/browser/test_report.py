"""The report in Chromium: on a phone and a screen nothing overflows, every picture is there, every link leads on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from moatlab.evidence.page.write import write
from tests.browser.chromium import missing, opened
from tests.evidence.claims.tiny import folder

LACKING = missing()
pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(LACKING), reason=LACKING)]

#: What of the page reaches beyond the window and is in no box of its own that scrolls.
BEYOND = """return [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
    .map(e => e.outerHTML.slice(0, 80))"""
DEAD = """return [...document.querySelectorAll('a[href^="#"]')].filter(
    a => !document.getElementById(a.getAttribute('href').slice(1))).map(a => a.outerHTML)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("report")
    page, _, _ = write([folder()], place / "report.html")
    driver = opened(place / "profile")
    driver.get(page.as_uri())
    yield driver
    driver.quit()


def shown(browser: Any, width: int, dark: bool = False) -> Any:
    """The page at a width, as a phone shows it up to 500 pixels."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width <= 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.refresh()
    return browser


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(browser: Any, width: int) -> None:
    page = shown(browser, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script(BEYOND) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_are_there_and_links_lead_on(browser: Any, width: int) -> None:
    page = shown(browser, width)
    assert page.execute_script("return [...document.images].filter(i => !i.naturalWidth).length") == 0
    sizes = page.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().height)"
    )
    assert sizes and min(sizes) > 200
    assert page.execute_script(DEAD) == []
    # The answer stands on the first screen.
    assert page.execute_script("return document.querySelector('.answer').getBoundingClientRect().bottom") < 600


def test_a_picture_can_be_taken_out(browser: Any) -> None:
    """The SVG behind a link is a picture by itself."""
    script = """const done = arguments[0], i = new Image();
    i.onload = () => done(i.naturalWidth); i.onerror = () => done(0);
    i.src = [...document.querySelectorAll('a')].find(a => a.href.startsWith('data:image/svg')).href"""
    assert shown(browser, 1280).execute_async_script(script) > 100


def test_in_the_dark_text_is_light_in_pictures_too(browser: Any) -> None:
    def lightness(page: Any, query: str, what: str) -> float:
        script = f"return getComputedStyle(document.querySelector('{query}')).{what}"
        numbers = page.execute_script(script).partition("(")[2].rstrip(")").split(",")[:3]
        return sum(map(float, numbers)) / 3.0

    light, dark = shown(browser, 390), None
    assert lightness(light, "figure svg text", "fill") < 80 < 200 < lightness(light, "body", "backgroundColor")
    dark = shown(browser, 390, dark=True)
    assert lightness(dark, "figure svg text", "fill") > 200 > 80 > lightness(dark, "body", "backgroundColor")
