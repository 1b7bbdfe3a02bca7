"""The plan of a batch: every run, its key and its seed, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from moatlab.experiments.design import Point
from moatlab.experiments.digests import digest
from moatlab.experiments.work import Task


@dataclass(frozen=True)
class Plan:
    """Runs in the order in which they are done: whole replications first, so that what is there is always paired."""

    arms: tuple[str, ...]
    points: Sequence[Point]
    replications: int
    #: Seed of each (replication, arm).
    seeds: Sequence[tuple[int, ...]]
    #: Digest of each (point, arm).
    worlds: Sequence[tuple[str, ...]]
    #: Digest of what else decides a run: horizon and version of the model.
    frame: str
    #: For each arm the place of the first one with which it shares a past; none where no two do.
    families: Sequence[int] = ()

    @classmethod
    def stored(
        cls, arms: tuple[str, ...], points: Sequence[Point], replications: int, seeds: Sequence[tuple[int, ...]],
        keys: list[str], families: Sequence[int] = (),
    ) -> Plan:  # fmt: skip
        """A plan whose keys are known."""
        plan = cls(arms, points, replications, seeds, (), "", families)
        plan.__dict__["keys"] = keys
        return plan

    def __len__(self) -> int:
        return self.replications * len(self.points) * len(self.arms)

    @cached_property
    def keys(self) -> list[str]:
        """The run keys; runs that are the same, as at a point that a design visits twice, have the same key."""
        return [
            digest(self.frame, self.worlds[p][a], str(self.seeds[r][a]))
            for r in range(self.replications) for p in range(len(self.points)) for a in range(len(self.arms))
        ]  # fmt: skip

    def place(self, row: int) -> tuple[int, int, int]:
        """The (replication, point, arm) of a row."""
        rest, arm = divmod(row, len(self.arms))
        replication, point = divmod(rest, len(self.points))
        return replication, point, arm

    def task(self, row: int) -> Task:
        """The run of a row, as it is sent to a worker."""
        replication, point, arm = self.place(row)
        return Task(self.keys[row], arm, self.points[point], self.seeds[replication][arm])

    def rows(self, only: str | None = None) -> Iterator[int]:
        """The rows, of one arm if asked for; runs that share a past are neighbours."""
        order = [arm for arm, name in enumerate(self.arms) if only is None or name == only]
        if self.families:
            order.sort(key=self.families.__getitem__)
        return (first + arm for first in range(0, len(self), len(self.arms)) for arm in order)

    def family(self, row: int) -> tuple[int, int, int]:
        """The same for rows whose runs share a past: replication by seed, point, and the arm's family."""
        replication, point, arm = self.place(row)
        return self.seeds[replication][arm], point, self.families[arm] if self.families else arm

    def table(self) -> pa.Table:
        """The plan as a table: key, arm, point, replication, seed, and a column for each uncertain parameter."""
        arms, count = len(self.arms), len(self.points)
        names = list(self.points[0])
        columns: dict[str, Any] = {
            "key": pa.array(self.keys),
            "arm": pa.array(list(self.arms) * (self.replications * count)),
            "point": pa.array(np.tile(np.repeat(np.arange(count), arms), self.replications)),
            "replication": pa.array(np.repeat(np.arange(self.replications), count * arms)),
            "seed": pa.array([seed for row in self.seeds for _ in range(count) for seed in row], pa.int64()),
        }
        for name in names:
            values = [point[name] for point in self.points]
            column = pa.array(values if _one_type(values) else list(map(str, values)))
            columns[name] = column.take(pa.array(np.tile(np.repeat(np.arange(count), arms), self.replications)))
        return pa.table(columns)


def _one_type(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values}
    return len(kinds) == 1 or kinds == {int, float}


def luck(root: int, replication: int, arm: str | None) -> int:
    """The seed of a replication, from 0 to 2**63 - 1; of an arm with draws of its own, if ``arm`` is given."""
    own = () if arm is None else (int.from_bytes(bytes.fromhex(digest(arm)[:8]), "big"),)
    low, high = np.random.SeedSequence(root, spawn_key=(replication, *own)).generate_state(2, np.uint32)
    return (int(high) << 32 | int(low)) >> 1


def frame(months: int, version: Mapping[str, str]) -> str:
    """Digest of what all runs of an experiment share; what is recorded of them changes no number and is left out."""
    return digest(json.dumps([months, dict(version)], sort_keys=True))
