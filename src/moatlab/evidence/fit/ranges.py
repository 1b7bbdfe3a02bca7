"""How far each assumed parameter may be from its value: `ranges.toml`, a factor either way with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from moatlab.scenario.files import read_tables
from moatlab.scenario.registry import Parameter


@dataclass(frozen=True, slots=True)
class Range:
    """A factor, either way, and why it is that."""

    factor: float
    reason: str


@cache
def _table() -> tuple[Range, dict[str, Range]]:
    text = (files("moatlab.evidence.fit") / "ranges.toml").read_text(encoding="utf-8")
    tables = read_tables(text, "ranges.toml")
    return Range(**tables["default"]), {name: Range(**row) for name, row in tables["ranges"].items()}


def range_of(parameter: Parameter) -> Range:
    """The range of a parameter: its own row, or the general one."""
    general, own = _table()
    return own.get(f"{parameter.kind}.{parameter.name}", general)


def listed() -> dict[str, Range]:
    """The rows by ``kind.parameter``."""
    return dict(_table()[1])
