"""The documentation site, without what builds it: pages have a place, declarations an entry, and links are checked.

`make docs` builds the site itself.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import moatlab
from moatlab.cli.main import run_cli
from moatlab.results import metrics
from moatlab.results.payments import KINDS_OF_PAYMENT
from moatlab.scenario.facts import facts
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.values import show

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module", autouse=True)
def builder() -> Iterator[None]:
    """The modules that make the site can be imported."""
    sys.path.insert(0, str(DOCS / "site"))
    yield
    sys.path.remove(str(DOCS / "site"))


def module(name: str) -> Any:
    return importlib.import_module(name)


def in_navigation(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from in_navigation(inner)


def generated() -> dict[str, str]:
    pages: dict[str, str] = module("reference").pages()
    return {
        **pages,
        **module("repository").pages(ROOT),
        "reference/commands.md": module("commands").page(),
        "gallery.md": module("gallery").page(),
    }


def test_every_page_has_one_place_in_the_navigation() -> None:
    listed = list(in_navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    files = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*") if path.suffix in (".md", ".ipynb")}
    pages = {name.replace(".ipynb", ".md") for name in files}
    pages |= {name for name in generated() if not name.startswith("repository/")}
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in REGISTRY}))
def test_every_parameter_has_its_unit_range_default_and_source(kind: str) -> None:
    reference = module("reference")
    page = reference.parameters_page(kind)
    entries = {part.split("`", 2)[1]: part for part in page.split("\n### ")[1:]}
    mine = [p for p in REGISTRY.values() if p.kind == kind]
    assert list(entries) == [p.address for scope in ("kind", "firm") for p in mine if p.scope == scope]
    for parameter in mine:
        entry = entries[parameter.address]
        assert f"**Unit:** {reference.escaped(parameter.unit)}\n" in entry
        assert f"**Range:** {reference.escaped(parameter.valid)}\n" in entry
        assert f"**Default:** {f'`{show(parameter.default)}`' if show(parameter.default) else 'empty'}\n" in entry
        source = entry.split("**Source:** ")[1].split("\n")[0]
        assert re.sub(r"\[(\w+)\]\(facts\.md#\w+\)", r"\1", source) == reference.escaped(parameter.source)
        assert reference.escaped(parameter.meaning) in entry


def test_every_metric_payment_and_fact_has_its_entry() -> None:
    reference = module("reference")
    page = reference.metrics_page()
    for metric in metrics.TABLE:
        entry = page.split(f"\n### `{reference.metric_address(metric)}` ")[1].split("\n### ")[0]
        assert reference.escaped(metric.formula) in entry
        assert f"**Unit:** {reference.escaped(metric.unit)}\n" in entry
    assert page.count("\n### ") == len(metrics.TABLE) == len(set(re.findall(r"\{#(.*)\}", page)))
    assert re.findall(r"^### `(.*?)`", reference.payments_page(), re.M) == [k.name for k in KINDS_OF_PAYMENT]
    assert re.findall(r"^### (\w+)", reference.facts_page(), re.M) == list(facts())


def test_what_a_parameter_moves_leads_to_the_metric() -> None:
    reference = module("reference")
    anchors = set(re.findall(r"\{#(.*)\}", reference.metrics_page()))
    for kind in {kind for kind, _ in REGISTRY}:
        page = reference.parameters_page(kind)
        links = re.findall(r"metrics\.md#([^)]*)\)", page)
        assert len(links) == page.count("**Moves:**")
        assert set(links) <= anchors


def test_every_public_name_has_its_docstring_on_a_page() -> None:
    reference = module("reference")
    names = [name for _, _, listed in reference.NAMES.values() for name in listed]
    assert len(names) == len(set(names))
    found = []
    for name in names:
        place, _, last = name.rpartition(".")
        held = vars(importlib.import_module(place)).get(last) or importlib.import_module(name)
        assert held.__doc__, name
        found.append(held)
    for public in reference.public_names() - {"ClearingError", "InputError"}:
        assert getattr(moatlab, public) in found, public
    assert {moatlab.ClearingError.__module__, moatlab.InputError.__module__} <= set(names)


def test_the_notebooks_are_pages_with_what_came_out() -> None:
    pages = module("repository").pages(ROOT)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page = pages[f"repository/notebooks/{path.name}.md"]
        assert page.startswith("# ") and "```python" in page and ("```text" in page or 'class="frame"' in page)
        assert "<style" not in page and page.count("```") % 2 == 0
    link = "repository/notebooks/1-first-run.ipynb.md"
    assert f"](../{link})" in module("repository").relinked(pages["project/notebooks.md"], "project/notebooks.md")


def test_links_to_the_repository_lead_to_pages_of_the_site() -> None:
    relinked = module("repository").relinked
    assert relinked("[a](docs/mesa.md#versions)", "project/readme.md") == "[a](../mesa.md#versions)"
    assert relinked("[a](../examples/browser.py)", "mesa.md") == "[a](repository/examples/browser.py.md)"
    assert relinked("[a](../README.md#more)", "index.md") == "[a](project/readme.md#more)"
    assert relinked("[a](first-market.ipynb)", "tutorials/first-run.md") == "[a](first-market.md)"
    for elsewhere in ("[a](https://example.org/x.md)", "[a](#here)", "[a](not/there.md)"):
        assert relinked(elsewhere, "mesa.md") == elsewhere


def test_text_is_safe_from_markdown_and_code_stays_code() -> None:
    assert module("reference").escaped("$a_b$ <c> `d_e` | *f*") == r"\$a\_b\$ \<c\> `d_e` \| \*f\*"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<a href="other/#there">x</a><img src="p.png">', ""),
        ('<a href="https://example.org">x</a>', ""),
        ('<a href="gone/">x</a>', "gone/ leads nowhere"),
        ('<a href="../../secret">x</a>', "../../secret leads nowhere"),
        ('<a href="other/#gone">x</a>', "other/#gone has no such anchor"),
        ('<a href="#gone">x</a>', "#gone has no such anchor"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
        ('<script src="https://cdn.example.org/x.js"></script>', "loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "loads //fonts.example.org/x.css"),
    ],
)
def test_the_checker_finds_what_leads_nowhere_or_elsewhere(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h2 id="there">x</h2>')
    (tmp_path / "p.png").write_bytes(b"")
    (tmp_path / "index.html").write_text(content)
    assert module("check").problems(tmp_path) == ([f"index.html: {said}"] if said else [])


def test_the_checker_looks_into_styles_and_wants_pages(tmp_path: Path) -> None:
    assert module("check").problems(tmp_path) == [f"{tmp_path}: no pages"]
    (tmp_path / "index.html").write_text("")
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.example.org/f.woff') } b { c: url(data:x) }")
    assert module("check").problems(tmp_path) == ["a.css: loads https://fonts.example.org/f.woff"]


def test_what_builds_the_site_is_no_part_of_an_installation() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    builders = {re.split(r"[<>=]", line)[0] for line in extras["docs"]}
    others = [*project["dependencies"], *(line for name, lines in extras.items() if name != "docs" for line in lines)]
    assert not builders & {re.split(r"[<>=\[]", line)[0] for line in others}
    assert not any("docs" in line for line in others if line.startswith("moatlab"))


def test_the_notebook_runs_and_is_kept_without_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads((DOCS / "tutorials" / "first-market.ipynb").read_text())["cells"]
    scope: dict[str, object] = {"__name__": "notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert not cell["outputs"] and cell["execution_count"] is None
            exec(compile("".join(cell["source"]), "first-market.ipynb", "exec"), scope)
    assert "market.rent, 2025-01 to 2025-12" in capsys.readouterr().out


def test_the_commands_of_the_first_run_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    (moatlab .*)$", (DOCS / "tutorials" / "first-run.md").read_text(), re.M)
    assert len(lines) == 7
    for line in lines:
        # The same, only shorter.
        shorter = line.replace("--months 36", "--months 15").replace("--seeds 4", "--seeds 2")
        assert run_cli(shlex.split(shorter)[1:]) == 0, line
    assert (tmp_path / "results" / "first" / "pictures" / "prices.csv").exists()


def test_every_command_is_on_the_page_of_commands() -> None:
    page = module("commands").page()
    names = {
        "simulate",
        "explain",
        "run",
        "show",
        "whatif",
        "merger",
        "trace",
        "new",
        "check",
        "prune",
        "export",
        "dash",
    }
    assert names <= set(re.findall(r"^## (\S+)", page, re.M))
    assert "**`--event`** `EVENT`" in page
    assert "**`--seeds`** `SEEDS`: Number of pairs of runs. Default: `32`." in page


def test_every_picture_of_the_gallery_has_its_command() -> None:
    gallery = module("gallery")
    page = gallery.page()
    for picture in gallery.GALLERY:
        assert f"]({picture.page})" in page
        assert f"    {picture.command}\n" in page
    assert len({picture.page for picture in gallery.GALLERY}) == len(gallery.GALLERY)
