"""Pictures of a run.  Importing this package imports matplotlib, so do it only when something is to be drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from moatlab.show.accrual import accrual
from moatlab.show.effects import difference, effects
from moatlab.show.flows import flow
from moatlab.show.frames import Frames
from moatlab.show.graphs import graph
from moatlab.show.prices import prices
from moatlab.show.retention import retention
from moatlab.show.sensitivity import sensitivity
from moatlab.show.style import write
from moatlab.show.trajectories import categories, concentration, share, shares

__all__ = [
    "PICTURES",
    "Frames",
    "accrual",
    "categories",
    "concentration",
    "difference",
    "draw",
    "draw_all",
    "effects",
    "flow",
    "graph",
    "prices",
    "retention",
    "sensitivity",
    "share",
    "shares",
    "write",
]

#: Every picture by name; ``share`` and ``flow`` can also be drawn for a layer and for a year.
PICTURES: dict[str, Callable[[Frames], Figure]] = {
    "shares": shares,
    "categories": categories,
    "concentration": concentration,
    "accrual": accrual,
    "prices": prices,
    "retention": retention,
    "flow": flow,
    "graph": graph,
}


def draw(frames: Frames, name: str, path: Path) -> Path:
    """Draws the picture ``name`` into the PNG file ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(PICTURES[name](frames), path)


def draw_all(frames: Frames, directory: Path) -> list[Path]:
    """Draws every picture into ``directory``, one PNG each; the graph only if there is one."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [
        draw(frames, name, directory / f"{name}.png")
        for name in PICTURES
        if name != "graph" or frames.graph is not None
    ]
    for layer, firms in frames.firms.groupby("kind", sort=True):
        if firms["slug"].nunique() > 1:
            paths.append(write(share(frames, str(layer)), directory / f"share-{layer}.png"))
    return paths
