"""`moatlab simulate`: check everything, run, and write the folder in one move."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError
from moatlab.parameters.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.results import Results

#: Longest run and most seeds that one command takes.
MOST_MONTHS, MOST_SEEDS = 1200, 10_000
#: Tables that are written, and those small enough to be written as text as well.
TABLES = ("market", "layers", "categories", "firms", "payments", "ledger", "retention")
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
    months = within("--months", scenario.months if request.months is None else request.months, 1, MOST_MONTHS)
    within("--seed", request.seed, 0, 2**63 - 1 - MOST_SEEDS)
    within("--seeds", request.seeds, 1, MOST_SEEDS)
    for event in scenario.events:
        if event.month >= months:
            raise InputError(f"event {str(event)!r}: its month lies beyond the run of {months} months (0-{months - 1})")
    if request.year is not None:
        first = int(scenario.start[:4])
        last = first + (int(scenario.start[5:7]) - 1 + months - 1) // 12
        within("--year", request.year, first, last)
    out = request.out or Path("results") / scenario.name
    _check_folder(out)
    return scenario, months, out


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file, not a folder")
    place = out
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise InputError(f"--out {out}: {place} is not a folder")
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".moatlab-"):
            pass
    except OSError as problem:
        raise InputError(f"--out {out}: cannot write in {place}: {problem.strerror}") from None


def run(request: Request) -> str:
    """Simulate as asked, write the folder, and return the summary."""
    scenario, months, out = _prepare(request)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from moatlab.market import Market
    from moatlab.summary import summarise

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
            done = bar.tasks[task].completed
            runs.append(market.run(months, lambda m, done=done: bar.update(task, completed=done + m)))  # type: ignore[misc]
            graph = market.graph if graph is None else graph
    summary = summarise(runs)
    _write(out, scenario, runs, graph, summary, request)
    return f"{summary}\ntables and pictures: {out}\n"


def _write(out: Path, scenario: Scenario, runs: list[Results], graph: Any, summary: str, request: Request) -> None:
    """Write into a sibling folder and move each file into place: a failure leaves nothing half-written."""
    out.parent.mkdir(parents=True, exist_ok=True)
    parts = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        _tables(parts, runs)
        _pictures(parts / "pictures", runs, graph, request.year)
        (parts / "summary.txt").write_text(summary, encoding="utf-8")
        (parts / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
        (parts / "manifest.json").write_text(json.dumps(_manifest(scenario, runs), indent=2) + "\n", encoding="utf-8")
        for path in sorted(p for p in parts.rglob("*") if p.is_file()):
            target = out / path.relative_to(parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


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


def _pictures(folder: Path, runs: list[Results], graph: Any, year: int | None) -> None:
    from moatlab import show
    from moatlab.results import frames

    tables = frames(runs, graph)
    show.draw_all(tables, folder)
    if year is not None:
        show.write(show.flow(tables, year), folder / "flow.png")


def _manifest(scenario: Scenario, runs: list[Results]) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from moatlab import __version__
    from moatlab.compiled import source_digest

    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "unknown"

    git = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ) if shutil.which("git") else None  # fmt: skip
    return {
        "moatlab": __version__,
        "source": source_digest(),
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
