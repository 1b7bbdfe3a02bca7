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

from moatlab.cli.chosen import DEFAULT, KEYS, PICTURES, Pictures, check_excel, read_kept
from moatlab.cli.folder import MANIFEST, adding, check_folder, files_of, replacing
from moatlab.errors import InputError
from moatlab.results.measure import Measure
from moatlab.results.payments import LAYERS
from moatlab.scenario.months import span_name
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from rich.progress import Progress

    from moatlab.results.results import Results
    from moatlab.show import Frames

#: Most seeds that one command takes: all runs are in memory together.
MOST_SEEDS = 256


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
    save: str | None = None
    pictures: str | None = None
    formats: str | None = None
    excel: bool = False
    json: bool = False
    measure: tuple[str, ...] = ()


def within(what: str, value: int, low: int, high: int) -> int:
    """The value of a whole-number option; raises `InputError` outside its range."""
    if not low <= value <= high:
        raise InputError(f"{what} is a whole number from {low} to {high}, not {value}")
    return value


def _prepare(request: Request) -> tuple[Scenario, int, Path, Kept]:
    """Everything that can be wrong is found here, before any month is simulated."""
    measure = Measure.read(request.measure)
    scenario = Scenario(request.scenario).set_text(request.changes).with_events(*request.events)
    for line in scenario.sizes():
        # A market of such sizes can be run, so this is said and not refused.
        sys.stderr.write(f"moatlab: note: {line}\n")
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
    return scenario, months, out, _kept(request, measure)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the folder keeps: tables, whether all firms, pictures, a workbook; and how economic profit is measured."""

    tables: tuple[str, ...]
    every_firm: bool
    pictures: Pictures
    excel: bool
    measure: Measure


def _kept(request: Request, measure: Measure) -> Kept:
    if request.excel:
        check_excel()
    pictures = Pictures.read(request.pictures, request.formats)
    pictures.check([*PICTURES, *(f"share-{layer}" for layer in LAYERS)])
    tables = read_kept(request.save, KEYS, DEFAULT)
    return Kept(tables, request.save is not None, pictures, request.excel, measure)


def run(request: Request) -> str:
    """Simulate as asked, write the folder, and return the summary, as text or as JSON."""
    scenario, months, out, kept = _prepare(request)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from moatlab.cli.tables import write_tables
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
            runs.append(market.run(months, lambda _: bar.advance(task)).measured(kept.measure))
            graph = market.graph if graph is None else graph
        tables = frames(runs, graph, money=True)
        summary = summarise(tables, request.year)
        with replacing(out) as parts:
            write_tables(parts, runs, kept.tables, scenario.start, every_firm=kept.every_firm)
            if kept.excel:
                _workbook(parts / "tables.xlsx", runs, kept, scenario, summary)
            (parts / "summary.txt").write_text(summary, encoding="utf-8")
            (parts / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
            about = _manifest(scenario, runs)
            _list_files(parts, about, files_of(parts))
        # Results are there whatever becomes of the pictures.
        try:
            with adding(out) as parts:
                _pictures(parts / "pictures", tables, request.year, kept.pictures, bar)
                _list_files(parts, about, [*about["files"], *files_of(parts)])
        except Exception as error:
            raise InputError(f"the pictures could not be drawn: {error}; tables and summary are in {out}") from error
    if request.json:
        from moatlab.results.text.data import as_data

        return json.dumps({**as_data(tables), "folder": str(out), "files": about["files"]}, indent=2)
    return f"{summary}\nTables and pictures are in {out}; `moatlab explain NAME` explains a name in them.\n"


def _list_files(folder: Path, about: dict[str, Any], names: list[str]) -> None:
    """Write the manifest, which names all files of the run."""
    about["files"] = sorted({*names, MANIFEST})
    (folder / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _workbook(path: Path, runs: list[Results], kept: Kept, scenario: Scenario, summary: str) -> None:
    """The tables kept that fit into a spreadsheet, a sheet each, behind the summary."""
    import pandas as pd

    from moatlab.cli.tables import AS_TEXT, for_a_spreadsheet, stacked, write_workbook

    sheets = {"summary": pd.DataFrame({"summary": summary.splitlines()})}
    for name in (name for name in kept.tables if name in AS_TEXT):
        table = stacked(runs, name, scenario.start, every_firm=kept.every_firm)
        sheets[name] = for_a_spreadsheet(table, name)
    write_workbook(path, sheets)


def _pictures(folder: Path, tables: Frames, year: int | None, wanted: Pictures, bar: Progress) -> None:
    if wanted.names == ():
        return
    from moatlab import show

    names = [name for name in show.plan(tables) if wanted.wants(name)]
    task = bar.add_task("pictures", total=len(names))
    show.draw_all(tables, folder, year, lambda: bar.advance(task), names, wanted.formats)


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
        "measure": runs[0].about["measure"].told(),
        "seeds": [r.about["seed"] for r in runs],
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: of(package) for package in ("numpy", "numba", "mesa", "pandas", "pyarrow")},
    }
