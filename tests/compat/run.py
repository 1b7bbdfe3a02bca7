"""The short part of the tests on the versions of Python, of Mesa and of the dependencies that moatlab promises.

python tests/compat/run.py [--folder FOLDER] [--only TEXT] [--workers N] [--browser]

Each version of Python that is on this machine gets an environment in the folder, with the newest dependencies, and the
oldest one also an environment with exactly the lower bounds of pyproject.toml.  One line a combination says how many
tests passed; a version of Python that is not here is said, too.  ``--browser`` runs the tests in a browser instead, on
the Mesas that have a view.  Exit code 1 if a test fails, or if an environment cannot be made.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Versions of Mesa, with the oldest Python that each supports; the lower bound comes from pyproject.toml.
MESAS = {"3.3.*": "3.11", "3.5.*": "3.12", "4.0.0a0": "3.12"}
#: Those whose view is opened in a browser.
VIEWS = tuple(MESAS)
LOWEST, NEWEST = "lowest", "newest"
#: The short part: what meets each dependency, in about a minute.
SHORT = (
    "tests/market/test_mesa.py", "tests/market/test_market.py", "tests/market/test_events.py",
    "tests/market/test_rule.py", "tests/market/agents", "tests/market/state", "tests/results",
    "tests/scenario/test_scenario.py", "tests/scenario/test_files.py", "tests/cli/test_cli.py",
    "tests/cli/test_mistakes.py", "tests/experiments/test_runner.py", "tests/evidence/test_inference.py",
    "tests/evidence/test_sensitivity.py", "tests/show/test_evidence.py", "tests/dash/test_server.py",
)  # fmt: skip
#: What runs the tests, and what builds the package in an environment that is not isolated.
RUNNERS = ("pytest", "pytest-xdist", "hypothesis", "hatchling", "editables")
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True)
class Combination:
    """One Python, one Mesa and the oldest or newest of all other dependencies."""

    python: str
    mesa: str
    others: str

    def __str__(self) -> str:
        return f"Python {self.python}, Mesa {self.mesa.removesuffix('.*')}, {self.others} dependencies"


class CompatError(Exception):
    """An environment could not be made; the message says why."""


def minor(version: str) -> tuple[int, ...]:
    """3.12 as (3, 12): text would put 3.9 after 3.12."""
    return tuple(map(int, version.split(".")))


def requirements(*extras: str) -> list[str]:
    """What pyproject.toml asks for, that of these extras with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return found


def lowest(wanted: Sequence[str]) -> list[str]:
    """Exactly the lower bounds."""
    pinned = []
    for requirement in wanted:
        match = re.fullmatch(r"([\w.\[\]-]+)>=([\w.]+)(,.*)?", requirement)
        if match is None:
            raise CompatError(f"pyproject.toml: {requirement!r} has no lower bound")
        pinned.append(f"{match[1]}=={match[2]}")
    return pinned


def interpreters() -> dict[str, Path]:
    """The Pythons of this machine that start, by version; a version manager's shim may be on PATH and yet not start."""
    found = {}
    for version in PYTHONS:
        candidates = [sys.executable, shutil.which(f"python{version}")]
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        candidates += sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)
        for candidate in filter(None, candidates):
            code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
            said = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
            if said.returncode == 0 and said.stdout.strip() == version:
                found[version] = Path(candidate)
                break
    return found


def combinations(pythons: Sequence[str], browser: bool = False) -> list[Combination]:
    """What is run where these Pythons are: every Mesa on every Python that it supports, and the lowest of all."""
    if browser:
        new = max(pythons, key=minor)
        return [Combination(new, mesa, NEWEST) for mesa in VIEWS if minor(MESAS[mesa]) <= minor(new)]
    found = [Combination(min(pythons, key=minor), "3.3.0", LOWEST)]
    for python in pythons:
        found += [Combination(python, mesa, NEWEST) for mesa, least in MESAS.items() if minor(least) <= minor(python)]
    return found


def call(command: Sequence[str | Path], log: Path, **environment: str) -> str:
    """Run a command from the root; its output, which also goes to the log."""
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env={**os.environ, **environment}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with log.open("a") as file:
        file.write(f"$ {' '.join(map(str, command))}\n{done.stdout}\n")
    return done.stdout if done.returncode in (0, 1) else f"{done.stdout}\nexit code {done.returncode}"


def environment(folder: Path, python: Path, combination: Combination, browser: bool) -> Path:
    """The interpreter of an environment with what the combination names; one that is there is brought up to it."""
    place = folder / f"python-{combination.python}-{'browser' if browser else combination.others}"
    log = folder / "pip.log"
    inside = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not inside.exists():
        call([python, "-m", "venv", "--clear", place], log)
    wanted = requirements(*(("browser", "viz") if browser else ("dask", "analysis", "excel", "viz")))
    if combination.others == LOWEST:
        wanted = lowest(wanted)
    else:
        # The version of Mesa that the combination names, in the place of the range.
        wanted = [each for each in wanted if not re.match(r"mesa\b(?!\[)", each)] + [f"mesa=={combination.mesa}"]
    call([inside, *PIP, "install", "--upgrade", *wanted, *RUNNERS], log)
    call([inside, *PIP, "install", "--no-deps", "--no-build-isolation", "--editable", ROOT], log)
    checked = call([inside, "-c", "import mesa, moatlab; print('mesa', mesa.__version__)"], log).strip()
    given = combination.mesa.removesuffix("*")
    if not checked.startswith(f"mesa {given}"):
        raise CompatError(f"its environment could not be made: see {log} ({checked.splitlines()[-1]})")
    return inside


def run(inside: Path, combination: Combination, folder: Path, workers: int, browser: bool) -> tuple[str, bool]:
    """What the tests came to, in words, and whether all passed."""
    what = ["-m", "browser", "tests/browser"] if browser else ["-m", "not slow and not browser", *SHORT]
    many = [] if browser else ["-n", str(workers)]
    log = folder / f"{str(combination).replace(', ', '-').replace(' ', '-').lower()}.log"
    log.unlink(missing_ok=True)
    start = time.monotonic()
    # Its own place for machine code: the user's stays as it is, and every Mesa on one Python shares what was compiled.
    said = call([inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", *many, *what], log,
                MOATLAB_CACHE=str(folder / "kernels"), MPLBACKEND="agg")  # fmt: skip
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped|failed|errors?)\b", said)}
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    passed = counts.get("passed", 0)
    good = passed > 0 and failed == 0 and "exit code" not in said.rpartition("\n")[2]
    line = f"{passed} passed, {counts.get('skipped', 0)} skipped, {failed} failed, {time.monotonic() - start:.0f} s"
    return line if good else f"{line}: see {log}", good


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "compat", help="where environments and logs go")
    parser.add_argument("--only", default="", help="only combinations whose line contains this text")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes of each run")
    parser.add_argument("--browser", action="store_true", help="run the tests in a browser")
    given = parser.parse_args()
    folder: Path = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if given.browser:
        sys.path.insert(0, str(ROOT))
        from tests.browser.chromium import PROGRAMS, programs

        if None in programs():
            print(f"the tests in a browser need Chromium and its driver; {PROGRAMS}", file=sys.stderr)
            return 1
    here = interpreters()
    for version in PYTHONS:
        if version not in here:
            print(f"Python {version} is not on this machine: not tried", flush=True)
    good = True
    for combination in combinations(list(here), given.browser):
        if given.only not in str(combination):
            continue
        print(f"{combination!s:58} ", end="", flush=True)
        try:
            inside = environment(folder, here[combination.python], combination, given.browser)
            line, passed = run(inside, combination, folder, given.workers, given.browser)
        except CompatError as error:
            line, passed = str(error), False
        print(line, flush=True)
        good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
