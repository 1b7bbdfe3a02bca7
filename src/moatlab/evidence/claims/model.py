"""The market at a draw of its parameters, as a model that experiments run: of a run it keeps outcomes, not paths.

A world is what an arm changes.  A point is a draw and a variant; on the base scenario are laid, in this order, the
draw, the variant and the arm.  Every draw has random numbers of its own, so that draws are independent of one another,
while all arms and variants at a draw share them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from moatlab.errors import InputError
from moatlab.evidence.claims.sample import Sample
from moatlab.evidence.claims.variants import BASE, Variant
from moatlab.experiments.branches import Past
from moatlab.experiments.digests import digest
from moatlab.experiments.fingerprint import model_version
from moatlab.experiments.models import MarketModel, Paths
from moatlab.experiments.record import reduce
from moatlab.experiments.spec import Outcome
from moatlab.scenario.scenario import Scenario

#: Fields of an outcome that say which number it is.
_DEFINES = ("metric", "plus", "per", "log", "months", "reduce")


def code_of(outcome: Outcome) -> str:
    """An outcome as the name of a column: what of its declaration says which number it is."""
    told = outcome.model_dump(mode="json", include=set(_DEFINES), exclude_defaults=True)
    # With single quotes, which columns' names in queries may hold.
    return json.dumps(told, sort_keys=True).replace('"', "'")


@lru_cache(maxsize=4096)
def outcome_of(code: str) -> Outcome:
    """The outcome of a column's name."""
    return Outcome.model_validate(json.loads(code.replace("'", '"')))


@dataclass(frozen=True)
class Changes:
    """What an arm changes: values by address, and events."""

    set: tuple[tuple[str, Any], ...] = ()
    events: tuple[str, ...] = ()

    def on(self, scenario: Scenario) -> Scenario:
        """The scenario with them; what is said of every row comes before what is said of one."""
        values = dict(sorted(self.set, key=lambda item: "*" not in item[0]))
        changed = scenario.set(values) if values else scenario
        return changed.with_events(*self.events) if self.events else changed


@dataclass(frozen=True)
class Place:
    """An arm at a point: its scenario, and the draw's number."""

    scenario: Scenario
    draw: int


class DrawnMarket:
    """The market of a base scenario for ``horizon`` months, at the draws of a sample and in variants."""

    #: An outcome is one number, as of a run of one month.
    months = 1

    def __init__(
        self, scenario: Scenario, sample: Sample, variants: Mapping[str, Variant], horizon: int
    ) -> None:  # fmt: skip
        self.scenario, self.sample, self.horizon = scenario, sample, horizon
        self.variants = {BASE: Variant(BASE, "base", "the market as it is"), **variants}
        self._base = scenario.digest()
        self._draws = [digest(json.dumps(c, sort_keys=True, default=str)) for c in sample.changes]
        self._drawn: dict[tuple[int, str], Scenario] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is drawn is not sent to workers, but drawn there."""
        return {**self.__dict__, "_drawn": {}}

    def world(
        self, changes: Mapping[str, Any], events: Sequence[str], replace: Mapping[str, Any], base: Any = None
    ) -> Changes:
        """What an arm changes, checked on the base scenario."""
        if replace or base is not None:
            raise InputError(
                "an arm of a claim sets values and events, and has neither agents nor a scenario of its own"
            )
        world = Changes(tuple(changes.items()), tuple(events))
        world.on(self.scenario)
        return world

    def drawn(self, draw: int, variant: str) -> Scenario:
        """The base at a draw and in a variant, before any arm."""
        key = draw, variant
        if key not in self._drawn:
            if len(self._drawn) >= 4:
                self._drawn.pop(next(iter(self._drawn)))
            self._drawn[key] = _in_variant(self.scenario.set(self.sample.changes[draw]), self.variants[variant])
        return self._drawn[key]

    def at(self, world: Changes, point: Mapping[str, Any]) -> Place:
        """An arm at a point."""
        draw = int(point["draw"])
        return Place(world.on(self.drawn(draw, str(point["variant"]))), draw)

    def check_horizon(self, world: Changes, months: int) -> None:
        """Refuse events beyond the horizon of the market."""
        MarketModel(self.scenario).check_horizon(world.on(self.scenario), self.horizon)

    def digests(
        self, world: Changes, points: Sequence[Mapping[str, Any]], progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """Of the base, the draw, the variant and the arm as they are declared."""
        arm = json.dumps([sorted(world.set), world.events], sort_keys=True, default=str)
        found = []
        for point in points:
            if not point:
                found.append(digest(self._base, arm))
                continue
            variant = self.variants[str(point["variant"])]
            laid = json.dumps([dict(variant.set), dict(variant.scale)], sort_keys=True, default=str)
            draw = int(point["draw"])
            found.append(digest(self._base, str(self.horizon), str(draw), self._draws[draw], laid, arm))
        return found

    def warm_up(self) -> None:
        """As the market does."""
        MarketModel(self.scenario).warm_up()

    def version(self) -> Mapping[str, str]:
        """Of the market."""
        return model_version()

    def is_whole(self, name: str) -> bool:
        """Draws are numbered."""
        return name == "draw"

    def check(self, world: Changes, name: str, values: Sequence[Any]) -> None:
        """There are no ranges to check."""

    def overlap(self, one: str, other: str) -> bool:
        """Draws and variants are no parameters."""
        return one == other

    def expand(self, metric: str) -> list[str]:
        """An outcome by its code; its metrics are those of the base scenario."""
        market = MarketModel(self.scenario)
        outcome = outcome_of(metric)
        for name in (outcome.metric, *outcome.plus, *outcome.per):
            market.expand(name)
        return [metric]

    def families(self, worlds: Sequence[Changes]) -> list[int]:
        """None share a past: to its runner a run is one month long."""
        return list(range(len(worlds)))

    def run(self, world: Place, seed: int, months: int, paths: Sequence[str], past: Past | None = None) -> Paths:
        """One run, and the outcomes of it: an array (1, outcomes)."""
        from moatlab.market.market import Market

        own = int(np.random.SeedSequence([seed, world.draw]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        market = Market(world.scenario, rng=own, detail="firm")
        results = market.run(self.horizon)
        slugs = world.scenario.all_slugs
        known = _Known(results.path)
        found = np.array([[reduce(outcome_of(code), known, slugs) for code in paths]])
        market.__dict__.clear()  # a cycle would keep the tables of many runs until a garbage collection
        return found


class _Known(dict[str, Any]):
    """Paths of a run, looked up once."""

    def __init__(self, path: Callable[[str], Any]) -> None:
        super().__init__()
        self._path = path

    def __missing__(self, metric: str) -> Any:
        self[metric] = found = self._path(metric)
        return found


def _in_variant(scenario: Scenario, variant: Variant) -> Scenario:
    """A scenario with what a variant multiplies and sets."""
    values: dict[str, Any] = {}
    for address, factor in variant.scale.items():
        for row in _rows(scenario, address):
            values[row] = _within(scenario, row, factor)
    changed = scenario.set(values) if values else scenario
    return changed.set(dict(variant.set)) if variant.set else changed


def _rows(scenario: Scenario, address: str) -> list[str]:
    kind, _, rest = address.partition(".*.")
    return [f"{kind}.{slug}.{rest}" for slug in scenario.slugs(kind)] if rest else [address]


def _within(scenario: Scenario, address: str, factor: float) -> float:
    """A value times a factor, within the parameter's range."""
    from moatlab.scenario.addresses import resolve

    known = resolve(address, scenario.all_slugs, "scale")
    declared = known.declared
    return float(min(max(float(scenario.at(known)) * factor, declared.low), declared.high))
