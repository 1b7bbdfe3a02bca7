"""One change, the same random draws with and without it: paired effects on any metric of the market.

>>> e = Scenario("essay-2023").compare(on={"events": ["month 12: scale foundry.tsmc.capacity 2"]}, seeds=64)
>>> e.effect("market.rent", months=(24, 59))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.errors import EngineError, InputError
from moatlab.evidence.effects import Effect, of_arms
from moatlab.evidence.identical import reasons, sentence
from moatlab.evidence.inference import Array
from moatlab.evidence.verdicts import Predicted, Prediction, Verdict, Verdicts, judge, verdicts_table
from moatlab.results.addresses import find_metric, metric_addresses, unknown_metric
from moatlab.results.metrics import Metric
from moatlab.results.outcomes import Reduce, reduce_path
from moatlab.results.payments import LAYERS
from moatlab.results.ratios import behind, over_window
from moatlab.results.text.html import page
from moatlab.scenario.addresses import ALL, nearest
from moatlab.scenario.events import Event
from moatlab.scenario.months import read_month, span_name
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.seeds import check_seeds
from moatlab.scenario.values import show as as_text

if TYPE_CHECKING:
    from moatlab.experiments import Batch, Experiment
    from moatlab.experiments.runner import Counts

CONTROL, TREATED = "without", "with"
#: What a change may say, as the tables of an arm in an experiment file.
ON = ("events", "set", "replace")
MOST_SEEDS = 100_000
#: Most changes that the words for a comparison list.
MOST_CHANGES = 8
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
    """Runs of a scenario with and without a change, by seed: a batch of two arms."""

    def __init__(
        self, scenario: Scenario, treated: Scenario, batch: Batch, widen: Callable[[Batch, Sequence[str]], Batch]
    ) -> None:  # fmt: skip
        """`compare` makes them; ``widen`` does the runs of a batch again where they lack the paths of some metrics."""
        self.scenario, self.treated = scenario, treated
        self.batch = batch
        self.seeds, self.months = batch.experiment.spec.seeds, batch.experiment.months
        self._widen = widen
        self._paths: dict[str, Array] = {}

    def __repr__(self) -> str:
        return f"<Comparison in {self.scenario.name}: {self.what}; {len(self.seeds)} seeds, {self.months} months>"

    @property
    def what(self) -> str:
        """The change in words."""
        before, after = self.scenario.given(), self.treated.given()
        told = [event.dated(self.scenario.start) for event in self._events(self.treated, self.scenario)]
        told += [f"without {event.dated(self.scenario.start)}" for event in self._events(self.scenario, self.treated)]
        told += [f"{a} = {as_text(v)}" for a, v in after.items() if before.get(a) != v]
        told += [f"{a} = {as_text(self.treated.at(a))}" for a in before
                 if a not in after and (a.slug in (None, ALL) or a.slug in self.treated.slugs(a.kind))]  # fmt: skip
        told += [f"{f} as {c.__name__}" for f, c in self.treated.overrides.items()
                 if self.scenario.overrides.get(f) is not c]  # fmt: skip
        if self.treated.name != self.scenario.name:
            told.insert(0, f"{self.treated.name} instead of {self.scenario.name}")
        more = len(told) - MOST_CHANGES
        return "; ".join(told if more <= 0 else [*told[:MOST_CHANGES], f"and {more} more changes"])

    @staticmethod
    def _events(mine: Scenario, others: Scenario) -> list[Event]:
        """The events of one scenario that the other one lacks."""
        return list((Counter(mine.events) - Counter(others.events)).elements())

    @property
    def since(self) -> int:
        """The first month that the change can touch: that of its first event, or 0."""
        one, other = self.scenario, self.treated
        events = [event.month for event in (*self._events(one, other), *self._events(other, one))]
        at_once = (
            any(getattr(one, what) != getattr(other, what) for what in ("overrides", "rules", "all_slugs", "graph"))
            or one.given() != other.given()
        )
        return min(events) if events and not at_once else 0

    @cached_property
    def same(self) -> bool:
        """Whether the change changes nothing that was recorded, at any seed."""
        arms = ((self.paths(metric)[0], self.paths(metric)[1]) for metric in self.batch.metrics)
        return all(np.array_equal(without, treated, equal_nan=True) for without, treated in arms)

    @property
    def why_the_same(self) -> str:
        """That the two runs are the same, and why as far as it is known; empty where they differ."""
        return (
            sentence(
                "the runs with and without the change are identical at every seed", reasons(self.scenario, self.treated)
            )
            * self.same
        )

    def paths(self, metric: str) -> Array:
        """Monthly values [arms, seeds, months], without the change and with it.

        Where the runs have not recorded a metric, such as one of a firm, they are done again with the paths of all
        firms.  Raises `InputError` for a metric that does not exist.
        """
        if metric not in self._paths:
            if metric not in self.batch.metrics:
                _known(self.scenario, metric)
                firms = (
                    [m for m in metric_addresses(self.scenario.metric_slugs) if _is_firm(m)] if _is_firm(metric) else []
                )
                self.batch = self._widen(self.batch, [metric, *(m for m in firms if _recordable(self, m))])
            self._paths[metric] = self.batch.cube(metric)[:, 0]
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
        month: int | str | None = None, months: tuple[int | str, int | str] | None = None, reduce: Reduce = "mean",
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
        self, metrics: Iterable[str] = HEADLINE, months: tuple[int | str, int | str] | None = None,
        smallest: Mapping[str, float] | None = None,
    ) -> Verdicts:  # fmt: skip
        """Effects on several metrics as one family (Holm), in order; those that are nowhere defined are left out."""
        first, last = self._window(None, months)
        family = []
        for metric in metrics:
            effect = self._effect(metric, first, last, "mean", metric)
            if effect is not None:
                family.append((effect, Prediction("open", (smallest or {}).get(metric, 0.0))))
        return Verdicts(judge(family))

    def _repr_html_(self) -> str:
        return page(repr(self)[1:-1], self.table()._repr_html_())

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
        category: str | None = None, smallest: float = 0.0,
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
        return show.difference(paths, address, self.unit(address), self.what, source, self.scenario.start, self.since,
                               smallest)  # fmt: skip

    def unit(self, metric: str) -> str:
        """The unit of a metric."""
        known = _known(self.scenario, metric)
        return UNITS_OF_GOODS.get((metric.partition(".")[0], known.name), known.unit)

    def _told(self, first: int, last: int) -> str:
        return span_name(first, last, self.scenario.start)

    def _effect(self, address: str, first: int, last: int, reduce: Reduce, label: str) -> Effect | None:
        """None where no seed has a value with and without."""
        slugs, months = self.scenario.metric_slugs, slice(first, last + 1)

        def reduced(arm: int, seed: int) -> float:
            ratio = (
                over_window(address, slugs, lambda a: self.paths(a)[arm, seed, months]) if reduce == "mean" else None
            )
            return reduce_path(self.paths(address)[arm, seed, months], reduce, address) if ratio is None else ratio

        values = np.array([[[reduced(arm, seed) for seed in range(len(self.seeds))]] for arm in range(2)])
        if not np.isfinite(values).all(axis=0).any():
            return None
        return of_arms(label, {CONTROL: -1.0, TREATED: 1.0}, values, seeds=self.seeds)

    def _window(self, month: int | str | None, months: tuple[int | str, int | str] | None) -> tuple[int, int]:
        if month is not None and months is not None:
            raise InputError("give month or months, not both", "effect")
        given = (month, month) if month is not None else months or (self.since, self.months - 1)
        start = self.scenario.start
        first, last = (read_month(m, start, "effect") if isinstance(m, str) else m for m in given)
        if not (int(first) == first and int(last) == last and 0 <= first <= last < self.months):
            run = f"months 0-{self.months - 1}: {self._told(0, self.months - 1)}"
            raise InputError(f"months {first}-{last} do not lie within the run, {run}", "effect")
        return int(first), int(last)


def compare(
    scenario: Scenario, on: Mapping[str, Any] | Scenario, seeds: int | Iterable[int] = 64, months: int | None = None,
    engine: str | Executor = "serial", workers: int | None = None, progress: Callable[[int], None] | None = None, *,
    out: str | Path | None = None, metrics: Sequence[str] | None = None, scheduler: str | None = None,
) -> Comparison:  # fmt: skip
    """Run a scenario with and without a change, from the same seeds.

    ``on`` is the change (see `change`) or the changed scenario; ``seeds`` a number of them, from 1 on, or the seeds
    themselves; ``engine``, ``workers`` and ``scheduler`` as in `Experiment.run`.  The runs are a batch in the folder
    ``out``, which is gone on with if it compares the same, or in a temporary one; they record ``metrics``, by default
    all but those of single firms.  ``progress`` is called with the number of pairs done.

    Raises `InputError` for a change that is none or comes after the run, for seeds and months that cannot be, and for a
    folder that holds something else; `EngineError` if runs fail.
    """
    treated = on if isinstance(on, Scenario) else change(scenario, on)
    if treated.start != scenario.start:
        raise InputError(f"{scenario.name} begins in {scenario.start}, {treated.name} in {treated.start}", "compare")
    horizon = scenario.months if months is None else months
    if isinstance(horizon, bool) or int(horizon) != horizon or not 1 <= horizon <= LONGEST:
        raise InputError(f"months is a whole number from 1 to {LONGEST}, not {months!r}", "compare")
    chosen = check_seeds(seeds, MOST_SEEDS, "compare")
    every = [m for m in metric_addresses(scenario.metric_slugs) if not _is_firm(m)]
    wanted = every if metrics is None else list(metrics)

    def tell(counts: Counts) -> None:
        if progress is not None:
            progress((counts.stored + counts.done) // 2)

    def run(paths: Sequence[str], folder: Path | None) -> Batch:
        experiment = _experiment(scenario, treated, chosen, int(horizon), paths)
        extend = folder is not None and _goes_on(folder, experiment)
        batch = experiment.run(engine, workers, folder, extend=extend, scheduler=scheduler, progress=tell)
        _refuse_failures(batch, folder)
        return batch

    def widen(batch: Batch, paths: Sequence[str]) -> Batch:
        return run([*batch.metrics, *paths], batch.folder).keeping(batch)

    return Comparison(scenario, treated, run(wanted, None if out is None else Path(out)), widen)


def _experiment(
    scenario: Scenario, treated: Scenario, seeds: Sequence[int], months: int, paths: Sequence[str]
) -> Experiment:
    """The experiment behind a comparison: two arms, of which the second has a scenario of its own."""
    from moatlab.experiments import Experiment

    shown = [m for m in HEADLINE if m in paths] or list(paths[:1])
    return Experiment.from_dict({
        "name": "whatif", "scenario": scenario, "months": months, "seeds": list(seeds),
        "arms": {CONTROL: {}, TREATED: {"scenario": treated}},
        "outcomes": {m.replace(".", "-").replace("_", "-"): {"metric": m} for m in shown},
        "paths": sorted({*paths, *(b for m in paths for b in behind(m, scenario.metric_slugs))}),
    }, "compare")  # fmt: skip


def _goes_on(folder: Path, experiment: Experiment) -> bool:
    """Whether a folder compares the same, so that runs may be added.  Raises `InputError` if it holds another batch."""
    from moatlab.experiments.ownership import BATCH, refuse_others
    from moatlab.experiments.resume import difference
    from moatlab.experiments.store import DamagedError, Store, describe

    store = Store(folder)
    refuse_others(folder, BATCH)
    if not store.exists:
        return False
    try:
        changed = difference(store, experiment)
    except DamagedError:
        return False
    free = ("seeds", "replications", "paths", "outcomes")
    other = {name: what for name, what in changed.items() if name.partition(".")[0] not in free}
    if other:
        raise InputError(f"{folder} compares something else: {describe(other)}; name another folder")
    return bool(changed)


def _refuse_failures(batch: Batch, folder: Path | None) -> None:
    failures = batch.failures()
    if len(failures):
        row = failures.iloc[0]
        where = f"; the others are stored: moatlab status {folder}" if folder is not None else ""
        raise EngineError(
            f"{len(failures)} of {len(batch.plan)} runs failed, the first, {row['arm']} the change with seed "
            f"{row['seed']}, with {row['error']}{where}"
        )


def _is_firm(metric: str) -> bool:
    return metric.count(".") == 2 and not metric.startswith("users.")


def _known(scenario: Scenario, metric: str) -> Metric:
    known = find_metric(metric, scenario.metric_slugs)
    if known is None or known.unit == "code":
        raise unknown_metric(metric, scenario.metric_slugs)
    return known


def _recordable(e: Comparison, metric: str) -> bool:
    """Whether a metric has a path in both scenarios: codes have none."""
    found = (find_metric(metric, world.metric_slugs) for world in (e.scenario, e.treated))
    return all(known is not None and known.unit != "code" for known in found)


def _span(seeds: Sequence[int]) -> str:
    whole = list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds[:12])) + (", ..." if seeds[12:] else "")
