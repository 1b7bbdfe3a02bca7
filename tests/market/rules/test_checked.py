"""Every rule that a phase calls says where it is checked, and what it names is there."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from moatlab.market import month
from moatlab.market.month import PHASES

ROOT = Path(__file__).parents[3]
#: A test's file, or one of its functions.
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def source(function: Any) -> str:
    return inspect.getsource(getattr(function, "py_func", function))


def rules() -> dict[str, Any]:
    """The functions that the phases' bodies call, by name."""
    found: dict[str, Any] = {}
    for phase in PHASES:
        for node in ast.walk(ast.parse(source(phase.rule))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found[node.func.id] = getattr(month, node.func.id)
    return found


RULES = rules()


def test_the_phases_call_rules() -> None:
    assert {"choose", "decide_routing", "settle_apps", "record_trade"} <= set(RULES) and len(RULES) >= 40


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_says_where_it_is_checked(name: str) -> None:
    text = inspect.getdoc(RULES[name]) or ""
    assert text.count("Checked:") == 1, f"{name} does not say where it is checked"
    said = text.partition("Checked:")[2]
    assert said.endswith(".") and "\n\n" not in said, f"{name}: what follows `Checked:` is the end of the text"
    named = NAMED.findall(said)
    # Nothing but names of tests and what separates them.
    assert named and not NAMED.sub("", said).replace(",", "").replace(".", "").split(), said
    for path, function in named:
        assert (ROOT / path).is_file(), path
        assert not function or re.search(rf"^def {function}\(", (ROOT / path).read_text(), re.M), function
