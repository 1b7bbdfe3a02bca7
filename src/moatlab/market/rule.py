"""A rule from outside: plain Python between two phases of the month, with parameters and metrics of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from moatlab.errors import InputError
from moatlab.market.names import Names
from moatlab.market.state.posting import pay_now
from moatlab.market.state.state import State
from moatlab.results.payments import CODE, KINDS_OF_PAYMENT, OUTSIDE_PARTIES
from moatlab.scenario.addresses import nearest
from moatlab.scenario.registry import Parameter, Value

#: A metric of a rule: name, unit, formula in words.
OwnMetric = tuple[str, str, str]


class Rule:
    """What happens every month after a phase, beside the market's own rules (`Scenario.with_rule`).

    A subclass names itself, declares its ``parameters`` (`moatlab.scenario.registry.declare`, of the kind that is its
    name) and its ``metrics``, and overrides `run`, and `start` if it has to act before the first month.  It sees and
    may change the market's arrays, ``self.state``; pays through the ledger with `pay`; and records its metrics with
    `record`.  The values of its parameters are ``self.values`` and attributes of their names.
    """

    #: First part of the addresses of its parameters and metrics.
    name: ClassVar[str] = ""
    parameters: ClassVar[Sequence[Parameter]] = ()
    metrics: ClassVar[Sequence[OwnMetric]] = ()

    def __init__(self, state: State, names: Names, values: dict[str, Value]) -> None:
        self.state = state
        self.names = names
        self.values = values
        #: What was recorded, a number a month by metric.
        self.paths: dict[str, list[float]] = {metric: [] for metric, _, _ in self.metrics}
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def month(self) -> int:
        """The month that is being simulated."""
        return int(self.state.clock[0])

    def start(self) -> None:
        """Act on the state of month 0, before its first phase; by default nothing."""

    def run(self) -> None:
        """Act, every month, after the phase that the scenario names."""
        raise NotImplementedError(f"{type(self).__name__} has no method run")

    def pay(self, kind: str, payer: str, payee: str, amount: float) -> None:
        """Pay ``amount`` (M$) from a firm or party to another: addresses such as ``clouds.aws``, or ``government``.

        ``kind`` is a kind of payment (`moatlab explain` knows them) between parties of those layers.  What is a cost
        of goods to its payer lowers that firm's gross profit.  Raises `InputError` for a kind or a firm that there is
        not, for a payment between the wrong parties, and for a negative amount.
        """
        where = f"rule {self.name}"
        if kind not in CODE:
            raise InputError(f"there is no kind of payment {kind!r}; {nearest(kind, CODE)}", where)
        declared = KINDS_OF_PAYMENT[CODE[kind]]
        if not amount >= 0.0:
            raise InputError(f"{kind} of {amount!r} M$: a payment is not negative", where)
        accounts = []
        for party, wanted in ((payer, declared.payer), (payee, declared.payee)):
            layer = party.partition(".")[0]
            if layer != wanted:
                raise InputError(f"{kind} is paid by {declared.payer} to {declared.payee}, not by {party!r}", where)
            accounts.append(self._account(party))
        pay_now(self.state.arrays, CODE[kind], accounts[0], accounts[1], float(amount))
        if declared.use == "cost of goods" and declared.payer not in OUTSIDE_PARTIES:
            layer, row = self.names.find_row(payer)
            rows = self.state.kind(layer)
            rows["gross_profit"][row] -= amount
            if "cost_of_goods" in rows.dtype.names:
                rows["cost_of_goods"][row] += amount

    def record(self, metric: str, value: float) -> None:
        """Record the month's value of one of the rule's metrics; not-a-number where nothing is recorded."""
        if metric not in self.paths:
            raise InputError(f"the rule {self.name} has no metric {metric!r}; {nearest(metric, self.paths)}")
        self.paths[metric][-1] = float(value)

    def open_month(self) -> None:
        """A new month of every metric, for the market to call."""
        for path in self.paths.values():
            path.append(float("nan"))

    def _account(self, party: str) -> int:
        if party in OUTSIDE_PARTIES:
            return OUTSIDE_PARTIES.index(party)
        layer, row = self.names.find_row(party)
        return int(self.state.kind(layer)["account"][row])


def recorded(rules: Sequence[Rule]) -> dict[str, Any]:
    """The paths of all rules' metrics by address, with unit and formula: (path, unit, formula)."""
    return {
        f"{rule.name}.{metric}": (list(rule.paths[metric]), unit, formula)
        for rule in rules
        for metric, unit, formula in rule.metrics
    }
