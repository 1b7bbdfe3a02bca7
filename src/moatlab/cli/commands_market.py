"""The commands on a market of one's own and on deals in it: new, check, merger, elasticity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moatlab.cli.options import JsonOption, ScenarioArgument


def new(
    name: Annotated[str, typer.Argument(help="Name of the scenario, which is that of its file.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="SCENARIO", help="Start from a packaged scenario or a file.")
    ] = None,
    categories: Annotated[int | None, typer.Option(help="Categories of customers (by default 1).")] = None,
    apps: Annotated[int | None, typer.Option(help="Named apps (3).")] = None,
    labs: Annotated[int | None, typer.Option(help="Labs (2); the last is open where there are hosts.")] = None,
    hosts: Annotated[int | None, typer.Option(help="Hosts of open models (1).")] = None,
    clouds: Annotated[int | None, typer.Option(help="Clouds (1).")] = None,
    chipmakers: Annotated[int | None, typer.Option(help="Chipmakers (1).")] = None,
    out: Annotated[Path | None, typer.Option(help="The file (by default NAME.toml).")] = None,
) -> None:
    """Write a scenario of your own: a commented file that runs at once, with sizes that fit each other."""
    from moatlab.cli.new import new as write
    from moatlab.scenario.new import Counts
    from moatlab.scenario.scenario import Scenario

    numbers = {"categories": categories, "apps": apps, "labs": labs, "hosts": hosts, "clouds": clouds,
               "chipmakers": chipmakers}  # fmt: skip
    given = {kind: number for kind, number in numbers.items() if number is not None}
    typer.echo(write(name, Counts(**given), tuple(f"--{kind}" for kind in given),
                     None if from_ is None else Scenario(from_), out))  # fmt: skip


def check(
    scenario: ScenarioArgument,
) -> None:
    """Check a scenario: whether it can be run, its sizes, and which of them do not fit each other."""
    from moatlab.cli.new import check as tell
    from moatlab.scenario.scenario import Scenario

    typer.echo(tell(Scenario(scenario)))


def merger(
    scenario: ScenarioArgument,
    one: Annotated[str, typer.Argument(help="A firm, as in apps.jasper; it gets the stake.")],
    other: Annotated[str, typer.Argument(help="The other firm.")],
    month: Annotated[str, typer.Option(help="Month that is frozen and in which the deal happens.")] = "12",
    stake: Annotated[float, typer.Option(help="Share of the other's profits; 1 for a merger.")] = 1.0,
    control: Annotated[bool, typer.Option("--control", help="A stake that also sets the other's prices.")] = False,
    saving: Annotated[float, typer.Option(help="Fall of both companies' marginal cost, as a share of it.")] = 0.0,
    remedy: Annotated[
        list[str] | None, typer.Option(metavar="FIRM", help="Divest this firm of the merged company.")
    ] = None,
    after: Annotated[
        list[int] | None, typer.Option(help="Months after the deal at which effects are shown (by default 12, 36, 60).")
    ] = None,
    seed: Annotated[int, typer.Option(help="First seed, and that of the frozen month.")] = 1,
    seeds: Annotated[int, typer.Option(help="Number of pairs of runs; 0 for the frozen month alone.")] = 16,
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the runs and tables (by default one for the deal).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Review a merger or a stake: HHI, diversion, pricing pressure, simulated prices, and effects over time."""
    from moatlab.cli.merger import Request, run

    typer.echo(run(Request(
        scenario, (one, other), month, stake, control, saving, tuple(remedy or ()), tuple(after or (12, 36, 60)), seed,
        seeds, workers, out, json,
    )))  # fmt: skip


def elasticity(
    scenario: ScenarioArgument,
    seller: Annotated[
        list[str] | None, typer.Argument(help="Sellers, as in hosts.together (by default all labs and hosts).")
    ] = None,
    month: Annotated[str, typer.Option(help="First month at the new price.")] = "12",
    after: Annotated[
        list[int] | None, typer.Option(help="Months at the new price after which to measure (by default 1, 6, 12).")
    ] = None,
    rise: Annotated[float, typer.Option(help="Change of the price, as a share of it.")] = 0.01,
    seed: Annotated[int, typer.Option(help="First seed.")] = 1,
    seeds: Annotated[int, typer.Option(help="Number of pairs of runs.")] = 8,
    json: JsonOption = False,
) -> None:
    """Measure own-price elasticities: what a lasting change of a price does to what the seller sells."""
    from moatlab.cli.elasticity import Request, run

    typer.echo(run(Request(
        scenario, tuple(seller or ()), month, tuple(after or (1, 6, 12)), rise, seed, seeds, json
    )))  # fmt: skip


#: In the order in which help lists them.
COMMANDS = (new, check, merger, elasticity)
