"""Chromium without a screen, as a test opens it, and where it comes from."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

#: Flags of a browser that shows nothing, asks nobody and keeps nothing; the last three stop it from calling home.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1400,1200",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: How to get what may be missing.
PROGRAMS = "on Debian: apt-get install -y chromium chromium-driver; elsewhere set CHROMIUM and CHROMEDRIVER to theirs"
PACKAGES = "`make browser` installs them in environments of its own"


def program(variable: str, *names: str) -> str | None:
    """The program that an environment variable names, or the first of ``names`` that is on PATH."""
    given = os.environ.get(variable)
    return shutil.which(given) if given else next(filter(None, map(shutil.which, names)), None)


def programs() -> tuple[str | None, str | None]:
    """Chromium and its driver."""
    return program("CHROMIUM", "chromium", "chromium-browser", "google-chrome"), program("CHROMEDRIVER", "chromedriver")


def missing(*modules: str) -> str:
    """What a test in a browser lacks here, in a line; nothing if it can run.

    ``modules`` are those that it needs beside selenium; Solara's pages also need scripts that no module holds.
    """
    if sys.platform == "win32":
        return "the tests in a browser are not tried on Windows"
    lacking = [name for name, found in zip(("Chromium", "its driver"), programs(), strict=True) if found is None]
    if lacking:
        return f"no {' and no '.join(lacking)} found; {PROGRAMS}"
    absent = [name for name in ("selenium", *modules) if importlib.util.find_spec(name) is None]
    # The scripts of Solara's pages are files beside the interpreter and no module.
    if "solara" in modules and not (Path(sys.prefix) / "share" / "solara" / "cdn").is_dir():
        absent.append("solara-assets")
    return f"no {', no '.join(absent)} in this environment; {PACKAGES}" if absent else ""


def opened(profile: Path) -> Any:
    """A browser with a new profile in an empty folder."""
    from selenium import webdriver

    chromium, driver = programs()
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(driver)))
