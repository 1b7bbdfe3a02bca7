"""One fault per mechanism, put in one at a time: the tests have to notice each.

python tests/mutants/run.py [--jobs N] [NAME ...]

A mutant of `mutants.toml` names a file of the package, a piece of its text that stands there once, what to put in its
place, and the tests that should fail.  They run in copies of the tree, one a job, so nothing here is touched; a copy
keeps its place, so that mutants that leave the rules alone share the compiled ones.  First all tests of the list run on
the tree as it is, where they have to pass.  A fault is noticed where an assertion fails; a crash says nothing about the
tests.  Exit code 1 if one survives, 2 if the list itself is out of date or a test fails without a fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COPIED = ("src", "tests", "experiments", "benchmarks", "pyproject.toml", "README.md", "docs")
#: Seconds after which a mutant that hangs counts as noticed.
PATIENCE = 900


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    name: str
    mechanism: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def listed() -> list[Mutant]:
    """The mutants of the list; a text that does not stand exactly once in its file is an error of the list."""
    found = []
    for name, table in tomllib.loads((HERE / "mutants.toml").read_text()).items():
        mutant = Mutant(name, table["mechanism"], table["file"], table["old"], table["new"], tuple(table["tests"]))
        times = (ROOT / "src/moatlab" / mutant.file).read_text().count(mutant.old)
        if times != 1 or mutant.old == mutant.new:
            raise SystemExit(f"mutants.toml: {name}: its text stands {times} times in {mutant.file}, not once")
        found.append(mutant)
    return found


def copy_tree(tree: Path) -> Path:
    """A copy of what the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, tree / name)
    return tree


def tested(tree: Path, tests: Sequence[str], patience: float) -> subprocess.CompletedProcess[str]:
    """pytest on those tests in the copy, up to the first that fails.  Raises `subprocess.TimeoutExpired`."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "MOATLAB_CACHE": str(tree / "cache"),
                   "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "", *tests]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=patience, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run {tests}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def killed(mutant: Mutant, tree: Path) -> tuple[bool, str, float]:
    """Whether the tests notice by an assertion, their last line, and the seconds that it took."""
    start = time.perf_counter()
    path = tree / "src/moatlab" / mutant.file
    path.write_text(path.read_text().replace(mutant.old, mutant.new))
    try:
        done = tested(tree, mutant.tests, PATIENCE)
    except subprocess.TimeoutExpired:
        return False, "hung: no assertion failed", time.perf_counter() - start
    finally:
        # With its old date: numba trusts it.
        shutil.copy2(ROOT / "src/moatlab" / mutant.file, path)
    # Of a failure in a fixture, too, pytest's summary names the exception.
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))] or [""]
    asserted = "AssertionError" in lines[0] or " - assert " in lines[0]
    return done.returncode == 1 and asserted, lines[0][:160], time.perf_counter() - start


def sound(mutants: Sequence[Mutant], tree: Path) -> bool:
    """Whether all tests of the list pass on the tree as it is."""
    tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    done = tested(tree, tests, PATIENCE * 4)
    print(f"without a fault: {done.stdout.strip().splitlines()[-1]}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="mutants to run (by default all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    mutants = [m for m in listed() if not asked.names or m.name in asked.names]
    unknown = set(asked.names) - {m.name for m in mutants}
    if unknown:
        print(f"there is no mutant {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(asked.jobs) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(asked.jobs):
            trees.put(copy_tree(Path(folder) / str(job)))
        if not sound(mutants, Path(folder) / "0"):
            return 2

        def run(mutant: Mutant) -> tuple[bool, str, float]:
            tree = trees.get()
            try:
                return killed(mutant, tree)
            finally:
                trees.put(tree)

        for mutant, (dead, line, seconds) in zip(mutants, pool.map(run, mutants), strict=True):
            verdict = "killed" if dead else "SURVIVES"
            print(f"{verdict:9s} {mutant.name:34s} {seconds:4.0f} s  {mutant.mechanism}; {line}", flush=True)
            if not dead:
                survivors.append(mutant.name)
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
