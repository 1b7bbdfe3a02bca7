"""The documents: links lead somewhere, files that they name exist, and architecture.md names every module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "moatlab"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for name in ("docs", "tests", "notebooks") for page in (ROOT / name).rglob("*.md"))]
)
#: Folders whose modules architecture.md names one by one; of the others it names the folder.
NAMED = ("scenario", "results", "market", "market/state", "experiments", "evidence", "evidence/fit")


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_and_files_named_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target
    for name in re.findall(r"`((?:[\w-]+/)+[\w.-]*)`", text):
        if name.startswith(("results/", "pictures/", "build/")):
            continue
        assert (ROOT / name).exists() or (PACKAGE / name).exists(), name


def test_architecture_names_every_folder_and_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    words = set(re.findall(r"\w+", text))
    for folder in NAMED:
        for module in (PACKAGE / folder).glob("*.py"):
            assert module.stem == "__init__" or module.stem in words, module
    for package in PACKAGE.rglob("*/"):
        if any(package.glob("*.py")):
            assert f"{package.relative_to(PACKAGE).parts[-1]}/" in text, package


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("extending.md", "[2. 2. 2."),
        ("excise.md", "Name: excise.revenue"),
        ("mesa.md", "rows: 2"),
        ("own-scenario.md", "big-co"),
        ("mergers.md", "copy ["),
        ("panel.md", "a merger to monopoly raises prices: True"),
    ],
)
def test_the_python_of_a_page_runs(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {"__name__": "docs"}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text(), re.S):
        exec(compile(block, name, "exec"), scope)
    assert says in capsys.readouterr().out
