"""`moatlab status`: how far a batch is, what failed, what is damaged."""

from __future__ import annotations

from pathlib import Path

from moatlab.cli.run import refuse_no_batch


def status(folder: Path) -> str:
    """A few lines on the batch in a folder."""
    refuse_no_batch(folder)
    from moatlab.experiments import open_batch
    from moatlab.experiments.fingerprint import model_version

    batch = open_batch(folder)
    runs, about = batch.runs(), batch.manifest
    lines = [f"{batch.experiment.name}: {batch.experiment.question}".rstrip(": "), ""]
    states = ["done", "failed", "timeout", "died", "missing"]
    counts = runs.groupby(["arm", "status"], sort=False).size().unstack(fill_value=0)
    shown = [s for s in states if s in counts and counts[s].sum()]
    width = max(len(str(arm)) for arm in [*counts.index, "arm"])
    lines.append("  ".join(["arm".ljust(width), "planned".rjust(8), *(s.rjust(8) for s in shown)]))
    for arm in batch.experiment.arms:
        mine = [str(c) for c in counts.loc[[arm], shown].to_numpy()[0]]
        cells = [str(int((runs["arm"] == arm).sum())), *mine]
        lines.append("  ".join([arm.ljust(width), *(c.rjust(8) for c in cells)]))
    done = runs[runs["status"] == "done"]
    lines += ["", f"seconds a run: median {done['seconds'].median():.3f}" if len(done) else "no run is done yet"]
    dirty = " with changes" if about["dirty"] else ""
    lines.append(f"made {about['made']} on {about['machine']['host']}, commit {about['commit'] or 'unknown'}{dirty}")
    version = model_version()
    if any(about["model"].get(name) != value for name, value in version.items()):
        lines.append(f"by another version of the model: {about['model']} there, {version} here")
    lines += [f"{name} {what}: `moatlab run` does its runs again" for name, what in batch.index.damaged.items()]
    for _, row in batch.failures().iterrows():
        place = f"arm {row['arm']}, point {row['point']}, replication {row['replication']}"
        lines += [f"{row['status']}: {place}: {row['error']}", f"  moatlab rerun {folder} {row['key'][:12]}"]
    return "\n".join(lines)
