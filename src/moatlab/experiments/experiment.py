"""An experiment: a file's declarations bound to a model, checked, laid out as a plan, and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError
from moatlab.experiments import design as designs
from moatlab.experiments.digests import digest
from moatlab.experiments.models import MarketModel, Model
from moatlab.experiments.packaged import packaged_experiments
from moatlab.experiments.plan import Plan, frame, luck
from moatlab.experiments.record import Record, needed
from moatlab.experiments.spec import Arm, Inference, Outcome, Spec, read_spec, read_toml
from moatlab.experiments.work import Job
from moatlab.results.addresses import Slugs
from moatlab.scenario.addresses import nearest
from moatlab.scenario.months import read_month
from moatlab.scenario.reading import packaged
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moatlab.experiments.batch import Batch


@dataclass(frozen=True)
class Layout:
    """The design of an experiment, as an analysis of sensitivity takes it.

    ``names`` are the uncertain parameters in order and ``bounds`` their ranges (None where a list of values is given).
    """

    kind: str
    names: tuple[str, ...]
    bounds: tuple[tuple[float, float] | None, ...]
    samples: int | None
    second_order: bool
    levels: int
    seed: int
    _declared: Any

    @property
    def problem(self) -> dict[str, Any]:
        """SALib's description, in the unit cube in which the sample was laid out."""
        return designs.problem(self.names)

    def unit_sample(self) -> NDArray[np.float64]:
        """The sample in the unit cube, a row a point in the order of the points."""
        return designs.unit_sample(self._declared, self.names)


class Experiment:
    """An experiment, by `load` from a file or by `from_dict` from nested tables."""

    def __init__(self, spec: Spec, model: Model | None, where: str = "experiment", folder: Path | None = None) -> None:
        """Bind declarations to a model, without checking; ``model`` None is one that can be read and not run."""
        self.folder = folder
        self.spec = spec
        self.where = where
        self._model = model

    @classmethod
    def load(cls, path: str | Path) -> Experiment:
        """Read and check a TOML file, or the packaged experiment of that name.

        Raises `InputError` in one line for whatever is wrong with it.
        """
        path = packaged_experiments().get(str(path), Path(path))
        mapping = read_toml(path)
        return cls.from_dict({"name": path.stem, **mapping}, where=str(path), folder=path.parent)

    @classmethod
    def from_dict(
        cls,
        mapping: Mapping[str, Any],
        where: str = "experiment",
        folder: Path | None = None,
        model: Model | None = None,
    ) -> Experiment:
        """The same from nested tables, as a file holds them.

        ``scenario`` may be a `Scenario`; paths of scenarios start at ``folder``.  A ``model`` takes the market's place.
        """
        spec = read_spec({"name": "experiment", **_numbered(mapping, where, folder)}, where)
        experiment = cls(spec, model or _market(spec, where, folder), where, folder)
        experiment._check()
        return experiment

    def with_spec(self, **changes: Any) -> Experiment:
        """A checked copy with other top-level entries, such as ``replications``."""
        spec = read_spec({**as_mapping(self.spec), **changes}, self.where)
        experiment = Experiment(spec, self._model, self.where, self.folder)
        experiment._check()
        return experiment

    # What it says ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The short name."""
        return self.spec.name

    @property
    def question(self) -> str:
        """What it asks."""
        return self.spec.question

    @property
    def prediction(self) -> str:
        """What was expected before it ran."""
        return self.spec.prediction

    @property
    def smallest_effect(self) -> dict[str, float]:
        """The smallest effect of interest of each outcome that has one, in the metric's unit."""
        return {n: o.smallest_effect for n, o in self.spec.outcomes.items() if o.smallest_effect is not None}

    @property
    def test(self) -> Inference:
        """How effects are judged."""
        return self.spec.test

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms by name; the one to compare with is `control`."""
        return self.spec.all_arms

    @property
    def control(self) -> str:
        """The arm called control, else the first."""
        return self.spec.control

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcomes by name."""
        return self.spec.outcomes

    @property
    def uncertainties(self) -> tuple[str, ...]:
        """The parameters that the design varies."""
        return tuple(self.spec.uncertainties or (self.spec.design.points[0] if self.spec.design.points else ()))

    @property
    def design(self) -> Layout:
        """The design of the points."""
        d, u = self.spec.design, self.spec.uncertainties
        bounds = tuple(None if x.low is None or x.high is None else (float(x.low), float(x.high)) for x in u.values())
        return Layout(d.kind, tuple(u), bounds, d.samples, d.second_order, d.levels, d.seed, d)

    @property
    def model(self) -> Model:
        """What is run.  Raises `InputError` for a stored experiment with a function in the market's place."""
        if self._model is None:
            raise InputError("this experiment ran a function in the market's place, and can be run from Python only")
        return self._model

    @property
    def scenario(self) -> Scenario | None:
        """The base scenario, if it is the market that runs."""
        return self._model.scenario if isinstance(self._model, MarketModel) else None

    @property
    def months(self) -> int:
        """The horizon of each run."""
        return self.spec.months or self.model.months

    @cached_property
    def record(self) -> Record:
        """What is taken out of each run."""
        return Record(self.paths, self.months)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The metrics whose monthly paths are recorded: those of the outcomes, and further ones."""
        wanted: set[str] = set()
        for pattern in self.spec.paths:
            # A stored function's metrics were written out.
            wanted.update(self._model.expand(pattern) if self._model is not None else [pattern])
        for outcome in self.outcomes.values():
            wanted.update(needed(outcome, self.slugs))
        return tuple(sorted(wanted))

    @property
    def slugs(self) -> Slugs:
        """The rows of each kind of the market's scenario; none for a function in its place."""
        return self.scenario.metric_slugs if self.scenario is not None else {}

    def base_of(self, arm: str) -> Scenario:
        """The scenario from which an arm starts: one of its own, or that of the experiment."""
        own = self.arms[arm].scenario
        return _scenario(self.spec.scenario if own is None else own, self.folder)

    # Plan and job ---------------------------------------------------------------------------------------------------

    @cached_property
    def worlds(self) -> tuple[Any, ...]:
        """The world of each arm, in order."""
        spec, found = self.spec, []
        for name, arm in self.arms.items():
            for address in arm.set:
                self._refuse_overlap(address, spec.uncertainties, f"arms.{name}")
            with _told(f"{self.where}: arms.{name}" if spec.arms else self.where):
                base = None if arm.scenario is None else self.base_of(name)
                world = self.model.world({**spec.set, **arm.set}, (*spec.events, *arm.events), arm.replace, base)
                if base is not None:
                    for metric in self.paths:
                        MarketModel(base).expand(metric)
                self.model.check_horizon(world, self.months)
                found.append(world)
        return tuple(found)

    @cached_property
    def plan(self) -> Plan:
        """Every run with its key.  Raises `InputError` for points at which the model contradicts itself."""
        return self.lay_out()

    def lay_out(self, progress: Callable[[int, int], None] | None = None, keys: list[str] | None = None) -> Plan:
        """The plan, which is kept; ``progress`` is called with the number of points done, by arm, and of all of them.

        ``keys`` are those of the same plan, laid out before.
        """
        points = designs.points(self.spec, self.model.is_whole, self.where)
        arms, replications = tuple(self.arms), self.spec.replications
        if keys is not None:
            plan = Plan.stored(arms, points, replications, self._seeds, keys)
        else:
            by_arm = []
            for at, world in enumerate(self.worlds):
                tell = partial(_tell, progress, at * len(points), len(self.worlds) * len(points)) if progress else None
                with _told(self.where):
                    by_arm.append(self.model.digests(world, points, tell))
            digests = list(zip(*by_arm, strict=True))
            plan = Plan(arms, points, replications, self._seeds, digests, self._frame)
        self.__dict__["plan"] = plan
        return plan

    @cached_property
    def _seeds(self) -> list[tuple[int, ...]]:
        """The seed of each replication and arm."""
        spec, found = self.spec, []
        for replication in range(spec.replications):
            shared = spec.seeds[replication] if spec.seeds else luck(spec.seed, replication, None)
            found.append(
                tuple(
                    shared if arm.luck == "shared" else luck(spec.seed, replication, name)
                    for name, arm in self.arms.items()
                )
            )
        return found

    @property
    def _frame(self) -> str:
        return frame(self.months, self.model.version())

    def declared(self) -> str:
        """Digest of what decides the plan: the worlds, design, seeds, horizon and version; cheap beside the plan."""
        spec = self.spec
        told = json.dumps([
            list(self.arms), spec.design.model_dump(), {n: u.model_dump() for n, u in spec.uncertainties.items()},
            spec.seed, spec.seeds, spec.replications, [arm.luck for arm in self.arms.values()],
        ])  # fmt: skip
        return digest(self._frame, told, *(self.model.digests(world, [{}])[0] for world in self.worlds))

    @property
    def job(self) -> Job:
        """What the workers are sent."""
        return Job(self.model, self.worlds, self.record, self.spec.time_limit, dict(self.model.version()))

    def run(
        self,
        engine: str | Executor = "local",
        workers: int | None = None,
        out: str | Path | None = None,
        **options: Any,
    ) -> Batch:
        """Run what is not in the folder ``out`` yet, and return the batch.

        ``engine`` is "local", "serial", "dask" or any `concurrent.futures.Executor`.  Without ``out`` the batch lives
        in a temporary folder, which goes with it.  ``options`` are those of `moatlab.experiments.runner.Options`.
        """
        from moatlab.experiments.runner import Options, run

        return run(self, engine, workers, None if out is None else Path(out), Options(**options))

    def check_arm(self, name: str) -> None:
        """Raises `InputError` for an arm that does not exist."""
        if name not in self.arms:
            raise InputError(f"there is no arm {name!r}; {nearest(name, self.arms)}", self.where)

    # Checks ---------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """All that can be known before the plan is laid out."""
        spec, model = self.spec, self.model
        for name, outcome in spec.outcomes.items():
            with _told(f"{self.where}: outcomes.{name}"):
                if len(model.expand(outcome.metric)) != 1 or "*" in outcome.metric:
                    raise InputError(f"{outcome.metric!r} is several metrics; an outcome is of one")
                if outcome.months is not None and outcome.months[1] >= self.months:
                    raise InputError(
                        f"months {list(outcome.months)} reach beyond the run of {self.months} months "
                        f"(0-{self.months - 1})"
                    )
        with _told(f"{self.where}: paths"):
            _ = self.record
        if len(self.record.paths) > 10_000:
            raise InputError(f"{len(self.record.paths)} paths are more than the 10000 that can be recorded", self.where)
        names = list(spec.uncertainties)
        for at, name in enumerate(names):
            with _told(f"{self.where}: uncertainties"):
                for other in names[:at]:
                    if model.overlap(name, other):
                        raise InputError(f"{name} and {other} set the same value")
        base = model.world(spec.set, (), {}) if not spec.set else self._base()
        self._check_ranges(base)
        worlds = self.worlds
        digests = {n: model.digests(w, [{}])[0] + ("" if a.luck == "shared" else n)
                   for (n, a), w in zip(self.arms.items(), worlds, strict=True)}  # fmt: skip
        for name, found in digests.items():
            for other in self.arms:
                if other == name:
                    break
                if digests[other] == found:
                    changes = self.arms[name].set or self.arms[name].events or self.arms[name].replace
                    what = "is the same as" if changes else "changes nothing, so it is the same as"
                    raise InputError(f"arms.{name} {what} arms.{other}", self.where)

    def _base(self) -> Any:
        with _told(self.where):
            return self.model.world(self.spec.set, (), {})

    def _check_ranges(self, base: Any) -> None:
        """Both ends of every range, and every value of every list, must be valid on their own."""
        for name, uncertain in self.spec.uncertainties.items():
            self._refuse_overlap(name, self.spec.set, "uncertainties")
            ends = uncertain.values
            if not ends:
                with _told(f"{self.where}: uncertainties"):
                    whole = self.model.is_whole(name)
                ends = tuple(designs.level(uncertain, at, whole) for at in (0.0, 1.0))
            with _told(f"{self.where}: uncertainties"):
                self.model.check(base, name, ends)
        if self.spec.design.points:
            for name in self.spec.design.points[0]:
                self._refuse_overlap(name, self.spec.set, "design.points")
                for arm_name, arm in self.arms.items():
                    self._refuse_overlap(name, arm.set, f"arms.{arm_name}")

    def _refuse_overlap(self, address: str, others: Mapping[str, Any], what: str) -> None:
        with _told(f"{self.where}: {what}"):
            for other in others:
                if self.model.overlap(address, other):
                    raise InputError(f"{address} is set there and by {other} elsewhere in the file: one of the two")


class _told:  # noqa: N801  (reads as a phrase where it is used)
    """Puts the place in front of an `InputError`."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, InputError):
            raise InputError(str(problem), self.where) from None


def _market(spec: Spec, where: str, folder: Path | None) -> MarketModel:
    with _told(where):
        return MarketModel(_scenario(spec.scenario, folder))


def _numbered(mapping: Mapping[str, Any], where: str, folder: Path | None) -> Mapping[str, Any]:
    """The same with outcomes' months by number that are given by the calendar, which needs the scenario's start."""
    outcomes = mapping.get("outcomes")
    if not isinstance(outcomes, Mapping):
        return mapping
    dated = {
        name: outcome["months"]
        for name, outcome in outcomes.items()
        if isinstance(outcome, Mapping) and isinstance(outcome.get("months"), list | tuple)
        and any(isinstance(month, str) for month in outcome["months"])
    }  # fmt: skip
    if not dated:
        return mapping
    with _told(where):
        start = _scenario(mapping["scenario"], folder).start if "scenario" in mapping else ""
    changed = dict(outcomes)
    for name, months in dated.items():
        place = f"{where}: outcomes.{name}.months"
        read = [read_month(month, start, place) if isinstance(month, str) else month for month in months]
        changed[name] = {**outcomes[name], "months": read}
    return {**mapping, "outcomes": changed}


def _scenario(given: Any, folder: Path | None) -> Scenario:
    """A scenario by itself, by the name of a packaged one, or by a path from the experiment's folder."""
    if isinstance(given, Scenario):
        return given
    if not isinstance(given, str | Path):
        raise InputError(f"scenario is the name of a packaged one or the path of a file, not {given!r}")
    if isinstance(given, str) and given in packaged():
        return Scenario(given)
    path = Path(given) if folder is None else folder / given
    return Scenario(path if path.is_file() else given)


def _tell(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def as_mapping(spec: Spec) -> dict[str, Any]:
    """The declarations as nested tables, without what is left at its default."""
    return {**spec.model_dump(exclude_defaults=True), "name": spec.name, "scenario": spec.scenario}
