"""What an experiment runs: the market, or a function in its place.

A model turns an arm's changes into a *world*, which travels to the workers once, and runs it at a point with a seed.
The function serves tests of the machinery, analytic test cases of sensitivity analysis, and measurements of the
experiment layer itself, all through the driver that runs the market.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.experiments.digests import digest
from moatlab.experiments.fingerprint import class_source, function_source, model_version
from moatlab.experiments.worlds import at_points
from moatlab.results.addresses import find_metric, unknown_metric
from moatlab.scenario.addresses import ALL, nearest, parse
from moatlab.scenario.months import span_name
from moatlab.scenario.registry import Parameter
from moatlab.scenario.rules import declarations
from moatlab.scenario.scenario import Scenario

World = Any
Paths = NDArray[np.float64]


class Model(Protocol):
    """The contract; every method that checks raises `InputError` in one line."""

    @property
    def months(self) -> int:
        """Months of a run unless the experiment says otherwise."""
        ...

    def world(
        self, changes: Mapping[str, Any], events: Sequence[str], replace: Mapping[str, Any], base: Any = None
    ) -> World:
        """The world of an arm, from a base of its own if there is one."""
        ...

    def at(self, world: World, point: Mapping[str, Any]) -> World:
        """The world at a point of the design."""
        ...

    def check_horizon(self, world: World, months: int) -> None:
        """Refuse what would happen after the run."""
        ...

    def digests(
        self, world: World, points: Sequence[Mapping[str, Any]], progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """For each point, the digest of everything in the world there that decides a run's numbers.

        The points set the same parameters.  ``progress`` is called now and then with the number of points done.
        """
        ...

    def warm_up(self) -> None:
        """What a process does once before its first run, such as compiling; it counts as no run's time."""
        ...

    def version(self) -> Mapping[str, str]:
        """What else decides them: source and versions, which a worker on another machine must share."""
        ...

    def is_whole(self, name: str) -> bool:
        """Whether a parameter takes whole numbers only."""
        ...

    def check(self, world: World, name: str, values: Sequence[Any]) -> None:
        """Refuse values that a parameter does not take in a world."""
        ...

    def overlap(self, one: str, other: str) -> bool:
        """Whether two addresses of parameters set the same value."""
        ...

    def expand(self, metric: str) -> list[str]:
        """The metrics meant by an address, in which ``*`` stands for every firm or category."""
        ...

    def run(self, world: World, seed: int, months: int, paths: Sequence[str]) -> Paths:
        """One run: an array (months, paths)."""
        ...


class MarketModel:
    """The market, from a base scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    def months(self) -> int:
        """The scenario's horizon."""
        return self.scenario.months

    def world(
        self, changes: Mapping[str, Any], events: Sequence[str], replace: Mapping[str, Any], base: Any = None
    ) -> Scenario:
        """The base scenario, or the arm's own, with an arm's changes."""
        start = self.scenario if base is None else base
        changed = start.set(changes) if changes else start
        changed = changed.with_events(*events) if events else changed
        for firm, agent in replace.items():
            changed = changed.replace(firm, agent)
        return changed

    def at(self, world: Scenario, point: Mapping[str, Any]) -> Scenario:
        """The arm's scenario with the point's values."""
        return world.set(point) if point else world

    def check_horizon(self, world: Scenario, months: int) -> None:
        """Refuse events beyond the run."""
        for event in world.events:
            if max(event.month, event.last or 0) >= months:
                raise InputError(
                    f"event {str(event)!r}: its month lies beyond the run of {months} months (0-{months - 1}: "
                    f"{span_name(0, months - 1, world.start)})"
                )

    def digests(
        self, world: Scenario, points: Sequence[Mapping[str, Any]], progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """The resolved scenario at each point, and the source of agents of one's own."""
        own = [f"{firm} {class_source(agent, firm)}" for firm, agent in sorted(world.overrides.items())]
        if not world.rules:
            return at_points(world, points, own, progress)
        found = []
        for point in points:
            # A point may set parameters of rules from outside, which are not among the market's own.
            there, rest = world, dict(point)
            for rule in world.rules:
                mine = {name: rest.pop(name) for name in list(rest) if name.partition(".")[0] == rule.name}
                there = there.set(mine) if mine else there
            rules = [f"{rule.name} {rule.resolved()} {class_source(rule.rule, rule.name)}" for rule in there.rules]
            found += at_points(there, [rest], [*own, *rules])
        return found

    def warm_up(self) -> None:
        """Compile what the cache lacks, and load what it has by a month of the smallest market."""
        from moatlab.market.compilation import warm_up
        from moatlab.market.market import Market

        warm_up()
        Market(Scenario("tiny"), rng=0).run(1)

    def version(self) -> Mapping[str, str]:
        """Digest of the model's source, versions of numpy and numba."""
        return model_version()

    def is_whole(self, name: str) -> bool:
        """Whether the registry, or the rule that it belongs to, declares it so."""
        own = self._declared_by_rule(name)
        return parse(name).declared.is_integer if own is None else own.is_integer

    def check(self, world: Scenario, name: str, values: Sequence[Any]) -> None:
        """Each on its own."""
        if self._declared_by_rule(name) is not None:
            for value in values:
                world.set({name: value})
            return
        at_points(world, [{name: value} for value in values], what="")

    def overlap(self, one: str, other: str) -> bool:
        """The same parameter of the same row, ``*`` being every row."""
        if self._declared_by_rule(one) is not None or self._declared_by_rule(other) is not None:
            return one == other
        a, b = parse(one), parse(other)
        same = (a.kind, a.parameter) == (b.kind, b.parameter)
        return same and (a.slug == b.slug or ALL in (a.slug, b.slug))

    def expand(self, metric: str) -> list[str]:
        """Metrics of the scenario's firms and categories by address, and those of rules from outside."""
        slugs = self.scenario.metric_slugs
        if metric in {f"{rule.name}.{name}" for rule in self.scenario.rules for name, _, _ in rule.rule.metrics}:
            return [metric]
        kind, _, rest = metric.partition(".")
        slug, _, name = rest.partition(".")
        found = [f"{kind}.{s}.{name}" for s in slugs.get(kind, ())] if slug == ALL else [metric]
        for address in found or [metric]:
            known = find_metric(address, slugs)
            if known is None or known.unit == "code":
                raise unknown_metric(address, slugs)
        return found

    def _declared_by_rule(self, name: str) -> Parameter | None:
        kind, _, parameter = name.partition(".")
        for rule in self.scenario.rules:
            if rule.name == kind:
                return declarations(rule.rule).get(parameter)
        return None

    def run(self, world: Scenario, seed: int, months: int, paths: Sequence[str]) -> Paths:
        """Simulate; firms are recorded only if a path needs them, which changes no number."""
        from moatlab.market.market import Market

        firms = any(p.count(".") == 2 and not p.startswith("users.") for p in paths)
        market = Market(world, rng=seed, detail="firm" if firms else "layer")
        results = market.run(months)
        found = np.stack([results.path(p) for p in paths], axis=1)
        # Mesa's wrapper of `step` is a cycle, which would keep the tables of many runs until a garbage collection.
        market.__dict__.clear()
        return found


class FunctionModel:
    """A function in the market's place: ``function(values, seed, months)`` returns a mapping of metric to path.

    ``values`` are the ``parameters`` with an arm's and a point's changes.  A path may be one number, which then holds
    for every month.  The function's source enters the run key, so it has to be defined in a file.
    """

    def __init__(
        self,
        function: Callable[[dict[str, Any], int, int], Mapping[str, Any]],
        parameters: Mapping[str, Any],
        metrics: Sequence[str],
        months: int = 1,
    ) -> None:
        self.function = function
        self.parameters = dict(parameters)
        self.metrics = tuple(metrics)
        self.months = months
        self._source: str | None = None

    def world(
        self, changes: Mapping[str, Any], events: Sequence[str], replace: Mapping[str, Any], base: Any = None
    ) -> dict[str, Any]:
        """The parameters with an arm's changes; a function has no events, no firms and no scenario."""
        if events or replace or base is not None:
            raise InputError("a function in the market's place takes neither events nor agents nor scenarios")
        return self.at(self.parameters, changes)

    def at(self, world: dict[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
        """The values with the point's."""
        for name in point:
            if name not in self.parameters:
                raise InputError(f"there is no parameter {name!r}; {nearest(name, self.parameters)}")
        return {**world, **point}

    def check_horizon(self, world: dict[str, Any], months: int) -> None:
        """Nothing happens at a month."""

    def digests(
        self, world: dict[str, Any], points: Sequence[Mapping[str, Any]], progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """The values at each point."""
        for name in points[0] if points else ():
            self.at(world, {name: points[0][name]})
        names = sorted({**world, **(points[0] if points else {})})
        same = {name: f"{name} {value!r}" for name, value in world.items()}
        return [digest(*(f"{n} {point[n]!r}" if n in point else same[n] for n in names)) for point in points]

    def warm_up(self) -> None:
        """Nothing to compile."""

    def version(self) -> Mapping[str, str]:
        """The function's source beside the model's version."""
        if self._source is None:
            self._source = function_source(self.function)
        return {**model_version(), "function": self._source}

    def is_whole(self, name: str) -> bool:
        """Whether its value is a whole number."""
        return type(self.parameters.get(name)) is int

    def check(self, world: dict[str, Any], name: str, values: Sequence[Any]) -> None:
        """A function takes what it takes."""
        self.at(world, {name: values[0]})

    def overlap(self, one: str, other: str) -> bool:
        """Names are plain."""
        return one == other

    def expand(self, metric: str) -> list[str]:
        """A metric that the function returns."""
        if metric not in self.metrics:
            raise InputError(f"there is no metric {metric!r}; {nearest(metric, self.metrics)}")
        return [metric]

    def run(self, world: dict[str, Any], seed: int, months: int, paths: Sequence[str]) -> Paths:
        """Call the function."""
        returned = self.function(world, seed, months)
        columns = [np.broadcast_to(np.asarray(returned[p], float), (months,)) for p in paths]
        return np.stack(columns, axis=1)
