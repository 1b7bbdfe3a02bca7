"""One change, the same luck with and without it: paired effects on any metric of the market.

>>> e = Scenario("essay-2023").compare(on={"events": ["month 12: scale foundry.tsmc.capacity 2"]}, seeds=64)
>>> e.effect("market.rent", months=(24, 59))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect, of_arms
from moatlab.evidence.identical import reasons, sentence
from moatlab.evidence.inference import Array
from moatlab.evidence.verdicts import Predicted, Prediction, Verdict, judge, verdicts_table
from moatlab.results.addresses import find_metric, unknown_metric
from moatlab.results.outcomes import Reduce, reduce_path
from moatlab.results.payments import LAYERS
from moatlab.results.ratios import over_window
from moatlab.scenario.addresses import nearest
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.seeds import check_seeds

if TYPE_CHECKING:
    from moatlab.results.results import Results

CONTROL, TREATED = "without", "with"
#: What a change may say, as the tables of an arm in an experiment file.
ON = ("events", "set", "replace")
MOST_SEEDS = 100_000
#: Metrics that `Comparison.table` shows unless told otherwise: who pays what, and who gets what.
HEADLINE = (
    "market.consumer_surplus", "market.surplus", "apps.price", "labs.api_price", "market.rent", "market.chip_price",
    *(f"{layer}.operating_profit" for layer in LAYERS), *(f"{layer}.hhi" for layer in LAYERS if layer != "foundry"),
)  # fmt: skip
#: Units that a firm's good decides.
UNITS_OF_GOODS = {
    ("apps", "price"): "$ per month", ("labs", "price"): "$ per Mtok", ("hosts", "price"): "$ per Mtok",
    ("clouds", "price"): "$ per GPU-hour", ("chipmakers", "price"): "k$ per GPU",
    ("foundry", "price"): "k$ per package",
    ("apps", "customers"): "M", ("labs", "customers"): "Ttok", ("hosts", "customers"): "Ttok",
    ("clouds", "customers"): "Mh", ("chipmakers", "customers"): "kGPU", ("foundry", "customers"): "kpackages",
}  # fmt: skip


def change(scenario: Scenario, on: Mapping[str, Any]) -> Scenario:
    """The scenario with a change: ``{"events": [...], "set": {address: value}, "replace": {firm: class}}``.

    Raises `InputError` for other keys, for what the scenario does not take, and for a change that changes nothing.
    """
    for key in on:
        if key not in ON:
            raise InputError(f"a change has no {key!r}; {nearest(key, ON)}", "compare")
    treated = scenario.set(on.get("set", {})).with_events(*on.get("events", ()))
    for firm, agent in on.get("replace", {}).items():
        treated = treated.replace(firm, agent)
    if treated.digest() == scenario.digest():
        raise InputError("the change changes nothing", "compare")
    return treated


class Comparison:
    """Runs of a scenario with and without a change, by seed."""

    def __init__(
        self, scenario: Scenario, treated: Scenario, seeds: Sequence[int], months: int,
        runs: Sequence[tuple[Results, Results]],
    ) -> None:  # fmt: skip
        """``runs`` are the pairs (without, with) in the order of ``seeds``; `compare` makes them."""
        self.scenario, self.treated = scenario, treated
        self.seeds, self.months = tuple(seeds), months
        self._runs = runs
        self._paths: dict[str, Array] = {}

    def __repr__(self) -> str:
        return f"<Comparison in {self.scenario.name}: {self.what}; {len(self.seeds)} seeds, {self.months} months>"

    @property
    def what(self) -> str:
        """The change in words."""
        before, after = self.scenario.given(), self.treated.given()
        told = [str(event) for event in self.treated.events[len(self.scenario.events) :]]
        told += [f"{a} = {v}" for a, v in after.items() if before.get(a) != v]
        told += [f"{f} as {c.__name__}" for f, c in self.treated.overrides.items()
                 if self.scenario.overrides.get(f) is not c]  # fmt: skip
        return "; ".join(told)

    @property
    def since(self) -> int:
        """The first month that the change can touch: that of its first event, or 0."""
        events = [event.month for event in self.treated.events[len(self.scenario.events) :]]
        at_once = self.scenario.given() != self.treated.given() or self.scenario.overrides != self.treated.overrides
        return min(events) if events and not at_once else 0

    @cached_property
    def same(self) -> bool:
        """Whether the change changes nothing that was recorded, at any seed."""
        return all(without.equals(treated) for without, treated in self._runs)

    @property
    def why_the_same(self) -> str:
        """That the two runs are the same, and why as far as it is known; empty where they differ."""
        return sentence("the two runs are the same at every seed", reasons(self.scenario, self.treated)) * self.same

    def paths(self, metric: str) -> Array:
        """Monthly values [arms, seeds, months], without the change and with it.

        Raises `InputError` for a metric that does not exist.
        """
        if metric not in self._paths:
            arms = zip(*self._runs, strict=True)
            self._paths[metric] = np.array([[run.path(metric) for run in arm] for arm in arms])
        return self._paths[metric]

    def address(
        self, metric: str, firm: str | None = None, layer: str | None = None, category: str | None = None
    ) -> str:
        """The full address of a metric: ``share`` of ``firm="apps.jasper"`` is ``apps.jasper.share``."""
        given = [g for g in (firm, layer, f"users.{category}" if category else None) if g]
        if len(given) > 1:
            raise InputError(f"{metric}: give one of firm, layer, category, not {len(given)}", "effect")
        if given:
            return f"{given[0]}.{metric}"
        return metric if "." in metric else f"market.{metric}"

    def effect(
        self, metric: str, firm: str | None = None, *, layer: str | None = None, category: str | None = None,
        month: int | None = None, months: tuple[int, int] | None = None, reduce: Reduce = "mean",
        predicted: Predicted = "open", smallest: float = 0.0,
    ) -> Verdict:  # fmt: skip
        """The paired effect on a metric, in one ``month`` or over ``months`` (first and last; by default all that the
        change can touch), reduced as outcomes of experiments are.

        The answer has ``estimate``, ``interval``, ``verdict``, and everything else as ``effect``.  Raises `InputError`
        for a metric, firm or month that does not exist.
        """
        address = self.address(metric, firm, layer, category)
        first, last = self._window(month, months)
        label = f"{address}, {'' if reduce == 'mean' else reduce + ' of '}{self._told(first, last)}"
        effect = self._effect(address, first, last, reduce, label)
        if effect is None:
            raise InputError(f"{label} has no value, in any seed, both with and without the change", "effect")
        return judge([(effect, Prediction(predicted, smallest))])[0]

    def table(
        self, metrics: Iterable[str] = HEADLINE, months: tuple[int, int] | None = None,
        smallest: Mapping[str, float] | None = None,
    ) -> list[Verdict]:  # fmt: skip
        """Effects on several metrics as one family (Holm), in order; those that are nowhere defined are left out."""
        first, last = self._window(None, months)
        family = []
        for metric in metrics:
            effect = self._effect(metric, first, last, "mean", metric)
            if effect is not None:
                family.append((effect, Prediction("open", (smallest or {}).get(metric, 0.0))))
        return judge(family)

    def to_pandas(self, *metrics: str) -> pd.DataFrame:
        """Without metrics the table of `table`; else a row a metric, seed and month: without, with, difference."""
        if not metrics:
            return verdicts_table(self.table())
        parts = []
        for metric in metrics:
            without, treated = self.paths(metric)
            parts.append(pd.DataFrame({
                "metric": metric, "seed": np.repeat(self.seeds, self.months),
                "month": np.tile(np.arange(self.months), len(self.seeds)),
                CONTROL: without.ravel(), TREATED: treated.ravel(), "difference": (treated - without).ravel(),
            }))  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def plot(
        self, metric: str | None = None, firm: str | None = None, *, layer: str | None = None,
        category: str | None = None,
    ) -> Any:  # fmt: skip
        """A picture as a matplotlib figure: the path of a metric with and without the change and the paired difference,
        or the effects of `table` side by side."""
        from moatlab import show

        source = f"{self.scenario.title}, seeds {_span(self.seeds)}"
        if metric is None:
            window = self._told(*self._window(None, None))
            return show.effects(self.table(), f"Effects of: {self.what}", f"Means of {window}", source)
        address = self.address(metric, firm, layer, category)
        paths = self.paths(address)
        return show.difference(paths, address, self.unit(address), self.what, source, self.scenario.start, self.since)

    def unit(self, metric: str) -> str:
        """The unit of a metric."""
        known = find_metric(metric, self.scenario.all_slugs)
        if known is None:
            raise unknown_metric(metric, self.scenario.all_slugs)
        return UNITS_OF_GOODS.get((metric.partition(".")[0], known.name), known.unit)

    def _told(self, first: int, last: int) -> str:
        return f"month {first}" if first == last else f"months {first}-{last}"

    def _effect(self, address: str, first: int, last: int, reduce: Reduce, label: str) -> Effect | None:
        """None where no seed has a value with and without."""
        slugs, months = self.scenario.all_slugs, slice(first, last + 1)

        def reduced(arm: int, seed: int) -> float:
            ratio = (
                over_window(address, slugs, lambda a: self.paths(a)[arm, seed, months]) if reduce == "mean" else None
            )
            return reduce_path(self.paths(address)[arm, seed, months], reduce, address) if ratio is None else ratio

        values = np.array([[[reduced(arm, seed) for seed in range(len(self.seeds))]] for arm in range(2)])
        if not np.isfinite(values).all(axis=0).any():
            return None
        return of_arms(label, {CONTROL: -1.0, TREATED: 1.0}, values, seeds=self.seeds)

    def _window(self, month: int | None, months: tuple[int, int] | None) -> tuple[int, int]:
        if month is not None and months is not None:
            raise InputError("give month or months, not both", "effect")
        first, last = (month, month) if month is not None else months or (self.since, self.months - 1)
        if not (int(first) == first and int(last) == last and 0 <= first <= last < self.months):
            raise InputError(f"months {first}-{last} do not lie within the run, months 0-{self.months - 1}", "effect")
        return int(first), int(last)


def compare(
    scenario: Scenario, on: Mapping[str, Any] | Scenario, seeds: int | Iterable[int] = 64, months: int | None = None,
    engine: str | Executor = "serial", workers: int | None = None, progress: Callable[[int], None] | None = None,
) -> Comparison:  # fmt: skip
    """Run a scenario with and without a change, from the same seeds.

    ``on`` is the change (see `change`) or the changed scenario; ``seeds`` a number of them, from 1 on, or the seeds
    themselves; ``engine`` as in `Experiment.run`.  ``progress`` is called with the number of pairs done.  Raises
    `InputError` for a change that is none or comes after the run, and for seeds and months that cannot be.
    """
    from moatlab.experiments.engines import open_engine
    from moatlab.experiments.models import MarketModel
    from moatlab.market.compilation import warm_up

    treated = on if isinstance(on, Scenario) else change(scenario, on)
    horizon = scenario.months if months is None else months
    if isinstance(horizon, bool) or int(horizon) != horizon or horizon < 1:
        raise InputError(f"months is a whole number from 1, not {months!r}", "compare")
    chosen = check_seeds(seeds, MOST_SEEDS, "compare")
    for world in (scenario, treated):
        MarketModel(world).check_horizon(world, horizon)
    warm_up()  # before workers start, else each of them compiles
    found: dict[int, tuple[Results, Results]] = {}
    with open_engine(engine, workers) as (executor, _):
        flying = {executor.submit(_pair, scenario, treated, seed, horizon): seed for seed in chosen}
        for future in as_completed(flying):
            found[flying[future]] = future.result()
            if progress is not None:
                progress(len(found))
    return Comparison(scenario, treated, chosen, horizon, [found[seed] for seed in chosen])


def _pair(scenario: Scenario, treated: Scenario, seed: int, months: int) -> tuple[Results, Results]:
    """Both runs of a seed, in a worker."""
    from moatlab.market.market import Market

    without, with_ = (Market(world, rng=seed).run(months).named() for world in (scenario, treated))
    return without, with_


def _span(seeds: Sequence[int]) -> str:
    whole = list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds[:12])) + (", ..." if seeds[12:] else "")
