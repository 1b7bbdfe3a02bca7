"""The runs behind claims: laid out so that each distinct run is done once, run into a folder, and read back.

Claims that start from the same scenario share their runs.  Two batches are run for them: `main`, every arm of every
claim and the frozen twins of the headline's arms at all draws; and `variants`, the headline's arms in other markets at
the first of these draws.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.evidence.claims.files import Claim, frozen_arm, load, packaged_claims
from moatlab.evidence.claims.model import DrawnMarket, code_of
from moatlab.evidence.claims.sample import Sample
from moatlab.evidence.claims.variants import BASE, Variant, all_variants
from moatlab.experiments.batch import Batch
from moatlab.experiments.experiment import Experiment
from moatlab.experiments.runner import Progress
from moatlab.experiments.spec import Outcome
from moatlab.scenario.scenario import Scenario

Array = NDArray[np.float64]
#: Seed of the random numbers of all draws.
SEED = 20230119
#: Months of a point of the pictures' lines.
YEAR = 12


@dataclass(frozen=True)
class Sizes:
    """How much is run: draws and seeds of each, draws in each rival structure and on each path, pairs of rivals."""

    draws: int = 128
    seeds: int = 2
    structure_draws: int = 6
    path_draws: int = 32
    pairs: bool = True

    def of(self, variant: Variant) -> int:
        """Draws of a variant."""
        return min(self.draws, self.path_draws if variant.kind == "path" else self.structure_draws)


WHOLE = Sizes()
QUICK = Sizes(16, 1, 2, 4, False)


@dataclass(frozen=True)
class Group:
    """Claims on the same scenario and horizon, which share runs.

    ``pool`` are claims whose outcomes are kept of every run, so that what was run for some serves the others.
    """

    claims: tuple[Claim, ...]
    sample: Sample
    sizes: Sizes
    pool: tuple[Claim, ...] = ()

    @property
    def name(self) -> str:
        """A name for its folder."""
        first = self.claims[0]
        own = "" if not first.own else f"-{first.id}"
        return f"{first.scenario.name}-{first.experiment.months}{own}"

    @property
    def horizon(self) -> int:
        """Months of a run."""
        return self.claims[0].experiment.months

    def arm_of(self, claim: Claim, arm: str, frozen: bool = False) -> str:
        """The name under which an arm of a claim is run; arms that say the same are one."""
        return self._arms[_text(_tables(claim, arm, frozen))]

    @cached_property
    def _arms(self) -> dict[str, str]:
        """Names of arms by what they change; the claim that comes first gives the name."""
        found: dict[str, str] = {}
        for claim in self.claims:
            for arm in claim.spec.all_arms:
                found.setdefault(_text(_tables(claim, arm, False)), f"{claim.id}-{arm}")
        for claim in self.claims:
            for arm in claim.headline_arms if claim.spec.frozen else ():
                found.setdefault(_text(_tables(claim, arm, True)), f"{claim.id}-{arm}-frozen")
        return found

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """The two batches as experiments, without what was not asked for."""
        variants = all_variants(self.sizes.pairs)
        model = DrawnMarket(self.claims[0].scenario, self.sample, variants, self.horizon)
        arms = {name: json.loads(text) for text, name in self._arms.items()}
        kept = {claim.id: claim for claim in (*self.pool, *self.claims)}.values()
        outcomes = [o for claim in kept for o in claim.outcomes.values()]
        heads = [claim.outcomes[name] for claim in kept for name, _ in claim.headline]
        yearly = [year for head in heads for year in by_year(head, self.horizon)]
        chosen = {self.arm_of(claim, arm) for claim in self.claims for arm in claim.headline_arms}
        base = [{"draw": draw, "variant": BASE} for draw in range(self.sizes.draws)]
        other = [{"draw": draw, "variant": v.name} for v in variants.values() for draw in range(self.sizes.of(v))]
        found = {"main": _experiment("main", arms, base, [*outcomes, *yearly], self.sizes.seeds, model)}
        if other:
            some = {name: arm for name, arm in arms.items() if name in chosen}
            found["variants"] = _experiment("variants", some, other, heads, 1, model)
        return found


def grouped(claims: Sequence[Claim], sample_of: Callable[[Scenario], Sample], sizes: Sizes) -> list[Group]:
    """Claims by what they can share: those that come with moatlab, and each of one's own."""
    found: dict[tuple[str, int, str], list[Claim]] = {}
    for claim in claims:
        found.setdefault(_group_of(claim), []).append(claim)
    packaged = [claim for claim in claims if not claim.own]
    known = load(()) if packaged and len(packaged) < len(packaged_claims()) else packaged
    return [
        Group(tuple(group), sample_of(group[0].scenario), sizes, tuple(c for c in known if _group_of(c) == key))
        for key, group in found.items()
    ]


def _group_of(claim: Claim) -> tuple[str, int, str]:
    return claim.scenario.digest(), claim.experiment.months, claim.id if claim.own else ""


def by_year(outcome: Outcome, horizon: int) -> list[Outcome]:
    """The outcome in each year of the run, whatever its own months."""
    years = range(0, horizon, YEAR)
    return [outcome.model_copy(update={"months": (at, min(at + YEAR, horizon) - 1)}) for at in years]


def _tables(claim: Claim, arm: str, frozen: bool) -> dict[str, Any]:
    if frozen:
        return frozen_arm(claim, arm)
    declared = claim.spec.all_arms[arm]
    return {"set": dict(declared.set), "events": list(declared.events)}


def _text(tables: Mapping[str, Any]) -> str:
    return json.dumps(tables, sort_keys=True)


def _experiment(
    name: str, arms: Mapping[str, Any], points: list[dict[str, Any]], outcomes: Sequence[Outcome], seeds: int,
    model: DrawnMarket,
) -> Experiment:  # fmt: skip
    """A batch over chosen points; of its runs all outcomes are kept, in columns named by their codes."""
    codes = sorted({code_of(outcome) for outcome in outcomes})
    tables = {
        "name": name, "months": 1, "seed": SEED, "replications": seeds, "arms": arms, "paths": codes,
        "design": {"kind": "chosen", "points": points}, "outcomes": {"first": {"metric": codes[0]}},
    }  # fmt: skip
    return Experiment.from_dict(tables, model=model)


@dataclass(frozen=True, eq=False)
class Bank:
    """What was run for a group: outcomes by arm, variant, draw and seed."""

    group: Group
    folder: Path
    _tables: Mapping[str, tuple[Mapping[str, int], Mapping[str, int], Array]]
    failed: int

    def values(self, outcome: Outcome, arm: str, variant: str = BASE) -> Array:
        """An outcome of an arm by draw: the mean over its seeds, not-a-number where none has a value.

        ``variant`` other than the base has the first draws only.
        """
        arms, codes, table = self._tables["main" if variant == BASE else "variants"]
        first, count = self._span(variant)
        block = table[arms[arm], first : first + count, :, codes[code_of(outcome)]]
        known = np.isfinite(block)
        counts = known.sum(axis=1)
        total: Array = np.where(known, block, 0.0).sum(axis=1)
        mean: Array = np.divide(total, counts, out=np.full(count, np.nan), where=counts > 0)
        return mean

    def _span(self, variant: str) -> tuple[int, int]:
        sizes = self.group.sizes
        if variant == BASE:
            return 0, sizes.draws
        first = 0
        for known in all_variants(sizes.pairs).values():
            if known.name == variant:
                return first, sizes.of(known)
            first += sizes.of(known)
        raise KeyError(variant)


def run(
    group: Group, folder: Path, engine: str, workers: int | None, scheduler: str | None, progress: Progress | None
) -> Bank:  # fmt: skip
    """Do what the folder lacks, and read all of it.

    Raises `InputError`, `EngineError`, `OSError` and KeyboardInterrupt as batches do; what is stored stays stored.
    """
    tables, failed, others = {}, 0, list[Path]()
    for name, experiment in group.experiments.items():
        out = folder / f"{group.name}-{name}"
        batch = experiment.run(engine, workers, out, scheduler=scheduler, progress=progress, extend=True,
                               other_version=True, reuse=tuple(others))  # fmt: skip
        tables[name] = _read(batch, experiment)
        failed += len(batch.failures())
    return Bank(group, folder, tables, failed)


def _read(batch: Batch, experiment: Experiment) -> tuple[dict[str, int], dict[str, int], Array]:
    """Arms and outcomes by their places, and a table [arms, points, seeds, outcomes]."""
    codes = {code: at for at, code in enumerate(experiment.paths)}
    arms = {name: at for at, name in enumerate(experiment.arms)}
    shape = len(arms), len(experiment.plan.points), experiment.spec.replications, len(codes)
    table = np.full(shape, np.nan)
    rows = batch.sql("select * from monthly")
    places = rows["arm"].map(arms).to_numpy(int), rows["point"].to_numpy(int), rows["replication"].to_numpy(int)
    for code, at in codes.items():
        table[(*places, at)] = rows[code].to_numpy(float)
    return arms, codes, table
