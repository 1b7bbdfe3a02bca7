"""The command line: simulate, scenarios, explain, phases; run, status, show, rerun.

Whatever the user got wrong is one line on standard error and exit code 2; nothing half-written stays.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from moatlab.cli import commands_claims, commands_market, commands_store, commands_study
from moatlab.cli.options import (
    ArmOption,
    ExcelOption,
    FormatOption,
    JsonOption,
    MetricOption,
    MonthsOption,
    PicturesOption,
    ScenarioArgument,
    experiment_names,
)
from moatlab.errors import EngineError, InputError, StoppedError

app = typer.Typer(
    name="moatlab", add_completion=True, pretty_exceptions_enable=False, no_args_is_help=True,
    help="A laboratory of the generative-AI market stack: where does value accrue, and which moats hold?",
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        from moatlab import __version__

        typer.echo(f"moatlab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A laboratory of the generative-AI market stack: where does value accrue, and which moats hold?"""


@app.command()
def simulate(
    scenario: ScenarioArgument,
    months: Annotated[int | None, typer.Option(help="Months to simulate (by default the scenario's).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random draws.")] = 1,
    seeds: Annotated[int, typer.Option(help="Number of seeds, from --seed on; several give medians and ranges.")] = 1,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="ADDRESS=VALUE", help="Set a parameter.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="'2024-01: scale foundry.tsmc.capacity 0.5'.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for tables, pictures and summary.")] = None,
    year: Annotated[
        int | None, typer.Option(help="Calendar year of the flow diagram and of the sources of income.")
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(metavar="TABLES", help="Tables to keep: all, none, or names with commas (money, ledger, ...)."),
    ] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    excel: ExcelOption = False,
    json: JsonOption = False,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="Measure economic profit otherwise: cost_of_capital=0.08, lives=0.5, training=12 (months).",
        ),
    ] = None,
) -> None:
    """Simulate a scenario; write tables, pictures and a summary."""
    from moatlab.cli.simulate import Request, run

    typer.echo(run(Request(
        scenario, months, seed, seeds, tuple(set_ or ()), tuple(event or ()), out, year, save, pictures, format_, excel,
        json, tuple(measure or ()),
    )))  # fmt: skip


@app.command()
def scenarios() -> None:
    """List the packaged scenarios."""
    from moatlab.cli.explain import list_scenarios

    typer.echo(list_scenarios())


@app.command()
def explain(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="A parameter, metric, kind, firm, payment, phase, fact, scenario or term (none: all names)."
        ),
    ] = None,
    scenario: Annotated[str, typer.Option(help="Scenario whose values are shown.")] = "essay-2023",
    search: Annotated[bool, typer.Option("--search", help="List the names in whose meaning the words occur.")] = False,
) -> None:
    """Explain a name: meaning, unit, range, default, source; without one, list all names by layer."""
    from moatlab.cli.explain import explain_index, explain_name, explain_search

    if not name:
        typer.echo(explain_index(scenario))
    else:
        typer.echo((explain_search if search else explain_name)(" ".join(name), scenario))


@app.command()
def phases(
    time: Annotated[
        str, typer.Option(metavar="SCENARIO", help="Also print how long each phase takes in a run of this scenario.")
    ] = "",
) -> None:
    """Print the month, phase by phase."""
    from moatlab.cli.explain import list_phases, time_phases

    typer.echo(time_phases(time) if time else list_phases())


@app.command()
def run(
    file: Annotated[
        Path,
        typer.Argument(help="An experiment file (TOML), or a packaged one's name.", autocompletion=experiment_names),
    ],
    engine: Annotated[str, typer.Option(help="local, dask or serial.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one a processor).")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler, tcp://HOST:PORT.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the batch (by default results/NAME).")] = None,
    only: Annotated[str | None, typer.Option(help="Run this arm only.")] = None,
    replications: Annotated[int | None, typer.Option(help="Replications instead of the file's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and list what would be run.")] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Continue in a folder although the file has changed.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Repeat runs that failed.")] = False,
    other_version: Annotated[
        bool, typer.Option("--other-version", help="Continue in a folder of another version of the model.")
    ] = False,
    reuse: Annotated[list[Path] | None, typer.Option(help="Reuse identical runs from this folder.")] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Confirm on seeds that no earlier analysis has used, in a folder of its own."),
    ] = False,
) -> None:
    """Run an experiment: only the runs that its folder does not have yet."""
    from moatlab.cli.run import Request
    from moatlab.cli.run import run as run_experiment

    told, code = run_experiment(
        Request(file, engine, workers, scheduler, out, only, replications, dry_run, extend, retry, other_version,
                tuple(reuse or ()), fresh)
    )  # fmt: skip
    typer.echo(told)
    raise typer.Exit(code)


@app.command()
def status(folder: Annotated[Path, typer.Argument(help="Folder of a batch.")]) -> None:
    """Show a batch's progress, what failed and what is damaged."""
    from moatlab.cli.status import status as tell

    typer.echo(tell(folder))


@app.command("show")
def show_(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    out: Annotated[Path | None, typer.Option(help="Folder for tables and pictures (by default in the batch).")] = None,
    metric: MetricOption = None,
    arm: ArmOption = None,
    months: MonthsOption = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    excel: ExcelOption = False,
    json: JsonOption = False,
) -> None:
    """Print a batch's outcomes by arm; write tables and pictures; or chosen metrics, arms and months alone."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.show import show

    if metric or arm or months:
        from moatlab.cli.run import refuse_no_batch
        from moatlab.cli.stored import select
        from moatlab.experiments import open_batch

        refuse_no_batch(folder)
        batch = open_batch(folder)
        typer.echo(select(batch, tuple(metric or ()), tuple(arm or ()), months, out or folder, json))
        return
    typer.echo(show(folder, out, Pictures.read(pictures, format_), excel=excel, as_json=json))


@app.command()
def plan(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    power: Annotated[float, typer.Option(help="Probability of a verdict.")] = 0.9,
) -> None:
    """Print how many seeds or draws would settle a batch's undecided verdicts."""
    from moatlab.cli.plan import plan as tell

    typer.echo(tell(folder, power))


@app.command()
def rerun(
    folder: Annotated[Path, typer.Argument(help="Folder of a batch.")],
    key: Annotated[str, typer.Argument(help="Run key, or its first digits.")],
) -> None:
    """Repeat one run of a batch in this process and compare it byte for byte."""
    from moatlab.cli.rerun import rerun as repeat

    told, code = repeat(folder, key)
    typer.echo(told)
    raise typer.Exit(code)


@app.command()
def whatif(
    scenario: ScenarioArgument,
    event: Annotated[list[str] | None, typer.Option(help="'2024-01: scale foundry.tsmc.capacity 2'.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="ADDRESS=VALUE", help="Set a parameter.")] = None,
    merge: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Two apps, an app and a lab, or two clouds become one company."),
    ] = None,
    divest: Annotated[
        list[str] | None, typer.Option(metavar="A", help="Separate an app from its company or lab, or a cloud.")
    ] = None,
    shock: Annotated[
        str | None,
        typer.Option(metavar="SELLER=FACTOR", help="Multiply a seller's price once, as in hosts.replicate=1.1."),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(help="Month of --merge, --divest and --shock, as in 12 or 2024-01 (by default the start)."),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A further metric, with its picture.")] = None,
    smallest: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=SIZE", help="Smallest effect of interest.")
    ] = None,
    window: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="FIRST LAST", help="Months averaged, as in 12 or 2024-01 (by default all after it)."),
    ] = None,
    months: Annotated[int | None, typer.Option(help="Months to simulate (by default the scenario's).")] = None,
    seed: Annotated[int, typer.Option(help="First seed.")] = 1,
    seeds: Annotated[int, typer.Option(help="Number of pairs of runs.")] = 32,
    engine: Annotated[
        str | None, typer.Option(help="local, dask or serial (by default serial with one worker, else local).")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one).")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler, tcp://HOST:PORT.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the runs, tables and pictures (by default one for the change).")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Compare with another scenario, or one batch's folder with another's."),
    ] = None,
    arm: Annotated[str | None, typer.Option(help="The arm of two batches (by default every arm of both).")] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    json: JsonOption = False,
) -> None:
    """Compare runs with and without one change: what moves, who leads, prices, surplus, profits, with intervals."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.whatif import Request, run

    typer.echo(run(Request(
        scenario, tuple(event or ()), tuple(set_ or ()), merge, tuple(divest or ()), month, tuple(metric or ()),
        tuple(smallest or ()), window, months, seed, seeds, engine, workers, scheduler, out, against, arm,
        Pictures.read(pictures, format_), json, shock,
    )))  # fmt: skip


@app.command("fit-report")
def fit_report(
    scenario: Annotated[str, typer.Argument(help="A packaged scenario that has targets.")] = "essay-2023",
    seeds: Annotated[int, typer.Option(help="Seeds, none of them used in tuning.")] = 32,
    prior_draws: Annotated[int, typer.Option(help="Draws of the assumed parameters, one run each.")] = 128,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="ADDRESS=VALUE", help="Set a parameter.")] = None,
) -> None:
    """Compare a scenario with what is known of the market: the table of its targets."""
    from moatlab.cli import fit

    fit.fit_report(scenario, tuple(set_ or ()), seeds, prior_draws)


@app.command()
def sensitivity(
    experiment: Annotated[Path, typer.Argument(help="An experiment file with a morris or sobol design, or its batch.")],
    outcome: Annotated[list[str] | None, typer.Option(help="An outcome (by default all).")] = None,
    arm: Annotated[str | None, typer.Option(help="The arm analysed (by default the control).")] = None,
    versus: Annotated[str | None, typer.Option(help="Analyse the paired difference from this arm.")] = None,
    engine: Annotated[str, typer.Option(help="local, dask or serial.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Worker processes (by default one a processor).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the batch (by default results/NAME).")] = None,
    pictures: PicturesOption = None,
    format_: FormatOption = None,
    json: JsonOption = False,
) -> None:
    """Rank the parameters by their effect on an experiment's outcomes (Morris, Sobol)."""
    from moatlab.cli.chosen import Pictures
    from moatlab.cli.sensitivity import Request, run

    typer.echo(run(Request(
        experiment, tuple(outcome or ()), arm, versus, engine, workers, out, Pictures.read(pictures, format_), json
    )))  # fmt: skip


@app.command()
def trace(
    what: Annotated[str, typer.Argument(help="A firm, as in apps.jasper, or one of its numbers: apps.jasper.price.")],
    month: Annotated[str, typer.Option(help="The month, as in 12 or 2024-01.")],
    scenario: Annotated[str, typer.Option(help="A packaged scenario, or path of a TOML file.")] = "essay-2023",
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 1,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="ADDRESS=VALUE", help="Set a parameter.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="'2024-01: scale foundry.tsmc.capacity 0.5'.")] = None,
    json: JsonOption = False,
) -> None:
    """Print why a firm's numbers are what they are: parts, decisions and what they read, phases, draws, payments."""
    from moatlab.cli.trace import Request, run

    typer.echo(run(Request(what, month, scenario, seed, tuple(set_ or ()), tuple(event or ()), json)))


@app.command()
def dash(
    scenario: Annotated[str, typer.Argument(help="A packaged scenario, or path of a TOML file.")] = "essay-2023",
    port: Annotated[int | None, typer.Option(help="Port (by default 8710, or a free one; 0 for any).")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Open a page on this machine: sliders, events, the market with and without a change."""
    from moatlab.cli.dash import dash as serve

    serve(scenario, port, browser)


for _command in (
    *commands_claims.COMMANDS, *commands_market.COMMANDS, *commands_study.COMMANDS, *commands_store.COMMANDS,
):  # fmt: skip
    app.command()(_command)

#: Exit code after Ctrl-C: 128 and the number of the signal.
STOPPED = 130
COMMANDS = (
    "simulate",
    "scenarios",
    "new",
    "check",
    "explain",
    "phases",
    "fit-report",
    "run",
    "status",
    "show",
    "experiments",
    "batches",
    "tag",
    "prune",
    "export",
    "archive",
    "plan",
    "rerun",
    "whatif",
    "merger",
    "elasticity",
    "durability",
    "drivers",
    "tipping",
    "sensitivity",
    "claims",
    "report",
    "trace",
    "dash",
)


def _complain(message: str, code: int) -> int:
    typer.echo(f"moatlab: {' '.join(message.split())}", err=True)
    return code


def run_cli(arguments: list[str]) -> int:
    """Run one command line; returns the exit code."""
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="moatlab", standalone_mode=False)
        if result == STOPPED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _complain("stopped; nothing was written", STOPPED)
    except StoppedError as told:
        return _complain(str(told), STOPPED)
    except InputError as problem:
        return _complain(str(problem), 2)
    except EngineError as problem:
        return _complain(str(problem), 1)
    except OSError as problem:
        return _complain(f"{problem.filename or 'output'}: {problem.strerror or problem}", 2)
    except Exception as problem:
        # Typer's own complaints about the command line; anything else is a fault of the program and shows where.
        if not hasattr(problem, "format_message"):
            raise
        if type(problem).__name__ == "NoArgsIsHelpError":
            typer.echo(problem.format_message())
            return 0
        return _complain(_plain(problem), 2)


def _plain(problem: Any) -> str:
    """One line of a complaint about the command line, with the nearest valid names."""
    from moatlab.scenario.addresses import nearest

    message = str(problem.format_message())
    context = getattr(problem, "ctx", None)
    if type(problem).__name__ == "NoSuchOption" and context is not None:
        known = ["--help", *(o for p in context.command.params for o in p.opts if o.startswith("--"))]
        return f"there is no option {problem.option_name}; {nearest(problem.option_name, known)}"
    if message.startswith("No such command"):
        word = message.split("'")[1] if "'" in message else ""
        return f"there is no command {word!r}; {nearest(word, COMMANDS)}"
    return message


def main() -> None:
    """The console script."""
    sys.exit(run_cli(sys.argv[1:]))
