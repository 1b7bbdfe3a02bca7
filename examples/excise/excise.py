"""An excise tax on GPU-hours: a rule from outside.

A tax per unit is a part of the seller's marginal cost, so the rule sets the clouds' ``levy``, and pays the government
what the hours of the month have brought in.
"""

from __future__ import annotations

from moatlab import Rule
from moatlab.scenario.registry import Moves, declare


class Excise(Rule):
    """A tax on each GPU-hour that a cloud sells, to whomever."""

    name = "excise"
    parameters = (
        declare("excise", "rate", "$ per GPU-hour", 0.5, (0.0, 100.0), "Tax on a GPU-hour sold.", "assumed",
                Moves("excise.revenue", +1, (0, 11))),
        declare("excise", "first_month", "month", 0, (0, 1200), "The first month in which it is due.", "assumed",
                Moves("excise.revenue", -1, (0, 11), step=(0, 6))),
    )  # fmt: skip
    metrics = (("revenue", "M$", "tax on the GPU-hours sold in the month"),)

    rate: float
    first_month: int

    def start(self) -> None:
        """The clouds know in month 0 whether its hours are taxed."""
        self._levy(0)

    def run(self) -> None:
        """Pay what the month's hours owe, and tell the clouds what the next month's will."""
        revenue = 0.0
        for row, slug in enumerate(self.names.slugs["clouds"]):
            cloud = self.state.clouds[row]
            due = float(cloud["levy"] * cloud["hours"])
            self.pay("clouds levy", f"clouds.{slug}", "government", due)
            revenue += due
        self.record("revenue", revenue)
        self._levy(self.month + 1)

    def _levy(self, month: int) -> None:
        self.state.clouds["levy"] = self.rate if month >= self.first_month else 0.0
