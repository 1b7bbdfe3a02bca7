"""`moatlab elasticity`: what a lasting change of a seller's price does to what it sells, months later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, percent, records, short
from moatlab.scenario.months import month_name, read_month
from moatlab.scenario.scenario import Scenario

#: What each kind sells, for the table.
SOLD = {"apps": "customers", "labs": "tokens", "hosts": "tokens", "clouds": "GPU-hours", "chipmakers": "GPUs",
        "foundry": "packages"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    scenario: str
    sellers: tuple[str, ...] = ()
    month: str = "12"
    after: tuple[int, ...] = (1, 6, 12)
    rise: float = 0.01
    seed: int = 1
    seeds: int = 8
    json: bool = False


def run(request: Request) -> str:
    """The table of elasticities, of the given sellers or of all labs and hosts, or the same as JSON."""
    from moatlab.evidence.elasticity import elasticities

    scenario = Scenario(request.scenario)
    month = read_month(request.month, scenario.start, "--month")
    if request.seeds < 2:
        raise InputError(f"--seeds is a whole number from 2, not {request.seeds}")
    sellers = request.sellers or tuple(f"{kind}.{slug}" for kind in ("labs", "hosts") for slug in scenario.slugs(kind))
    seeds = range(request.seed, request.seed + request.seeds)
    found = elasticities(scenario, sellers, month, request.after, seeds, request.rise)
    table = pd.DataFrame([
        {"seller": e.seller, "months_after": e.after, "elasticity": e.mean, "low": e.interval()[0],
         "high": e.interval()[1], "price_kept": e.price_kept}
        for e in found
    ])  # fmt: skip
    when = month_name(month, scenario.start)
    if request.json:
        return json.dumps({"scenario": scenario.name, "month": when, "rise": request.rise, "seeds": list(seeds),
                           "elasticities": records(table)}, indent=2)  # fmt: skip
    rows = [
        [e.seller, SOLD[e.seller.partition(".")[0]], str(e.after), short(e.mean),
         f"[{short(e.interval()[0])}, {short(e.interval()[1])}]",
         percent(e.price_kept) if np.isfinite(e.price_kept) else "-"]
        for e in found
    ]  # fmt: skip
    head = ["seller", "of what it sells", "month", "elasticity", "95 % interval", "of the change kept"]
    title = (f"Own-price elasticity: {100 * request.rise:+.3g} % in {when}, {request.seeds} pairs of runs of "
             f"{scenario.name}")  # fmt: skip
    notes = ("month: months at the new price, 1 is the first; of the change kept: what is left of the change of the "
             "price in that month; a dash: it sold nothing")  # fmt: skip
    return "\n".join([*aligned(title, head, rows, (0, 1))[:-1], *(f"  {line}" for line in wrap(notes, 116))])
