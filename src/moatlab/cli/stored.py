"""`moatlab batches`, `tag`, `prune` and `export`: what is stored, how large it is, and how to take it elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.cli.run import refuse_no_batch
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, records, short, significant
from moatlab.scenario.months import read_month, span_name

if TYPE_CHECKING:
    from moatlab.experiments import Batch

#: Formats of exports by the ending of their files.
EXPORTS = (".csv", ".parquet", ".nc")


def list_batches(root: Path, tag: str | None, as_json: bool) -> str:
    """The batches below a folder, with how far they are and how large."""
    from moatlab.experiments.inventory import batches

    found = batches(root, tag)
    if as_json:
        return json.dumps([
            {"folder": str(e.folder), "name": e.name, "made": e.made, "planned": e.planned, "done": e.done,
             "bytes": e.size, "bytes_of_paths": e.paths, "tags": list(e.tags)}
            for e in found
        ], indent=2)  # fmt: skip
    if not found:
        return f"no batch in {root}" + (f" has the tag {tag}" if tag else "")
    rows = [[str(e.folder), e.name, f"{e.done:,} of {e.planned:,}", megabytes(e.size), e.made[:16], " ".join(e.tags)]
            for e in found]  # fmt: skip
    head = ["folder", "experiment", "runs", "size", "made", "tags"]
    return "\n".join([*aligned(f"Batches in {root}", head, rows, (0, 1, 5)),
                      f"{len(found)} batches, {megabytes(sum(e.size for e in found))}"])  # fmt: skip


def tag(folder: Path, add: tuple[str, ...], remove: tuple[str, ...]) -> str:
    """Change the tags of a batch and name those that it has."""
    refuse_no_batch(folder)
    from moatlab.experiments.tags import change_tags

    return f"{folder}: {', '.join(change_tags(folder, add, remove)) or 'no tags'}"


def prune(folder: Path, *, dry_run: bool, unplanned: bool) -> str:
    """Remove from a batch's folder what nothing reads any more, or say what that would be."""
    refuse_no_batch(folder)
    from moatlab.experiments import open_batch
    from moatlab.experiments.inventory import prune as remove
    from moatlab.experiments.inventory import size_of, waste

    batch = open_batch(folder)
    found = (waste if dry_run else remove)(batch, unplanned=unplanned)
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for each in found:
        counts[each.why] += 1
        sizes[each.why] += each.size
    verb = "would remove" if dry_run else "removed"
    lines = [f"{verb} {counts[why]} files, {megabytes(sizes[why])}: {why}" for why in counts]
    lines.append(f"{folder}: {megabytes(size_of(folder))}" + ("" if found else ", nothing to remove"))
    return "\n".join(lines)


def read_months(batch: Batch, months: tuple[str, str] | None) -> tuple[int, int] | None:
    """The first and last month asked for, by number."""
    if months is None:
        return None
    scenario = batch.experiment.scenario
    start = scenario.start if scenario is not None else ""
    first, last = (read_month(month, start, "--months") for month in months)
    if not 0 <= first <= last < batch.experiment.months:
        raise InputError(f"--months {' '.join(months)} do not lie within the run of {batch.experiment.months} months")
    return first, last


def select(
    batch: Batch, metrics: tuple[str, ...], arms: tuple[str, ...], months: tuple[str, str] | None, out: Path,
    as_json: bool,
) -> str:  # fmt: skip
    """Chosen metrics, arms and months of a batch: their means by arm, and a table of every run beside them."""
    span = read_months(batch, months)
    chosen = batch.select(metrics, arms, span)
    means = chosen.groupby(["metric", "arm", "point", "replication"], sort=False)["value"].mean().reset_index()
    by_arm = means.groupby(["metric", "arm"], sort=False)["value"]
    table = by_arm.agg(runs="count", mean="mean").reset_index()
    table["low"], table["high"] = by_arm.quantile(0.05).to_numpy(), by_arm.quantile(0.95).to_numpy()
    folder = out / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    significant(chosen).to_csv(folder / "selection.csv", index=False)
    if as_json:
        return json.dumps({"experiment": batch.experiment.name, "months": span, "selection": records(table),
                           "table": str(folder / "selection.csv")}, indent=2)  # fmt: skip
    scenario = batch.experiment.scenario
    first, last = span or (0, batch.experiment.months - 1)
    when = span_name(first, last, scenario.start) if scenario is not None else f"months {first} to {last}"
    rows = [
        [str(r["metric"]), str(r["arm"]), str(int(r["runs"])), short(r["mean"]),
         f"[{short(r['low'])}, {short(r['high'])}]"]
        for r in table.to_dict("records")
    ]  # fmt: skip
    head = ["metric", "arm", "runs", "mean", "5 % to 95 % of the runs"]
    lines = aligned(f"{batch.experiment.name}: means of {when}", head, rows, (0, 1))
    return "\n".join([*lines, f"every run and month: {folder / 'selection.csv'}"])


def export(
    folder: Path, file: Path, metrics: tuple[str, ...], arms: tuple[str, ...], months: tuple[str, str] | None,
    runs: bool, panel: str | None = None,
) -> str:  # fmt: skip
    """Write a batch, or chosen metrics, arms and months of it, or a panel, as CSV, parquet or netCDF."""
    if panel is None:
        refuse_no_batch(folder)
    if file.suffix not in EXPORTS:
        raise InputError(f"{file}: the name ends with {', '.join(EXPORTS[:-1])} or {EXPORTS[-1]}")
    if file.exists():
        raise InputError(f"{file} exists already; give another name")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {file.parent}")
    if panel is not None:
        return _panel(folder, file, panel, arms, bool(metrics or months or runs))
    from moatlab.experiments import open_batch

    batch = open_batch(folder)
    span = read_months(batch, months)
    if runs:
        if file.suffix != ".csv" or metrics or arms or months:
            raise InputError(
                "--runs writes all runs and their outcomes as .csv: leave --metric, --arm and --months out"
            )
        batch.to_csv(file)
        return f"{file}: a row a run, {len(batch.plan):,} rows"
    if file.suffix == ".nc":
        return _netcdf(batch, file, metrics, arms, span)
    table = batch.select(metrics, arms, span)
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    return f"{file}: a row a run, month and metric, {len(table):,} rows"


def _panel(folder: Path, file: Path, layer: str, arms: tuple[str, ...], more: bool) -> str:
    from moatlab.cli.again import panel
    from moatlab.results.panel import LAYERS_OF_PANELS

    if more or file.suffix == ".nc":
        raise InputError("--panel writes all months as .csv or .parquet: leave --metric, --months and --runs out")
    for known in LAYERS_OF_PANELS:
        if layer == known:
            return panel(folder, file, known, arms)
    raise InputError(f"--panel takes {' or '.join(LAYERS_OF_PANELS)}, not {layer!r}")


def _netcdf(
    batch: Batch, file: Path, metrics: tuple[str, ...], arms: tuple[str, ...], span: tuple[int, int] | None
) -> str:  # fmt: skip
    for metric in metrics:
        batch.quoted(metric)
    for arm in arms:
        batch.experiment.check_arm(arm)
    data = batch.to_xarray()
    if metrics:
        data = data[list(metrics)]
    if arms:
        data = data.sel(arm=list(arms))
    if span is not None:
        data = data.sel(month=slice(*span))
    # The format that scipy writes, which every reader of netCDF knows.
    data.to_netcdf(file, engine="scipy")
    return (
        f"{file}: {', '.join(f'{size} {name}s' for name, size in data.sizes.items())}, {len(data.data_vars)} variables"
    )


def megabytes(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.2f} GB"


def experiments_table() -> str:
    """The packaged experiments with their questions."""
    from moatlab.experiments import Experiment
    from moatlab.experiments.packaged import packaged_experiments

    rows = [[name, Experiment.load(name).question] for name in packaged_experiments()]
    return "\n".join(aligned("Packaged experiments: moatlab run NAME", ["name", "question"], rows, (0, 1))).rstrip()
