"""`moatlab run`: check an experiment file, run what its folder lacks, and say what to do next."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.errors import InputError, StoppedError

if TYPE_CHECKING:
    from moatlab.experiments import Batch, Experiment
    from moatlab.experiments.runner import Counts, Progress
    from moatlab.experiments.store import Store

#: Failed runs that are listed at the end.
LISTED = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    file: Path
    engine: str
    workers: int | None
    scheduler: str | None
    out: Path | None
    only: str | None
    replications: int | None
    dry_run: bool
    extend: bool
    retry: bool
    other_version: bool
    reuse: tuple[Path, ...]
    fresh: bool = False


def run(request: Request) -> tuple[str, int]:
    """Run an experiment; returns what to print and the exit code, 1 if a run failed.

    Raises `StoppedError` after Ctrl-C.
    """
    from moatlab.experiments import Experiment
    from moatlab.experiments.engines import check_engine
    from moatlab.experiments.store import Store

    check_engine(request.engine, request.workers, request.scheduler)
    experiment = Experiment.load(request.file)
    if request.replications is not None:
        experiment = experiment.with_spec(replications=request.replications)
    if request.only is not None:
        experiment.check_arm(request.only)
    out = request.out or Path("results") / experiment.name
    if request.fresh:
        from moatlab.experiments.fresh import confirmatory

        if request.dry_run:
            raise InputError("--fresh begins a run on seeds of its own; leave out --dry-run")
        experiment, out = confirmatory(experiment, out)
    if request.dry_run:
        return _announce(experiment, Store(out), request.only), 0
    last: list[Counts] = []
    try:
        with _progress() as (show, planning):

            def progress(counts: Counts) -> None:
                last[:] = [counts]
                show(counts)

            batch = experiment.run(
                request.engine, request.workers, out, only=request.only, extend=request.extend, retry=request.retry,
                other_version=request.other_version, reuse=request.reuse, scheduler=request.scheduler,
                progress=progress, planning=planning,
            )  # fmt: skip
    except KeyboardInterrupt:
        done = last[0].stored + last[0].done if last else 0
        told = f"stopped; {done} runs are stored in {out}, and the same command continues from there"
        raise StoppedError(told) from None
    return _report(batch, last[0], last[0].damage)


def _announce(experiment: Experiment, store: Store, only: str | None) -> str:
    """What would be run."""
    plan = experiment.plan
    keys = {plan.keys[row] for row in plan.rows(only)}
    done = store.scan(verify=False, wanted=experiment.paths).keys() if store.exists else set[str]()
    stored = len(keys & done)
    arms = ", ".join(plan.arms) if only is None else only
    lines = [
        f"{experiment.name}: {experiment.question}" if experiment.question else experiment.name,
        f"  arms          {arms} (compared with {experiment.control})",
        f"  points        {len(plan.points)} ({experiment.design.kind})",
        f"  replications  {plan.replications}",
        f"  months        {experiment.months}",
        f"  outcomes      {', '.join(f'{n} ({o.reduce} of {o.metric})' for n, o in experiment.outcomes.items())}",
        f"  runs          {len(keys)}, of which {stored} are stored in {store.folder}",
    ]
    todo = list({plan.keys[row]: row for row in plan.rows(only) if plan.keys[row] not in done}.values())
    shared = experiment.months_shared(todo)
    if shared:
        lines.append(f"  branches      save {shared:,} of {len(todo) * experiment.months:,} months")
    return "\n".join(lines)


def _report(batch: Batch, counts: Counts, damage: list[str]) -> tuple[str, int]:
    """How it went, what failed, and how to repeat that."""
    lines = [f"{counts.done} runs done, {counts.failed} failed, {counts.stored} stored before: {batch.folder}"]
    if counts.shared:
        lines.append(f"  branches save {counts.shared:,} of {counts.months:,} months")
    lines += [f"  {line}" for line in damage]
    failures = batch.failures()
    for _, row in failures.head(LISTED).iterrows():
        place = f"arm {row['arm']}, point {row['point']}, replication {row['replication']}"
        lines.append(f"  {row['status']}: {place}: {row['error']}")
        lines.append(f"    moatlab rerun {batch.folder} {row['key'][:12]}")
    if len(failures) > LISTED:
        lines.append(f"  ... and {len(failures) - LISTED} more: moatlab status {batch.folder}")
    if len(failures):
        lines.append("  failed runs are not repeated unless --retry is given")
    if not len(batch.missing()):
        from moatlab.evidence import report

        lines += report.tell(batch, report.judged(batch))
    lines.append(f"tables and pictures: moatlab show {batch.folder}")
    return "\n".join(lines), 1 if len(failures) else 0


@contextmanager
def _progress() -> Iterator[tuple[Progress, Callable[[int, int], None]]]:
    """Bars with points laid out, and with runs done, failed, the rate and the time left; nothing off a terminal."""
    if not sys.stderr.isatty():
        yield lambda counts: None, lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(), console=Console(stderr=True),
    ) as bar:  # fmt: skip
        points = bar.add_task("points", told="of the plan", visible=False)
        task = bar.add_task("runs", told="", visible=False)

        def show(counts: Counts) -> None:
            told = f"{counts.failed} failed, {counts.rate:.1f} a second"
            bar.update(task, total=counts.todo, completed=counts.done + counts.failed, told=told, visible=True)

        def planning(done: int, total: int) -> None:
            bar.update(points, total=total, completed=done, visible=True)

        yield show, planning


def refuse_no_batch(folder: Path) -> None:
    """One line for a folder without a batch."""
    if not any((folder / name).is_file() for name in ("manifest.json", "plan.parquet")):
        raise InputError(f"{folder} holds no batch of runs: moatlab run FILE.toml --out {folder} makes one")
