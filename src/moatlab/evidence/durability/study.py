"""All units of a study, by several processes, each kept as soon as it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from moatlab.evidence.durability.plan import Case, Plan
from moatlab.evidence.durability.worlds import Response, Unit, run_unit
from moatlab.evidence.fit.prior import draws
from moatlab.evidence.inference import Array
from moatlab.experiments.digests import digest
from moatlab.experiments.engines import LocalExecutor, SerialExecutor
from moatlab.market.state.sources import model_digest
from moatlab.scenario.scenario import Scenario

#: Where units are kept in a folder of results.
FOLDER = "units"
Progress = Callable[[int, int], None]


@dataclass
class Study:
    """What all units gave."""

    plan: Plan
    units: list[Unit] = field(default_factory=list)

    def responses(self, case: Case, arm: str, of: str) -> Array:
        """``of`` "profit" (M$) or "share", treated less control, [draws, months after the grant].

        The seeds of a draw are averaged, and draws in which the case could not be compared are left out.
        """
        by_draw: dict[int, list[Array]] = {}
        for unit in self.units:
            found = unit.responses.get((case, arm))
            if found is not None:
                by_draw.setdefault(unit.draw, []).append(getattr(found, of))
        rows = [np.mean(paths, axis=0) for _, paths in sorted(by_draw.items())]
        return np.array(rows) if rows else np.zeros((0, self.plan.after + 1))

    def exits(self, case: Case, arm: str) -> tuple[float, float]:
        """Share of worlds in which the holder is gone at the end: with the grant, and without."""
        ends = [found.alive for unit in self.units if (found := unit.responses.get((case, arm))) is not None]
        if not ends:
            return float("nan"), float("nan")
        with_, without = np.mean(ends, axis=0)
        return 1.0 - float(with_), 1.0 - float(without)

    def noted(self, case: Case, name: str) -> list[Any]:
        """``name`` "bought", "firms", "base" or "reasons" of the units in which the case has one."""
        return [getattr(unit, name)[case] for unit in self.units if case in getattr(unit, name)]

    def gain(self, layer: str) -> float:
        """Loop gain of the layer in the month of the grant, mean over units."""
        return float(np.mean([unit.gains.get(layer, 0.0) for unit in self.units])) if self.units else float("nan")


def run_study(plan: Plan, workers: int = 1, progress: Progress | None = None, folder: Path | None = None) -> Study:
    """Run all units; those that ``folder`` has of the same study are read.  ``progress`` hears of done and of all."""
    tasks = tasks_of(plan)
    key = study_key(plan)
    kept = {} if folder is None else _kept(plan, folder / FOLDER, key)
    done: dict[tuple[int, int], Unit] = {at: unit for at, unit in kept.items() if at in {task[1:] for task in tasks}}
    if progress is not None:
        progress(len(done), len(tasks))
    left = [task for task in tasks if task[1:] not in done]
    engine: Any = LocalExecutor(min(workers, len(left))) if workers > 1 and len(left) > 1 else SerialExecutor()
    with engine:
        waiting: set[Future[Unit]] = set()
        queue = list(left)
        while queue or waiting:
            while queue and len(waiting) < max(1, workers):
                scenario, draw, seed = queue.pop(0)
                waiting.add(engine.submit(run_unit, plan, scenario, draw, seed))
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                unit = future.result()
                done[unit.draw, unit.seed] = unit
                if folder is not None:
                    _keep(plan, folder / FOLDER, key, unit)
                if progress is not None:
                    progress(len(done), len(tasks))
    return Study(plan, [done[at] for at in sorted(done)])


def tasks_of(plan: Plan) -> list[tuple[Scenario, int, int]]:
    """Scenario, draw and seed of every unit; every draw of the prior has seeds of its own."""
    drawn = draws(plan.scenario, plan.draws, plan.seed)
    return [
        (scenario, draw, plan.seed + draw * plan.seeds + seed)
        for draw, scenario in enumerate(drawn) for seed in range(plan.seeds)
    ]  # fmt: skip


def study_key(plan: Plan) -> str:
    """What decides a unit's numbers, but for its draw and seed."""
    cases = [f"{case.name}: {', '.join(plan.arms(case))}" for case in plan.cases]
    about = [plan.month, plan.after, plan.worth, plan.over, plan.draws, plan.seeds, plan.seed, cases]
    return digest(plan.scenario.digest(), model_digest(), json.dumps(about))


def _keep(plan: Plan, folder: Path, key: str, unit: Unit) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    order = [(case, arm) for case in plan.cases for arm in plan.arms(case) if (case, arm) in unit.responses]
    about = {
        "study": key, "draw": unit.draw, "seed": unit.seed, "gains": unit.gains,
        "order": [[plan.cases.index(case), arm] for case, arm in order],
        "alive": [list(unit.responses[at].alive) for at in order],
        **{name: [[plan.cases.index(case), value] for case, value in getattr(unit, name).items()]
           for name in ("bought", "firms", "base", "reasons")},
    }  # fmt: skip
    paths = {of: np.array([getattr(unit.responses[at], of) for at in order], float) for of in ("profit", "share")}
    path = folder / f"draw-{unit.draw:03d}-seed-{unit.seed}.npz"
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(about)), **paths)  # type: ignore[arg-type]
    temporary.replace(path)


def _kept(plan: Plan, folder: Path, key: str) -> dict[tuple[int, int], Unit]:
    """Units of this study that a folder holds; those of another study, and damaged ones, do not count."""
    found = {}
    for path in sorted(folder.glob("draw-*.npz")) if folder.is_dir() else ():
        try:
            with np.load(path, allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                profit, share = stored["profit"], stored["share"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            continue
        if about["study"] != key:
            continue
        unit = Unit(about["draw"], about["seed"], {}, {}, {}, {}, {}, about["gains"])
        for name in ("bought", "firms", "base", "reasons"):
            getattr(unit, name).update({plan.cases[int(at)]: value for at, value in about[name]})
        for place, (at, arm) in enumerate(about["order"]):
            alive = about["alive"][place]
            unit.responses[plan.cases[at], arm] = Response(profit[place], share[place], (alive[0], alive[1]))
        found[unit.draw, unit.seed] = unit
    return found
