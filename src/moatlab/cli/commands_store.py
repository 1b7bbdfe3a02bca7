"""The commands on what is stored: experiments, batches, tag, prune, export, archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moatlab.cli.options import ArmOption, JsonOption, MetricOption, MonthsOption


def experiments() -> None:
    """List the packaged experiments."""
    from moatlab.cli.stored import experiments_table

    typer.echo(experiments_table())


def batches(
    folder: Annotated[Path, typer.Argument(help="Folder in which to look, and below it.")] = Path("results"),
    tag: Annotated[str | None, typer.Option(help="Only batches with this tag.")] = None,
    json: JsonOption = False,
) -> None:
    """List the batches in a folder: runs done, size, date, tags."""
    from moatlab.cli.stored import list_batches

    typer.echo(list_batches(folder, tag, json))


def tag(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    words: Annotated[list[str] | None, typer.Argument(help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag to remove.")] = None,
) -> None:
    """Tag a batch, to find it again with `moatlab batches --tag`."""
    from moatlab.cli.stored import tag as change

    typer.echo(change(folder, tuple(words or ()), tuple(remove or ())))


def prune(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    unplanned: Annotated[bool, typer.Option("--unplanned", help="Also runs that the plan no longer has.")] = False,
) -> None:
    """Remove from a batch's folder what nothing reads any more: superseded, damaged and left-over files."""
    from moatlab.cli.stored import prune as remove

    typer.echo(remove(folder, dry_run=dry_run, unplanned=unplanned))


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch; with --panel also of a simulation.")],
    file: Annotated[Path, typer.Argument(help="The file to write: .csv, .parquet, or .nc (netCDF, for xarray).")],
    metric: MetricOption = None,
    arm: ArmOption = None,
    months: MonthsOption = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="A row a run with its outcomes, instead of monthly paths.")
    ] = False,
    panel: Annotated[
        str | None,
        typer.Option("--panel", metavar="LAYER", help="A panel of markets and products, apps or tokens, for PyBLP."),
    ] = None,
) -> None:
    """Write a batch's monthly paths, a selection of them, or a panel of its runs, as one file for other tools."""
    from moatlab.cli.stored import export as write

    typer.echo(write(folder, file, tuple(metric or ()), tuple(arm or ()), months, runs, panel))


def archive(
    places: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of results, or one archive.")],
    out: Annotated[Path, typer.Option(help="The archive to write.")] = Path("replication.zip"),
    check: Annotated[bool, typer.Option("--check", help="Do the runs of an archive again, and compare.")] = False,
    engine: Annotated[str, typer.Option(help="Where the runs of --check are done: local, serial or dask.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one a processor).")] = None,
) -> None:
    """Write what others need to do the runs of folders again: inputs, tables, predictions, versions, commands."""
    from moatlab.cli.again import check as compare
    from moatlab.cli.again import make
    from moatlab.errors import InputError

    if check and len(places) != 1:
        raise InputError("--check takes one archive")
    typer.echo(compare(places[0], engine, workers) if check else make(tuple(places), out))


#: In the order in which help lists them.
COMMANDS = (experiments, batches, tag, prune, export, archive)
