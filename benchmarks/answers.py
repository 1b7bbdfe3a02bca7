"""Which assumptions decide who captures the value: one at a time, low and high, paired with the scenario as it is.

python benchmarks/answers.py [--seeds N] [--months M] [--only NAME] [--scenario NAME]

Prints, for years 3, 5 and 10, each layer's and each large owner's share of the positive economic profit on generative
AI as it is, and the amounts, since who loses has no share; then a row a change: the differences (standard errors over
paired seeds).  At the end: which rows leave every share within a tenth, and which shares no row moves by a tenth.

`ROWS` says what is changed: a row for each mechanism, with what it sets at its low and its high end.  Names are looked
up in the scenario, so a row survives a parameter's new name if that is among its alternatives; a row whose parameters
are not there is said to be missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moatlab import InputError, Market, Scenario
from moatlab.results.measure import ASSETS, Measure
from moatlab.results.payments import LAYERS
from moatlab.results.results import Results
from moatlab.scenario.tables import REGISTRY

#: What is set: a parameter (or "one|other" for its name in another version) to a value, or times a factor ("x0.5").
Change = Mapping[str, object]


@dataclass(frozen=True)
class Row:
    """One mechanism with the changes of its low and its high end; either may be missing."""

    name: str
    low: Change = field(default_factory=dict)
    high: Change = field(default_factory=dict)


ROWS = (
    Row("bargaining", {"labs.bargaining_weight": 0.1}, {"labs.bargaining_weight": 0.9}),
    Row("leak", {"labs.leak_half_life": 2.0}, {"labs.leak_half_life": 24.0}),
    Row("entry cost", {"apps.entry_cost|startups.entry_cost": "x0.5"}, {"apps.entry_cost|startups.entry_cost": "x2"}),
    Row("entry at a rate", {"apps.entry_rate": "x2"}, {"apps.entry_rate": "x0.5"}),
    # Nobody publishes: Meta, Stability and research labs alike.
    Row("no open models", high={"labs.open": False}),
    Row("routing sharpness", {"apps.routing_sharpness": "x0.5"}, {"apps.routing_sharpness": "x2"}),
    Row("portable chip software", high={"chipmakers.portability": 1.0, "chipmakers.portable_software": 1.0}),
    Row("chip ecosystem", {"chipmakers.ecosystem_taste": 0.0, "chipmakers.software_gain": "x0.5"},
        {"chipmakers.ecosystem_taste": 0.9, "chipmakers.software_gain": "x1.5"}),
    Row("usage elasticity", {"users.usage_elasticity": 0.8}, {"users.usage_elasticity": 1.2}),
    Row("labs' money", {"investors.lab_stake": "x0.5", "labs.pledge": "x0.5"},
        {"investors.lab_stake": "x2", "labs.pledge": "x2"}),
    Row("owners' cash flow", {"labs.cash_flow": "x0.5"}, {"labs.cash_flow": "x2"}),
)  # fmt: skip
_NOT_CAPITAL = {asset.name: 0.0 for asset in ASSETS if asset.life is not None}
#: The same runs measured otherwise: row, end, measure.
MEASURES = (
    ("operating profit", "", Measure(cost_of_capital=0.0).with_lives(_NOT_CAPITAL)),
    ("lives", "x0.5", Measure().scaled(0.5)),
    ("lives", "x2", Measure().scaled(2.0)),
    ("cost of capital", "0.08", Measure(cost_of_capital=0.08)),
    ("cost of capital", "0.2", Measure(cost_of_capital=0.20)),
)
YEARS = (3, 5, 10)
#: Owners that are shown: those with the largest profit or loss in these years.
OWNERS = 9
#: A move of a share that counts.
TENTH = 0.1

Array = NDArray[np.float64]


def changes(scenario: Scenario, change: Change) -> dict[str, object] | None:
    """Addresses and values of a change in this scenario; None where a parameter is not there by any of its names."""
    found: dict[str, object] = {}
    for names, value in change.items():
        known = [tuple(name.split(".")) for name in names.split("|") if tuple(name.split(".")) in REGISTRY]
        if not known:
            return None
        kind, name = known[0]
        declared = REGISTRY[kind, name]
        rows = scenario.slugs(kind) if declared.scope == "firm" else (None,)
        for slug in rows:
            now = scenario.kind_value(kind, name) if slug is None else scenario.value(kind, slug, name)
            new = value
            if isinstance(value, str) and value.startswith("x"):
                new = min(max(float(now) * float(value[1:]), declared.low), declared.high)  # type: ignore[arg-type]
            if new != now:
                found[f"{kind}.{name}" if slug is None else f"{kind}.{slug}.{name}"] = new
    return found


def amounts(result: Results, years: tuple[int, ...], owners: tuple[str, ...]) -> dict[str, Array]:
    """Economic profit on generative AI [years, layers] and [years, owners], M$ a year."""

    def of(addresses: list[str]) -> Array:
        paths = np.stack([result.path(address) for address in addresses], axis=1)
        return np.stack([paths[12 * (year - 1) : 12 * year].sum(axis=0) for year in years])

    return {
        "layers": of([f"{layer}.generative_profit" for layer in LAYERS]),
        "owners": of([f"owners.{owner}.generative_profit" for owner in owners]),
    }


def shares(found: Array) -> Array:
    """Parts of the positive amounts, 0 where there is none."""
    positive = np.maximum(found, 0.0)
    total = positive.sum(axis=-1, keepdims=True)
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0.0)


def measured(scenario: Scenario, seeds: range, months: int, years: tuple[int, ...], owners: tuple[str, ...],
             measures: tuple[Measure, ...]) -> list[dict[str, Array]]:  # fmt: skip
    """For each measure, the amounts of all seeds [seeds, years, layers or owners]."""
    found: list[list[dict[str, Array]]] = [[] for _ in measures]
    for seed in seeds:
        result = Market(scenario, rng=seed).run(months)
        for place, measure in enumerate(measures):
            found[place].append(amounts(result.measured(measure), years, owners))
    return [{what: np.stack([one[what] for one in runs]) for what in ("layers", "owners")} for runs in found]


def line(name: str, end: str, cells: list[str]) -> str:
    """A row of a table: what is changed, to what, and a cell a layer or an owner."""
    return f"{name[:24]:<25}{end[:13]:<14}" + "".join(f"{cell:>16}" for cell in cells)


def told(mean: float, error: float) -> str:
    """A difference with its standard error; none of either is a dot."""
    if abs(mean) < 5e-4 and not error >= 5e-4:
        return "."
    return f"{mean:+.3f} ({error:.3f})" if np.isfinite(error) else f"{mean:+.3f}"


def standard_error(values: Array) -> Array:
    """Over the first axis; not a number of one seed."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Arm:
    """A change, one of its ends, and what came out by seed."""

    name: str
    end: str
    found: dict[str, Array]


def varied(
    scenario: Scenario, rows: list[Row], run: Callable[[Scenario], dict[str, Array]]
) -> tuple[list[Arm], list[str]]:
    """An arm for each end of each row, and what is not in this scenario or contradicts it."""
    arms, missing = [], []
    for row in rows:
        for change in (row.low, row.high):
            values = changes(scenario, change) if change else {}
            end = ", ".join(str(value) for value in change.values())
            if values is None:
                missing.append(f"{row.name}: {', '.join(change)}")
            elif values:
                try:
                    arms.append(Arm(row.name, end, run(scenario.set(values))))
                except InputError as error:
                    missing.append(f"{row.name}, {end}: {error}")
    return arms, list(dict.fromkeys(missing))


def block(title: str, heads: list[str], before: Array, arms: list[tuple[Arm, Array]]) -> None:
    """One table: ``before`` [seeds, columns] as it is, and the differences of the arms [seeds, columns] each."""
    print(f"\n{line(title, '', heads)}")
    middle, error = before.mean(axis=0), standard_error(before)
    print(line("as it is", "", [f"{m:.3f} ({e:.3f})" for m, e in zip(middle, error, strict=True)]))
    previous = ""
    for arm, after in arms:
        move = after - before
        cells = [told(m, e) for m, e in zip(move.mean(axis=0), standard_error(move), strict=True)]
        print(line(arm.name if arm.name != previous else "", arm.end, cells))
        previous = arm.name


def verdict(arms: list[Arm], moves: list[tuple[Arm, str, float]]) -> None:
    """Which rows leave every share within a tenth, what the others move most, and which shares no row moves so far."""
    largest: dict[str, tuple[float, str]] = {}
    answers: dict[str, float] = {}
    for arm, answer, move in moves:
        answers[answer] = max(answers.get(answer, 0.0), abs(move))
        if abs(move) > largest.get(arm.name, (-1.0, ""))[0]:
            largest[arm.name] = abs(move), f"{answer} by {move:+.2f}{f' at {arm.end}' if arm.end else ''}"
    within = [name for name, (move, _) in largest.items() if move <= TENTH]
    print(f"\nRows that leave every share within a tenth: {', '.join(within) or 'none'}")
    for name, (move, where) in sorted(largest.items(), key=lambda item: -item[1][0]):
        print(f"  {name}: {'at most ' if move <= TENTH else ''}{where}")
    still = [answer for answer, move in answers.items() if move <= TENTH]
    print(f"Shares that no row moves by a tenth: {', '.join(still) or 'none'}")


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seeds", type=int, default=12)
    options.add_argument("--months", type=int, default=120)
    options.add_argument("--only", default="", help="rows whose name contains this")
    options.add_argument("--scenario", default="essay-2023")
    asked = options.parse_args(arguments)
    scenario, seeds = Scenario(asked.scenario), range(1, asked.seeds + 1)
    years = tuple(year for year in YEARS if 12 * year <= asked.months) or (max(1, asked.months // 12),)
    rows = [row for row in ROWS if asked.only in row.name]
    measures = [one for one in MEASURES if asked.only in one[0]]
    if not rows and not measures:
        names = [*(row.name for row in ROWS), *dict.fromkeys(name for name, _, _ in MEASURES)]
        raise SystemExit(f"no row is called {asked.only!r}: {', '.join(names)}")

    every = tuple(scenario.metric_slugs["owners"])
    wanted = (Measure(), *(measure for _, _, measure in measures))
    base, *others = measured(scenario, seeds, asked.months, years, every, wanted)
    arms = [Arm(name, end, found) for (name, end, _), found in zip(measures, others, strict=True)]
    changed, missing = varied(
        scenario, rows, lambda one: measured(one, seeds, asked.months, years, every, (Measure(),))[0]
    )
    arms += changed

    print(f"{asked.scenario}, {len(seeds)} paired seeds, {asked.months} months: economic profit on generative AI")
    print("shares of the positive amounts, and G$ a year; differences with (standard error over seeds)")
    size = np.abs(np.median(base["owners"], axis=0)).max(axis=0)
    largest = np.sort(np.argsort(-size, kind="stable")[:OWNERS])
    moves: list[tuple[Arm, str, float]] = []
    for what, heads, chosen in (("layers", list(LAYERS), np.arange(len(LAYERS))),
                                ("owners", [every[at] for at in largest], largest)):  # fmt: skip
        for place, year in enumerate(years):
            before = shares(base[what])[:, place, chosen]
            after = [(arm, shares(arm.found[what])[:, place, chosen]) for arm in arms]
            block(f"year {year}, shares", heads, before, after)
            for arm, values in after:
                mean = (values - before).mean(axis=0)
                moves += [(arm, f"{head} in year {year}", float(move)) for head, move in zip(heads, mean, strict=True)]
            money = [(arm, arm.found[what][:, place, chosen] / 1e3) for arm in arms]
            block(f"year {year}, G$", heads, base[what][:, place, chosen] / 1e3, money)
    verdict(arms, moves)
    for text in missing:
        print(f"Not in this version: {text}")


if __name__ == "__main__":
    main()
