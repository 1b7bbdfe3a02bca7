"""The house: no import cycles, a light front door, every parameter moves a metric that exists."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import networkx as nx

import moatlab

ROOT = Path(moatlab.__file__).parent


def imports() -> nx.DiGraph:
    """Imports at run time between moatlab's modules, those inside functions and under TYPE_CHECKING left out."""
    graph = nx.DiGraph()
    for path in ROOT.rglob("*.py"):
        parts = ["moatlab", *path.relative_to(ROOT).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moatlab"):
                for alias in node.names:
                    # A name taken from a package may be one of its modules.
                    sibling = f"{node.module}.{alias.name}"
                    path_of = ROOT.parent.joinpath(*sibling.split(".")).with_suffix(".py")
                    graph.add_edge(name, sibling if path_of.exists() else node.module)
    return graph


def test_imports_have_no_cycle() -> None:
    assert nx.is_directed_acyclic_graph(imports()), nx.find_cycle(imports())


def test_parameters_need_nothing_heavy() -> None:
    code = "import sys, moatlab, moatlab.scenario.scenario as s; s.Scenario('essay-2023');"
    code += "assert not {'numpy', 'numba', 'mesa', 'pandas', 'matplotlib'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
