"""Units as people say them: percent for shares, $ bn for thousands of M$."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatlab.results.text.numbers import short


@dataclass(frozen=True, slots=True)
class Said:
    """How amounts of a unit are said: label, factor to it, and the label of differences, which differs for percent."""

    label: str
    factor: float = 1.0
    difference: str = ""

    @property
    def of_differences(self) -> str:
        """The unit of a difference: percent differ by percentage points."""
        return self.difference or self.label

    def level(self, value: float, digits: int = 3) -> str:
        """The number alone."""
        return short(value * self.factor, digits)

    def change(self, value: float, digits: int = 3) -> str:
        """The number alone, with its sign."""
        text = short(value * self.factor, digits)
        return f"+{text}" if np.isfinite(value) and value * self.factor > 0 else text


#: Units that are said otherwise.
SAID = {
    "share": Said("%", 100.0, "pp"),
    "probability": Said("%", 100.0, "pp"),
    "share per month": Said("% a month", 100.0, "pp a month"),
}


def said(unit: str, size: float = 0.0, per: str = "") -> Said:
    """How a unit is said of amounts as large as ``size``; ``per`` goes behind dollars, as in " a month"."""
    if unit == "M$":
        return Said(f"$ bn{per}", 1e-3) if abs(size) >= 999.5 else Said(f"$ m{per}")
    if unit.startswith("k$"):
        return Said(f"$ thousand{unit.removeprefix('k$')}")
    return SAID.get(unit, Said("" if unit in ("0 to 1", "count", "place") else unit))


def amount(value: float, unit: str, *, difference: bool = False, per: str = "") -> str:
    """A number with its unit, as in a sentence: ``$1.6 bn a month``, ``43 %``, ``2.1 pp``."""
    how = said(unit, value, per)
    label = how.of_differences if difference else how.label
    number = how.level(abs(value))
    sign = "-" if value * how.factor < 0 and number != "0" else ""
    if label.startswith("$"):
        return f"{sign}${number} {label.removeprefix('$').strip()}".strip()
    return f"{sign}{number} {label}".strip()
