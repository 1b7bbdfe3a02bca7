"""`moatlab status`: how far a batch is, what failed, what is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.cli.run import refuse_no_batch

if TYPE_CHECKING:
    import pandas as pd

    from moatlab.experiments import Batch

#: Arms, kinds of failures and damaged parts that are listed; with the rest of the page that is 24 lines at most.
ARMS, FAILURES, DAMAGED = 7, 3, 2
#: Longest line.
WIDTH = 160


def status(folder: Path) -> str:
    """A page on the batch in a folder: 24 lines at most, whatever happened to it."""
    refuse_no_batch(folder)
    from moatlab.experiments import open_batch
    from moatlab.experiments.fingerprint import model_version

    batch = open_batch(folder)
    runs, about = batch.runs(), batch.manifest
    lines = [f"{batch.experiment.name}: {batch.experiment.question}".rstrip(": "), ""]
    lines += _arms(batch, runs)
    done = runs[runs["status"] == "done"]
    lines += ["", f"seconds a run: median {done['seconds'].median():.3f}" if len(done) else "no run has finished yet"]
    dirty = " with changes" if about["dirty"] else ""
    lines.append(f"made {about['made']} on {about['machine']['host']}, commit {about['commit'] or 'unknown'}{dirty}")
    version = model_version()
    if any(about["model"].get(name) != value for name, value in version.items()):
        lines.append(f"by another version of the model: {about['model']} there, {version} here")
    damaged = [f"{name} {what}: `moatlab run` repeats its runs" for name, what in batch.index.damaged.items()]
    lines += _few(damaged, DAMAGED, "damaged parts")
    lines += _failures(batch, folder)
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 3] + "..." for line in lines)


def _arms(batch: Batch, runs: pd.DataFrame) -> list[str]:
    """Runs by arm and how they ended."""
    states = ["done", "failed", "timeout", "died", "missing"]
    counts = runs.groupby(["arm", "status"], sort=False).size().unstack(fill_value=0)
    shown = [s for s in states if s in counts and counts[s].sum()]
    arms = list(batch.experiment.arms)
    rows = [(arm, counts.loc[[arm], shown].to_numpy()[0]) for arm in arms[: ARMS if len(arms) > ARMS + 1 else None]]
    if len(rows) < len(arms):
        rows.append((f"{len(arms) - ARMS} more arms", counts.loc[arms[ARMS:], shown].to_numpy().sum(axis=0)))
    width = max(len(name) for name, _ in [*rows, ("arm", 0)])
    lines = ["  ".join(["arm".ljust(width), "planned".rjust(8), *(s.rjust(8) for s in shown)])]
    for name, mine in rows:
        cells = [str(int(mine.sum())), *(str(int(n)) for n in mine)]
        lines.append("  ".join([name.ljust(width), *(c.rjust(8) for c in cells)]))
    return lines


def _failures(batch: Batch, folder: Path) -> list[str]:
    """The kinds of failures, most frequent first, each with one run that met it."""
    kinds = list(batch.failures().groupby(["status", "error"], sort=False))
    kinds.sort(key=lambda kind: -len(kind[1]))
    lines = []
    for (how, error), table in kinds[:FAILURES]:
        row = table.iloc[0]
        place = f"arm {row['arm']}, point {row['point']}, replication {row['replication']}"
        lines.append(f"{len(table)} {how}: {error}")
        lines.append(f"  such as {place}: moatlab rerun {folder} {row['key'][:12]}")
    if len(kinds) > FAILURES:
        rest = sum(len(table) for _, table in kinds[FAILURES:])
        lines.append(f"{rest} more failed in {len(kinds) - FAILURES} other ways")
    return lines


def _few(lines: list[str], most: int, what: str) -> list[str]:
    return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more {what}"]
