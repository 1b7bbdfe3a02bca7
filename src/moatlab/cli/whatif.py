"""`moatlab whatif`: paired effects of one change, as a table and pictures."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import pandas as pd

from moatlab.cli.chosen import ALL_PICTURES, Pictures
from moatlab.cli.folder import check_folder, files_of, replacing
from moatlab.cli.sentences import Lead, lead_metrics, leads, sentence, table_of_leads, tell, who_leads
from moatlab.errors import InputError, StoppedError
from moatlab.results.addresses import BY_COLUMN
from moatlab.results.text.numbers import aligned, change, p_text, records
from moatlab.results.text.units import said
from moatlab.scenario.events import parse_event
from moatlab.scenario.months import month_name, read_month, span_name
from moatlab.scenario.reading import packaged
from moatlab.scenario.registry import Value
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.evidence.compare import Comparison
    from moatlab.evidence.verdicts import Verdict
    from moatlab.scenario.events import Event

#: What is shown of a firm, and of a category of customers, that the change names.
OF_FIRM = ("share", "price", "margin", "gross_profit")
OF_CATEGORY = ("price", "consumer_surplus", "hhi")
#: Those of them that get a picture of their own, and most pictures of single metrics.
DRAWN = ("price", "share")
MOST_PICTURES = 12
#: What the tables and pictures in a folder are of; the manifest beside it is that of the runs.
ABOUT = "whatif.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    scenario: str
    events: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    merge: tuple[str, str] | None = None
    divest: tuple[str, ...] = ()
    month: str | None = None
    metrics: tuple[str, ...] = ()
    smallest: tuple[str, ...] = ()
    window: tuple[str, str] | None = None
    months: int | None = None
    seed: int = 1
    seeds: int = 32
    engine: str | None = None
    workers: int | None = None
    scheduler: str | None = None
    out: Path | None = None
    against: str | None = None
    arm: str | None = None
    pictures: Pictures = ALL_PICTURES
    json: bool = False
    shock: str | None = None
    #: Firms and categories that the change names, found while it is read.
    named: dict[str, None] = field(default_factory=dict)


def run(request: Request) -> str:
    """Compare as asked, write the folder, and return sentences and tables."""
    if request.against is not None and _is_batch(request.scenario):
        return _batches(request)
    scenario = Scenario(request.scenario)
    treated = _change(request, scenario)
    horizon = scenario.months if request.months is None else request.months
    out = request.out or _folder(scenario, treated, horizon)
    check_folder(out)
    if request.seeds < 2:
        raise InputError(f"--seeds is a whole number from 2, not {request.seeds}: one pair of runs has no interval")
    if request.seed < 0:
        raise InputError(f"--seed is a whole number from 0, not {request.seed}")
    metrics = _metrics(request, scenario, treated)
    smallest = _smallest(request, metrics)
    asked = _window(request, scenario, horizon)
    mine = [f"{name}.{metric}" for name in request.named for metric in DRAWN]
    drawn = list(dict.fromkeys([*request.metrics, "market.consumer_surplus", *mine][:MOST_PICTURES]))
    request.pictures.check(["effects", *(metric for metric in drawn if metric in metrics)])
    first = lead_metrics(scenario.slugs, treated.slugs)
    e = _compare(request, scenario, treated, list(dict.fromkeys([*metrics, *first])), out)
    window = asked or (e.since, e.months - 1)
    verdicts = e.table(metrics, window, smallest)
    found = leads(e, first)
    with replacing(out, ABOUT) as parts:
        _write(parts, e, verdicts, found, request, metrics, window, drawn, smallest)
    if request.json:
        return _as_json(e, verdicts, found, window, out)
    return f"{_tell(e, verdicts, found, window)}\ntables and pictures: {out}\n"


def _is_batch(name: str) -> bool:
    return Path(name).is_dir() and name not in packaged()


def _batches(request: Request) -> str:
    """Two batches against each other, outcome by outcome, in the runs that they share."""
    from moatlab.cli.between import Between, tell

    given = {"--event": request.events, "--set": request.changes, "--merge": request.merge, "--divest": request.divest,
             "--shock": request.shock,
             "--window": request.window, "--months": request.months, "--metric": request.metrics}  # fmt: skip
    if any(given.values()):
        wrong = ", ".join(name for name, value in given.items() if value)
        raise InputError(f"{wrong}: two batches are compared as they are; leave it out")
    between = Between(Path(request.scenario), Path(str(request.against)), request.arm, request.out, request.pictures)
    return tell(between, as_json=request.json)


def _as_json(e: Comparison, verdicts: list[Verdict], found: list[Lead], window: tuple[int, int], out: Path) -> str:
    from moatlab.evidence.verdicts import verdicts_table

    start = e.scenario.start
    effects = verdicts_table(verdicts)
    effects.insert(1, "unit_of_outcome", [e.unit(v.effect.outcome) for v in verdicts])
    return json.dumps({
        "scenario": e.scenario.name, "change": e.what, "seeds": list(e.seeds), "months": e.months,
        "horizon": [start, month_name(e.months - 1, start)], "window": [month_name(m, start) for m in window],
        "sentences": [sentence(e, verdicts, window), who_leads(e, found)], "effects": records(effects),
        "leaders": records(pd.DataFrame([lead.row() for lead in found])), "folder": str(out),
    }, indent=2)  # fmt: skip


def _window(request: Request, scenario: Scenario, horizon: int) -> tuple[int, int] | None:
    """The first and the last month asked for, by number."""
    if request.window is None:
        return None
    first, last = (read_month(month, scenario.start, "--window") for month in request.window)
    if not 0 <= first <= last < horizon:
        run_ = f"months 0-{horizon - 1}: {span_name(0, horizon - 1, scenario.start)}"
        raise InputError(f"--window {' '.join(request.window)} does not lie within the run, {run_}")
    return first, last


def _change(request: Request, scenario: Scenario) -> Scenario:
    """The changed scenario; every part of the change is checked, and the firms that it names are noted."""
    from moatlab.evidence.mergers import divest, merge

    moves: dict[str, Value] = {}
    base = scenario if request.against is None else Scenario(request.against)
    if request.merge is not None:
        first, second = (_full(scenario, name) for name in request.merge)
        moves |= merge(scenario, first, second)
        request.named.update(dict.fromkeys((first, second)))
    for name in request.divest:
        moves |= divest(scenario, _full(scenario, name))
        request.named[_full(scenario, name)] = None
    if request.month is not None and not moves and request.shock is None:
        raise InputError("--month is the month of --merge, --divest and --shock; an event has its own")
    if request.month is None:
        treated = base.set(moves) if moves else base
    else:
        month = read_month(request.month, scenario.start, "--month")
        events = [f"month {month}: set {address} {value or chr(34) * 2}" for address, value in moves.items()]
        treated = base.with_events(*events)
    treated = treated.set_text(request.changes).with_events(*request.events)
    if request.shock is not None:
        treated = _shock(request, scenario, treated)
    if treated.digest() == scenario.digest():
        same = f": {request.against} is the same market" if request.against else ""
        raise InputError(f"nothing is changed{same}; give --event, --set, --merge, --divest, --shock or --against")
    slugs = scenario.all_slugs
    addresses = [parse_event(text, slugs, scenario.start) for text in request.events]
    _check_worth(treated, addresses, request.seed)
    for event in addresses:
        request.named.update(dict.fromkeys(event.edge or ()))
        if event.firm:
            request.named[event.firm] = None
    told = [str(event.address) for event in addresses if event.address is not None]
    for address in (*told, *(text.partition("=")[0].strip() for text in request.changes)):
        kind, *rest = address.split(".")
        if len(rest) == 2 and rest[0] in slugs.get(kind, ()):
            request.named[f"{kind}.{rest[0]}"] = None
    return treated


def _check_worth(treated: Scenario, events: list[Event], seed: int) -> None:
    """Refuse grants that the market has no price for, before all seeds are run: the first seed's market is asked."""
    bought = [event.month for event in events if event.over]
    if bought and seed >= 0:
        from moatlab.market.market import Market

        Market(treated, rng=seed, detail="layer").run(max(bought) + 1)


def _shock(request: Request, scenario: Scenario, treated: Scenario) -> Scenario:
    """The scenario in which the price of a seller is moved once, from --month on."""
    from moatlab.evidence.elasticity import shocked
    from moatlab.scenario.values import read_number

    where = f"--shock {request.shock!r}"
    seller, equals, factor = str(request.shock).partition("=")
    if not equals:
        raise InputError("write SELLER=FACTOR, as in hosts.replicate=1.1", where)
    name = _full(scenario, seller.strip())
    month = 0 if request.month is None else read_month(request.month, scenario.start, "--month")
    request.named[name] = None
    return shocked(treated, name, read_number(factor, "the factor", where), month)


def _full(scenario: Scenario, name: str) -> str:
    """``apps.jasper`` for ``jasper``: an app may be named by its slug alone."""
    return f"apps.{name}" if "." not in name and name in scenario.slugs("apps") else name


def _metrics(request: Request, scenario: Scenario, treated: Scenario) -> list[str]:
    """The metrics of the table: the headline, those of what the change names, and those asked for."""
    from moatlab.evidence.compare import HEADLINE
    from moatlab.results.addresses import find_metric, unknown_metric

    wanted = list(HEADLINE)
    for name in request.named:
        kind, _, slug = name.partition(".")
        if kind == "users":
            wanted += [f"{name}.{metric}" for metric in OF_CATEGORY]
        elif slug:
            wanted += [f"{name}.{metric}" for metric in OF_FIRM]
            if kind == "apps":
                wanted += [f"users.{scenario.value('apps', slug, 'category')}.{metric}" for metric in OF_CATEGORY]
    for metric in request.metrics:
        known = find_metric(metric, scenario.metric_slugs)
        if known is None or known.unit == "code":
            raise unknown_metric(metric, scenario.metric_slugs, "--metric")
        wanted.append(metric)
    both = [metric for metric in wanted if find_metric(metric, treated.metric_slugs) is not None]
    for metric in request.metrics:
        if metric not in both:
            raise unknown_metric(metric, treated.metric_slugs, f"--metric, {treated.name}")
    return list(dict.fromkeys(both))


def _smallest(request: Request, metrics: list[str]) -> dict[str, float]:
    from moatlab.scenario.addresses import nearest
    from moatlab.scenario.values import read_number

    found = {}
    for text in request.smallest:
        metric, equals, value = text.partition("=")
        where = f"--smallest {text!r}"
        if not equals:
            raise InputError("write METRIC=SIZE, as in market.rent=0.05", where)
        if metric.strip() not in metrics:
            raise InputError(f"{metric.strip()} is not in the table; {nearest(metric.strip(), metrics)}", where)
        size = read_number(value, "the smallest effect of interest", where)
        if size <= 0.0:
            raise InputError(f"the smallest effect of interest is above 0, not {size:g}", where)
        found[metric.strip()] = size
    return found


def _folder(scenario: Scenario, treated: Scenario, months: int) -> Path:
    """A folder for this change and horizon: more seeds and metrics are added to what it has."""
    from moatlab.experiments.digests import digest

    return Path("results") / f"whatif-{scenario.name}-{digest(scenario.digest(), treated.digest(), str(months))[:8]}"


def _compare(request: Request, scenario: Scenario, treated: Scenario, metrics: list[str], out: Path) -> Comparison:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from moatlab.evidence.compare import compare

    bar = Progress(
        TextColumn("pairs of runs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done = count
        bar.update(task, completed=done)

    engine = request.engine or ("serial" if request.workers in (None, 1) else "local")
    try:
        with bar:
            task = bar.add_task("pairs", total=request.seeds)
            return compare(
                scenario, treated, range(request.seed, request.seed + request.seeds), request.months, engine,
                request.workers, progress, out=out, metrics=metrics, scheduler=request.scheduler,
            )  # fmt: skip
    except KeyboardInterrupt:
        told = f"stopped; {done} pairs of runs are stored in {out}, and the same command continues from there"
        raise StoppedError(told) from None


def _tell(e: Comparison, verdicts: list[Verdict], found: list[Lead], window: tuple[int, int]) -> str:
    head = ["metric", "unit", "without", "effect", "95 % interval", "relative", "P of the verdict", ""]
    rows = []
    for v in verdicts:
        how = said(e.unit(v.effect.outcome), max(abs(v.effect.baseline), abs(v.estimate)))
        low, high = (how.level(end) for end in v.interval)
        rows.append([
            v.effect.outcome, how.label, how.level(v.effect.baseline), how.change(v.estimate), f"[{low}, {high}]",
            change(v.effect.relative), p_text(v.p_verdict),
            v.verdict + ("*" if v.effect.caution else ""),
        ])  # fmt: skip
    months = span_name(*window, e.scenario.start)
    horizon = f"{e.months} months, {span_name(0, e.months - 1, e.scenario.start)}"
    runs = f"{e.scenario.title}; {len(e.seeds)} pairs of runs of {horizon}; monthly means of {months}"
    lines = [*wrap(f"Change: {e.what}", 118), *wrap(runs, 118), "", *tell(e, verdicts, window, found), ""]
    lines += aligned("Effects (dollars of a month; percent differ by percentage points)", head, rows, left=(0, 1))
    lines += table_of_leads(e, found)
    if e.same:
        lines.append(e.why_the_same)
    if any(v.effect.caution for v in verdicts):
        lines.append("* the effect rests on few seeds, or few seeds differ at all: the interval may be too narrow")
    surplus = BY_COLUMN["market", "surplus"]
    lines.append(f"market.surplus: {surplus.formula}")
    return "\n".join(lines)


def _write(
    parts: Path, e: Comparison, verdicts: list[Verdict], found: list[Lead], request: Request, metrics: list[str],
    window: tuple[int, int], drawn: list[str], smallest: dict[str, float],
) -> None:  # fmt: skip
    from moatlab import show
    from moatlab.evidence.verdicts import verdicts_table
    from moatlab.market.state.sources import model_digest

    effects = verdicts_table(verdicts)
    effects.insert(1, "unit_of_outcome", [e.unit(v.effect.outcome) for v in verdicts])
    effects.to_csv(parts / "effects.csv", index=False)
    pd.DataFrame([lead.row() for lead in found]).to_csv(parts / "leaders.csv", index=False)
    shown = [v.effect.outcome for v in verdicts]
    _write_paths(parts / "paths.parquet", e, shown)
    pictures, wanted = parts / "pictures", request.pictures
    pictures.mkdir()
    source = f"{e.scenario.title}, seeds {e.seeds[0]} to {e.seeds[-1]}"
    title, subtitle = f"Effects of: {e.what}", f"Means of {span_name(*window, e.scenario.start)}"
    if wanted.wants("effects"):
        show.write(show.effects(verdicts, title, subtitle, source), pictures / "effects.png", wanted.formats)
    for metric in drawn:
        if metric in shown and wanted.wants(metric):
            show.write(e.plot(metric, smallest=smallest.get(metric, 0.0)), pictures / f"{metric}.png", wanted.formats)
    about = {
        "scenario": e.scenario.name, "change": e.what, "months": e.months, "seeds": list(e.seeds),
        "window": list(window), "source": model_digest(), "metrics": metrics,
        "scenario_digest": e.scenario.digest(), "treated_digest": e.treated.digest(),
        "files": [*files_of(parts), ABOUT],
    }  # fmt: skip
    (parts / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _write_paths(path: Path, e: Comparison, metrics: list[str]) -> None:
    """Metric by metric, so that memory does not grow with their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for metric in metrics:
        table = pa.Table.from_pandas(e.to_pandas(metric), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
