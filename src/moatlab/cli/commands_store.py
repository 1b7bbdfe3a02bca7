"""The commands on what is stored: experiments, batches, tag, prune, export."""

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
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    file: Annotated[Path, typer.Argument(help="The file to write: .csv, .parquet, or .nc (netCDF, for xarray).")],
    metric: MetricOption = None,
    arm: ArmOption = None,
    months: MonthsOption = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="A row a run with its outcomes, instead of monthly paths.")
    ] = False,
) -> None:
    """Write a batch's monthly paths, or a selection of them, as one file for other tools."""
    from moatlab.cli.stored import export as write

    typer.echo(write(folder, file, tuple(metric or ()), tuple(arm or ()), months, runs))


#: In the order in which help lists them.
COMMANDS = (experiments, batches, tag, prune, export)
