"""What all agents share: a Mesa agent that views one row of its kind's array."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, cast

import mesa

from moatlab.errors import InputError
from moatlab.market.agents.checks import Checked, check_class, stored
from moatlab.market.names import Names
from moatlab.market.state.fields import STATE_FIELDS, dtype_of
from moatlab.market.state.state import State


class Home(Protocol):
    """What an agent needs of the model that it lives in."""

    @property
    def state(self) -> State:
        """The arrays that it views."""
        ...

    @property
    def names(self) -> Names:
        """The addresses of firms."""
        ...


class Attribute:
    """A field of the kind's array, read and written as an attribute of the agent's row."""

    def __init__(self, name: str, doc: str) -> None:
        self.name = name
        self.__doc__ = doc

    def __get__(self, agent: Firm | None, owner: type | None = None) -> Any:
        if agent is None:
            return self
        return agent.rows[self.name][agent.row].item()

    def __set__(self, agent: Firm, value: object) -> None:
        home = agent._home
        agent.rows[self.name][agent.row] = stored(agent.kind, self.name, value, home.names.slugs, agent.address)


class Firm(Checked, mesa.Agent):
    """One row of one kind.  Attributes are the fields of the kind (`moatlab.market.state.fields`), in their units.

    A subclass may override a decision, a method named in ``decisions``: it returns the value that is to hold from next
    month.  It sees the state at the start of the phase, and ``super()``'s method returns what the compiled rule chose.
    """

    #: Name of the kind in addresses and in the state.
    kind: ClassVar[str]
    #: Decisions that a subclass may override, with the field that receives what they return.
    decisions: ClassVar[dict[str, str]] = {}

    def __init__(self, model: Home, row: int) -> None:
        super().__init__(cast(mesa.Model, model))
        self.row = row
        self._made = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" not in cls.__dict__:
            check_class(cls, cls.decisions)
        else:
            described = {field.name: f"{field.meaning} ({field.unit})" for field in STATE_FIELDS[cls.kind]}
            for name in dtype_of(cls.kind).names or ():
                if name not in cls.__dict__:
                    setattr(cls, name, Attribute(name, described.get(name, f"parameter {cls.kind}.{name}")))

    def remove(self) -> None:
        """Refused: the view would be gone, and the firm trade on."""
        raise InputError(
            f"{self.address} cannot be removed: firms leave when their cash is used up; "
            f"market.graph.remove_node({self.address!r}) ends its trade"
        )

    def forget(self) -> None:
        """Leave Mesa's sets of agents, once the firm has left the market."""
        super().remove()

    @property
    def market(self) -> Any:
        """The market that the firm belongs to."""
        return self.model

    @property
    def _home(self) -> Home:
        return cast(Home, self.model)

    @property
    def rows(self) -> Any:
        """The array of the firm's kind, looked up in the market each time: arrays move when they grow."""
        return self._home.state.kind(self.kind)

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        return self._home.names.slug(self.kind, self.row)

    @property
    def address(self) -> str:
        """``kind.slug``."""
        return f"{self.kind}.{self.slug}"

    @property
    def name(self) -> str:
        """Its display name."""
        return self._home.names.display_name(self.kind, self.row)

    @property
    def cash(self) -> float:
        """Its account in the ledger, M$."""
        return float(self._home.state.cash[self.rows["account"][self.row]])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}: {self.name}, cash {self.cash:,.4g} M$>"

    def _repr_html_(self) -> str:
        from moatlab.results.text.html import page, rows

        fields = {field.name: field for field in STATE_FIELDS[self.kind]}
        row = self.rows[self.row]
        body = [(name, f"{row[name].item():.5g}", fields[name].unit if name in fields else "")
                for name in row.dtype.names or () if row[name].ndim == 0]  # fmt: skip
        return page(repr(self)[1:-1], rows(("field", "value", "unit"), body))
