"""The house: imports run one way, three doors apart; a light front door; rewording touches no number."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import moatlab

ROOT = Path(moatlab.__file__).parent
#: Folders and modules at the root, each importing only what is before it.
ORDER = ("errors", "scenario", "results", "market", "show", "experiments", "evidence", "dash", "cli")
#: Inside the market: state, then rules on it, then what runs them.
IN_MARKET = ("state", "rules")
#: One-line doors that are imported when they are used: `Scenario.compare`, `Results.plot`, `Experiment.run`, and
#: `Batch.verdicts` and `Batch.plot`.
DOORS = {
    ("moatlab.experiments.batch", "moatlab.evidence.of_batch"),
    ("moatlab.scenario.scenario", "moatlab.evidence.compare"),
    ("moatlab.results.results", "moatlab.show"),
    ("moatlab.experiments.experiment", "moatlab.experiments.runner"),
    ("moatlab.experiments.experiment", "moatlab.experiments.batch"),
}


def module_of(path: Path) -> str:
    parts = ["moatlab", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> nx.DiGraph:
    """Imports between moatlab's modules, those inside functions and under TYPE_CHECKING with the others."""
    graph = nx.DiGraph()
    for path in ROOT.rglob("*.py"):
        name = module_of(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moatlab":
                for alias in node.names:
                    # A name taken from a package may be one of its modules.
                    sibling = f"{node.module}.{alias.name}"
                    path_of = ROOT.parent.joinpath(*sibling.split("."))
                    is_module = path_of.with_suffix(".py").exists() or path_of.is_dir()
                    graph.add_edge(name, sibling if is_module else node.module)
    graph.remove_edges_from(nx.selfloop_edges(graph))
    return graph


def folder(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_imports_run_one_way() -> None:
    wrong = []
    for source, target in imports().edges:
        one, other = folder(source), folder(target)
        if one in ORDER and other in ORDER and (source, target) not in DOORS and ORDER.index(other) > ORDER.index(one):
            wrong.append(f"{source} -> {target}")
    assert not wrong, wrong


def test_the_market_is_built_from_its_state_up() -> None:
    def level(module: str) -> int:
        part = module.split(".")[2] if module.count(".") > 1 else ""
        return IN_MARKET.index(part) if part in IN_MARKET else len(IN_MARKET)

    wrong = [
        f"{source} -> {target}"
        for source, target in imports().edges
        if folder(source) == folder(target) == "market" and level(target) > level(source)
    ]
    assert not wrong, wrong


def test_imports_have_no_cycle() -> None:
    graph = imports()
    graph.remove_edges_from(DOORS)
    # A package's __init__ re-exports its modules.
    graph.remove_nodes_from([module_of(path) for path in ROOT.rglob("__init__.py")])
    assert nx.is_directed_acyclic_graph(graph), nx.find_cycle(graph)


def test_the_doors_are_there_and_lead_where_they_say() -> None:
    assert set(imports().edges) >= DOORS


def test_few_names_at_the_root_of_the_package() -> None:
    names = {path.name for path in ROOT.iterdir()} - {"__init__.py", "__main__.py", "py.typed", "__pycache__"}
    assert {name.removesuffix(".py") for name in names} == set(ORDER) and len(names) <= 9


def test_parameters_need_nothing_heavy() -> None:
    code = "import sys, moatlab, moatlab.scenario.scenario as s; s.Scenario('essay-2023');"
    code += "assert not {'numpy', 'numba', 'mesa', 'pandas', 'matplotlib'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package that may be edited."""
    place = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT, place / "moatlab", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def digests(place: Path) -> tuple[str, str]:
    """The digests of the model and of its kernels, of a copy of the package."""
    code = f"import sys; sys.path.insert(0, {str(place)!r}); import moatlab.market.state.sources as s;"
    code += "print(s.model_digest(), s.kernel_digest(), s.__file__)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    model, kernels, file = run.stdout.split()
    assert file.startswith(str(place))
    return model, kernels


@pytest.mark.parametrize(
    ("file", "model", "kernels"),
    [
        ("cli/main.py", False, False),
        ("show/flows.py", False, False),
        ("results/text/summary.py", False, False),
        ("evidence/verdicts.py", False, False),
        ("experiments/runner.py", False, False),
        ("dash/server.py", False, False),
        ("results/outcomes.py", True, False),
        ("market/rules/pricing.py", True, True),
        ("scenario/tables/apps.py", True, True),
        ("results/metrics.py", True, True),
    ],
)
def test_a_comment_changes_the_digests_of_what_decides_numbers_only(
    copied: Path, file: str, model: bool, kernels: bool
) -> None:
    before = digests(copied)
    path = copied / "moatlab" / file
    text = path.read_text()
    path.write_text(text + "# A comment.\n")
    after = digests(copied)
    path.write_text(text)
    assert (after[0] != before[0], after[1] != before[1]) == (model, kernels)
