"""`moatlab tipping`: whether network effects make one app win, from above and from below."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.cli import study as common
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, percent, records, short
from moatlab.scenario.months import read_month
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.evidence.tipping import Plan, Tipping

QUICK, WHOLE = 6, 24
NOTES = (
    "tipped: the leader has more than half of what it lacks without network effects; tips from: out of an even start; "
    "stays tipped from: an app that begins with nine in ten customers; start matters at: strengths at which the "
    "leader's share differs between the starts by more than 0.05 (95 % interval, pairs of the same seed); first leads: "
    "seeds in which, at the largest strength, the app that was the largest ends as the leader, from an even start and "
    "from a dominant one; most bimodal: largest bimodality coefficient over seeds (5/9 for a uniform distribution, 1 "
    "for two points)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(common.Request):
    """What the command line asked for."""

    strengths: tuple[float, ...] = ()
    month: str = "24"
    after: int = 84
    seeds: int | None = None


def run(request: Request) -> str:
    """Do the study as asked, write its folder, and return a sentence and tables."""
    from moatlab.evidence.tipping import Tipping, run_seed
    from moatlab.experiments.engines import map_in_order
    from moatlab.experiments.ownership import TIPPING

    plan = plan_of(request)
    request.pictures.check([TIPPING])
    workers = common.workers_of(request.workers)
    out = common.begin(request, TIPPING, plan.scenario.name)
    print(common.cost(plan.runs, plan.month + plan.after, workers, common.PLAIN), file=sys.stderr, flush=True)
    with common.progress("seeds", None) as tell:
        work = [(run_seed, (plan, plan.seed + place)) for place in range(plan.seeds)]
        found = Tipping(plan, np.array(map_in_order(work, workers, tell)))
    data = as_data(found)
    tables = {"tipping": found.table(), "thresholds": found.thresholds()}
    common.write(out, TIPPING, plan.scenario.name, request.pictures, data, tables, {TIPPING: partial(_draw, found)})
    return common.answer(request, out, data, lambda: tell_all(found))


def plan_of(request: Request) -> Plan:
    """The plan of a study; every number is checked."""
    from moatlab.evidence.tipping import STRENGTHS, YEAR, Plan

    scenario = Scenario(request.scenario).set_text(request.changes)
    strengths = tuple(sorted(set(request.strengths))) or STRENGTHS
    if len(strengths) < 2 or strengths[0] < 0.0 or strengths[-1] > 100.0:
        raise InputError("--strength takes two or more numbers from 0 to 100")
    month = read_month(request.month, scenario.start, "--month")
    common.whole_from("--after", request.after, YEAR)
    seeds = request.seeds if request.seeds is not None else QUICK if request.quick else WHOLE
    common.whole_from("--seeds", seeds, 2)
    common.whole_from("--seed", request.seed, 0)
    return Plan(scenario, strengths, month, request.after, seeds, request.seed)


def tell_all(found: Tipping) -> str:
    """A sentence, thresholds, and the leader's share by strength."""
    plan, table = found.plan, found.table()
    lines = [*wrap(found.sentence(), 118), ""]
    head = ["category", "tips from", "stays tipped from", "start matters at", "first leads", "most bimodal"]
    rows = []
    for t in found.thresholds().to_dict("records"):
        apart = f"{t['apart_from']:g} to {t['apart_to']:g}" if t["hysteresis"] else "none"
        leads = f"{percent(t['first_leads_even'])}, {percent(t['first_leads_dominant'])}"
        rows.append([str(t["category"]), _strength(t["from_below"]), _strength(t["from_above"]), apart, leads,
                     short(t["most_bimodal"], 2)])  # fmt: skip
    title = f"Strengths of network effects (utils) at which most of {plan.seeds} seeds end tipped"
    lines += aligned(title, head, rows)
    head = ["category, start", *(f"{strength:g}" for strength in plan.strengths)]
    body = []
    for (category, start), mine in table.groupby(["category", "start"], sort=False):
        body.append([f"{category}, {start}", *(f"{share:.2f}" for share in mine.sort_values("strength")["share"])])
    lines += aligned("Leader's share of customers by strength, median over seeds", head, body)
    lines += wrap(NOTES, 118)
    return "\n".join(lines)


def _strength(value: float) -> str:
    return f"{value:g}" if np.isfinite(value) else "none tried"


def as_data(found: Tipping) -> dict[str, Any]:
    """All of it as plain data."""
    from moatlab.market.state.sources import model_digest

    plan = found.plan
    return {
        "scenario": plan.scenario.name, "digest": plan.scenario.digest(), "source": model_digest(),
        "strengths": list(plan.strengths), "month": plan.month, "after": plan.after, "seeds": plan.seeds,
        "seed": plan.seed, "sentence": found.sentence(), "thresholds": records(found.thresholds()),
        "shares": records(found.table()),
    }  # fmt: skip


def _draw(found: Tipping) -> Any:
    from moatlab import show

    plan = found.plan
    source = f"moatlab, {plan.scenario.name}, {plan.seeds} seeds from {plan.seed} on"
    subtitle = (f"Customers shared out again in month {plan.month}, {plan.after} months later; median and "
                "5 to 95 % of seeds")  # fmt: skip
    return show.tipping(found.table(), title(found.thresholds().to_dict("records")), subtitle, source)


def title(thresholds: Sequence[Any]) -> str:
    """The finding, as a title."""
    tips = [t for t in thresholds if np.isfinite(t["from_below"])]
    kept = sum(bool(t["hysteresis"]) for t in thresholds)
    return f"{len(tips)} of {len(thresholds)} categories tip from an even start; hysteresis in {kept}"
