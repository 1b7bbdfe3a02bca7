"""The kinds of agents, each a thin view with the decisions that a subclass may make its own."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import mesa

from moatlab.errors import InputError, shown
from moatlab.market.agents.base import Firm, Home
from moatlab.market.agents.checks import Checked
from moatlab.scenario.tables import REGISTRY


class App(Firm):
    """An application company or product.  Compiled rules: ``market/rules`` pricing, sourcing and apps."""

    kind = "apps"
    decisions: ClassVar[dict[str, str]] = {
        "set_price": "next_price",
        "set_quota": "next_quota",
        "set_rnd": "next_rnd",
        "set_marketing": "next_marketing",
    }

    @property
    def customers(self) -> float:
        """Customers, millions."""
        rows = self.rows
        return float(rows["tourists"][self.row] + rows["committed"][self.row])

    @property
    def marginal_cost(self) -> float:
        """Cost of a further customer, $ per month."""
        return float(self.rows["unit_cost"][self.row])

    def set_price(self) -> float:
        """Price from next month, $ per customer and month."""
        return float(self.rows["next_price"][self.row])

    def set_quota(self) -> float:
        """Tokens included in the plan from next month, Mtok per customer and month."""
        return float(self.rows["next_quota"][self.row])

    def set_rnd(self) -> float:
        """Spending on features next month, M$."""
        return float(self.rows["next_rnd"][self.row])

    def set_marketing(self) -> float:
        """Spending on acquisition next month, M$."""
        return float(self.rows["next_marketing"][self.row])


class Lab(Firm):
    """A model lab.  Compiled rules: market/rules/pricing.py, market/rules/training.py."""

    kind = "labs"
    decisions: ClassVar[dict[str, str]] = {
        "set_price": "next_price",
        "set_training_budget": "next_training_budget",
        "set_staff": "next_staff",
    }

    @property
    def marginal_cost(self) -> float:
        """Cost of a token at the rents that the lab pays, $ per Mtok."""
        return float(self.rows["unit_cost"][self.row])

    def set_price(self) -> float:
        """API price from next month, $ per Mtok."""
        return float(self.rows["next_price"][self.row])

    def set_training_budget(self) -> float:
        """Training compute from next month, M$ per month."""
        return float(self.rows["next_training_budget"][self.row])

    def set_staff(self) -> float:
        """Research staff from next month, M$ per month."""
        return float(self.rows["next_staff"][self.row])


class Host(Firm):
    """A host of open checkpoints.  Compiled rules: market/rules/pricing.py."""

    kind = "hosts"
    decisions: ClassVar[dict[str, str]] = {"set_margin": "next_margin"}

    @property
    def marginal_cost(self) -> float:
        """Cost of a hosted token, $ per Mtok."""
        return float(self.rows["unit_cost"][self.row])

    def set_margin(self) -> float:
        """Markup over marginal cost from next month, $ per Mtok."""
        return float(self.rows["next_margin"][self.row])


class Cloud(Firm):
    """A cloud that rents out GPU-hours.  Compiled rules: market/rules/compute.py, market/rules/chips.py."""

    kind = "clouds"
    decisions: ClassVar[dict[str, str]] = {"set_reserve": "next_reserve", "set_order": "next_order"}

    @property
    def marginal_cost(self) -> float:
        """Running cost of a GPU-hour, $."""
        return float(self.rows["running"][self.row])

    def set_reserve(self) -> float:
        """Rent from next month while capacity does not bind, $ per GPU-hour."""
        return float(self.rows["next_reserve"][self.row])

    def set_order(self) -> float:
        """Accelerators ordered this month, kGPU; negative cancels orders."""
        return float(self.rows["next_order"][self.row])


class Chipmaker(Firm):
    """A designer of accelerators.  Compiled rules: market/rules/chips.py."""

    kind = "chipmakers"
    decisions: ClassVar[dict[str, str]] = {"set_price": "next_price"}

    @property
    def marginal_cost(self) -> float:
        """Cost of an H100-equivalent, k$."""
        return float(self.rows["cost"][self.row])

    def set_price(self) -> float:
        """List price from next month, k$ per H100-equivalent."""
        return float(self.rows["next_price"][self.row])


class Foundry(Firm):
    """A maker of wafers and packages.  Compiled rules: market/rules/foundry.py."""

    kind = "foundry"
    decisions: ClassVar[dict[str, str]] = {"set_price": "next_price", "set_expansion": "next_expansion"}

    def set_price(self) -> float:
        """Price from next month, k$ per package."""
        return float(self.rows["next_price"][self.row])

    def set_expansion(self) -> float:
        """Capacity ordered this month, kpackages per month."""
        return float(self.rows["next_expansion"][self.row])


class Investor(Checked, mesa.Agent):
    """Outside capital, one aggregate: hype, what is committed and not invested (``market/rules/capital.py``)."""

    kind: ClassVar[str] = "investors"

    def __init__(self, model: Home) -> None:
        super().__init__(cast(mesa.Model, model))
        self._made = True

    @property
    def _now(self) -> Any:
        return cast(Home, self.model).state.now

    @property
    def hype(self) -> float:
        """Hype, in logs; 0 is neutral."""
        return float(self._now["hype"][0])

    @hype.setter
    def hype(self, value: float) -> None:
        parameter = REGISTRY["investors", "hype"]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not parameter.low <= value <= parameter.high
        ):
            raise InputError(f"investors.hype takes {parameter.valid} ({parameter.unit}), not {shown(value)}")
        self._now["hype"][0] = value

    @property
    def dry_powder(self) -> float:
        """Committed and not yet invested, M$."""
        return float(self._now["powder_apps"][0] + self._now["powder_labs"][0])


#: The agent class of each kind.
KINDS_OF_FIRM: dict[str, type[Firm]] = {cls.kind: cls for cls in (App, Lab, Host, Cloud, Chipmaker, Foundry)}
