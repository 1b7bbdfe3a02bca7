"""The commands on claims: claims, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from moatlab.cli.options import JsonOption


def _claim_names(incomplete: str) -> list[str]:
    """Packaged claims of the name so far, for the shell's completion."""
    from moatlab.evidence.claims.files import packaged_claims

    return [name for name in packaged_claims() if name.startswith(incomplete)]


def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID or FILE.toml] ...",
            help="Claims (by default all that come with moatlab).",
            autocompletion=_claim_names,
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few draws, and rival rules alone: two minutes.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the files.")] = False,
    draws: Annotated[int | None, typer.Option(help="Draws of the parameters.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds of each draw.")] = None,
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Draws from a table, a column an address (by default from the prior)."),
    ] = None,
    engine: Annotated[str, typer.Option(help="local, dask or serial.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one a processor).")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler, tcp://HOST:PORT.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs and tables.")] = Path("results/claims"),
    json: JsonOption = False,
) -> None:
    """Run the essay's claims, and your own, over all that is uncertain; print which hold, and how far."""
    from moatlab.cli.claims import Request, run

    request = Request(tuple(names or ()), quick, check, draws, seeds, sample, engine, workers, scheduler, out, json)
    told, code = run(request, lambda line: typer.echo(line, err=True))
    sys.stderr.flush()
    typer.echo(told)
    raise typer.Exit(code)


def report(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of claims or batches (by default results/claims).")
    ] = None,
    out: Annotated[Path, typer.Option(help="The page to write; a Markdown file goes beside it.")] = Path("report.html"),
) -> None:
    """Write one self-contained page: the answer, the verdicts, a section a claim, provenance; and Markdown."""
    from moatlab.cli.report import write

    typer.echo(write(tuple(folders or (Path("results/claims"),)), out))


#: In the order in which help lists them.
COMMANDS = (claims, report)
