"""`moatlab fit-report`: the table of targets."""

from __future__ import annotations

import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from moatlab.cli.simulate import within
from moatlab.evidence.fit.targets import targets_of
from moatlab.results.text.numbers import short
from moatlab.scenario.scenario import Scenario

#: Most seeds and most draws of the prior.
MOST = 4096


def fit_report(name: str, changes: tuple[str, ...], seeds: int, prior_draws: int) -> None:
    """Run, and print the table of targets and the loop gains."""
    scenario = Scenario(name).set_text(changes)
    targets = targets_of(scenario.name)
    within("--seeds", seeds, 1, MOST)
    within("--prior-draws", prior_draws, 0, MOST)
    from moatlab.evidence.fit.report import FIRST_SEED, report_on

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("runs", total=seeds + prior_draws)
        report = report_on(scenario, targets, seeds, prior_draws, lambda done: bar.update(task, completed=done))
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(_table(report))
    known = report.known()
    met = sum(row.inside for row in known)
    console.print(
        f"{met} of {len(known)} known targets met by the median of {report.seeds} seeds (from {FIRST_SEED} on); "
        f"prior: share of {report.prior_draws} draws that meet the target; "
        f"{report.assumed} numbers of the scenario are assumed.",
        highlight=False,
    )
    console.print(_gains(scenario, FIRST_SEED))


def _gains(scenario: Scenario, seed: int) -> Table:
    """Loop gains after a year and at the end, of one seed."""
    from moatlab.evidence.fit.loops import loop_gains, table_of
    from moatlab.market.market import Market

    market, months, gains = Market(scenario, rng=seed), [], []
    for month in sorted({11, scenario.months - 1}):
        market.run(month + 1 - market.month)
        months.append(month)
        gains.append(loop_gains(market))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"Loop gains (seed {seed}): the share of a lead that feeds "
                  "back into it; at 1 the lead grows without limit", title_justify="left")  # fmt: skip
    found = table_of(months, gains)
    for heading in ("layer", "feedback", *found.columns):
        table.add_column(heading, justify="right" if heading in found.columns else "left")
    for (layer, feedback), row in found.iterrows():
        table.add_row(layer, feedback, *(f"{gain:.2f}" for gain in row))
    return table


def _table(report: Any) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"Targets of {report.scenario}", title_justify="left")
    for heading, justify in (("target", "left"), ("wanted", "right"), ("median", "right"), ("90 % of seeds", "right"),
                             ("", "left"), ("seeds", "right"), ("prior", "right"), ("tag", "left")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=heading != "target")  # type: ignore[arg-type]
    for tag in ("known", "hindsight"):
        for row in (row for row in report.rows if row.target.tag == tag):
            low, high = row.interval
            table.add_row(
                f"{row.target.says} [dim]{row.target.unit}[/dim]", row.target.wanted, short(row.median),
                f"{short(low)} to {short(high)}", "inside" if row.inside else "[bold]outside[/bold]",
                f"{row.seeds_inside:.0%}", "" if row.prior != row.prior else f"{row.prior:.0%}", tag,
            )  # fmt: skip
        table.add_section()
    return table
