"""What the rules of the market read, write and draw: found in their source, so that no list has to be kept by hand.

A rule works on rows: ``lab = labs[index]``, ``shared.labs_price_speed``, ``now.hype``.  Where a name stands for a row
of a kind, its attributes are fields of the kind; helpers that are called with it are followed.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from moatlab.market.month import PHASES
from moatlab.market.state import draws
from moatlab.market.state.fields import STATE_FIELDS

#: Tables of rows: their names in rules are those of the state's arrays.
TABLES = (*STATE_FIELDS, "shared", "now", "offers", "buyers")
#: What one row is called where nothing says which table it is from: parameters of helpers.
ROWS = {
    "app": "apps", "user": "users", "lab": "labs", "host": "hosts", "cloud": "clouds", "maker": "chipmakers",
    "plant": "foundry", "offer": "offers", "buyer": "buyers", "shared": "shared", "now": "now",
}  # fmt: skip
#: Where rules are, and what fills the tables.
HOMES = ("moatlab.market.rules", "moatlab.market.record")
#: Names of draws' purposes in rules, by the code.
PURPOSES = {name: text for text in draws.PURPOSES if (name := text.upper().replace(" ", "_"))}


@dataclass
class Uses:
    """Fields read and written as (table, field), in order of appearance, and purposes of draws."""

    reads: dict[tuple[str, str], None] = field(default_factory=dict)
    writes: dict[tuple[str, str], None] = field(default_factory=dict)
    draws: dict[str, None] = field(default_factory=dict)

    def add(self, other: Uses) -> None:
        """Take in those of a helper."""
        self.reads |= other.reads
        self.writes |= other.writes
        self.draws |= other.draws


@dataclass(frozen=True)
class Rule:
    """A rule of a phase: the function that the phase calls, where it is, and what it says that it does."""

    phase: str
    name: str
    module: str
    meaning: str
    uses: Uses


@cache
def rules() -> tuple[Rule, ...]:
    """The rules of the month in their order: what each phase calls."""
    found = []
    for phase in PHASES:
        function = _plain(phase.rule)
        called = [f for f in _calls(function) if f.__module__.startswith(HOMES)]
        for rule in called:
            meaning = " ".join((rule.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
            module = rule.__module__.removeprefix("moatlab.").replace(".", "/")
            found.append(Rule(phase.name, rule.__name__, f"{module}.py", meaning, uses(rule)))
    return tuple(found)


def writers(table: str, name: str) -> list[Rule]:
    """The rules that write a field, in the order of the month."""
    return [rule for rule in rules() if (table, name) in rule.uses.writes]


def uses(function: Any, given: Mapping[str, str] | None = None) -> Uses:
    """What a function and its helpers use; ``given`` are the tables of its parameters that are rows."""
    plain = _plain(function)
    return _uses(plain, tuple(sorted((given or {}).items())))


@cache
def _uses(function: Callable[..., Any], given: tuple[tuple[str, str], ...]) -> Uses:
    reader = _Reader(function, dict(given))
    reader.visit(_tree(function))
    return reader.uses


def _plain(function: Any) -> Callable[..., Any]:
    plain: Callable[..., Any] = getattr(function, "py_func", function)
    return plain


def _tree(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


def _calls(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The functions that a function calls by name, in order."""
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = _plain(function.__globals__.get(node.func.id))
            if inspect.isfunction(called):
                yield called


class _Reader(ast.NodeVisitor):
    """Walks one function."""

    def __init__(self, function: Callable[..., Any], given: dict[str, str]) -> None:
        self.function = function
        self.uses = Uses()
        #: Tables of the names that stand for a row of one.
        self.rows = {**ROWS, **given}

    def table(self, node: ast.expr) -> str | None:
        """The table of which an expression is a row: a name, or a table at an index."""
        if isinstance(node, ast.Name):
            return self.rows.get(node.id)
        if isinstance(node, ast.Subscript):
            whole = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            return str(whole) if whole in TABLES else None
        return None

    def visit_Assign(self, node: ast.Assign) -> None:
        """``lab = labs[index]`` names a row."""
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                found = self.table(node.value)
                if found is not None:
                    self.rows[target.id] = found
            else:
                self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """``x.field += ...`` reads what it writes."""
        if isinstance(node.target, ast.Attribute):
            self._note(node.target, self.uses.reads)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """``row.field``."""
        self._note(node, self.uses.writes if isinstance(node.ctx, ast.Store) else self.uses.reads)
        self.generic_visit(node)

    def _note(self, node: ast.Attribute, where: dict[tuple[str, str], None]) -> None:
        found = self.table(node.value)
        if found is not None:
            where[found, node.attr] = None

    def visit_Call(self, node: ast.Call) -> None:
        """A helper is followed, with the tables of the rows that it is handed."""
        if isinstance(node.func, ast.Name):
            for argument in node.args:
                if isinstance(argument, ast.Name) and argument.id in PURPOSES:
                    self.uses.draws[PURPOSES[argument.id]] = None
            called = _plain(self.function.__globals__.get(node.func.id))
            if inspect.isfunction(called) and called.__module__.startswith(HOMES):
                names = list(inspect.signature(called).parameters)
                tables = ((name, self.table(argument)) for name, argument in zip(names, node.args, strict=False))
                if called is not self.function:
                    self.uses.add(_uses(called, tuple(sorted((name, t) for name, t in tables if t is not None))))
        self.generic_visit(node)
