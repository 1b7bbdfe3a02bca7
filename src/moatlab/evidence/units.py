"""What counts as one independent draw in each kind of design.

============================  ========================================================================================
kind of design                units
============================  ========================================================================================
replications, grid, chosen    the points were chosen: seeds are the units, and the points are averaged
latin, random                 every point is a draw
morris                        every trajectory is a draw, its k + 1 points averaged: each differs from the one before it
                              in one parameter only
sobol                         every row of the base sample is a draw, rows A and B averaged; the points between them mix
                              coordinates of the two, so they say nothing new about the mean
============================  ========================================================================================

Points of a trajectory, and of a row of Saltelli's design, share most of their coordinates.  As units of their own they
would make intervals too narrow by the square root of their correlation times their number.  The mean that a Morris
design estimates is that over the grid of its levels.  Rows of a Latin hypercube and of a scrambled Sobol sequence are
spread more evenly than independent draws; Student's interval takes no credit for that, so that it covers its level or
more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from moatlab.experiments.experiment import Experiment

#: Designs whose points were chosen, and stand for themselves; those of all others are draws.
CHOSEN = ("replications", "grid", "chosen")


@dataclass(frozen=True, eq=False)
class Draws:
    """The points that make up each independent draw: ``members`` [draws, points of a draw] of ``count`` points in all.

    Points that are no member of any draw do not count.
    """

    members: NDArray[np.int64]
    count: int


#: The draws of a design, or how much each of its points counts where they were chosen.
Layout = Draws | tuple[float, ...]


def of_design(kind: str, points: int, parameters: int, second_order: bool = False) -> Layout:
    """The units of a design of ``points`` points over ``parameters`` uncertain parameters."""
    if kind in CHOSEN:
        return (1.0 / points,) * points
    every = np.arange(points, dtype=np.int64)
    if kind == "morris":
        return Draws(every.reshape(-1, parameters + 1), points)
    if kind == "sobol":
        # Rows of the base sample: A, the mixed points, B.
        rows = every.reshape(-1, (2 * parameters if second_order else parameters) + 2)
        return Draws(np.ascontiguousarray(rows[:, [0, -1]]), points)
    return Draws(every[:, None], points)


def of_experiment(experiment: Experiment) -> Layout:
    """The units of an experiment's points."""
    from moatlab.experiments.design import size

    design = experiment.design
    return of_design(design.kind, size(experiment.spec), len(design.names), design.second_order)
