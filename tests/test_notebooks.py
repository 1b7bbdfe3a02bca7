"""The notebooks run from top to bottom, are kept with outputs, and say in words only what holds for any numbers."""

from __future__ import annotations

import importlib.util
import json
import linecache
import re
from pathlib import Path
from typing import Any

import matplotlib
import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
NAMES = [path.name for path in sorted(FOLDER.glob("*.ipynb"))]
#: A notebook that is read in ten minutes, and one that a browser shows at once.
MOST_WORDS, MOST_BYTES = 900, 400_000


def cells(name: str, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads((FOLDER / name).read_text())["cells"] if cell["cell_type"] == kind]


def sources(name: str, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(name, kind)]


def by_kernel(name: str) -> None:
    """Run a notebook in a kernel of its own, as `make notebooks` does."""
    spec = importlib.util.spec_from_file_location("notebooks_run", FOLDER / "run.py")
    assert spec is not None and spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    assert not [output for cell in run.executed(FOLDER / name).cells for output in cell.get("outputs", [])
                if output["output_type"] == "error"]  # fmt: skip


def in_here(name: str) -> None:
    """The cells one after the other in this process, where no kernel is installed."""
    matplotlib.use("agg")
    scope: dict[str, object] = {"__name__": "__main__"}
    for number, source in enumerate(sources(name, "code")):
        place = f"<{name} {number}>"
        # As a kernel does, so that the source of a class can be read.
        linecache.cache[place] = (len(source), None, source.splitlines(True), place)
        exec(compile(source, place, "exec"), scope)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str) -> None:
    there = all(importlib.util.find_spec(module) for module in ("nbclient", "nbformat", "ipykernel"))
    (by_kernel if there else in_here)(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_with_what_came_out(name: str) -> None:
    assert (FOLDER / name).stat().st_size < MOST_BYTES
    code = cells(name, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "make notebooks"
    outputs = [output for cell in code for output in cell["outputs"]]
    kinds = {output["output_type"] for output in outputs}
    assert len(outputs) >= 6 and "error" not in kinds
    # Something of the machine on which it ran would differ with every run.
    assert not re.search(r"/tmp/|/home/|/work/|0x[0-9a-f]{8}", json.dumps(outputs))


@pytest.mark.parametrize("name", NAMES)
def test_words_repeat_no_numbers(name: str) -> None:
    """What is said has to hold whatever comes out, so figures are printed and not written."""
    text = "\n".join(sources(name, "markdown"))
    assert not re.search(r"\d+\.\d|\d ?%|\$ ?\d|\d+ ?(M\$|customers|times)", text)
    assert text.startswith("# ") and len(text.split()) < MOST_WORDS


def test_the_index_has_them_all() -> None:
    page = (FOLDER / "README.md").read_text()
    assert re.findall(r"\]\(([\w-]+\.ipynb)\)", page) == NAMES and len(NAMES) == 6
