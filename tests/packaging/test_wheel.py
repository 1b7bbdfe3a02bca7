"""The built wheel in a fresh environment, away from the repository: the commands run, and what belongs to it is there.

Needs a package index.  Run by `make wheel`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Command lines, and a text that each prints.  A new command that users meet first belongs here.
RUNS: list[tuple[list[str], str]] = [
    (["--version"], "moatlab"),
    (["scenarios"], "essay-2023"),
    (["experiments"], "network-effects"),
    (["explain", "HHI"], "hhi"),
    (["simulate", "tiny", "--out", "sim"], "gross profit"),
    (["new", "mine"], "mine.toml"),
    (["simulate", "mine.toml", "--months", "12", "--pictures", "none", "--out", "own"], "gross profit"),
    (["run", "graduation", "--replications", "1", "--engine", "local", "--workers", "2"], "0 failed"),
    (["show", "results/graduation"], "By arm"),
    (["merger", "tiny", "writer", "assistant", "--month", "6", "--seeds", "0"], "HHI"),
]
#: Most that an installation may take, MB, without the compiled bytecode that Python adds when it runs.
MOST = 800.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile",
               "--disable-pip-version-check", str(wheel)]  # fmt: skip
    done = subprocess.run(install, capture_output=True, text=True, timeout=1200, env=bare())
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def bare() -> dict[str, str]:
    """The environment without what would lead to the repository or to the tests' own caches."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MOATLAB", "PYTEST"))}


def test_the_wheel_holds_what_the_package_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "moatlab"
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"moatlab/{path.relative_to(package).as_posix()}" in names, path
    for path in (ROOT / "experiments").glob("*.toml"):
        assert f"moatlab/experiments/files/{path.name}" in names


def test_the_commands_run_without_the_repository(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "bin" / "moatlab")
    where = [str(installed / "bin" / "python"), "-c", "import moatlab; print(moatlab.__file__)"]
    home = subprocess.run(where, cwd=tmp_path, env=bare(), capture_output=True, text=True, check=True).stdout
    assert home.startswith(str(installed))
    for line, wanted in RUNS:
        done = subprocess.run([command, *line], cwd=tmp_path, env=bare(), capture_output=True, text=True, timeout=900)
        assert done.returncode == 0 and wanted in done.stdout, (line, done.stdout[-500:], done.stderr[-2000:])
    assert (tmp_path / "sim" / "pictures" / "prices.png").is_file()


def test_the_installation_is_no_larger_than_it_says(installed: Path) -> None:
    (site,) = installed.glob("lib/python3*/site-packages")
    files = [path for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    size = sum(path.stat().st_size for path in files if "pip" not in path.relative_to(site).parts[0]) / 1e6
    print(f"installed: {size:.0f} MB")
    assert size < MOST
    said = re.search(r"an installation takes some (\d+) MB", " ".join((ROOT / "README.md").read_text().split()))
    assert said is not None and abs(size - float(said[1])) < 0.1 * size


def test_every_extra_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    text = (ROOT / "README.md").read_text()
    for extra in extras:
        assert f"`{extra}`" in text, extra
