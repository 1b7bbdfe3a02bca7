"""`moatlab simulate`: check everything, run, and write the folder in one move."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.cli.folder import MANIFEST, adding, check_folder, files_of, replacing
from moatlab.errors import InputError
from moatlab.scenario.months import span_name
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from rich.progress import Progress

    from moatlab.results.results import Results
    from moatlab.show import Frames

#: Most seeds that one command takes: all runs are in memory together.
MOST_SEEDS = 256
#: Tables that are written, and those small enough to be written as text as well.
TABLES = ("market", "layers", "categories", "firms", "payments", "ledger", "money", "retention")
AS_TEXT = ("market", "layers", "categories", "payments")


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    scenario: str
    months: int | None
    seed: int
    seeds: int
    changes: tuple[str, ...]
    events: tuple[str, ...]
    out: Path | None
    year: int | None


def within(what: str, value: int, low: int, high: int) -> int:
    """The value of a whole-number option; raises `InputError` outside its range."""
    if not low <= value <= high:
        raise InputError(f"{what} is a whole number from {low} to {high}, not {value}")
    return value


def _prepare(request: Request) -> tuple[Scenario, int, Path]:
    """Everything that can be wrong is found here, before any month is simulated."""
    scenario = Scenario(request.scenario).set_text(request.changes).with_events(*request.events)
    months = within("--months", scenario.months if request.months is None else request.months, 1, LONGEST)
    within("--seed", request.seed, 0, 2**63 - 1 - MOST_SEEDS)
    within("--seeds", request.seeds, 1, MOST_SEEDS)
    for event in scenario.events:
        if event.month >= months:
            run_ = f"{months} months (0-{months - 1}: {span_name(0, months - 1, scenario.start)})"
            raise InputError(f"event {str(event)!r}: its month lies beyond the run of {run_}")
    if request.year is not None:
        first = int(scenario.start[:4])
        last = first + (int(scenario.start[5:7]) - 1 + months - 1) // 12
        within("--year", request.year, first, last)
    from moatlab.experiments.ownership import SIMULATION, refuse_others

    out = request.out or Path("results") / scenario.name
    check_folder(out)
    refuse_others(out, SIMULATION)
    return scenario, months, out


def run(request: Request) -> str:
    """Simulate as asked, write the folder, and return the summary."""
    scenario, months, out = _prepare(request)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from moatlab.market.market import Market
    from moatlab.results.results import frames
    from moatlab.results.text.summary import summarise

    runs: list[Results] = []
    graph: Any = None
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("months", total=months * request.seeds)
        for seed in range(request.seed, request.seed + request.seeds):
            market = Market(scenario, rng=seed)
            runs.append(market.run(months, lambda _: bar.advance(task)))
            graph = market.graph if graph is None else graph
        tables = frames(runs, graph, money=True)
        summary = summarise(tables, request.year)
        with replacing(out) as parts:
            _tables(parts, runs)
            (parts / "summary.txt").write_text(summary, encoding="utf-8")
            (parts / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
            about = _manifest(scenario, runs)
            _list_files(parts, about, files_of(parts))
        # Results are there whatever becomes of the pictures.
        try:
            with adding(out) as parts:
                _pictures(parts / "pictures", tables, request.year, bar)
                _list_files(parts, about, [*about["files"], *files_of(parts)])
        except Exception as error:
            raise InputError(f"the pictures could not be drawn: {error}; tables and summary are in {out}") from error
    return f"{summary}\nTables and pictures are in {out}; `moatlab explain NAME` explains a name in them.\n"


def _list_files(folder: Path, about: dict[str, Any], names: list[str]) -> None:
    """Write the manifest, which names all files of the run."""
    about["files"] = sorted({*names, MANIFEST})
    (folder / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _tables(folder: Path, runs: list[Results]) -> None:
    import pandas as pd

    for name in TABLES:
        parts = []
        for run_ in runs:
            part = getattr(run_, name).to_pandas()
            part.insert(0, "seed", run_.about["seed"])
            parts.append(part)
        frame = pd.concat(parts, ignore_index=True)
        frame.to_parquet(folder / f"{name}.parquet", index=False)
        if name in AS_TEXT:
            frame.to_csv(folder / f"{name}.csv", index=False)


def _pictures(folder: Path, tables: Frames, year: int | None, bar: Progress) -> None:
    from moatlab import show

    task = bar.add_task("pictures", total=len(show.plan(tables)))
    show.draw_all(tables, folder, year, lambda: bar.advance(task))


def _manifest(scenario: Scenario, runs: list[Results]) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from moatlab import __version__
    from moatlab.experiments.ownership import SIMULATION
    from moatlab.market.state.sources import model_digest

    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "unknown"

    git = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ) if shutil.which("git") else None  # fmt: skip
    return {
        "kind": SIMULATION,
        "name": scenario.name,
        "command": f"moatlab simulate {scenario.name}",
        "moatlab": __version__,
        "source": model_digest(),
        "commit": git.stdout.strip() if git is not None and git.returncode == 0 else None,
        "scenario": scenario.name,
        "scenario_digest": scenario.digest(),
        "events": [str(event) for event in scenario.events],
        "months": runs[0].months,
        "seeds": [r.about["seed"] for r in runs],
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: of(package) for package in ("numpy", "numba", "mesa", "pandas", "pyarrow")},
    }
