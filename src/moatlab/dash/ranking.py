"""Which parameters get a slider: those that a sensitivity analysis ranks first, kept as a table beside this module.

    moatlab sensitivity experiments/sensitivity.toml
    python -m moatlab.dash.ranking results/sensitivity      (`make sliders` does both)

An outcome has a unit of its own, so each is ranked by shares: what a parameter moves (mu* of Morris, or the total index
of Sobol), over what the first one moves.  A parameter's score is the mean of its shares over the outcomes.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: Sliders of a page.
MOST = 8
TABLE = "ranking.csv"
COLUMNS = ("rank", "parameter", "low", "high", "scale", "score")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A parameter with the range in which it was varied: ``scale`` is linear or log, ``score`` from 0 to 1."""

    parameter: str
    low: float
    high: float
    scale: str
    score: float


@cache
def ranking() -> tuple[Ranked, ...]:
    """The parameters of the stored table, the one that moves most first."""
    text = files("moatlab.dash").joinpath(TABLE).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Ranked(row["parameter"], float(row["low"]), float(row["high"]), row["scale"], float(row["score"]))
        for row in rows
    )


def scores(table: pd.DataFrame) -> dict[str, float]:
    """Scores by parameter, the largest first, from the rows that `moatlab sensitivity` writes for the control."""
    measure = "mu_star" if "mu_star" in table else "total"
    first = table.groupby("outcome")[measure].transform("max")
    shares = (table[measure] / first.where(first > 0)).fillna(0.0)
    means = shares.groupby(table["parameter"]).mean().sort_values(ascending=False, kind="stable")
    return {str(parameter): float(score) for parameter, score in means.items()}


def make(folder: Path, out: Path) -> str:
    """Write the table from a batch's folder; returns it.  Raises `InputError` where no analysis is stored."""
    import pandas as pd

    from moatlab.experiments import open_batch

    stored = folder / "tables" / "sensitivity.csv"
    if not stored.exists():
        raise InputError(f"{stored} is not there: run `moatlab sensitivity {folder}` first")
    experiment = open_batch(folder).experiment
    table = pd.read_csv(stored)
    found = scores(table[table["arm"] == experiment.control])
    ranges = experiment.spec.uncertainties
    name = experiment.name
    made = f"moatlab sensitivity experiments/{name}.toml; python -m moatlab.dash.ranking results/{name}"
    lines = [f"# {made}", ",".join(COLUMNS)]
    for place, (parameter, score) in enumerate(found.items(), 1):
        spread = ranges[parameter]
        lines.append(f"{place},{parameter},{spread.low:g},{spread.high:g},{spread.scale},{score:.3f}")
    text = "\n".join(lines) + "\n"
    out.write_text(text, encoding="utf-8")
    return text


def main(arguments: list[str]) -> int:
    """The command: the folder of the batch."""
    if len(arguments) != 1:
        print("usage: python -m moatlab.dash.ranking FOLDER-OF-THE-BATCH", file=sys.stderr)
        return 2
    try:
        print(make(Path(arguments[0]), Path(__file__).parent / TABLE), end="")
    except InputError as problem:
        print(f"moatlab: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
