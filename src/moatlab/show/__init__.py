"""Pictures of a run.  Importing this package imports matplotlib, so do it only when something is to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

# First, since it imports matplotlib without the backend that the environment may name.
import moatlab.show.settings  # noqa: F401  # isort: skip

from matplotlib.figure import Figure

from moatlab.results.frames import Frames
from moatlab.show.accrual import accrual, profits
from moatlab.show.drivers import drivers
from moatlab.show.durability import durability, responses
from moatlab.show.effects import difference, effects
from moatlab.show.flows import flow
from moatlab.show.graphs import graph
from moatlab.show.prices import prices
from moatlab.show.retention import retention
from moatlab.show.sensitivity import sensitivity
from moatlab.show.style import write
from moatlab.show.tipping import tipping
from moatlab.show.trajectories import categories, concentration, share, shares

__all__ = [
    "PICTURES",
    "Frames",
    "accrual",
    "categories",
    "concentration",
    "difference",
    "draw_all",
    "drivers",
    "durability",
    "effects",
    "flow",
    "graph",
    "plan",
    "prices",
    "profits",
    "responses",
    "retention",
    "sensitivity",
    "share",
    "shares",
    "tipping",
    "write",
]

#: Every picture by name; ``share`` and ``flow`` can also be drawn for a layer and for a year.
PICTURES: dict[str, Callable[[Frames], Figure]] = {
    "shares": shares,
    "categories": categories,
    "concentration": concentration,
    "accrual": accrual,
    "profits": profits,
    "prices": prices,
    "retention": retention,
    "flow": flow,
    "graph": graph,
}


def plan(frames: Frames, year: int | None = None) -> dict[str, Callable[[], Figure]]:
    """The pictures that a run gives, by name: the graph only if there is one, a layer's shares if it has rivals.

    ``year`` is the calendar year of the flow diagram; without it, the last full one.
    """
    pictures: dict[str, Callable[[], Figure]] = {name: partial(picture, frames) for name, picture in PICTURES.items()}
    pictures["flow"] = partial(flow, frames, year)
    if frames.graph is None:
        del pictures["graph"]
    for layer, firms in frames.firms.groupby("kind", sort=True):
        if firms["slug"].nunique() > 1:
            pictures[f"share-{layer}"] = partial(share, frames, str(layer))
    return pictures


def draw_all(
    frames: Frames, directory: Path, year: int | None = None, done: Callable[[], object] = lambda: None,
    names: Collection[str] | None = None, formats: Sequence[str] = ("png",),
) -> list[Path]:  # fmt: skip
    """Draws the pictures of the `plan` into ``directory``, those called ``names`` or all, with their numbers as CSV.

    Calls ``done`` after each, and returns the files of the first of the ``formats``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, picture in plan(frames, year).items():
        if names is None or name in names:
            paths.append(write(picture(), directory / f"{name}.png", formats))
            done()
    return paths
