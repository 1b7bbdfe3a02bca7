"""Mesa's view of a market in a browser: the page opens, a slider moves, months pass, and Reset makes another market."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moatlab.market.compilation import warm_up
from tests.browser.chromium import missing, opened

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing("solara")), reason=missing("solara"))]

ROOT = Path(__file__).parent.parent.parent
#: Seconds for which a page may take to show what is asked of it, on a machine that does much else.
PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def waits_for(what: Callable[[], Any], meaning: str, report: Callable[[], str]) -> Any:
    """What ``what`` returns once it is something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"the page never showed {meaning}\n{report()}")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The example as `solara run` serves it."""
    # Compiling is not what the page is given time for.
    warm_up()
    place = tmp_path_factory.mktemp("server")
    port = free_port()
    command = [sys.executable, "-m", "solara", "run", str(ROOT / "examples" / "browser.py")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-open", "--production"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "agg"}
    with (place / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def answers() -> bool:
        assert server.poll() is None, "the server has ended: " + (place / "log").read_text()[-3000:]
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", port)) == 0

    try:
        waits_for(answers, "anything", (place / "log").read_text)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Page:
    """The open page, by what a reader sees."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def find(self, selector: str) -> list[Any]:
        """Elements by a CSS selector."""
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def text(self) -> str:
        """All that is written on it."""
        return "\n".join(str(element.text) for element in self.find("body"))

    def shows(self, *lines: str) -> None:
        """Wait until one of the lines is on the page."""
        waits_for(lambda: any(line in self.text().splitlines() for line in lines), " or ".join(lines), self.text)

    def press(self, label: str) -> None:
        """Press a button."""

        def buttons() -> list[Any]:
            return [button for button in self.find("button") if button.text.lower() == label.lower()]

        waits_for(buttons, label, self.text)[0].click()

    def slider(self, label: str) -> Any:
        """A slider's thumb."""
        return waits_for(lambda: self.find(f"[role=slider][aria-label='{label}']"), f"slider {label}", self.text)[0]

    def pictures(self) -> list[str]:
        """Contents of the plots: their sizes and the pixels of each as the browser has them."""
        script = """return Array.from(document.querySelectorAll('img')).filter(i => i.complete && i.naturalWidth)
            .map(i => {const c = document.createElement('canvas'); c.width = i.naturalWidth; c.height = i.naturalHeight;
                       c.getContext('2d').drawImage(i, 0, 0); return c.toDataURL()})"""
        found: list[str] = self.browser.execute_script(script)
        return found

    def plots(self, *, other_than: list[str]) -> list[str]:
        """The two plots, once both differ from these."""

        def drawn() -> list[str]:
            now = self.pictures()
            return now if len(now) == 2 and not set(now) & set(other_than) else []

        found: list[str] = waits_for(drawn, "two new plots", self.text)
        return found


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    """A browser that has the page open."""
    browser = opened(tmp_path / "profile")
    try:
        browser.get(address)
        yield Page(browser)
    finally:
        browser.quit()


def month(number: int) -> tuple[str, str]:
    """How the versions of Mesa say it: 3.3 counts steps, later ones time."""
    return f"Step: {number}", f"Time: {float(number)}"


def test_the_page_opens_a_slider_moves_months_pass_and_reset_makes_another_market(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.shows(*month(0))
    assert "moatlab" in page.text()
    empty = page.plots(other_than=[])
    for number in (1, 2, 3):
        page.press("Step")
        page.shows(*month(number))
    first = page.plots(other_than=empty)

    # The same market once more: the same pictures, since the seed is the same.
    page.press("Reset")
    page.shows(*month(0))
    assert page.plots(other_than=first) == empty
    for number in (1, 2, 3):
        page.press("Step")
        page.shows(*month(number))
    assert page.plots(other_than=empty) == first

    # Another one: a slider of the market's parameters moves, and acts from the next market on.
    before = page.slider("users.crowding").get_attribute("aria-valuenow")
    page.slider("users.crowding").send_keys(Keys.END)
    waits_for(lambda: page.slider("users.crowding").get_attribute("aria-valuenow") == "1", "the slider at 1", page.text)
    assert before == "0.5"
    page.press("Reset")
    page.shows(*month(0))
    for number in (1, 2, 3):
        page.press("Step")
        page.shows(*month(number))
    page.plots(other_than=[*empty, *first])
    assert "error" not in page.text().lower()
