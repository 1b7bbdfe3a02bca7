"""Arms that share a past share its runs: which months of which run another one begins from.

Runs of one seed and one point whose arms differ in events only are the same until the first month in which their events
differ.  A worker runs them one after the other; each begins from a copy of an earlier one at the last month that they
have in common.  However they are ordered, every month of the tree of their pasts is simulated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from moatlab.scenario.events import Event, parting

T = TypeVar("T")
#: Runs that are sent to one worker for their common past, at the most: a worker that is killed loses no more.
MOST = 24


@dataclass(frozen=True, slots=True)
class Start:
    """A run begins before ``month`` from a copy of the run at the place ``of``; month 0 is its own beginning."""

    of: int = -1
    month: int = 0


def tree(events: Sequence[Sequence[Event]], months: int) -> list[Start]:
    """For each run of so many ``months``, in their order, the earlier one with which it has the longest past in common.

    Every run simulates its last month itself.
    """
    found = []
    for place, mine in enumerate(events):
        start = Start()
        for other in range(place):
            month = parting(events[other], mine, months - 1)
            if month > start.month:
                start = Start(other, month)
        found.append(start)
    return found


def together(items: Iterable[T], key: Callable[[T], Any]) -> list[list[T]]:
    """Neighbours with the same ``key``, by `MOST` at the most."""
    found = []
    for _, group in groupby(items, key):
        runs = list(group)
        found += [runs[first : first + MOST] for first in range(0, len(runs), MOST)]
    return found


@dataclass
class Family:
    """Runs that are done one after the other, and the copies of earlier ones that later ones begin from."""

    starts: Sequence[Start]
    kept: dict[Start, Any] = field(default_factory=dict)

    def past(self, place: int) -> Past:
        """What one of the runs, by its place, takes from earlier ones and leaves for later ones."""
        return Past(self, place)


@dataclass
class Past:
    """The past of one run of a family."""

    family: Family
    place: int
    #: Months that were not simulated again.
    shared: int = 0

    def begin(self) -> tuple[Any, bool] | None:
        """The copy that the run begins from, and whether no later one does; None if it begins by itself.

        A run that failed before the month may have left none.
        """
        start = self.family.starts[self.place]
        kept = self.family.kept.get(start)
        if kept is None:
            return None
        last = start not in self.family.starts[self.place + 1 :]
        if last:
            del self.family.kept[start]
        self.shared = start.month
        return kept, last

    @property
    def stops(self) -> list[int]:
        """The months before which the run is to leave a copy, in order."""
        later = {s.month for s in self.family.starts[self.place + 1 :] if s.of == self.place}
        return sorted(later)

    def leave(self, month: int, copied: Any) -> None:
        """Leave a copy, as it is before ``month``."""
        self.family.kept[Start(self.place, month)] = copied
