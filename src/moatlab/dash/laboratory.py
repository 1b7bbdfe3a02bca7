"""Runs and pictures behind the pages: worker processes, and a store of runs that pages read and never change."""

from __future__ import annotations

import asyncio
import pickle
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from moatlab.dash import choices, work
from moatlab.dash.state import Presets, Recipe, State
from moatlab.dash.work import Form, Picture
from moatlab.experiments.engines import LocalExecutor, SerialExecutor, workers_here
from moatlab.results.frames import dates_of

if TYPE_CHECKING:
    from moatlab.results.results import Results
    from moatlab.show.effects import Shown
    from moatlab.show.ghost import Panel

T = TypeVar("T")
#: Most worker processes, and sets of runs that are kept: one of 16 seeds of ten years takes some 10 MB.
MOST_WORKERS, KEPT = 4, 12
#: Inches of a sheet to be saved, the least and the most of one on a page, and pixels of an inch there.
SAVED, NARROWEST, WIDEST, PIXELS = 9.0, 3.0, 14.0, 100.0
#: The colour of lines that belong to no layer.
PLAIN_COLOUR = "#0072b2"


@dataclass(frozen=True)
class Drawn:
    """A picture with the words that a page has beside it, and the metrics of its lines."""

    picture: Picture
    heading: str
    note: str
    metrics: tuple[str, ...] = ()


class Laboratory:
    """Makes what a state asks for.  It keeps no state of any page: runs are known by their recipe."""

    def __init__(self, presets: Presets, workers: int | None = None) -> None:
        """Starts the workers and waits until they are ready: ``workers`` of them, by default one a processor."""
        count = min(MOST_WORKERS, workers_here()) if workers is None else workers
        self._presets = pickle.dumps(dict(presets.scenarios))
        self._serial = sys.platform == "win32" or count == 0
        self._executor: Executor = SerialExecutor() if self._serial else LocalExecutor(count)
        self._count = max(1, count)
        #: A serial executor works in the thread that asks it, and a market belongs to one thread at a time.
        self._alone = threading.Lock()
        self._runs: OrderedDict[tuple[Recipe, int, int], asyncio.Task[list[Results]]] = OrderedDict()
        self._begin()

    def _begin(self) -> None:
        # A task each, all at once: a worker that has one is busy until it is ready.
        given = (self._presets, work.ready, ())
        for future in [self._executor.submit(work.call, *given) for _ in range(self._count)]:
            future.result()

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a worker makes of a call."""
        given = (self._presets, function, arguments)
        if self._serial:
            result: T = await asyncio.to_thread(self._alone_in, given)
            return result
        result = await asyncio.wrap_future(self._executor.submit(work.call, *given))
        return result

    def _alone_in(self, given: tuple[Any, ...]) -> Any:
        with self._alone:
            return self._executor.submit(work.call, *given).result()

    # Runs -----------------------------------------------------------------------------------------------------------

    async def runs(self, recipe: Recipe, seed: int, seeds: int) -> list[Results]:
        """Runs of a recipe for ``seeds`` seeds from ``seed`` on, stored or made now; who asks meanwhile waits too."""
        key = (recipe, seed, seeds)
        if key not in self._runs:
            self._runs[key] = asyncio.create_task(self._make(recipe, range(seed, seed + seeds)))
        self._runs.move_to_end(key)
        while len(self._runs) > KEPT:
            self._runs.popitem(last=False)
        try:
            # A page that leaves does not take the runs from others that wait for them.
            return await asyncio.shield(self._runs[key])
        except BaseException:
            task = self._runs.get(key)
            if task is not None and task.done() and (task.cancelled() or task.exception() is not None):
                del self._runs[key]
            raise

    async def _make(self, recipe: Recipe, seeds: Sequence[int]) -> list[Results]:
        parts = [seeds[at :: self._count] for at in range(self._count)]
        made = await asyncio.gather(*(self._call(work.simulate, recipe, part) for part in parts if part))
        return sorted((run for part in made for run in part), key=lambda run: int(run.about["seed"]))

    # Pictures -------------------------------------------------------------------------------------------------------

    async def draw(self, state: State, pixels: float = 0.0, form: Form = "svg") -> Drawn:
        """The picture of a state, for a page of so many pixels, or to be saved where that is 0."""
        if state.view == "time":
            return await self._over_time(state, pixels, form)
        arm = "with the change" if state.changed and not state.plain else "without the change" if state.changed else ""
        if state.view == "flow":
            runs = await self.runs(state.drawn, state.seed, state.seeds)
            picture = await self._call(work.draw_flow, runs, state.year, form)
            heading = f"Dollars through the stack in {state.year}{_behind(arm)}"
            return Drawn(picture, heading, f"Mean of {state.seeds} seeds")
        picture = await self._call(work.draw_graph, state.drawn, state.seed, state.last_month, form)
        heading = f"Who buys from whom at the end of {state.year}{_behind(arm)}"
        return Drawn(picture, heading, f"Seed {state.seed}")

    async def _over_time(self, state: State, pixels: float, form: Form) -> Drawn:
        from moatlab.show.ghost import found

        recipes = [state.with_change, state.without] if state.changed else [state.without]
        arms = await asyncio.gather(*(self.runs(recipe, state.seed, state.seeds) for recipe in recipes))
        panels, metrics = _panels(state, arms)
        heading = found(panels, _what(state))
        note = _note(state)
        width = min(max(pixels / PIXELS, NARROWEST), WIDEST) if pixels else SAVED
        given = (panels, _shown(state), heading, note, width, form, not pixels)
        return Drawn(await self._call(work.draw_lines, *given), heading, note, metrics)


def _behind(words: str) -> str:
    return f", {words}" if words else ""


def _panels(state: State, arms: Sequence[Sequence[Results]]) -> tuple[list[Panel], tuple[str, ...]]:
    """The panels of the view over time, and the addresses of their metrics."""
    from moatlab.show.ghost import Panel
    from moatlab.show.style import LAYER_COLOURS

    lines = state.lines
    if len(lines) > choices.MOST_PANELS:
        # The largest firms of the preset, in the order of the scenario.
        base = arms[-1]
        size = {line.address: sum(_total(run, line.address) for run in base) for line in lines}
        largest = sorted(lines, key=lambda line: -size[line.address])[: choices.MOST_PANELS]
        lines = [line for line in lines if line in largest]
    panels = []
    for line in lines:
        paths = [np.stack([run.path(line.address) for run in runs]) for runs in arms]
        plain = paths[1] if len(paths) > 1 else None
        panels.append(Panel(line.name, line.unit, paths[0], plain, LAYER_COLOURS.get(line.layer, PLAIN_COLOUR)))
    return panels, tuple(line.address for line in lines)


def _total(run: Results, address: str) -> float:
    revenue = run.path(f"{address.rpartition('.')[0]}.revenue")
    return float(np.nansum(revenue))


def _what(state: State) -> str:
    measure = choices.words(state.measure)
    measure = measure[0].upper() + measure[1:]
    if state.layer == "every":
        return f"{measure} by layer"
    if state.firm == choices.EACH:
        return f"{measure} by category of customers" if state.layer == "users" else f"{measure} by firm, {state.layer}"
    return state.lines[0].name


def _note(state: State) -> str:
    band = f"median of {state.seeds} seeds, band: 5 to 95 %" if state.seeds > 1 else f"seed {state.seed}"
    if not state.changed:
        return f"Line: {band}"
    told = "; ".join(state.told)
    return f"Colour: with {told}, {band}; grey, dashed: {state.preset} as it is"


def _shown(state: State) -> Shown:
    from moatlab.show.effects import Shown

    events = sorted({float(event.month) for event in state.scenario.events})
    dates = dates_of(state.base.start, np.arange(state.months, dtype=np.float64))
    last = state.seed + state.seeds - 1
    seeds = f"seeds {state.seed} to {last}" if state.seeds > 1 else f"seed {state.seed}"
    return Shown(dates, f"moatlab, {state.base.title}, {seeds}", dates_of(state.base.start, np.array(events)))
