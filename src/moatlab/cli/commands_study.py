"""The commands that answer a question with many runs: durability, drivers, tipping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moatlab.cli.options import FormatOption, JsonOption, PicturesOption

ScenarioOption = Annotated[str, typer.Option(help="A packaged scenario, or path of a TOML file.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="ADDRESS=VALUE", help="Set a parameter.")]
SeedOption = Annotated[int, typer.Option(help="First seed, and that of the draws.")]
WorkersOption = Annotated[int | None, typer.Option(help="Worker processes (by default one a processor).")]


def durability(
    moat: Annotated[list[str] | None, typer.Argument(help="Moats, as in data (by default all eight).")] = None,
    scenario: ScenarioOption = "essay-2023",
    set_: SetOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer draws; no breakdown values, no single arms.")] = False,
    month: Annotated[str, typer.Option(help="Month of the grants, as in 24 or 2025-01.")] = "24",
    after: Annotated[int, typer.Option(help="Months after the grant.")] = 95,
    worth: Annotated[float, typer.Option(help="What every grant is worth, M$.")] = 10.0,
    over: Annotated[int, typer.Option(help="Months over which the money is spent.")] = 12,
    draws: Annotated[int | None, typer.Option(help="Draws of the prior (by default 24, quick 12).")] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of each draw.")] = 1,
    seed: SeedOption = 1,
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder (by default results/durability-SCENARIO).")] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    json: JsonOption = False,
) -> None:
    """Compare moats in equal dollars: value per dollar, half-life, amplification, erosion by rivals."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.durability import Request, run

    typer.echo(run(Request(
        moats=tuple(moat or ()), scenario=scenario, changes=tuple(set_ or ()), quick=quick, month=month, after=after,
        worth=worth, over=over, draws=draws, seeds=seeds, seed=seed, workers=workers, out=out,
        pictures=Pictures.read(pictures, format_), json=json,
    )))  # fmt: skip


def drivers(
    scenario: ScenarioOption = "essay-2023",
    set_: SetOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller designs.")] = False,
    at: Annotated[
        list[int] | None, typer.Option(help="Months by whose end a year of profit is counted (24, 60, 120).")
    ] = None,
    seed: SeedOption = 1,
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder (by default results/drivers-SCENARIO).")] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    json: JsonOption = False,
) -> None:
    """Say which parameters (Sobol) and which mechanisms (Shapley) decide each layer's share of profit."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.drivers import Request, run

    typer.echo(run(Request(
        scenario=scenario, changes=tuple(set_ or ()), quick=quick, months=tuple(at or ()), seed=seed, workers=workers,
        out=out, pictures=Pictures.read(pictures, format_), json=json,
    )))  # fmt: skip


def tipping(
    scenario: ScenarioOption = "essay-2023",
    set_: SetOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer seeds.")] = False,
    strength: Annotated[
        list[float] | None, typer.Option(help="Strengths of network effects, utils (by default 0 to 12).")
    ] = None,
    month: Annotated[str, typer.Option(help="Month in which customers are shared out again.")] = "24",
    after: Annotated[int, typer.Option(help="Months after it.")] = 84,
    seeds: Annotated[int | None, typer.Option(help="Seeds (by default 24, quick 6).")] = None,
    seed: SeedOption = 1,
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder (by default results/tipping-SCENARIO).")] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    json: JsonOption = False,
) -> None:
    """Say from which strength on network effects make one app win its category, from below and from above."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.tipping import Request, run

    typer.echo(run(Request(
        scenario=scenario, changes=tuple(set_ or ()), quick=quick, strengths=tuple(strength or ()), month=month,
        after=after, seeds=seeds, seed=seed, workers=workers, out=out, pictures=Pictures.read(pictures, format_),
        json=json,
    )))  # fmt: skip


#: In the order in which help lists them.
COMMANDS = (durability, drivers, tipping)
