"""`moatlab claims`: run the essay's claims over what is uncertain, and say which hold."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError, StoppedError

if TYPE_CHECKING:
    from moatlab.evidence.claims.bank import Group, Sizes
    from moatlab.evidence.claims.files import Claim
    from moatlab.evidence.claims.sample import Sample
    from moatlab.experiments.runner import Counts, Progress
    from moatlab.scenario.scenario import Scenario

#: Runs that are timed before anything starts.
TIMED = 4
#: Share of the workers' time that goes to runs; the rest is reading, writing and judging.
BUSY = 0.85
#: Where claims are unless told otherwise.
DEFAULT = Path("results/claims")
#: What an asterisk means.
UNTESTED = "* in part not testable here: the report and the claim's file say what"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    names: tuple[str, ...]
    quick: bool
    check: bool
    draws: int | None
    seeds: int | None
    sample: Path | None
    engine: str
    workers: int | None
    scheduler: str | None
    out: Path
    json: bool

    @property
    def command(self) -> str:
        """The same as a command line."""
        return shlex.join(["moatlab", "claims", *self.names]) + self.options

    @property
    def options(self) -> str:
        """What decides the numbers beside the claims, as it stands on the command line."""
        words = ["--quick"] if self.quick else []
        out = None if self.out == DEFAULT else self.out
        given = (("--draws", self.draws), ("--seeds", self.seeds), ("--sample", self.sample), ("--out", out))
        words += [text for name, value in given if value is not None for text in (name, str(value))]
        return f" {shlex.join(words)}" if words else ""


def run(request: Request, tell: Callable[[str], None]) -> tuple[str, int]:
    """Run claims; ``tell`` is handed what is said on the way.  Returns what to print, and 1 if a run failed.

    Raises `InputError` for bad input before anything runs, `StoppedError` after Ctrl-C.
    """
    from moatlab.evidence.claims import bank as banks
    from moatlab.evidence.claims import store
    from moatlab.evidence.claims.files import load
    from moatlab.evidence.claims.judging import judge_all
    from moatlab.experiments.engines import check_engine

    check_engine(request.engine, request.workers, request.scheduler)
    store.refuse(request.out)
    claims = load(request.names)
    if request.check:
        return checked(claims), 0
    sizes = sizes_of(request, claims)
    groups = banks.grouped(claims, partial(sample_of, request, sizes), sizes)
    groups = [banks.Group(g.claims, g.sample, _fitting(sizes, len(g.sample)), g.pool) for g in groups]
    told, stored = cost(groups, request)
    tell(told)
    store.register(request.out, claims, stored)
    found = []
    for group in groups:
        try:
            with _progress(tell) as progress:
                found.append(
                    banks.run(group, request.out, request.engine, request.workers, request.scheduler, progress)
                )
        except KeyboardInterrupt:
            raise StoppedError(
                f"stopped; what was run is stored in {request.out}, and the same command goes on"
            ) from None
    judged = judge_all(found)
    written = store.write(request.out, judged, found, request.command, request.options)
    failed = sum(bank.failed for bank in found)
    if request.json:
        return json.dumps(store.records(judged), indent=1, allow_nan=False), 1 if failed else 0
    return "\n".join(lines(written, request.out)), 1 if failed else 0


def sizes_of(request: Request, claims: Sequence[Claim]) -> Sizes:
    """How much is run: the most draws and seeds that a claim asks for, few if it is to be quick."""
    from dataclasses import replace

    from moatlab.evidence.claims.bank import QUICK, WHOLE

    most = [max(sizes) for sizes in zip(*((c.spec.units.draws, c.spec.units.seeds) for c in claims), strict=True)]
    sizes = QUICK if request.quick else replace(WHOLE, draws=most[0], seeds=most[1])
    draws = sizes.draws if request.draws is None else request.draws
    seeds = sizes.seeds if request.seeds is None else request.seeds
    if draws < 2 or seeds < 1:
        raise InputError(f"--draws is 2 at least and --seeds 1, not {draws} and {seeds}")
    return replace(sizes, draws=draws, seeds=seeds)


def _fitting(sizes: Sizes, draws: int) -> Sizes:
    """No more draws than the sample has."""
    from dataclasses import replace

    return replace(sizes, draws=min(sizes.draws, draws))


def sample_of(request: Request, sizes: Sizes, scenario: Scenario) -> Sample:
    """The draws: of the prior, or of a table."""
    from moatlab.evidence.claims.sample import from_prior, from_table

    if request.sample is not None:
        return from_table(scenario, request.sample, sizes.draws)
    return from_prior(scenario, sizes.draws)


def checked(claims: list[Claim]) -> str:
    """The claims that were read, and that nothing is wrong with them."""
    from moatlab.results.text.numbers import columns

    rows = [("id", "tag", "arms", "effects that decide", "title")]
    rows += [(c.id, c.spec.claim, str(len(c.spec.all_arms)), str(len(c.headline)), c.spec.title) for c in claims]
    return "\n".join([*columns(rows, (0, 1, 4)), f"{len(claims)} claims, nothing wrong with any"])


def cost(groups: list[Group], request: Request) -> tuple[str, int]:
    """How many runs there are to do, how long they take on this machine, and how many are stored."""
    from moatlab.experiments.store import Store

    todo = known = 0
    seconds = 0.0
    for group in groups:
        for name, experiment in group.experiments.items():
            keys = set(experiment.plan.keys)
            place = Store(request.out / f"{group.name}-{name}")
            stored = len(keys & place.scan(verify=False, wanted=experiment.paths).keys()) if place.exists else 0
            todo, known = todo + len(keys) - stored, known + stored
            seconds += (len(keys) - stored) * _seconds_a_run(experiment) if len(keys) > stored else 0.0
    workers = 1 if request.engine == "serial" else request.workers or os.cpu_count() or 1
    minutes = seconds / 60.0 / workers / BUSY
    sizes = groups[0].sizes
    count = sum(len(group.claims) for group in groups)
    pairs = "alone and in pairs" if sizes.pairs else "alone"
    told = (
        f"{count} claims over {sizes.draws} draws x {sizes.seeds} seeds of {groups[0].sample.source};\n"
        f"rival rules {pairs} at {sizes.structure_draws} draws, money and demand from outside at {sizes.path_draws}\n"
        f"{todo:,} runs to do, {known:,} stored in {request.out}: about {_minutes(minutes)} with {workers} "
        f"{'worker' if workers == 1 else 'workers'} on this machine"
    )
    return told, known


def _seconds_a_run(experiment: Any) -> float:
    """Mean time of a few runs in this process, without the first, which loads the machine code."""
    job = experiment.job
    job.model.warm_up()
    rows = len(experiment.plan)
    tasks = [experiment.plan.task(rows * at // (TIMED + 1)) for at in range(TIMED + 1)]
    job.run(tasks[0])
    before = time.perf_counter()
    for task in tasks[1:]:
        job.run(task)
    return (time.perf_counter() - before) / TIMED


def _minutes(minutes: float) -> str:
    return f"{60 * minutes:.0f} seconds" if minutes < 1.5 else f"{minutes:.0f} minutes"


def lines(told: dict[str, Any], out: Path) -> list[str]:
    """The table of verdicts, and where more is."""
    from moatlab.results.text.numbers import columns, p_text

    head = ("claim", "tag", "verdict", "effect", "smallest", "P", "draws", "structures", "nearest flip", "paths")
    rows = [head]
    for claim in told["claims"]:
        mark = "*" if claim["not testable here"] else ""
        word = claim["verdict"]
        if word == "undecided" or claim["tag"] != "emergent":
            word = f"{word} ({claim['comes closest to']}?)" if word == "undecided" else word
        rows.append((
            claim["claim"] + mark, claim["tag"], word, claim["effect"], claim["smallest effect"], p_text(claim["p"]),
            _percent(claim["draws"]), _percent(claim["structures"]), claim["flip"], claim["paths"],
        ))  # fmt: skip
    failed = sum(group["failed"] for group in told["groups"])
    notes = [
        "draws, structures, paths: where the verdict holds, or what an undecided one comes closest to; P by Holm over",
        "all emergent claims; nearest flip: how far one parameter has to move alone, in its standard deviations",
        *([UNTESTED] if any("*" in r[0] for r in rows) else []),
        *([f"{failed} runs failed and do not count: moatlab status {out}/FOLDER"] if failed else []),
        f"tables: {out}/claims.csv and effects.csv; on one page: moatlab report {out}",
    ]  # fmt: skip
    return [*columns(rows, (0, 1, 2, 3, 8)), "", *notes]


def _percent(share: float | None) -> str:
    return "-" if share is None or share != share else f"{100 * share:.0f} %"


@contextmanager
def _progress(tell: Callable[[str], None]) -> Iterator[Progress]:
    """Bars on a terminal, a line every tenth elsewhere."""
    from moatlab.cli.run import _progress as bars

    if sys.stderr.isatty():
        with bars() as (show, _):
            yield show
        return
    last = [0]

    def show_line(counts: Counts) -> None:
        ended = counts.done + counts.failed
        tenth = 10 * ended // max(1, counts.todo)
        if tenth > last[0] and ended:
            last[0] = tenth
            left = (counts.todo - ended) / max(counts.rate, 1e-9) / 60.0
            tell(f"{ended:,} of {counts.todo:,} runs, {counts.failed} failed, about {_minutes(left)} left")

    yield show_line
