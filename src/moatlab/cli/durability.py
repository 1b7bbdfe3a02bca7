"""`moatlab durability`: moats in equal dollars, as tables, a forest and response curves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from moatlab.cli import study as common
from moatlab.errors import InputError
from moatlab.results.text.numbers import records
from moatlab.scenario.months import read_month
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from moatlab.evidence.durability.breakdown import Breakdown
    from moatlab.evidence.durability.concentration import Arising
    from moatlab.evidence.durability.plan import Plan
    from moatlab.evidence.durability.table import Durability

PICTURES = ("durability", "responses")
#: Draws of a study, quick and whole; worlds of the breakdown values and of moats that arise by themselves.
QUICK, WHOLE = 12, 24
BREAKDOWN_WORLDS, ARISING_WORLDS, ARISING_QUICK = 4, 8, 4
#: Months in which stocks are looked at, and notes below the table.
LOOKED_AT = (1, 24, 60, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(common.Request):
    """What the command line asked for."""

    moats: tuple[str, ...] = ()
    month: str = "24"
    after: int = 95
    worth: float = 10.0
    over: int = 12
    draws: int | None = None
    seeds: int = 1


def run(request: Request) -> str:
    """Do the study as asked, write its folder, and return sentences and tables."""
    from moatlab.cli.durability_text import tell_all
    from moatlab.evidence.durability.breakdown import questions
    from moatlab.evidence.durability.pictures import curves, forest
    from moatlab.evidence.durability.study import run_study
    from moatlab.evidence.durability.table import judge
    from moatlab.experiments.ownership import DURABILITY

    plan = plan_of(request)
    request.pictures.check(PICTURES)
    workers = common.workers_of(request.workers)
    out = common.begin(request, DURABILITY, plan.scenario.name)
    asked = questions(plan.cases) if plan.whole else []
    print(_cost(plan, len(asked), workers), file=sys.stderr, flush=True)
    with common.progress("draws", out) as tell:
        found = judge(run_study(plan, workers, tell, out))
    with common.progress("worlds without a grant", None) as tell:
        arising = _arise(plan, ARISING_QUICK if request.quick else ARISING_WORLDS, workers, tell)
    with common.progress("breakdown values", None) as tell:
        broken = _break_down(plan, asked, workers, tell)
    data = as_data(found, arising, broken)
    drawn = {"durability": partial(forest, found), "responses": partial(curves, found)} if found.comparable else {}
    common.write(out, DURABILITY, plan.scenario.name, request.pictures, data, _tables(found, arising, broken), drawn)
    return common.answer(request, out, data, lambda: tell_all(found, arising, broken))


def plan_of(request: Request) -> Plan:
    """The plan of a study; every number is checked."""
    from moatlab.evidence.durability.plan import Plan, cases_of
    from moatlab.evidence.durability.response import FIT_FROM, LAST

    scenario = Scenario(request.scenario).set_text(request.changes)
    month = read_month(request.month, scenario.start, "--month")
    if month < 1:
        raise InputError("--month is 1 or later: before the first month nothing has a price")
    common.whole_from("--after", request.after, FIT_FROM + LAST)
    if month + request.after + 1 > 1200:
        raise InputError(f"--after: month {month} and {request.after} months after it are more than 1,200 months")
    if not request.worth > 0.0:
        raise InputError(f"--worth is a number of M$ above 0, not {request.worth:g}")
    draws = request.draws if request.draws is not None else QUICK if request.quick else WHOLE
    for name, value, low in (("--draws", draws, 3), ("--seeds", request.seeds, 1), ("--seed", request.seed, 0),
                             ("--over", request.over, 1)):  # fmt: skip
        common.whole_from(name, value, low)
    return Plan(scenario, cases_of(request.moats), month, request.after, request.worth, request.over, draws,
                request.seeds, request.seed, whole=not request.quick)  # fmt: skip


def _cost(plan: Plan, asked: int, workers: int) -> str:
    from moatlab.evidence.durability.breakdown import STEPS

    more = asked * BREAKDOWN_WORLDS * 2 * (STEPS + 2)
    return common.cost(plan.runs + more, plan.months, workers, common.WATCHED)


def _arise(plan: Plan, count: int, workers: int, tell: Any) -> list[Arising]:
    """Worlds without a grant, the first draws of the study."""
    from moatlab.evidence.durability.concentration import SET_AT, arise
    from moatlab.evidence.durability.study import tasks_of
    from moatlab.experiments.engines import map_in_order

    kinds = sorted({case.kind for case in plan.cases})
    months = [month for month in LOOKED_AT if month <= plan.months]
    tasks = tasks_of(replace(plan, draws=count, seeds=1))
    work = [(arise, (scenario, seed, months, kinds, min(SET_AT, plan.months))) for scenario, _, seed in tasks]
    return map_in_order(work, workers, tell)


def _break_down(plan: Plan, asked: Sequence[Any], workers: int, tell: Any) -> list[Breakdown]:
    from moatlab.evidence.durability.breakdown import answer
    from moatlab.evidence.durability.study import tasks_of
    from moatlab.experiments.engines import map_in_order

    if not asked:
        return []
    tasks = tasks_of(replace(plan, draws=BREAKDOWN_WORLDS, seeds=1))
    worlds = [(scenario, seed) for scenario, _, seed in tasks]
    alone = [replace(plan, cases=(question.case,), whole=False) for question in asked]
    work = [(answer, (one, question, worlds)) for one, question in zip(alone, asked, strict=True)]
    return map_in_order(work, workers, tell)


# What is written --------------------------------------------------------------------------------------------------


def as_data(found: Durability, arising: Sequence[Arising], broken: Sequence[Breakdown]) -> dict[str, Any]:
    """All of it as plain data."""
    from moatlab.evidence.durability.accounts import MEASURE
    from moatlab.evidence.durability.frames import breakdown_table, concentration_table, excess_table
    from moatlab.market.state.sources import model_digest

    plan = found.study.plan
    parts = excess_table(arising)
    return {
        "scenario": plan.scenario.name, "digest": plan.scenario.digest(), "source": model_digest(),
        "measure": MEASURE, "month": plan.month, "after": plan.after, "worth": plan.worth, "over": plan.over,
        "draws": plan.draws, "seeds": plan.seeds, "seed": plan.seed, "whole": plan.whole,
        "verdict": found.verdict, "p_none_lasts": float(f"{found.p_none_lasts:.6g}"), "sentence": found.sentence(),
        "rows": records(found.to_pandas()),
        "breakdown": records(breakdown_table(broken)),
        "concentration": records(concentration_table(arising)),
        "excess": [] if parts.empty else records(parts),
    }  # fmt: skip


def _tables(
    found: Durability, arising: Sequence[Arising], broken: Sequence[Breakdown]
) -> dict[str, pd.DataFrame]:  # fmt: skip
    from moatlab.evidence.durability.frames import breakdown_table, concentration_table, excess_table

    return {"durability": found.to_pandas(), "breakdown": breakdown_table(broken),
            "concentration": concentration_table(arising), "excess": excess_table(arising)}  # fmt: skip
