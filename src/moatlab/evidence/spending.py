"""Looking more than once: how much of the level of error each look at a batch may use.

Judging again at 5 % whenever runs were added gives a false verdict far more often than one time in twenty (Armitage,
McPherson and Rowe 1969).  So the level is spent over the looks (Lan and DeMets 1983), by how many of the planned runs
each of them saw: before the plan is done by the function of O'Brien and Fleming, which leaves nearly all for the
planned number; there all but the reserve is spent; and the reserve is kept for looks after runs were added, half of it
for a batch that was doubled.

A look tests at what its information adds to the spent level, so the levels of all looks sum to 5 % at most, and by
Bonferroni's inequality so does the probability of a false verdict at any of them, whatever runs they have in common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

#: Share of the level that is kept for looks after more runs than were planned.
RESERVE = 0.2


def spent(information: float, level: float = 0.05) -> float:
    """Share of ``level`` that is spent once ``information`` times the planned runs are looked at."""
    if information <= 0.0:
        return 0.0
    if information >= 1.0:
        return 1.0 - RESERVE / information
    border = special.ndtri(level * (1.0 - RESERVE) / 2.0)
    return float(2.0 * special.ndtr(border / np.sqrt(information)) / level)


@dataclass(frozen=True, slots=True)
class Look:
    """Which look at a question this is, and the ``share`` of the level that it may use.

    ``information`` is the largest number of runs that this look or one before it saw, as a multiple of those planned;
    None where there is one look only, which has the whole level.  ``scale`` is the part of the level that is to be
    shared, ``recorded`` whether the look could be written down.
    """

    number: int = 1
    share: float = 1.0
    information: float | None = None
    scale: float = 1.0
    recorded: bool = True

    def next_share(self, more: float, level: float = 0.05) -> float:
        """Share of the level for a next look at ``more`` times the runs of this one."""
        if self.information is None:
            return 1.0
        return self.scale * max(0.0, spent(self.information * more, level) - spent(self.information, level))


#: The one look at what nobody looks at again.
ONCE = Look()


def look(information: float, before: float | None, number: int = 1, level: float = 0.05) -> Look:
    """The look at ``information``, the largest that earlier looks saw being ``before``."""
    share = max(0.0, spent(information, level) - (0.0 if before is None else spent(before, level)))
    return Look(number, share, max(information, before or 0.0))
