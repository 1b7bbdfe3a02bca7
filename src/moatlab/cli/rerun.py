"""`moatlab rerun`: one run of a batch again, in this process, and whether it gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from moatlab.cli.run import refuse_no_batch
from moatlab.errors import InputError


def rerun(folder: Path, key: str) -> tuple[str, int]:
    """Run it again; returns what to print and the exit code, 1 if it failed or differs from what is stored."""
    refuse_no_batch(folder)
    from moatlab.experiments import open_batch
    from moatlab.experiments.fingerprint import model_version
    from moatlab.experiments.record import reduce

    batch = open_batch(folder)
    found = sorted({k for k in batch.plan["key"] if k.startswith(key)}) if key else []
    if len(found) != 1:
        many = "no planned run has" if not found else f"{len(found)} planned runs have"
        raise InputError(f"{many} a key that begins with {key!r}; `moatlab status {folder}` lists those that failed")
    there, here = batch.manifest["model"], model_version()
    if there != here:
        raise InputError(f"{folder} was made by another version of the model: {there} there, {here} here")
    experiment = batch.experiment
    if found[0] not in experiment.plan.keys:
        raise InputError(f"run {key} has agents of one's own ({batch.manifest['own_agents']}): run it from Python")
    row = experiment.plan.keys.index(found[0])
    replication, point, arm = experiment.plan.place(row)
    run, paths = experiment.job.run(experiment.plan.task(row))
    name = experiment.plan.arms[arm]
    lines = [f"run {found[0]}: arm {name}, point {point}, replication {replication}, seed {run.seed}"]
    lines += [f"  {at} = {value}" for at, value in experiment.plan.points[point].items()]
    if paths is None:
        return "\n".join([*lines, f"{run.status}: {run.error}", run.traceback]), 1
    recorded = experiment.paths
    by_name = dict(zip(recorded, paths.T, strict=True))
    lines += [f"  {n} = {reduce(o, by_name, experiment.slugs)!r}" for n, o in experiment.outcomes.items()]
    names = ", ".join(batch.quoted(metric) for metric in recorded)
    stored = batch.sql(f"select {names} from monthly where key = '{found[0]}' and arm = '{name}' and point = {point} "
                       f"and replication = {replication} order by month").to_numpy(np.float64)  # fmt: skip
    if not len(stored):
        return "\n".join([*lines, "this run is not stored as a success, so there is nothing to compare it with"]), 0
    if stored.tobytes() == paths.tobytes():
        return "\n".join([*lines, "the same bytes as stored"]), 0
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.nanmax(np.abs(stored - paths) / np.maximum(np.abs(stored), 1e-300))
    return "\n".join([*lines, f"differs from the stored run, by at most {gap:.2g} of the value"]), 1
